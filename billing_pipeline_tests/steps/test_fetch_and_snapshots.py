"""What was fetched is kept to the byte, whole or not at all, and never twice."""

from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from billing_pipeline.billing.errors import BillingPipelineError, NotReleasedYet, SourceMutated
from billing_pipeline.steps import snapshots
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.normalize import normalize
from billing_pipeline_tests.steps.months import INVOICE, NOW, Month, MonthMaker, invoice, line


def counts(month: Month) -> dict[str, int]:
    tables = ("raw_fetches", "raw_invoices", "raw_invoice_items", "raw_invoice_pages")
    return {table: month.rows(f"select count(*) as n from {table}")[0]["n"] for table in tables}


def test_pages_are_kept_to_the_byte_and_amounts_to_the_digit(months: MonthMaker) -> None:
    month = months.make([line("L1", "41.11540", "0.10")])
    (page,) = month.rows("select body, body_hash, page_no from raw_invoice_pages")
    assert '"total":41.11540' in page["body"].replace(" ", "")
    assert page["body_hash"] == sha256(page["body"].encode()).hexdigest()
    (item,) = month.rows("select total, total_text, payload from raw_invoice_items")
    assert (item["total"], item["total_text"]) == (Decimal("41.1154"), "41.11540")
    assert '"total":41.11540' in item["payload"]


def test_fetching_again_keeps_one_copy_and_notes_the_fetch(months: MonthMaker) -> None:
    month = months.make([line("L1"), line("L2")])
    (again,) = month.fetch()
    assert (again.new, again.lines, again.total_elements) == (False, 2, 2)
    assert counts(month) == {"raw_fetches": 2, "raw_invoices": 1, "raw_invoice_items": 2, "raw_invoice_pages": 1}


