"""What --correct posts: one line for each difference, on a new document, once."""

from dataclasses import dataclass

import pytest

from billing_pipeline.sandbox.faults import read_fault
from billing_pipeline_tests.corrections.replacing import (
    REPLACEMENT,
    add_invoice,
    billed,
    correct,
    credit,
    newest_invoice,
    newest_lines,
    replace_invoice,
)
from billing_pipeline_tests.steps.months import BIRCH, INVOICE, Month, MonthMaker, azure, fates, line

AZURE = {"modifiers": {"collapse_azure": True, "drop_zero": True}}


def seats(line_id: str, sell: str, cost: str, subscription: str, name: str = "Business Premium") -> dict[str, object]:
    """A line of a subscription."""
    return line(line_id, sell, cost, subscriptionId=subscription, productName=name, description=name)


def credited_month(months: MonthMaker, *, post: bool = True) -> Month:
    """Acme was billed 100.00 for three subscriptions; the replacement says 114.00 for three, two of them the same."""
    month = months.make(
        [
            seats("L1", "50.00", "40.00", "s-1", "Business Premium"),
            seats("L2", "30.00", "24.00", "s-2", "Exchange Online"),
            seats("L3", "20.00", "16.00", "s-3", "Visio"),
        ]
    )
    month.prepare()
    if post:
        month.post()
    replace_invoice(
        month,
        [
            seats("R1", "30.00", "24.00", "s-2", "Exchange Online"),
            seats("R2", "44.00", "35.20", "s-1", "Business Premium"),
            seats("R3", "40.00", "32.00", "s-4", "Project"),
        ],
    )
    return month


def adds_up(month: Month) -> bool:
    """Whether every cent of the month is explained, and HaloPSA has what was planned."""
    proof = month.prove()
    return proof.whole and not month.rows("select 1 from dispositions where disposition is null")


@dataclass(frozen=True)
class Story:
    """What was there of `credited_month` when its correction was planned, posted, and asked for once more."""

    first: int
    planned: dict[str, str]
    gap_when_planned: set[str]
    second: int
    lines: list[tuple[str, str, str]]
    note: str
    fates: dict[str, tuple[object, ...]]
    three_way: dict[str, object]
    whole: bool
    billed_in_the_end: dict[int, list[str]]
    holds_in_the_end: list[dict[str, object]]


@pytest.fixture(scope="module")
def story(months: MonthMaker) -> Story:
    """The month of the story, told once."""
    month = credited_month(months)
    first = newest_invoice(month)["id"]
    correct(month, post=False)
    planned = fates(month)
    gap = {month.three_way()["sell_gap"], month.three_way()["cost_gap"]}
    month.post()
    newest = newest_invoice(month)
    lines, whole = newest_lines(month), adds_up(month)
    facts = month.lines("disposition, reason, halopsa_invoice_id"), month.three_way()
    month.fetch()
    correct(month)
    note = newest["internal_note"]
    ends = whole and adds_up(month)
    return Story(first, planned, gap, newest["id"], lines, note, *facts, ends, billed(month), month.holds())


def test_each_difference_is_a_line_with_old_and_new_on_a_new_document(story: Story) -> None:
    assert story.lines == [
        ("Business Premium", "-6.00", f"Corrects invoice {story.first}: 50.00 USD billed, 44.00 USD due"),
        ("Project", "40.00", f"Not on invoice {story.first}, which this corrects: 40.00 USD due"),
        ("Visio", "-20.00", f"Corrects invoice {story.first}: 20.00 USD billed, 0.00 USD due"),
    ]
    assert story.note == f"Corrects invoice {story.first}"


def test_the_ledger_ends_as_if_the_replacement_had_been_billed(story: Story) -> None:
    assert story.fates == {
        **dict.fromkeys(("L1", "L2", "L3"), ("excluded", "invoice_status", story.first)),
        "R1": ("posted", None, story.first),
        "R2": ("posted", None, story.second),
        "R3": ("posted", None, story.second),
    }
    names = ("source_sell", "not_billed_sell", "residual_sell", "readback_sell", "sell_gap", "cost_gap")
    assert [story.three_way[name] for name in names] == ["214", "100", "0", "114", "0", "0"]
    assert story.whole


def test_a_correction_that_is_planned_adds_up_before_it_is_posted(story: Story) -> None:
    assert story.planned == {
        **dict.fromkeys(("L1", "L2", "L3"), "excluded invoice_status"),
        **dict.fromkeys(("R1", "R2", "R3"), "planned"),
    }
    assert story.gap_when_planned == {"0"}


def test_correcting_again_posts_nothing(story: Story) -> None:
    assert story.billed_in_the_end == {246: ["100.00", "14.00"]}
    assert story.holds_in_the_end == []


def test_without_correct_a_planned_correction_is_taken_back(months: MonthMaker) -> None:
    month = credited_month(months)
    correct(month, post=False)
    month.prepare()
    month.post()

    assert billed(month) == {246: ["100.00"]}
    assert fates(month)["R1"] == "held correction"


