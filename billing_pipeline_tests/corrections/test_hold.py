"""A credited invoice that was billed: what follows it is held until a person says what to do."""

from billing_pipeline_tests.corrections.replacing import REPLACEMENT, billed, credit, replace_invoice
from billing_pipeline_tests.steps.months import BIRCH, INVOICE, MonthMaker, fates, line


def test_what_follows_is_held_for_those_who_were_billed_and_billed_for_the_others(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.00"), line("L2", None, companyId=BIRCH)])
    month.prepare()
    month.post()
    replace_invoice(month, [line("R1", "20.00"), line("R2", "10.00", companyId=BIRCH)])
    month.prepare()
    month.post()

    assert fates(month) == {"L1": "posted", "L2": "excluded invoice_status", "R1": "held correction", "R2": "posted"}
    assert [hold["detail"] for hold in month.holds()] == [
        f"invoice {INVOICE} was posted and is Credited now, followed by {REPLACEMENT}: "
        "22.00 USD billed, 20.00 USD due, difference -2.00 USD. "
        "Look at it with billing-pipeline review 2026-10 --client acme-dental, then run billing-pipeline close 2026-10 "
        "--client acme-dental --post --correct (20.00 USD held)"
    ]
    assert billed(month) == {246: ["22.00"], 247: ["10.00"]}
    assert month.prove().whole


def test_a_credited_invoice_that_was_never_posted_gives_way_to_its_replacement(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.00")])
    month.prepare()
    replace_invoice(month, [line("R1", "20.00")])
    month.prepare()
    month.post()

    assert fates(month) == {"L1": "excluded invoice_status", "R1": "posted"}
    assert billed(month) == {246: ["20.00"]}
    assert month.prove().whole


def test_a_credited_invoice_without_replacement_holds_nothing_else(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.00")])
    month.prepare()
    month.post()
    credit(month)
    month.prepare()

    assert fates(month) == {"L1": "posted"}
    assert month.holds() == []
    assert [row["state"] for row in month.rows("select state from corrections")] == ["proposed"]
