"""Recurring invoices, and `process`, which really issues."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from billing_pipeline_tests.sandbox.halopsa.tenant import ACME, BIRCH, CEDAR, PLAIN, TEMPLATE, HaloTalk


def process(halo: HaloTalk, *ids: int) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = halo.post("RecurringInvoice/process", *ids)
    return answer


def set_clock(halo: HaloTalk, now: str) -> None:
    httpx.put(f"{halo.sandbox.halopsa_url}/_sandbox/clock", json={"now": now}, timeout=10).raise_for_status()


def test_ids_of_recurring_invoices_are_negative(halo: HaloTalk) -> None:
    made = halo.post("RecurringInvoice", {"client_id": BIRCH, "period": 4, "lines": [{"_itemid": PLAIN}]})
    assert (made["id"], made["lines"][0]["ihid"]) == (-8, -8)
    assert (made["period"], made["disabled"], made["is_recurring_invoice"]) == (4, False, True)
    assert halo.ids("RecurringInvoice", "invoices", order="id") == [-8, -7]
    assert "invoicenumber" not in made


def test_a_template_is_read_with_lines_in_the_list_and_in_the_detail(halo: HaloTalk) -> None:
    listed = halo.get("RecurringInvoice", includelines="true")["invoices"][0]
    whole = halo.whole("RecurringInvoice", TEMPLATE)
    assert listed["lines"] == whole["lines"]
    assert "lines" not in halo.get("RecurringInvoice")["invoices"][0]
    assert (whole["period"], whole["nextcreationdate"]) == (2, "2026-10-31T00:00:00")
    assert whole["revenue"] == Decimal("579.00")


def test_a_template_is_changed_like_an_invoice(halo: HaloTalk) -> None:
    whole = halo.whole("RecurringInvoice", TEMPLATE)
    whole["lines"][0]["qty_order"] = 11
    new = {"_itemid": PLAIN, "qty_order": 1, "unit_price": Decimal("3.00")}
    after = halo.post("RecurringInvoice", {**whole, "lines": [*whole["lines"], new]})
    assert after["id"] == TEMPLATE
    assert [line["id"] for line in after["lines"]] == [801, 802, 803, 804, 805]
    assert after["lines"][1:4] == whole["lines"][1:4]
    assert after["revenue"] == Decimal("604.00")


def test_a_template_of_a_client_billed_through_another_is_redirected(halo: HaloTalk) -> None:
    assert halo.post("RecurringInvoice", {"client_id": CEDAR})["client_id"] == BIRCH


def test_nothing_that_is_not_due_is_issued(halo: HaloTalk) -> None:
    assert process(halo, TEMPLATE) == []
    assert halo.get("Invoice")["record_count"] == 2
    assert halo.client.post("/api/RecurringInvoice/process", json=[]).json() == []


def test_process_issues_a_real_invoice_and_moves_the_template_on(halo: HaloTalk) -> None:
    set_clock(halo, "2026-11-02T08:00:00Z")
    (issued,) = process(halo, TEMPLATE)
    assert (issued["id"], issued["client_id"]) == (5003, ACME)
    assert (issued["recurring_invoice_id"], issued["invoice_date"]) == (TEMPLATE, "2026-10-31T00:00:00")
    assert [line["recurring_invoice_line_id"] for line in issued["lines"]] == [801, 802, 804]
    assert issued["lines"][0]["comment_2"] == "slot-1"
    assert issued["revenue"] == Decimal("579.00")
    assert halo.whole("Invoice", 5003)["lines"] == issued["lines"]
    assert halo.ids("Invoice", "invoices", recurringinvoice_id=TEMPLATE) == [5003]
    template = halo.whole("RecurringInvoice", TEMPLATE)
    assert template["lastcreated"] == "2026-11-02T08:00:00"
    assert template["nextcreationdate"] == "2026-11-30T00:00:00"
    assert template["lines"][3]["onetimechargeinvoiceid"] == 5003
    assert process(halo, TEMPLATE) == []


def test_a_one_time_charge_is_issued_once(halo: HaloTalk) -> None:
    set_clock(halo, "2026-12-01T08:00:00Z")
    process(halo, TEMPLATE)
    (second,) = process(halo, TEMPLATE)
    assert [line["recurring_invoice_line_id"] for line in second["lines"]] == [801, 802]


def test_a_pro_rata_row_is_issued_once_with_the_next_invoice(halo: HaloTalk) -> None:
    halo.switch(prorata_row_on_quantity_change=True)
    halo.post("RecurringInvoice", {"id": TEMPLATE, "lines": [{"id": 801, "qty_order": 12}]})
    set_clock(halo, "2026-12-01T08:00:00Z")
    first, second = process(halo, TEMPLATE) + process(halo, TEMPLATE)
    assert [line["net_amount"] for line in first["lines"]] == [Decimal("264.00"), Decimal("44.00")]
    assert [line["net_amount"] for line in second["lines"]] == [Decimal("264.00")]


@pytest.mark.parametrize("changes", [{"disabled": True}, {"enddate": "2026-10-30"}, {"nextcreationdate": "2027-01-01"}])
def test_disabled_ended_and_future_templates_issue_nothing(halo: HaloTalk, changes: dict[str, Any]) -> None:
    halo.post("RecurringInvoice", {"id": TEMPLATE, **changes})
    set_clock(halo, "2026-11-02T08:00:00Z")
    assert process(halo, TEMPLATE) == []


def test_lines_outside_their_own_dates_are_not_issued(halo: HaloTalk) -> None:
    lines = [
        {"id": 801, "enddate": "2026-10-30"},
        {"id": 802, "startdate": "2026-11-01"},
        {"id": 804, "startdate": "2026-10-31", "enddate": "2026-10-31"},
    ]
    halo.post("RecurringInvoice", {"id": TEMPLATE, "lines": lines})
    set_clock(halo, "2026-11-02T08:00:00Z")
    (issued,) = process(halo, TEMPLATE)
    assert [line["recurring_invoice_line_id"] for line in issued["lines"]] == [804]


@pytest.mark.parametrize(
    ("period", "following"), [(1, "2026-11-07"), (2, "2026-11-30"), (3, "2027-10-31"), (4, "2027-01-31")]
)
def test_the_next_date_follows_the_period(halo: HaloTalk, period: int, following: str) -> None:
    halo.post("RecurringInvoice", {"id": TEMPLATE, "period": period})
    set_clock(halo, "2026-10-31T08:00:00Z")
    process(halo, TEMPLATE)
    assert halo.get(f"RecurringInvoice/{TEMPLATE}")["nextcreationdate"] == f"{following}T00:00:00"


def test_without_ids_all_that_is_due_is_issued(halo: HaloTalk) -> None:
    set_clock(halo, "2026-11-02T08:00:00Z")
    answer = halo.client.post("/api/RecurringInvoice/process", json=[])
    assert [invoice["id"] for invoice in answer.json()] == [5003]


def test_process_refuses_what_is_no_template(halo: HaloTalk) -> None:
    assert halo.send("RecurringInvoice/process", [-99]).status_code == 404
    assert halo.send("RecurringInvoice/process", ["-7"]).status_code == 400
    assert halo.send("RecurringInvoice/process", {"id": -7}).status_code == 400


def test_a_template_is_deleted(halo: HaloTalk) -> None:
    assert halo.client.delete(f"/api/RecurringInvoice/{TEMPLATE}").status_code == 200
    assert halo.get("RecurringInvoice")["record_count"] == 0
