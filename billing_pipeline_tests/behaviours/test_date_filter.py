"""A HaloPSA that filters by date as it pleases: a list that is filtered is no proof of what is not in it."""

from datetime import date
from decimal import Decimal

import pytest

from billing_pipeline_tests.behaviours.provider import Provider, is_ours
from billing_pipeline_tests.behaviours.world import (
    ACME,
    NOVEMBER,
    OCTOBER,
    bill,
    invoice,
    licence,
    make_world,
    numbered,
    template,
)

FILTERS = pytest.mark.parametrize("date_filter", ["obey", "ignore", "hide_days", "hide"])
CLIENTS = [numbered(number) for number in range(1, 10)]
AFTER_THE_GRACE = "2026-10-06T18:00:00Z"


@pytest.fixture
def month(provider: Provider) -> Provider:
    """Nine clients with a charge each, and an invoice of somebody else long ago."""
    lines = [licence(f"mail-{one.key}", one, "10.00") for one in CLIENTS]
    world = make_world(CLIENTS, [bill(OCTOBER, *lines)], invoices=[invoice(11, CLIENTS[0], day="2025-02-03")])
    provider.set_up(world, CLIENTS, {"target": "new"})
    return provider


@FILTERS
def test_a_database_that_was_lost_never_makes_it_post_again_what_halopsa_has(month: Provider, date_filter: str) -> None:
    month.switch(date_filter=date_filter)
    month.close()
    there = month.invoice_ids()
    assert len(there) == 1 + len(CLIENTS)
    # One that an agent dated back is in no list of the month.
    month.agent("edit", there[-1], fields={"invoice_date": "2026-07-01T00:00:00"})
    month.lose_database()

    again = month.close()

    assert month.invoice_ids() == there
    assert (len(again.adopted), again.posted, again.read_back) == (len(CLIENTS), [], len(CLIENTS))
    assert month.prove().whole
    assert month.posted() == Decimal("90.00")


def test_a_lost_database_that_posted_a_part_of_the_month_still_looks_into_all_invoices(month: Provider) -> None:
    month.prepare()
    everybody = month.clients[OCTOBER]
    month.clients[OCTOBER] = everybody[1:]
    month.post()
    there = month.invoice_ids()
    month.agent("edit", there[-1], fields={"invoice_date": "2026-07-01T00:00:00"})
    month.lose_database()
    month.prepare()
    month.clients[OCTOBER] = everybody[:1]
    assert len(month.post().posted) == 1
    month.clients[OCTOBER] = everybody

    rest = month.post()

    assert (len(rest.adopted), rest.posted) == (len(CLIENTS) - 1, [])
    assert len(month.invoice_ids()) == len(there) + 1


@FILTERS
def test_a_document_whose_answer_was_lost_is_found_and_not_sent_again(month: Provider, date_filter: str) -> None:
    month.switch(date_filter=date_filter, search_reference=False)
    month.prepare()
    month.disturb("drop", when="after", after=3)

    first = month.post()

    assert (len(first.posted), first.unknown) == (len(CLIENTS) - 1, [])
    assert (month.writes(), month.holds()) == (len(CLIENTS), [])
    assert month.prove().whole


@FILTERS
def test_a_late_charge_finds_the_open_invoice_whatever_the_filter_hides(provider: Provider, date_filter: str) -> None:
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], invoices=[invoice(11)])
    provider.set_up(world, [ACME], {"target": "latest"})
    provider.switch(date_filter=date_filter)

    provider.close()

    assert provider.invoice_ids() == [11]
    assert provider.ours(11) == [("Mail", "10.00", True)]
    assert provider.verify().agrees


@pytest.fixture
def recurring(provider: Provider) -> Provider:
    bills = [bill(month, licence("mail", ACME, "10.00"), number=at) for at, month in enumerate((OCTOBER, NOVEMBER))]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    return provider


def test_a_recurring_invoice_is_not_written_again_by_a_database_that_was_lost(recurring: Provider) -> None:
    recurring.close()
    recurring.lose_database()

    again = recurring.close()

    assert (len(again.adopted), again.posted, recurring.writes("/api/RecurringInvoice")) == (1, [], 1)
    assert recurring.verify().agrees
    recurring.issue("2026-11-01T07:00:00Z")
    recurring.close(NOVEMBER)
    assert recurring.holds(NOVEMBER) == []
    assert recurring.writes("/api/RecurringInvoice") == 2


def test_what_was_issued_before_the_database_was_lost_is_billed(recurring: Provider) -> None:
    recurring.close()
    (issued,) = recurring.issue("2026-11-01T07:00:00Z")
    recurring.lose_database()
    recurring.now = "2026-11-03T15:00:00Z"

    assert len(recurring.close().adopted) == 1
    recurring.now = "2026-11-06T15:00:00Z"
    recurring.close(NOVEMBER)

    assert recurring.holds(NOVEMBER) == [], "October was issued, and November takes its place"
    assert recurring.writes("/api/RecurringInvoice") == 2
    assert [line["net_amount"] for line in recurring.document(issued)["lines"] if is_ours(line)] == [Decimal("10.00")]