def test_a_negative_difference_waits_for_its_cap(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.00", subscriptionId="s-1")])
    month.prepare()
    month.post()
    first = newest_invoice(month)["id"]
    replace_invoice(month, [line("R1", "20.00", subscriptionId="s-1")])
    correct(month)

    assert billed(month) == {246: ["22.00"]}
    assert [(hold["reason"], hold["detail"]) for hold in month.holds()] == [
        (
            "negative_total",
            f"the USD correction of HaloPSA invoice {first} would come to -2.00 USD: to post it all the same, run "
            "billing-pipeline close 2026-10 --client acme-dental --post --correct --force-cap negative_invoice",
        )
    ]
    assert fates(month) == {"L1": "posted", "R1": "held negative_total"}
    assert adds_up(month)

    correct(month, "negative_invoice")
    assert billed(month) == {246: ["22.00", "-2.00"]}
    assert adds_up(month)


def test_a_replacement_that_differs_in_nothing_sends_nothing_and_closes_the_case(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.004"), line("L2", "10.00")])
    month.prepare()
    month.post()
    first = newest_invoice(month)["id"]
    replace_invoice(month, [line("R1", "10.00"), line("R2", "22.001")])
    correct(month)

    assert billed(month) == {246: ["32.00"]}
    assert month.lines("disposition, halopsa_invoice_id")["R2"] == ("posted", first)
    assert month.three_way()["residual_sell"] == "0.001"
    assert adds_up(month)
    assert month.rows("select outcome from posting_journal where event = 'corrected'") == [
        {"outcome": "no amount differs; nothing was sent"}
    ]
    month.prepare()
    month.post()
    assert (billed(month), month.holds()) == ({246: ["32.00"]}, [])


def test_a_client_that_the_replacement_leaves_out_is_credited_in_full(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.00"), line("L2", "10.00", companyId=BIRCH)])
    month.prepare()
    month.post()
    replace_invoice(month, [line("R1", "22.00")])
    month.prepare()
    assert [(hold["reason"], hold["sell"]) for hold in month.holds("birch-legal")] == [("correction", None)]

    correct(month, "negative_invoice")
    assert billed(month) == {246: ["22.00"], 247: ["10.00", "-10.00"]}
    assert adds_up(month)
    month.post()
    assert billed(month) == {246: ["22.00"], 247: ["10.00", "-10.00"]}


def test_a_replacement_that_is_credited_too_is_corrected_in_its_turn(months: MonthMaker) -> None:
    month = credited_month(months)
    correct(month)
    second = "66666666-6666-4666-8666-666666666666"
    replace_invoice(
        month,
        [
            seats("Q1", "31.00", "24.80", "s-2", "Exchange Online"),
            seats("Q2", "44.00", "35.20", "s-1", "Business Premium"),
            seats("Q3", "40.00", "32.00", "s-4", "Project"),
        ],
        REPLACEMENT,
        second,
    )
    month.prepare()
    assert fates(month)["Q2"] == "held correction"
    correct(month)

    assert billed(month) == {246: ["100.00", "14.00", "1.00"]}
    assert newest_lines(month)[0][2].endswith("30.00 USD billed, 31.00 USD due")
    assert {name: fate for name, fate in fates(month).items() if name.startswith("R")} == dict.fromkeys(
        ("R1", "R2", "R3"), "excluded invoice_status"
    )
    assert adds_up(month)


def test_azure_in_one_line_is_corrected_in_one_line(months: MonthMaker) -> None:
    month = months.make([azure("L1", "10.1154", "9.1954"), azure("L2", "5.0011", "4.5464")], AZURE)
    month.prepare()
    month.post()
    replace_invoice(month, [azure("R1", "10.1154", "9.1954"), azure("R2", "6.0022", "5.4564"), azure("R3", "0", "0")])
    correct(month)

    assert billed(month) == {246: ["15.12", "1.00"]}
    assert fates(month) == {
        **dict.fromkeys(("L1", "L2"), "excluded invoice_status"),
        "R1": "collapsed",
        "R2": "collapsed",
        "R3": "dropped zero",
    }
    assert adds_up(month)


def test_a_void_invoice_is_credited_when_a_person_asks_for_it(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.00")])
    month.prepare()
    month.post()
    credit(month, status="Void")
    month.prepare()
    assert month.holds() == []

    correct(month)
    assert billed(month) == {246: ["22.00"]}
    correct(month, "negative_invoice")
    assert billed(month) == {246: ["22.00", "-22.00"]}
    add_invoice(month, [line("R1", "20.00")])
    month.prepare()
    month.post()
    assert billed(month) == {246: ["22.00", "-22.00", "20.00"]}
    assert adds_up(month)


def test_an_invoice_of_another_partner_is_billed_as_always(months: MonthMaker) -> None:
    month = months.make([line("L1", "22.00")], head={"partnerName": "Example MSP", "companyId": "partner-1"})
    month.prepare()
    month.post()
    month.sandbox.pax8.edit_invoice(INVOICE, {"status": "Credited"})
    add_invoice(month, [line("S1", "7.00")], partnerName="Other MSP", companyId="partner-2")
    month.prepare()
    month.post()

    assert fates(month) == {"L1": "posted", "S1": "posted"}
    assert billed(month) == {246: ["22.00", "7.00"]}


def test_an_invoice_that_was_seen_at_posting_is_no_replacement(months: MonthMaker) -> None:
    late = "66666666-6666-4666-8666-666666666666"
    month = months.make([line("L1", "22.00")])
    add_invoice(month, [line("S1", "7.00")], late)
    month.prepare()
    month.post()
    assert billed(month) == {246: ["29.00"]}
    replace_invoice(month, [line("R1", "23.00")])
    correct(month)

    assert billed(month) == {246: ["29.00", "1.00"]}
    assert fates(month) == {"L1": "excluded invoice_status", "S1": "posted", "R1": "posted"}
    assert adds_up(month)


def test_an_answer_that_is_lost_after_the_commit_corrects_once(months: MonthMaker) -> None:
    month = credited_month(months)
    month.sandbox.halopsa_service.faults.add(
        read_fault({"count": 1, "kind": "drop", "when": "after", "route": "/api/Invoice", "method": "POST"})
    )
    correct(month)
    correct(month)

    assert billed(month) == {246: ["100.00", "14.00"]}
    assert adds_up(month)
