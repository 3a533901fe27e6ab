"""An invoice that was posted is credited, and the invoice that takes its place is dated in a later month."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.month_summary import MonthSummary, summarize_month
from billing_pipeline.steps.release import release
from billing_pipeline.steps.reverse import reverse
from billing_pipeline.steps.work import Work
from billing_pipeline_tests.open_warehouse import OpenWarehouse
from billing_pipeline_tests.sandbox_clients import QUICK, connect_halopsa
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    INVOICE,
    MONTH,
    SECOND_INVOICE,
    make_invoice,
    make_line,
)

NEXT = "2026-11"
REGULAR = "44444444-4444-4444-8444-000000000012"
NOVEMBER = {"startPeriod": "2026-11-01", "endPeriod": "2026-11-30"}


def credit(provider: Provider, status: str = "Credited") -> None:
    """It is November, and Pax8 credits October's invoice, which was posted."""
    provider.set_time("2026-11-05T15:00:00Z")
    provider.change_pax8_invoice(INVOICE, status=status)


def release_replacement(provider: Provider, acme: str = "9.00", birch: str = "20.00") -> None:
    """Pax8 dates what takes the place of October's invoice in November: its lines are still October's."""
    lines = [make_line(11, ACME, acme, "8.00"), make_line(12, BIRCH, birch, "16.00")]
    provider.sandbox.pax8.add_invoice(make_invoice(lines, SECOND_INVOICE, f"{NEXT}-04"))


def release_regular(provider: Provider) -> None:
    """Pax8's invoice of November, as every month: what October charged, for November."""
    lines = [make_line(21, ACME, "10.00", "8.00", **NOVEMBER), make_line(22, BIRCH, "20.00", "16.00", **NOVEMBER)]
    provider.sandbox.pax8.add_invoice(make_invoice(lines, REGULAR, f"{NEXT}-01"))


def summary_of(provider: Provider, month: str) -> MonthSummary:
    """What a person is shown of a month."""
    warehouse = OpenWarehouse(provider.warehouse)
    try:
        summary = summarize_month(warehouse, month)
    finally:
        warehouse.close()
    assert summary is not None
    return summary


@contextmanager
def opened(provider: Provider, month: str, *clients: str) -> Iterator[tuple[Work, HaloClient]]:
    """What a command works with: a month, its clients, and HaloPSA."""
    warehouse = OpenWarehouse(provider.warehouse)
    config, now = load_settings(provider.config), provider.environment.now()
    try:
        with connect_halopsa(provider.variables, policy=QUICK) as halo:
            yield Work(month, clients, warehouse, config, now, "run-command"), halo
    finally:
        warehouse.close()


def gaps(provider: Provider) -> list[tuple[object, ...]]:
    """Months and clients of whom a cent is not explained, in either month."""
    return provider.query("select month, client from three_way where sell_gap <> 0 or cost_gap <> 0 order by all")


def posted_by_month(provider: Provider) -> list[tuple[str, Decimal]]:
    """What counts as posted in each month."""
    return provider.query("select month, sum(posted_sell)::decimal(18, 2) from three_way group by all order by all")


@pytest.fixture
def posted(month: Provider) -> Provider:
    """October is posted: Acme 10.00, Birch 20.00."""
    Steps(month).close()
    return month


@pytest.fixture
def november(posted: Provider) -> Steps:
    """The steps of November; October's invoice is credited and its replacement dated in November."""
    credit(posted)
    release_replacement(posted)
    release_regular(posted)
    return Steps(posted, month=NEXT)


def test_a_replacement_in_a_later_month_is_held_beside_what_it_replaces(posted: Provider, november: Steps) -> None:
    november.close()

    assert posted.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert posted.query("select client, reason, detail from holds order by client") == [
        (
            client,
            "correction",
            f"invoice {INVOICE} of {MONTH} was posted and is Credited now, followed by {SECOND_INVOICE}: "
            f"{billed} USD billed, {due} USD due, difference {difference} USD. Look at it with billing-pipeline review "
            f"{NEXT} --client {client}, then run billing-pipeline close {NEXT} --client {client} --post --correct"
            f" ({due} USD held)",
        )
        for client, billed, due, difference in (
            ("acme", "10.00", "9.00", "-1.00"),
            ("birch", "20.00", "20.00", "0.00"),
        )
    ]
    assert gaps(posted) == []
    assert not verdict_is_done(posted, NEXT)
    assert not verdict_is_done(posted, MONTH)


