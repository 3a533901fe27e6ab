"""HaloPSA answers 429 to a write: the run waits, looks for the key, and goes on with the same document."""

import logging
from typing import Any

import pytest

from billing_pipeline.steps import full_window
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    OCTOBER,
    bill,
    invoice,
    licence,
    make_world,
    template,
)
from billing_pipeline_tests.reversals.undoing import take_back

FOR_EVER = 1_000
CREATE = {"product_lifecycle": {"mode": "create"}, "codes": {"accounts": "4000", "expense": "5000", "item": None}}
# By what is written: the behaviour, where it is sent, and its document.
WRITES: dict[str, tuple[str, str, int | None]] = {
    "a new invoice": ("new", "/api/Invoice", None),
    "an invoice of others": ("latest", "/api/Invoice", 55),
    "a recurring invoice": ("recurring", "/api/RecurringInvoice", -7),
}


def set_up(provider: Provider, target: str, **settings: Any) -> None:
    """Acme is charged 10.00 and Birch 20.00."""
    lines = [licence("mail", ACME, "10.00"), licence("mail", BIRCH, "20.00")]
    world = make_world(
        [ACME, BIRCH],
        [bill(OCTOBER, *lines)],
        invoices=[invoice(55), invoice(56, BIRCH)] if target == "latest" else [],
        templates=[template(-7), template(-8, BIRCH)],
    )
    provider.set_up(world, [ACME, BIRCH], {"target": target, "when_none": "hold"}, **settings)


def events(provider: Provider, client: str = "client-1") -> list[str]:
    """What the journal tells of a client's documents."""
    rows = provider.rows("select event from posting_journal where client = ? order by seq", client)
    return [row["event"] for row in rows]


