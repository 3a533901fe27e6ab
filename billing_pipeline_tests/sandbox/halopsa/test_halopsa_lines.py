"""The lines of a document are a replace set; some tenants append instead."""

from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline_tests.sandbox.halopsa.tenant import ACME, PLAIN, SEATS, TEMPLATE, HaloTalk

NEW = {"_itemid": PLAIN, "qty_order": 2, "unit_price": Decimal("5.00"), "comment_2": "charge-1"}


def lines_after(halo: HaloTalk, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = halo.post("Invoice", {"id": 5001, "lines": list(lines)})["lines"]
    assert halo.whole("Invoice", 5001)["lines"] == answer
    return answer


def test_whole_lines_sent_back_with_a_new_one_keep_their_ids_and_content(halo: HaloTalk) -> None:
    before = halo.whole("Invoice", 5001)
    after = lines_after(halo, *before["lines"], NEW)
    assert after[:2] == before["lines"]
    assert (after[2]["id"], after[2]["comment_2"]) == (805, "charge-1")
    invoice = halo.whole("Invoice", 5001)
    assert invoice["revenue"] == Decimal("515.00")


def test_a_line_that_is_left_out_is_deleted(halo: HaloTalk) -> None:
    before = halo.whole("Invoice", 5001)["lines"]
    assert [line["id"] for line in lines_after(halo, before[1])] == [702]
    assert lines_after(halo) == []
    assert halo.get("Invoice/5001")["revenue"] == 0


def test_a_line_with_its_id_keeps_what_is_not_sent(halo: HaloTalk) -> None:
    changed = lines_after(halo, {"id": 701}, {"id": 702, "qty_order": 4})
    assert [line["net_amount"] for line in changed] == [Decimal("495.00"), Decimal("40.00")]
    assert changed[1]["comment_1"] == "keep me"


def test_a_changed_price_beside_the_unchanged_other_one_holds(halo: HaloTalk) -> None:
    whole = halo.whole("Invoice", 5001)["lines"]
    by_unit_price = {**whole[0], "unit_price": Decimal("7.00")}
    by_baseprice = {**whole[1], "baseprice": Decimal("8.00")}
    after = lines_after(halo, by_unit_price, by_baseprice)
    assert [line["unit_price"] for line in after] == [Decimal("7.00"), Decimal("8.00")]
    assert [line["baseprice"] for line in after] == [Decimal("7.00"), Decimal("8.00")]


def test_a_line_id_of_another_document_is_refused(halo: HaloTalk) -> None:
    answer = halo.send("Invoice", [{"id": 5001, "lines": [{"id": 703}]}])
    assert (answer.status_code, answer.json()["errorMessage"]) == (
        400,
        "Line 703 does not belong to invoice 5001.",
    )
    assert len(halo.whole("Invoice", 5001)["lines"]) == 2


def test_a_new_document_gives_new_ids_whatever_was_sent(halo: HaloTalk) -> None:
    made = halo.post("Invoice", {"client_id": ACME, "lines": [{**NEW, "id": 701}]})
    assert made["lines"][0]["id"] == 805
    assert halo.whole("Invoice", 5001)["lines"][0]["id"] == 701


def test_a_tenant_that_appends_keeps_lines_that_were_left_out(halo: HaloTalk) -> None:
    halo.switch(lines="append")
    after = lines_after(halo, {"id": 702, "qty_order": 4}, NEW)
    assert [line["id"] for line in after] == [701, 702, 805]
    assert after[1]["qty_order"] == 4


def test_a_tenant_that_duplicates_adds_all_that_is_sent(halo: HaloTalk) -> None:
    halo.switch(lines="duplicate")
    before = halo.whole("Invoice", 5001)["lines"]
    after = lines_after(halo, *before, NEW)
    assert [line["id"] for line in after] == [701, 702, 805, 806, 807]


def test_inactive_lines_do_not_count(halo: HaloTalk) -> None:
    lines_after(halo, {"id": 701}, {"id": 702, "isinactive": True})
    assert halo.get("Invoice/5001")["revenue"] == Decimal("495.00")


@pytest.mark.parametrize("driver", ["recurring_invoice_quantity_type", "quantity_licences"])
def test_the_quantity_of_an_automatic_recurring_line_stays_halopsas(halo: HaloTalk, driver: str) -> None:
    whole = halo.whole("RecurringInvoice", TEMPLATE)
    automatic = {"recurring_invoice_quantity_type": 1} if driver.startswith("rec") else {driver: [{"id": 1}]}
    made = halo.post(
        "RecurringInvoice",
        {"id": TEMPLATE, "lines": [*whole["lines"], {"_itemid": SEATS, "qty_order": 3, **automatic}]},
    )["lines"]
    made[-1]["qty_order"] = 9
    after = halo.post("RecurringInvoice", {"id": TEMPLATE, "lines": made})["lines"]
    assert after[-1]["qty_order"] == 3


def test_a_changed_recurring_quantity_may_leave_a_pro_rata_row(halo: HaloTalk) -> None:
    halo.switch(prorata_row_on_quantity_change=True)
    whole = halo.whole("RecurringInvoice", TEMPLATE)["lines"]
    whole[0]["qty_order"] = 12
    after = halo.post("RecurringInvoice", {"id": TEMPLATE, "lines": whole})["lines"]
    row = after[0]["prorata_data"][0]
    assert (row["quantity"], row["invoicedetailid"], row["isinvoiced"]) == (2, 801, False)
    assert all("prorata_data" not in line for line in after[1:])