@pytest.mark.parametrize(
    "written",
    [
        {"item_shortdescription": "Mail"},
        {"item_shortdescription": "Mail\u00a0", "item_longdescription": "1&#32;Oct 2026 to 28 Oct 2026"},
    ],
)
def test_a_month_that_was_issued_and_written_over_is_not_billed_again(
    recurring: Provider, written: dict[str, str]
) -> None:
    recurring.close()
    (issued,) = recurring.issue("2026-11-01T07:00:00Z")
    # HaloPSA may write a text in its own way: it is the same to the eye.
    (ours,) = [line for line in recurring.document(issued)["lines"] if is_ours(line)]
    recurring.agent("edit_line", issued, line_id=ours["id"], fields=written)
    recurring.close(NOVEMBER)
    recurring.lose_database()
    recurring.now = "2026-11-07T15:00:00Z"

    recurring.close()

    assert recurring.holds() == [("client-1", "target_changed")]
    assert f"was not sent: invoice {issued} that HaloPSA issued from recurring invoice -7 bills its lines" in (
        recurring.why()
    )
    assert recurring.writes("/api/RecurringInvoice") == 2
    assert len(recurring.close(NOVEMBER).adopted) == 1, "November is there, and was not issued yet"


def test_a_later_month_that_is_closed_first_does_not_make_an_issued_month_known(recurring: Provider) -> None:
    recurring.close()
    (issued,) = recurring.issue("2026-11-01T07:00:00Z")
    recurring.lose_database()
    recurring.close(NOVEMBER)
    recurring.issue("2026-12-01T07:00:00Z")
    recurring.now = "2026-12-03T15:00:00Z"

    assert recurring.close().posted == []

    assert recurring.holds() == [("client-1", "target_changed")]
    assert f"invoice {issued} that HaloPSA issued from recurring invoice -7 bills its lines already" in recurring.why()


def test_charges_on_an_invoice_that_was_sent_since_are_adopted_by_a_database_that_was_lost(provider: Provider) -> None:
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], invoices=[invoice(11)])
    provider.set_up(world, [ACME], {"target": "latest"})
    provider.close()
    provider.agent("edit", 11, fields={"datesent": "2026-10-07T10:00:00"})
    provider.lose_database()

    again = provider.close()

    assert (len(again.adopted), again.posted, provider.holds()) == (1, [], [])
    assert provider.invoice_ids() == [11]
    assert provider.prove().whole
    assert provider.verify().agrees
    # It is an invoice of others: only our line is to go before the month may be billed again.
    assert [(one.halopsa_id, one.line_id) for one in provider.release().standing] == [
        (11, next(iter(provider.places(11).values())))
    ]


def test_what_a_lost_database_would_put_together_otherwise_is_held_with_a_way_out(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {"target": "new"})
    provider.close()
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, licence("disk", ACME, "5.00"), number=2))
    provider.close()
    provider.lose_database()

    assert provider.close().posted == []

    assert provider.holds() == [("client-1", "target_changed")]
    assert "over 15.00 USD was not sent: HaloPSA invoices 1, 2 bear keys of its charges already" in provider.why()
    assert "put the newest whole one in its place; else take what bears them off there" in provider.why()


@FILTERS
def test_a_second_copy_is_seen_whatever_the_filter_hides(month: Provider, date_filter: str) -> None:
    month.switch(date_filter=date_filter)
    month.close()
    bought = month.document(12)
    copy = {name: bought[name] for name in ("client_id", "invoice_date", "currency_code", "reference")}
    month.agent("create", fields=copy, lines=[{**line, "id": 0} for line in bought["lines"]])
    month.halo.forget()

    assert [(one.kind, one.halopsa_id) for one in month.verify().drift] == [("key_twice", 21)]
    assert not month.release(client="client-1").is_done
    month.agent("delete", 12)
    standing = month.release(client="client-1").standing
    assert [one.halopsa_id for one in standing] == [21]


@pytest.mark.parametrize(("date_filter", "reads"), [("obey", 3), ("hide", 5)])
def test_to_prove_a_list_takes_few_requests(month: Provider, date_filter: str, reads: int) -> None:
    month.close()
    month.switch(date_filter=date_filter)
    month.halo.forget()
    before = month.halo.requests.copy()

    month.halo.invoices(since=date(2026, 9, 24))

    spent = month.halo.requests - before
    assert sum(count for route, count in spent.items() if route.startswith("GET /Invoice")) == reads