@pytest.mark.parametrize("what", WRITES)
def test_the_run_waits_and_goes_on_with_the_same_document(
    provider: Provider, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    target, route, _ = WRITES[what]
    set_up(provider, target)
    caplog.set_level(logging.INFO, "billing_pipeline.waits")
    provider.disturb("status", route, status=429, count=2)

    result = provider.close()

    assert (len(result.posted), result.refused, result.unknown, result.stopped) == (2, [], [], None)
    assert provider.writes(route) == 4
    assert events(provider) == ["sending", "not_written", "sending", "not_written", "sending", "posted", "read_back"]
    assert provider.findings("refused") == []
    assert provider.posted() == 30
    assert provider.verify().is_settled
    waits = [record.getMessage() for record in caplog.records]
    assert len(waits) == 2
    key = provider.rows("select document_key from postings where client = 'client-1'")[0]["document_key"]
    assert waits[0] == (
        "HaloPSA takes no more requests for now (429): in 0 seconds "
        f"document {key} of client-1 over 10.00 USD is looked for, then sent"
    )


@pytest.mark.parametrize("what", WRITES)
def test_what_was_written_all_the_same_is_found_and_not_sent_again(provider: Provider, what: str) -> None:
    target, route, document_id = WRITES[what]
    set_up(provider, target)
    provider.disturb("status", route, status=429, when="after")

    result = provider.close()

    assert (len(result.posted), len(result.adopted), result.stopped) == (1, 1, None)
    assert provider.writes(route) == 2
    assert events(provider) == ["sending", "not_written", "sending", "adopted", "read_back"]
    if document_id is not None:
        assert provider.ours(document_id) == [("Mail", "10.00", True)]
    assert provider.posted() == 30
    assert provider.verify().is_settled


def test_it_waits_a_bounded_number_of_times_and_says_what_is_left(provider: Provider) -> None:
    set_up(provider, "new")
    provider.disturb("status", status=429, count=FOR_EVER)

    result = provider.close()

    assert provider.writes() == 1 + full_window.MOST_WAITS_IN_A_ROW
    assert result.posted == []
    assert str(result.stopped).startswith(
        "HaloPSA still takes no more requests after 3 waits for its window, so something else uses up its limit: "
        "HaloPSA: POST /Invoice was refused with 429."
    )
    assert str(result.stopped).endswith("Still to send: 2 documents over 30.00 USD of client-1, client-2.")
    assert len(provider.findings("refused")) == 1

    provider.sandbox.halopsa_service.faults.clear()
    assert len(provider.close().posted) == 2
    assert provider.findings("refused") == []
    assert provider.posted() == 30


def test_a_look_that_fails_after_the_wait_ends_the_run_with_nothing_unknown(provider: Provider) -> None:
    set_up(provider, "new")
    provider.prepare()
    provider.disturb("status", status=429)
    provider.disturb("status", method="GET", contains="search=", status=503, count=FOR_EVER)

    result = provider.post()

    assert "of client-1 over 10.00 USD with 429, and could not be looked at again after the wait: " in str(
        result.stopped
    )
    assert events(provider) == ["sending", "not_written"]
    assert provider.rows("select status from postings") == [{"status": "not_written"}]

    provider.sandbox.halopsa_service.faults.clear()
    assert len(provider.close().posted) == 2
    assert provider.posted() == 30


def test_what_an_agent_changes_during_the_wait_holds_the_client(provider: Provider) -> None:
    set_up(provider, "latest")
    provider.disturb("status", status=429, contains='"id":55,')
    edit = {"line_id": 5500, "fields": {"unit_price": 51}}
    provider.agent_after("/api/Invoice/{id}", "edit_line", 55, contains="/55?", **edit)

    result = provider.close()

    assert len(result.posted) == 1
    assert provider.holds() == [("client-1", "target_changed")]
    assert "invoice 55 was changed since the plan was made" in provider.why()
    assert provider.ours(55) == []
    provider.close()
    assert provider.ours(55) == [("Mail", "10.00", True)]


@pytest.mark.parametrize("route", ["/api/Item", "/api/AssetGroup"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_item_and_its_group_are_created_once(provider: Provider, route: str, when: str) -> None:
    set_up(provider, "new", settings=CREATE)
    provider.disturb("status", route, status=429, when=when)

    result = provider.close()

    assert (len(result.posted), result.refused, result.stopped) == (2, [], None)
    tables = provider.sandbox.halopsa.dump()
    assert len([item for item in tables["items"] if item.get("externalreference")]) == 1
    assert [group["name"] for group in tables["asset_groups"]].count("BillingBot_pax8") == 1
    assert provider.posted() == 30


def test_items_that_are_refused_for_good_end_the_run_and_hold_nobody(provider: Provider) -> None:
    set_up(provider, "new", settings=CREATE)
    provider.disturb("status", "/api/Item", status=429, count=FOR_EVER)

    result = provider.close()

    assert provider.writes("/api/Item") == 1 + full_window.MOST_WAITS_IN_A_ROW
    assert provider.writes() == 0
    assert "HaloPSA: POST /Item was refused with 429" in str(result.stopped)
    assert str(result.stopped).endswith("Still to send: 2 documents over 30.00 USD of client-1, client-2.")
    assert provider.holds() == []

    provider.sandbox.halopsa_service.faults.clear()
    assert len(provider.close().posted) == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_credit_that_takes_a_month_back_waits_too(provider: Provider, when: str) -> None:
    set_up(provider, "new")
    provider.close()
    provider.disturb("status", status=429, when=when)

    result = take_back(provider)

    assert (result.posting.refused, result.posting.stopped) == ([], None)
    assert len(provider.invoice_ids()) == 3
    (row,) = provider.rows("select sell + readback_sell as twice from reversals")
    assert row["twice"] == -20


def test_a_token_that_is_refused_with_429_waits_as_the_document_does(provider: Provider) -> None:
    set_up(provider, "new")
    provider.prepare()
    provider.switch(token_requests=3)
    # Two tries a time, as the tests' policy has it.
    provider.disturb("status", "/auth/token", status=429, count=2, after=1)

    result = provider.post()

    assert (len(result.posted), result.stopped) == (2, None)
    assert provider.posted() == 30
