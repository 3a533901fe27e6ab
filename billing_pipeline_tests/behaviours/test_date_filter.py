"""A HaloPSA that filters by date as it pleases: a list that is filtered is no proof of what is not in it."""

from datetime import date
from decimal import Decimal

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    OCTOBER,
    bill,
    invoice,
    licence,
    make_world,
    numbered,
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
