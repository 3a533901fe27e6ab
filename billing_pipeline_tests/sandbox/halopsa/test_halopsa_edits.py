"""Edits by an agent, at once and after our reads; the state that a test can look at; ordered faults."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from billing_pipeline.sandbox.clock import Clock
from billing_pipeline.sandbox.exact_json import read_json, write_json
from billing_pipeline.sandbox.halopsa_state import HaloState
from billing_pipeline_tests.sandbox.halopsa.tenant import ACME, PLAIN, TEMPLATE, HaloTalk, make_tenant

LINE = {"_itemid": PLAIN, "qty_order": 1, "unit_price": Decimal("9.99")}


def test_an_agent_changes_fields_and_lines(halo: HaloTalk) -> None:
    assert halo.edit("edit", id=5001, fields={"notes_1": "by agent"})["notes_1"] == "by agent"
    added = halo.edit("add_line", id=5001, line=LINE)
    assert [line["id"] for line in added["lines"]] == [701, 702, 805]
    halo.edit("edit_line", id=5001, line_id=701, fields={"qty_order": 1})
    halo.edit("delete_line", id=5001, line_id=702)
    whole = halo.whole("Invoice", 5001)
    assert [(line["id"], line["net_amount"]) for line in whole["lines"]] == [
        (701, Decimal("165.00")),
        (805, Decimal("9.99")),
    ]
    assert whole["revenue"] == Decimal("174.99")


def test_an_agent_changes_recurring_invoices_by_their_negative_id(halo: HaloTalk) -> None:
    halo.edit("edit_line", id=TEMPLATE, line_id=801, fields={"unit_price": Decimal("20.00")})
    assert halo.get(f"RecurringInvoice/{TEMPLATE}")["revenue"] == Decimal("559.00")
    halo.edit("delete", id=TEMPLATE)
    assert halo.get("RecurringInvoice")["invoices"] == []


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ("post", {"posted": True, "dateposted": "2026-10-20T12:00:00"}),
        ("void", {"voided": True}),
        ("send", {"datesent": "2026-10-20T12:00:00"}),
        ("request_approval", {"requires_approval": True, "approval_status": 0}),
        ("approve", {"requires_approval": True, "approval_status": 1}),
        ("pay", {"paymentstatus": 2, "amountdue": Decimal("0.00"), "amountpaid": Decimal("505.00")}),
        ("sync", {"xeroid": "xero-5001", "invoicenumber": "ACC-005001"}),
    ],
)
def test_an_agent_moves_an_invoice_through_its_life(halo: HaloTalk, action: str, shown: dict[str, Any]) -> None:
    halo.edit(action, id=5001)
    invoice = halo.get("Invoice/5001")
    assert {key: invoice[key] for key in shown} == shown


def test_an_agent_books_a_part_payment(halo: HaloTalk) -> None:
    paid = halo.edit("pay", id=5001, amount=Decimal("5.00"))
    assert (paid["paymentstatus"], paid["amountdue"]) == (1, Decimal("500.00"))


def test_an_agent_makes_and_deletes_documents(halo: HaloTalk) -> None:
    made = halo.edit("create", fields={"client_id": ACME}, lines=[LINE])
    assert (made["id"], made["revenue"]) == (5003, Decimal("9.99"))
    assert halo.edit("create", fields={"client_id": ACME}, recurring=True)["id"] == -8
    halo.edit("delete", id="newest")
    assert halo.ids("Invoice", "invoices") == [5002, 5001]


def test_an_agent_edits_even_what_the_api_refuses(halo: HaloTalk) -> None:
    assert halo.send("Invoice", [{"id": 5002, "notes_1": "x"}]).status_code == 400
    assert halo.edit("edit", id=5002, fields={"notes_1": "x"})["notes_1"] == "x"


def test_an_agent_edits_clients_and_items(halo: HaloTalk) -> None:
    halo.edit("edit_other", resource="Client", id=ACME, fields={"inactive": True})
    assert ACME not in halo.ids("Client", "clients")
    halo.edit("delete_other", resource="Item", id=PLAIN)
    assert PLAIN not in halo.ids("Item", "items")


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"action": "explode"}, "unknown action 'explode'"),
        ({"action": "post", "id": 99}, "no invoice 99"),
        ({"action": "edit", "id": 5001}, "fields"),
        ({"action": "delete_line", "id": 5001, "line_id": 1}, "no line 1"),
        ({"action": "edit_other", "resource": "Cat", "id": 1, "fields": {"a": 1}}, "unknown resource"),
        ({"action": "edit_other", "resource": "Item", "id": 99, "fields": {"a": 1}}, "items 99 not found"),
        ({"action": "add_line", "id": 5001, "line": {"_itemid": 99}}, "Item 99 does not exist"),
        ([], "object"),
    ],
)
def test_a_wrong_edit_says_what_is_wrong(halo: HaloTalk, order: Any, reason: str) -> None:
    answer = halo.client.post("/_sandbox/edits", json=order)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_an_edit_comes_between_our_read_and_our_write(halo: HaloTalk) -> None:
    edit = {"action": "add_line", "id": 5001, "line": LINE}
    halo.schedule(edit, route="/api/Invoice/{id}", reads=2, contains="/5001")
    halo.whole("Invoice", 5002)
    for _ in range(2):
        assert len(halo.whole("Invoice", 5001)["lines"]) == 2
    assert len(halo.whole("Invoice", 5001)["lines"]) == 3
    (made,) = halo.client.get("/_sandbox/edits").json()
    assert (made["edit"]["action"], made["error"]) == ("add_line", None)


def test_an_edit_may_wait_for_a_write(halo: HaloTalk) -> None:
    halo.schedule({"action": "post", "id": "newest"}, route="/api/Invoice", method="POST")
    made = halo.post("Invoice", {"client_id": ACME})
    assert made["posted"] is False
    assert halo.get(f"Invoice/{made['id']}")["posted"] is True


def test_a_scheduled_edit_that_fails_is_told_and_hurts_no_reader(halo: HaloTalk) -> None:
    halo.schedule({"action": "delete", "id": 99}, route="/api/Invoice")
    assert halo.get("Invoice")["record_count"] == 2
    (made,) = halo.client.get("/_sandbox/edits").json()
    assert "no invoice 99" in made["error"]


def test_scheduled_edits_are_listed_and_forgotten(halo: HaloTalk) -> None:
    halo.schedule({"action": "delete", "id": 5001}, route="/api/Invoice")
    assert len(halo.client.get("/_sandbox/scheduled_edits").json()) == 1
    assert halo.client.delete("/_sandbox/scheduled_edits").status_code == 204
    halo.get("Invoice")
    assert halo.get("Invoice")["record_count"] == 2


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"route": "/api/Invoice"}, "scheduled edit is"),
        ({"edit": {"action": "post"}, "route": "/api/Invoice", "reads": 0}, "positive integer"),
        ({"edit": {"action": "nap"}, "route": "/api/Invoice"}, "unknown action"),
        ({"edit": {"action": "post"}, "route": "/api/Invoice", "when": 1}, "unknown key 'when'"),
    ],
)
def test_a_wrong_schedule_says_what_is_wrong(halo: HaloTalk, order: Any, reason: str) -> None:
    answer = halo.client.post("/_sandbox/scheduled_edits", json=order)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


@pytest.mark.parametrize(
    ("switches", "reason"),
    [
        ({"paging": "sometimes"}, "'paging' cannot be 'sometimes'"),
        ({"lines": "lost"}, "replace, append, duplicate"),
        ({"permission_denied": "GET /api/Item"}, "list of texts"),
        ({"no_such": 1}, "unknown switch"),
    ],
)
def test_a_wrong_switch_says_what_is_wrong(halo: HaloTalk, switches: Any, reason: str) -> None:
    answer = halo.client.put("/_sandbox/switches", json=switches)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_the_dumped_state_loads_to_the_same_state(halo: HaloTalk) -> None:
    halo.switch(lines="append", permission_denied=["GET /api/Item"])
    halo.post("Invoice", {"client_id": ACME, "lines": [LINE]})
    halo.edit("delete", id=5001)
    halo.schedule({"action": "post", "id": 5003}, route="/api/Invoice", reads=3)
    dumped = halo.sandbox.halopsa.dump()
    written = read_json(write_json(dumped))
    again = HaloState(written, Clock())
    assert again.dump() == dumped
    assert again.switches.lines == "append"
    assert again.new_id("invoices") == 5004
    assert '"unit_price": 9.99' in write_json(dumped)


def test_floats_in_hand_written_content_become_the_decimals_they_show() -> None:
    content = make_tenant()
    content["taxes"][0]["value"] = 8.81
    state = HaloState(content, Clock())
    assert state.get("taxes", 1)["value"] == Decimal("8.81")


def test_changes_are_counted(halo: HaloTalk) -> None:
    before = halo.sandbox.halopsa.changed
    halo.get("Invoice")
    assert halo.sandbox.halopsa.changed == before
    halo.post("Invoice", {"id": 5001, "notes_1": "x"})
    assert halo.sandbox.halopsa.changed == before + 1


def test_a_write_whose_answer_is_lost_happened_all_the_same(halo: HaloTalk) -> None:
    fault = {"kind": "drop", "when": "after", "method": "POST", "route": "/api/Invoice", "count": 1}
    halo.client.post("/_sandbox/faults", json=fault).raise_for_status()
    with pytest.raises(httpx.RemoteProtocolError):
        halo.send("Invoice", [{"client_id": ACME}])
    assert halo.ids("Invoice", "invoices") == [5003, 5002, 5001]


def test_an_ordered_error_has_halopsas_shape(halo: HaloTalk) -> None:
    for status in (401, 403, 404, 429, 500):
        fault = {"kind": "status", "status": status, "route": "/api/Tax", "count": 1}
        halo.client.post("/_sandbox/faults", json=fault).raise_for_status()
        answer = halo.client.get("/api/Tax")
        assert answer.status_code == status
        assert answer.text