def verdict_is_done(provider: Provider, month: str) -> bool:
    """Whether nothing of a month waits for a person."""
    summary = summary_of(provider, month)
    undecided = any(one.state == "proposed" for one in summary.corrections)
    return summary.explained and not (summary.held or undecided or summary.earlier_credits)


def correct(provider: Provider, month: str = NEXT, *, post: bool = True) -> None:
    """Close the month with `--correct`, and let what is below zero through."""
    Steps(provider, month=month).close(post, ("negative_invoice",), correct=True)


def test_correcting_bills_the_difference_once_and_both_months_add_up(posted: Provider, november: Steps) -> None:
    november.close()
    correct(posted)

    assert posted.billed() == {1001: ["10.00", "10.00", "-1.00"], 1002: ["20.00", "20.00"]}
    assert gaps(posted) == []
    # What October's documents bill is November's now: its own invoice is not to be billed.
    assert posted_by_month(posted) == [(MONTH, Decimal("0.00")), (NEXT, Decimal("59.00"))]
    assert posted.query("select distinct disposition, reason from dispositions where month = ?", MONTH) == [
        ("excluded", "invoice_status")
    ]
    assert posted.query(
        "select source_line_id[-2:], disposition from dispositions where month = ? order by 1", NEXT
    ) == [("11", "posted"), ("12", "posted"), ("21", "posted"), ("22", "posted")]
    assert verdict_is_done(posted, NEXT)
    assert verdict_is_done(posted, MONTH)

    Steps(posted, month=NEXT).close()
    Steps(posted).close()
    assert posted.posts() == 5
    assert gaps(posted) == []
    assert posted.value("select count(*) from holds") == 0


def test_both_months_verify_after_the_correction(posted: Provider, november: Steps) -> None:
    correct(posted)
    for month in (MONTH, NEXT):
        verified = Steps(posted, month=month).verify()
        assert verified.is_settled, (verified.drift, verified.unexplained)
        assert all(proof.planned == proof.posted == proof.now for proof in verified.clients)


def test_the_regular_invoice_alone_is_billed_and_what_stands_is_told(posted: Provider) -> None:
    credit(posted)
    release_regular(posted)
    Steps(posted, month=NEXT).close()

    assert posted.billed() == {1001: ["10.00", "10.00"], 1002: ["20.00", "20.00"]}
    summary = summary_of(posted, NEXT)
    assert [(one.invoice_id, one.month, one.status, one.clients, one.sell) for one in summary.earlier_credits] == [
        (INVOICE, MONTH, "Credited", 2, Decimal("30.00"))
    ]
    # The replacement comes late: it is a case of the month that it is dated in.
    release_replacement(posted)
    Steps(posted, month=NEXT).close()
    assert posted.billed() == {1001: ["10.00", "10.00"], 1002: ["20.00", "20.00"]}
    assert summary_of(posted, NEXT).earlier_credits == ()
    correct(posted)
    assert posted.billed() == {1001: ["10.00", "10.00", "-1.00"], 1002: ["20.00", "20.00"]}
    assert gaps(posted) == []


def test_what_was_taken_back_in_its_own_month_lets_the_replacement_be_billed_whole(
    posted: Provider, november: Steps
) -> None:
    Steps(posted).close()
    correct(posted, MONTH)
    assert posted.billed() == {1001: ["10.00", "-10.00"], 1002: ["20.00", "-20.00"]}

    november.close()
    assert posted.billed() == {1001: ["10.00", "-10.00", "19.00"], 1002: ["20.00", "-20.00", "40.00"]}
    assert gaps(posted) == []


