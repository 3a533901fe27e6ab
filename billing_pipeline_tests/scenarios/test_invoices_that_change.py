"""What Pax8 does to a month's invoices: none yet, not whole, changed, paid, credited and replaced, a second one."""

from decimal import Decimal

import pytest

from billing_pipeline.billing.errors import IncompleteInvoice, NotReleasedYet, SourceMutated, UnreadableAnswer
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    INVOICE,
    SECOND_INVOICE,
    make_invoice,
    make_line,
    make_world,
)


def test_a_month_without_invoice_is_not_released_yet_and_writes_nothing(provider: Provider) -> None:
    september = make_invoice([make_line(1, ACME, "10.00")], invoice_date="2026-09-01")
    provider.set_up(make_world([ACME], [september]), [ACME])

    with pytest.raises(NotReleasedYet, match=r"no invoice for 2026-10 yet\. That is not the same as nothing to bill"):
        provider.close()

    assert provider.posts() == 0
    for table in ("raw_fetches", "raw_invoices", "normalized_charges", "plans", "posting_journal"):
        assert provider.value(f"select count(*) from {table}") == 0
    assert not provider.published.exists()


def test_an_invoice_that_is_released_later_is_closed_later(provider: Provider) -> None:
    invoice = {**make_invoice([make_line(1, ACME, "10.00")]), "release_at": "2026-10-06T15:00:00Z"}
    provider.set_up(make_world([ACME], [invoice]), [ACME])
    steps = Steps(provider)
    with pytest.raises(NotReleasedYet):
        steps.fetch()

    provider.set_time("2026-10-06T16:00:00Z")
    steps.close()

    assert provider.billed() == {1001: ["10.00"]}


@pytest.mark.parametrize("offset", [1, -1])
def test_an_invoice_whose_lines_are_not_as_many_as_pax8_counts_stops_the_month(month: Provider, offset: int) -> None:
    month.switch_pax8(item_count_offset=offset)

    with pytest.raises(IncompleteInvoice, match=rf"{INVOICE}.*2.*{2 + offset}|{INVOICE}.*{2 + offset}.*2"):
        Steps(month).close()

    assert month.value("select count(*) from raw_invoices") == 0
    assert month.posts() == 0


def test_a_line_that_stands_on_two_pages_stops_the_month(provider: Provider) -> None:
    lines = [make_line(number, ACME, "1.00") for number in range(1, 202)]
    provider.set_up(make_world([ACME], [make_invoice(lines)]), [ACME])
    provider.switch_pax8(repeat_item_across_pages=True)

    with pytest.raises(IncompleteInvoice, match=INVOICE):
        Steps(provider).close()

    assert provider.value("select count(*) from raw_invoice_items") == 0


def test_an_invoice_with_other_content_than_before_stops_the_month(month: Provider) -> None:
    steps = Steps(month)
    steps.close(post=False)
    month.sandbox.pax8.edit_item(INVOICE, "00000000-0000-4000-8000-000000000001", {"total": 11})

    with pytest.raises(SourceMutated, match=f"SOURCE_MUTATED: invoice {INVOICE} of 2026-10"):
        steps.close()

    assert month.posts() == 0
    assert month.value("select count(*) from raw_fetches") == 1


def test_an_invoice_that_vanished_stops_the_month(month: Provider) -> None:
    steps = Steps(month)
    steps.close(post=False)
    month.sandbox.pax8.add_invoice(make_invoice([make_line(9, ACME, "1.00")], SECOND_INVOICE))
    month.sandbox.pax8.delete_invoice(INVOICE)

    with pytest.raises(SourceMutated, match=f"no longer lists invoice {INVOICE}"):
        steps.close()

    assert month.posts() == 0


def test_a_month_whose_only_invoice_vanished_is_not_taken_for_one_that_is_not_released(month: Provider) -> None:
    steps = Steps(month)
    steps.close(post=False)
    month.sandbox.pax8.delete_invoice(INVOICE)

    with pytest.raises(SourceMutated, match=f"no longer lists invoice {INVOICE}"):
        steps.fetch()


def test_a_payment_changes_nothing(month: Provider) -> None:
    steps = Steps(month)
    steps.close()
    month.change_pax8_invoice(INVOICE, status="Paid", balance=0)

    steps.close()

    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert month.posts() == 2
    assert month.adds_up()