def test_a_changed_payment_status_is_a_new_version_of_the_head_alone(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    with month.at_pax8() as invoices:
        invoices[0]["invoice"].update(status="Paid", balance=0)
    (paid,) = month.fetch()
    assert (paid.new, paid.status) == (True, "Paid")
    assert counts(month) == {"raw_fetches": 2, "raw_invoices": 2, "raw_invoice_items": 1, "raw_invoice_pages": 1}
    normalize(month.work)
    assert month.rows("select invoice_status from normalized_charges") == [{"invoice_status": "Paid"}]


def test_the_same_invoice_with_other_content_stops_the_month(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    before = counts(month)
    changes: tuple[dict[str, Any], ...] = ({"total": Decimal("23.00")}, {"total": Decimal("22.00"), "id": "L9"})
    for change in changes:
        with month.at_pax8() as invoices:
            invoices[0]["items"][0].update(change)
        with pytest.raises(SourceMutated, match=f"SOURCE_MUTATED: invoice {INVOICE} of 2026-10 has other content"):
            month.fetch()
    assert counts(month) == before


def test_what_no_charge_is_made_of_may_change_and_is_told(months: MonthMaker) -> None:
    month = months.make([line("L1"), line("L2", externalId="A-1"), line(None, "5.00")])
    planned = {client: one.plan.plan_hash for client, one in month.prepare().items()}
    with month.at_pax8() as invoices:
        for item in invoices[0]["items"][:2]:
            item.update(companyName="Acme Dental Group", newOfPax8={"tier": 2})
        invoices[0]["items"][1].update(externalId=None, amountDue=0)
    (changed,) = month.fetch()
    assert changed.new
    # Both versions are kept to the byte.
    assert counts(month) == {"raw_fetches": 2, "raw_invoices": 2, "raw_invoice_items": 6, "raw_invoice_pages": 2}
    assert {client: one.plan.plan_hash for client, one in month.prepare().items()} == planned
    assert month.rows("select distinct company_name from normalized_charges where source_line_id = 'L1'") == [
        {"company_name": "Acme Dental Group"}
    ]
    told = "select detail from findings where kind = 'source_details_changed'"
    assert month.rows(told) == [
        {
            "detail": f"Invoice {INVOICE} was changed since it was first fetched, in what no charge is made of: "
            "amountDue of 1 line (line 2: nothing is now 0); "
            'companyName of 2 lines (line 1: "Acme Dental" is now "Acme Dental Group"); '
            'externalId of 1 line (line 2: "A-1" is now nothing); '
            'newOfPax8 of 2 lines (line 1: nothing is now {"tier":2})'
        }
    ]
    month.fetch()
    assert len(month.rows(told)) == 1


def test_a_line_without_an_id_is_known_by_what_its_charge_is_made_of(months: MonthMaker) -> None:
    month = months.make([line(None), line(None, "5.00")])
    ids = month.rows("select source_line_id from raw_invoice_items order by line_no")
    with month.at_pax8() as invoices:
        invoices[0]["items"][0].update(companyName="Acme Dental Group")
    month.fetch()
    assert month.rows("select source_line_id from raw_invoice_items order by line_no") == [
        one for one in ids for _ in range(2)
    ]
    with month.at_pax8() as invoices:
        invoices[0]["items"][0].update(quantity=2)
    with pytest.raises(SourceMutated, match="SOURCE_MUTATED"):
        month.fetch()


BLANK_IDS = [None, "", "  ", "0", 0, "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}"]


def test_lines_whose_ids_are_blank_are_told_apart_by_their_content(months: MonthMaker) -> None:
    month = months.make([line(blank) for blank in BLANK_IDS] + [line("L1"), line(17, "5.00")])
    planned = month.prepare()["acme-dental"]
    (document,) = planned.plan.documents
    assert (planned.holds, document.sell, len(document.lines)) == ((), Decimal("181.00"), 9)
    month.post()
    keys = month.rows("select line_key from raw_invoice_items order by line_no")
    with month.at_pax8() as invoices:
        for item, blank in zip(invoices[0]["items"], BLANK_IDS[::-1], strict=False):
            item["id"] = blank
    month.fetch()
    assert month.rows("select line_key from normalized_charges order by line_no") == keys
    assert all(not one.plan.documents for one in month.prepare().values())


@pytest.mark.parametrize("blank", BLANK_IDS)
def test_a_blank_company_is_none_and_so_is_a_blank_product(months: MonthMaker, blank: Any) -> None:
    month = months.make([line("L1", companyId=blank), line("L2", productId=blank, subscriptionId=blank)])
    month.prepare()
    assert month.lines("disposition, reason") == {"L1": ("blocked", "no_company"), "L2": ("planned", None)}
    (row,) = month.rows("select product_id, subscription_id from normalized_charges where source_line_id = 'L2'")
    assert (row["product_id"], row["subscription_id"]) == (None, None)


def test_the_same_content_written_otherwise_is_the_same_invoice(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.00"), line("L2")])
    with month.at_pax8() as invoices:
        items = invoices[0]["items"]
        items[0].update(total=22, details=None)
        items.reverse()
    (again,) = month.fetch()
    assert not again.new


def test_an_invoice_that_is_listed_no_more_stops_the_month(months: MonthMaker) -> None:
    second = {"invoice": invoice("inv-2"), "items": [line("L2")], "release_at": None}
    month = months.make([line("L1")], more_invoices=[second])
    with month.at_pax8() as invoices:
        del invoices[1]
    with pytest.raises(SourceMutated, match="no longer lists invoice inv-2 of 2026-10"):
        month.fetch()


def test_no_invoice_yet_is_not_nothing_to_bill(months: MonthMaker) -> None:
    with pytest.raises(NotReleasedYet, match="not the same as nothing to bill"):
        months.make([line("L1")], head={"invoiceDate": "2026-09-30"})


def test_an_invoice_without_lines_is_fetched_and_bills_nothing(months: MonthMaker) -> None:
    month = months.make([])
    planned = month.prepare()
    assert all(one.plan.documents == () and one.holds == () for one in planned.values())
    assert month.rows("select * from dispositions") == []


def test_the_control_total_that_agrees_is_recorded(months: MonthMaker) -> None:
    heads: dict[str, tuple[dict[str, Any], str]] = {
        "inv-1": ({"total": Decimal("20.10")}, "control_total: equals total"),
        "inv-2": ({"balance": Decimal("20.10")}, "control_total: equals balance"),
        "inv-3": ({"total": Decimal("25.10"), "carriedBalance": 5}, "control_total: equals total − carriedBalance"),
        "inv-4": ({"total": None}, "control_total_differs: equals none of total missing, balance 1.00"),
    }
    items = [line("L1", cost="17.60", salesTax=Decimal("2.50")), line("L2", cost=None)]
    entries = [
        {"invoice": invoice(invoice_id, **head), "items": items, "release_at": None}
        for invoice_id, (head, _) in heads.items()
    ]
    month = months.make([], more_invoices=entries)
    rows = month.rows("select kind, detail, cost from findings where kind like 'control%' and detail like '%inv-%'")
    assert {row["cost"] for row in rows} == {Decimal("20.10")}
    said = {row["detail"].split()[1].rstrip(":"): f"{row['kind']}: {row['detail']}" for row in rows}
    for invoice_id, (_, text) in heads.items():
        kind, verdict = text.split(": ", 1)
        assert said[invoice_id].startswith(f"{kind}: Invoice {invoice_id}: Σ(cost + sales tax) 20.10 {verdict}")


def test_a_control_total_that_must_agree_holds_the_month(months: MonthMaker) -> None:
    config = {"integrations": {"pax8": {"control_total": "hold"}}, "settings": {"codes": {"item": 900}}}
    month = months.make(
        [line("L1")],
        config={**config, "settings": {"product_lifecycle": {"mode": "default_item"}, "codes": {"item": 900}}},
    )
    month.prepare()
    assert [hold["reason"] for hold in month.holds()] == ["invoice_status"]
    assert "equals none of total 1.00" in month.holds()[0]["detail"]


def test_only_the_newest_fetch_of_a_month_counts(months: MonthMaker) -> None:
    second = {"invoice": invoice("inv-2"), "items": [line("L2")], "release_at": None}
    month = months.make([line("L1")])
    with month.at_pax8() as invoices:
        invoices.append(second)
    month.fetch()
    with month.work.warehouse.session("read") as session:
        fetch_id, invoices = month_invoices(session, "2026-10")
        assert (fetch_id, [row["invoice_id"] for row in invoices]) == (2, [INVOICE, "inv-2"])
        with pytest.raises(NotReleasedYet, match="2026-09 was not fetched yet"):
            month_invoices(session, "2026-09")


def test_a_snapshot_keeps_equal_content_once_and_each_time_it_was_seen(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    rows = [{"id": 2, "price": Decimal("22.00")}, {"id": 1, "name": "é", "price": Decimal("0.10")}]
    later = (NOW + timedelta(hours=1)).replace(tzinfo=None)
    with month.work.warehouse.session("snapshots") as session:
        first = snapshots.store_snapshot(session, "pax8_companies", rows, "sandbox", later)
        again = snapshots.store_snapshot(session, "pax8_companies", rows, "sandbox", later)
        other = snapshots.store_snapshot(session, "pax8_companies", rows[::-1], "sandbox", later)
        newest = snapshots.latest_snapshot(session, "pax8_companies")
        stored = session.value("select count(*) from snapshot_rows where kind = 'pax8_companies'")
    assert (again.snapshot_id, again.content_hash) == (first.snapshot_id + 1, first.content_hash)
    assert other.content_hash != first.content_hash
    assert (newest.snapshot_id, newest.rows) == (other.snapshot_id, tuple(rows[::-1]))
    assert stored == 4
    assert [str(row["price"]) for row in newest.rows] == ["0.10", "22.00"]


def test_an_empty_snapshot_is_a_snapshot(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    with month.work.warehouse.session("snapshots") as session:
        snapshots.store_snapshot(session, "halopsa_items", [], "sandbox", NOW.replace(tzinfo=None))
        assert snapshots.latest_snapshot(session, "halopsa_items").rows == ()


def test_a_snapshot_that_was_never_taken_says_how_to_take_it(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    with month.work.warehouse.session("snapshots") as session, pytest.raises(BillingPipelineError) as caught:
        snapshots.latest_snapshot(session, "pax8_companies")
    assert "There is no snapshot of pax8_companies yet. Materialise pax8_companies first" in str(caught.value)


def test_a_step_that_fails_leaves_its_slice_as_it_was(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    month.prepare()
    month.rows("alter table modified_charges drop column detail")
    before = month.rows("select * from modified_charges"), month.rows("select * from step_log")
    with pytest.raises(BillingPipelineError, match="could not modify 2026-10"):
        month.prepare()
    after = month.rows("select * from step_log")
    assert month.rows("select * from modified_charges") == before[0]
    assert [row["step"] for row in after if row not in before[1]] in ([], ["normalized_charges"])


def test_days_in_another_notation_are_read_or_told(months: MonthMaker) -> None:
    slashes = [
        line("L1", startPeriod="10/01/2026", endPeriod="10/31/2026"),
        line("L2", startPeriod="Oct 1, 2026", endPeriod=None),
    ]
    month = months.make(slashes)
    month.prepare()
    periods = "select source_line_id, period_start::text as first, period_end::text as last from normalized_charges"
    assert month.rows(f"{periods} order by line_no") == [
        {"source_line_id": "L1", "first": "2026-10-01", "last": "2026-11-01"},
        {"source_line_id": "L2", "first": "2026-10-01", "last": None},
    ]
    assert month.rows("select * from findings where kind = 'unread_day'") == []


def test_a_day_that_may_be_one_of_two_is_told_and_billed(months: MonthMaker) -> None:
    lines = [line("L1", startPeriod="10/01/2026", endPeriod="11/01/2026"), line("L2", endPeriod="soon")]
    month = months.make(lines)
    planned = month.prepare()["acme-dental"]
    assert (planned.holds, planned.plan.documents[0].sell) == ((), Decimal("44.00"))
    told = month.rows("select detail, source_line_id from findings where kind = 'unread_day' order by detail")
    assert [row["source_line_id"] for row in told] == ["L1", "L2"]
    assert told[0]["detail"] == (
        f"Invoice {INVOICE}, line 1 (Acme Dental, Microsoft 365 Business Premium): startPeriod '10/01/2026' and "
        "endPeriod '11/01/2026' cannot be read as one day. The line is billed, and its text names no whole period: "
        "look up the period in Pax8"
    )