def test_a_replacement_that_is_replaced_in_its_turn_is_corrected_from_there(posted: Provider, november: Steps) -> None:
    correct(posted)
    posted.set_time("2026-12-05T15:00:00Z")
    posted.change_pax8_invoice(SECOND_INVOICE, status="Credited")
    lines = [make_line(31, ACME, "12.00", "8.00"), make_line(32, BIRCH, "20.00", "16.00")]
    third = "44444444-4444-4444-8444-000000000013"
    posted.sandbox.pax8.add_invoice(make_invoice(lines, third, "2026-12-04"))
    Steps(posted, month="2026-12").close()
    assert posted.value("select count(*) from holds where reason = 'correction'") == 2
    assert posted.billed() == {1001: ["10.00", "10.00", "-1.00"], 1002: ["20.00", "20.00"]}

    correct(posted, "2026-12")
    assert posted.billed() == {1001: ["10.00", "10.00", "-1.00", "3.00"], 1002: ["20.00", "20.00"]}
    assert gaps(posted) == []
    assert posted_by_month(posted) == [
        (MONTH, Decimal("0.00")),
        (NEXT, Decimal("30.00")),
        ("2026-12", Decimal("32.00")),
    ]


@pytest.mark.parametrize("listed", [True, False])
def test_a_credited_invoice_that_vanishes_is_no_less_a_case(posted: Provider, *, listed: bool) -> None:
    """Pax8 no longer lists it, and its items answer 404: what was posted for it is known here."""
    if listed:
        credit(posted)
        release_regular(posted)
        Steps(posted, month=NEXT).close(post=False)
    posted.set_time("2026-11-05T15:00:00Z")
    posted.sandbox.pax8.delete_invoice(INVOICE)
    release_replacement(posted)
    Steps(posted, month=NEXT).close()

    assert posted.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert posted.query("select distinct reason from holds") == [("correction",)]
    assert "is no longer listed now" in posted.value("select min(detail) from holds")


def test_a_look_back_costs_no_further_request(posted: Provider) -> None:
    release_regular(posted)
    posted.set_time("2026-11-05T15:00:00Z")
    before = posted.sandbox.pax8_service.log.counts()
    Steps(posted, month=NEXT).close()
    after = posted.sandbox.pax8_service.log.counts()
    asked = {route: after[route] - before.get(route, 0) for route in after}
    assert {route: number for route, number in asked.items() if "invoices" in route and number} == {
        "GET /v1/invoices": 1,
        "GET /v1/invoices/{id}/items": 1,
    }


def test_an_invoice_whose_posting_is_unknown_is_looked_for_before_its_replacement_is_billed(month: Provider) -> None:
    october = Steps(month)
    october.close(post=False)
    month.disturb_halopsa("drop", when="before")
    october.post("acme")
    credit(month)
    release_replacement(month)
    Steps(month, month=NEXT).close()

    assert month.billed() == {1002: ["20.00"]}
    assert month.query("select client, reason from holds where month = ?", NEXT) == [("acme", "unknown_outcome")]


def test_a_correction_is_undone_before_what_it_corrects(posted: Provider, november: Steps) -> None:
    correct(posted)
    with opened(posted, MONTH, "acme") as (work, halo):
        with pytest.raises(PostingRefused, match=f"Undo that first: billing-pipeline reverse {NEXT} --client acme"):
            reverse(work, halo)
        with pytest.raises(PostingRefused, match=f"Undo that first: billing-pipeline release {NEXT} --client acme"):
            release(work, halo, "acme")
    with opened(posted, NEXT, "acme") as (work, halo):
        reverse(work, halo)
    with opened(posted, MONTH, "acme") as (work, halo):
        reverse(work, halo)
    assert sum(map(Decimal, posted.billed()[1001])) == 0
    # Birch's replacement differs in nothing: its month holds the regular invoice alone, and October what was posted.
    with opened(posted, MONTH, "birch") as (work, halo):
        reverse(work, halo)
    assert posted.billed()[1002] == ["20.00", "20.00", "-20.00"]


def test_a_released_correction_is_planned_again(posted: Provider, november: Steps) -> None:
    correct(posted)
    for invoice in posted.halopsa_invoices():
        if invoice["client_id"] == 1001 and invoice["id"] != posted.halopsa_invoices()[0]["id"]:
            posted.let_agent("delete", id=invoice["id"])
    with opened(posted, NEXT, "acme") as (work, halo):
        released = release(work, halo, "acme")
    assert released.is_done
    assert gaps(posted) == []
    assert posted.query("select distinct reason from holds where client = 'acme'") == [("correction",)]
    correct(posted)
    assert posted.billed()[1001] == ["10.00", "10.00", "-1.00"]
    assert gaps(posted) == []