def test_an_invoice_that_is_credited_before_posting_is_not_billed_and_its_replacement_is(month: Provider) -> None:
    steps = Steps(month)
    steps.close(post=False)
    month.change_pax8_invoice(INVOICE, status="Credited")
    month.sandbox.pax8.add_invoice(
        make_invoice([make_line(11, ACME, "9.00"), make_line(12, BIRCH, "18.00")], SECOND_INVOICE)
    )

    steps.close()

    assert month.billed() == {1001: ["9.00"], 1002: ["18.00"]}
    assert month.dispositions() == [
        ("acme", "excluded", "invoice_status", 1, "10.00"),
        ("acme", "posted", None, 1, "9.00"),
        ("birch", "excluded", "invoice_status", 1, "20.00"),
        ("birch", "posted", None, 1, "18.00"),
    ]
    assert month.adds_up()


def test_a_void_invoice_alone_bills_nothing_and_stands_in_the_ledger(month: Provider) -> None:
    month.change_pax8_invoice(INVOICE, status="Void")

    Steps(month).close()

    assert month.billed() == {}
    assert {row[1:3] for row in month.dispositions()} == {("excluded", "invoice_status")}
    assert month.adds_up()


def test_a_status_that_nobody_knows_holds_the_month_with_its_money(month: Provider) -> None:
    month.change_pax8_invoice(INVOICE, status="Disputed")

    Steps(month).close()

    assert month.billed() == {}
    assert month.dispositions() == [
        ("acme", "held", "invoice_status", 1, "10.00"),
        ("birch", "held", "invoice_status", 1, "20.00"),
    ]
    assert "'Disputed'" in month.value("select min(detail) from holds")
    assert month.adds_up()


def test_a_second_invoice_later_in_the_month_makes_a_document_with_only_the_new_charges(month: Provider) -> None:
    steps = Steps(month)
    steps.close()
    month.sandbox.pax8.add_invoice(make_invoice([make_line(11, ACME, "3.50", "3.00")], SECOND_INVOICE, "2026-10-20"))
    month.set_time("2026-10-21T15:00:00Z")

    steps.close()
    steps.close()

    assert month.billed() == {1001: ["10.00", "3.50"], 1002: ["20.00"]}
    supplementary = month.halopsa_invoices()[-1]
    assert supplementary["invoice_date"][:10] == "2026-10-20"
    assert len(supplementary["lines"]) == 1
    assert month.posts() == 3
    assert month.adds_up()


def test_a_line_that_an_earlier_version_did_not_keep_is_read_anew_and_billed(provider: Provider) -> None:
    fine = make_line(1, ACME, "0.01234567890123")
    provider.set_up(make_world([ACME], [make_invoice([fine, make_line(2, ACME, "10.00")])]), [ACME])
    steps = Steps(provider)
    steps.fetch()
    with Warehouse(provider.warehouse).session("store it as earlier versions did") as session:
        session.execute("update raw_invoice_items set total = null, too_precise = ['total'] where line_no = 1")
    steps.prepare()
    reason = "select reason from dispositions where line_no = 1"
    assert provider.value(reason) == "too_precise"

    steps.close()

    assert provider.value(reason) is None
    assert provider.billed() == {1001: ["10.01"]}
    assert provider.value("select sell from dispositions where line_no = 1") == Decimal("0.01234567890123")


def test_a_harmless_change_between_two_closes_stops_nothing_and_bills_nothing_twice(month: Provider) -> None:
    lines = [make_line(3, ACME, "1.00", id=None), make_line(4, ACME, "1.00", id=None), make_line(5, BIRCH, "2.00")]
    for line in lines:
        month.sandbox.pax8.add_item(INVOICE, line)
    month.close()
    billed = month.billed()
    for place in range(5):
        renamed = {"companyName": "Renamed", "productName": "Renamed", "vendorName": "Renamed Inc.", "amountDue": 0}
        month.sandbox.pax8.edit_item(INVOICE, str(place), {**renamed, "newOfPax8": {"tier": place}})

    month.close()
    month.close(post=False)

    assert month.billed() == billed == {1001: ["12.00"], 1002: ["22.00"]}
    assert month.posts() == 2
    assert month.value("select count(distinct content_hash) from raw_invoices") == 2
    told = month.value("select detail from findings where kind = 'source_details_changed'")
    assert 'companyName of 5 lines (line 1: "Acme Dental" is now "Renamed")' in told
    assert month.adds_up()
    assert Steps(month).verify().is_settled


def test_a_line_without_an_id_keeps_its_key_when_its_company_is_renamed(provider: Provider) -> None:
    lines = [make_line(number, ACME, sell, id=None) for number, sell in enumerate(("1.00", "1.00", "2.00"), start=1)]
    provider.set_up(make_world([ACME], [make_invoice(lines)]), [ACME])
    Steps(provider).close()
    keys = provider.query("select source_line_id from normalized_charges order by line_no")
    provider.sandbox.pax8.edit_item(INVOICE, "0", {"companyName": "Acme Dental Group"})
    Steps(provider).close()

    assert provider.query("select source_line_id from normalized_charges order by line_no") == keys
    assert (provider.billed(), provider.posts()) == ({1001: ["4.00"]}, 1)
    assert provider.adds_up()


def test_items_of_a_credited_invoice_that_cannot_be_read_stop_nobody(month: Provider) -> None:
    credited = make_invoice([make_line(9, ACME, "5.00")], SECOND_INVOICE, status="Credited")
    month.sandbox.pax8.add_invoice(credited)
    month.switch_pax8(credited_items="missing")
    Steps(month).close()

    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    told = month.value("select detail from findings where kind = 'lines_not_read'")
    assert told.startswith(f"Invoice {SECOND_INVOICE} is Credited and bills nothing; its lines could not be read, ")
    assert "PAX8_BASE_URL" not in told
    assert month.adds_up()

    # Once they can be read they stand in the ledger.
    month.switch_pax8(credited_items="serve")
    Steps(month).close()
    assert ("acme", "excluded", "invoice_status", 1, "5.00") in month.dispositions()
    assert month.adds_up()


def test_a_posted_invoice_keeps_its_lines_once_it_is_credited_and_they_are_gone(month: Provider) -> None:
    Steps(month).close()
    month.change_pax8_invoice(INVOICE, status="Credited")
    month.switch_pax8(credited_items="missing")
    month.sandbox.pax8.add_invoice(make_invoice([make_line(11, ACME, "9.00")], SECOND_INVOICE))
    Steps(month).close()

    assert month.query("select client, reason from holds order by all") == [
        ("acme", "correction"),
        ("birch", "correction"),
    ]
    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert month.adds_up()


def test_a_credited_invoice_that_was_emptied_or_vanished_keeps_the_lines_of_before(month: Provider) -> None:
    Steps(month).close()
    month.sandbox.pax8.add_invoice(make_invoice([make_line(11, ACME, "9.00")], SECOND_INVOICE))
    month.change_pax8_invoice(INVOICE, status="Credited", total=0)
    month.sandbox.pax8.delete_item(INVOICE, "0")
    Steps(month).close()
    assert "which stays here" in month.value("select detail from findings where kind = 'source_details_changed'")
    month.sandbox.pax8.delete_invoice(INVOICE)
    Steps(month).close()

    assert month.query("select distinct reason from holds") == [("correction",)]
    assert month.value("select count(*) from normalized_charges where invoice_id = ?", INVOICE) == 2
    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert month.adds_up()


def test_a_company_that_is_listed_twice_and_an_empty_invoice_without_a_date_stop_nobody(month: Provider) -> None:
    month.switch_pax8(repeat_company=True, undated_invoices="list")
    month.sandbox.pax8.add_invoice(make_invoice([], SECOND_INVOICE, invoiceDate=None))
    month.close()

    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert month.value("select detail from findings where kind = 'invoice_without_date'") == (
        f"Pax8: invoice {SECOND_INVOICE} has the invoiceDate None, which is no date. It has no lines and bills nothing."
    )


def test_an_invoice_without_a_date_that_has_lines_stops_the_month(month: Provider) -> None:
    month.switch_pax8(undated_invoices="list")
    month.sandbox.pax8.add_invoice(make_invoice([make_line(9, ACME, "5.00")], SECOND_INVOICE, invoiceDate=None))
    with pytest.raises(UnreadableAnswer, match=f"invoice {SECOND_INVOICE} has the invoiceDate None"):
        Steps(month).close()
