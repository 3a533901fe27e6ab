"""Updates whose outcome nobody knows, and crashes: settled by looking, and never written over."""

from typing import Any

import pytest

from billing_pipeline.steps import update_document
from billing_pipeline_tests.behaviours.provider import BROWSER, Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    NOVEMBER,
    OCTOBER,
    bill,
    invoice,
    licence,
    make_world,
    numbered,
    template,
)

ROUTES = {55: "/api/Invoice", -7: "/api/RecurringInvoice"}
LOST: list[dict[str, Any]] = [{"kind": "drop"}, {"kind": "status", "status": 500}, {"kind": "status", "status": 408}]
ARRIVED: list[dict[str, Any]] = [
    {"kind": "drop"},
    {"kind": "status", "status": 500},
    {"kind": "delay", "seconds": 1.3},
    {"kind": "body", "body": "<html>"},
]
AFTER_THE_GRACE = "2026-10-06T16:00:00Z"
OURS = [("Mail", "10.00", True), ("Voice", "7.00", True)]


def set_up_update(provider: Provider, document_id: int) -> None:
    bills = [
        bill(month, licence("mail", ACME, "10.00"), licence("voice", ACME, "7.00")) for month in (OCTOBER, NOVEMBER)
    ]
    world = make_world([ACME, BIRCH], bills, invoices=[invoice(55)], templates=[template(-7)])
    provider.set_up(world, [ACME], {"target": "latest" if document_id > 0 else "recurring"})


def set_up_faults(provider: Provider, kind: int, faults: list[dict[str, Any]], when: str) -> list[int]:
    """A client, a document and a fault each; the documents."""
    places = range(1, len(faults) + 1)
    clients = [numbered(place, -500 - place) for place in places]
    lines = [
        line for client in clients for line in (licence("mail", client, "10.00"), licence("voice", client, "7.00"))
    ]
    world = make_world(
        clients,
        [bill(OCTOBER, *lines)],
        invoices=[invoice(500 + place, client) for place, client in zip(places, clients, strict=True)],
        templates=[template(-500 - place, client) for place, client in zip(places, clients, strict=True)],
    )
    provider.set_up(world, clients, {"target": "latest" if kind > 0 else "recurring"})
    sign = 1 if kind > 0 else -1
    for place, fault in zip(places, faults, strict=True):
        contains = f'"id":{sign * (500 + place)},'
        provider.disturb(route=ROUTES[kind], when=when, contains=contains, **fault)
    return [sign * (500 + place) for place in places]


@pytest.mark.parametrize("kind", [55, -7], ids=["latest", "recurring"])
def test_updates_that_arrived_are_found_and_not_repeated(provider: Provider, kind: int) -> None:
    documents = set_up_faults(provider, kind, ARRIVED, "after")

    result = provider.close()
    assert len(result.unknown) + len(result.settled) <= len(documents)
    provider.close()

    assert [provider.ours(document_id) for document_id in documents] == [OURS] * len(documents)
    assert provider.writes(ROUTES[kind]) == len(documents)
    assert provider.holds() == []
    assert provider.posted() == 17 * len(documents)
    assert provider.prove().whole


@pytest.mark.parametrize("kind", [55, -7], ids=["latest", "recurring"])
def test_updates_that_were_lost_are_held_and_sent_again_after_the_grace(provider: Provider, kind: int) -> None:
    documents = set_up_faults(provider, kind, LOST, "before")

    provider.close()
    assert {reason for _, reason in provider.holds()} == {"unknown_outcome"}
    assert len(provider.holds()) == len(documents)
    provider.close()
    assert provider.writes(ROUTES[kind]) == len(documents), "within the grace nothing is sent again"
    assert [provider.ours(document_id) for document_id in documents] == [[]] * len(documents)

    provider.now = AFTER_THE_GRACE
    provider.close()

    assert [provider.ours(document_id) for document_id in documents] == [OURS] * len(documents)
    assert provider.writes(ROUTES[kind]) == 2 * len(documents)
    assert provider.holds() == []
    assert provider.posted() == 17 * len(documents)
    assert provider.prove().whole


def test_an_update_that_arrives_after_we_looked_is_found_later(provider: Provider) -> None:
    set_up_update(provider, -7)
    provider.disturb("drop", route=ROUTES[-7], commit_after_requests=10_000)
    provider.close()
    assert provider.holds() == [("client-1", "unknown_outcome")]
    BROWSER.post(f"{provider.sandbox.halopsa_url}/_sandbox/commits").raise_for_status()
    provider.now = AFTER_THE_GRACE
    provider.close()

    assert provider.ours(-7) == OURS
    assert provider.writes(ROUTES[-7]) == 1
    assert provider.prove().whole


class Crashed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize(("document_id", "arrived"), [(55, True), (-7, True), (-7, False)])
def test_a_crash_between_intent_and_outcome_is_settled_by_the_next_run(
    provider: Provider, document_id: int, arrived: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_update(provider, document_id)
    name = "update_invoice" if document_id > 0 else "update_recurring_invoice"
    send = getattr(provider.halo, name)

    def die(body: Any) -> None:
        if arrived:
            send(body)
        raise Crashed

    with monkeypatch.context() as patched:
        patched.setattr(provider.halo, name, die)
        with pytest.raises(Crashed):
            provider.close()
    assert provider.rows("select status from postings") == [{"status": "sending"}]

    provider.now = AFTER_THE_GRACE
    provider.close()

    assert provider.ours(document_id) == OURS
    assert provider.writes(ROUTES[document_id]) == 1
    assert provider.rows("select status from postings") == [{"status": "posted"}]
    assert provider.prove().whole


def test_an_update_is_looked_for_on_its_own_document_where_lists_leave_it_out(provider: Provider) -> None:
    """An agent dated the invoice elsewhere and gave it to another client: no list of ours shows it any more."""
    set_up_update(provider, 55)
    provider.disturb("drop", when="after")
    moved = {"invoice_date": "2026-08-01T00:00:00", "client_id": BIRCH.halopsa_id}
    provider.agent_after("/api/Invoice", "edit", 55, method="POST", fields=moved)
    provider.close()
    assert provider.holds() == [("client-1", "unknown_outcome")]

    provider.now = AFTER_THE_GRACE
    provider.close()

    assert provider.ours(55) == OURS
    assert provider.writes() == 1
    assert provider.rows("select status from postings") == [{"status": "posted"}]


def test_last_months_lines_of_the_same_amounts_are_not_taken_for_this_months(provider: Provider) -> None:
    """The same licences at the same price every month: only the period in the text tells them apart."""
    set_up_update(provider, -7)
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")
    provider.disturb("drop", route=ROUTES[-7])

    provider.close(NOVEMBER)

    assert provider.holds(NOVEMBER) == [("client-1", "unknown_outcome")]
    provider.now = "2026-11-06T16:00:00Z"
    provider.close(NOVEMBER)
    texts = [line["item_longdescription"] for line in provider.document(-7)["lines"] if line.get("comment_2")]
    assert all("Nov" in text or "2026-11" in text for text in texts), texts
    assert provider.prove(NOVEMBER).whole


def test_an_unknown_update_of_a_month_is_never_written_over_by_the_next(provider: Provider) -> None:
    set_up_update(provider, -7)
    provider.disturb("drop", route=ROUTES[-7])
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")

    provider.close(NOVEMBER)

    assert provider.holds(NOVEMBER) == [("client-1", "unknown_outcome")]
    why = provider.why(NOVEMBER)
    assert "for 2026-10 (client-1) has an unknown outcome: run billing-pipeline close 2026-10 --client client-1" in why
    assert provider.ours(-7) == []


@pytest.mark.parametrize("kind", ["latest", "recurring"])
def test_a_document_with_an_unknown_change_is_not_changed_for_another_client(provider: Provider, kind: str) -> None:
    """One pays for both: sending every line while the first change may still arrive would take it away."""
    parent = numbered(9)
    clients = [numbered(1, -7), numbered(2, -7)]
    pays = {"client_to_invoice": parent.halopsa_id, "client_to_invoice_recurring": parent.halopsa_id}
    world = make_world(
        [*clients, parent],
        [bill(OCTOBER, licence("mail", clients[0], "10.00"), licence("mail", clients[1], "20.00"))],
        invoices=[invoice(55, parent)],
        templates=[template(-7, parent)],
        client_fields={"client-1": pays, "client-2": pays},
    )
    provider.set_up(world, clients, {"target": kind})
    document_id = 55 if kind == "latest" else -7
    provider.disturb("drop", route=ROUTES[document_id])

    provider.close()
    assert provider.holds() == [("client-1", "unknown_outcome"), ("client-2", "unknown_outcome")]
    then = (
        f"waits until it is settled: run billing-pipeline close {OCTOBER} --client client-1 --post, then this one again"
    )
    assert then in provider.why()
    provider.close()
    assert provider.writes(ROUTES[document_id]) == 1

    provider.now = AFTER_THE_GRACE
    provider.close()
    assert sorted(provider.ours(document_id)) == [("Mail", "10.00", True), ("Mail", "20.00", True)]
    assert provider.holds() == []
    assert provider.prove().whole


def test_an_issue_between_our_read_and_our_write_is_told(provider: Provider) -> None:
    set_up_update(provider, -7)
    provider.prepare()
    provider.agent_after(
        "/api/RecurringInvoice", "edit", -7, method="POST", fields={"lastcreated": "2026-10-06T15:00:00"}
    )

    provider.post()

    (said,) = provider.findings("closed_meanwhile")
    assert "HaloPSA issued recurring invoice -7 while it was changed: look whether the invoice bills 2026-10" in said
    assert not provider.prove().whole


def test_an_issue_between_is_told_until_the_issued_invoice_has_our_lines(provider: Provider) -> None:
    """A template that stands as posted tells nothing of what HaloPSA issued from it before our lines came."""
    set_up_update(provider, -7)
    provider.prepare()
    moved = {"lastcreated": "2026-10-06T15:00:00"}
    provider.agent_after("/api/RecurringInvoice", "edit", -7, method="POST", fields=moved)
    provider.post()
    provider.close()
    assert provider.verify().agrees
    assert len(provider.findings("closed_meanwhile")) == 1

    (issued,) = provider.issue("2026-11-01T07:00:00Z")
    assert len(provider.ours(issued)) == 2
    provider.verify()

    assert provider.findings("closed_meanwhile") == []
    assert provider.prove().whole


def test_a_month_that_was_not_read_back_is_not_written_over(provider: Provider) -> None:
    set_up_update(provider, -7)
    provider.prepare(OCTOBER)
    provider.disturb("status", route="/api/RecurringInvoice", method="GET", status=500, count=2)
    result = provider.post(OCTOBER)
    assert result.stopped is not None
    assert "could not be read back" in result.stopped
    assert provider.rows("select read_back_at from postings") == [{"read_back_at": None}]
    provider.issue("2026-11-01T07:00:00Z")

    provider.close(NOVEMBER)
    assert (
        "for 2026-10 (client-1) was not read back: run billing-pipeline close 2026-10 --client client-1 --post first"
        in provider.why(NOVEMBER)
    )

    provider.close(OCTOBER)
    provider.close(NOVEMBER)
    assert provider.holds(NOVEMBER) == []
    assert provider.prove(OCTOBER).whole
    assert provider.prove(NOVEMBER).whole


def test_a_reading_that_fails_after_the_write_leaves_it_unknown_and_stops(provider: Provider) -> None:
    set_up_update(provider, 55)
    provider.disturb("status", route="/api/Invoice/{id}", method="GET", status=500, count=2, after=1)

    result = provider.close()

    assert result.stopped is not None
    assert "was sent and could not be read again" in result.stopped
    assert provider.rows("select status from postings") == [{"status": "posted"}], "found by the read at the end"
    assert provider.prove().whole


def test_damage_is_found_where_the_outcome_is_settled_by_looking(provider: Provider) -> None:
    set_up_update(provider, 55)
    provider.switch(lines="duplicate")
    provider.disturb("drop", when="after")

    provider.close()

    assert provider.rows("select status from postings") == [{"status": "posted"}]
    assert len(provider.findings("others_changed")) == 1
    assert not provider.prove().whole


def test_an_edit_that_is_seen_when_looking_later_is_told_and_stops_nothing(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died after the request; hours later nobody can tell whose change that was."""
    clients = [ACME, BIRCH]
    lines = [licence("mail", ACME, "10.00"), licence("voice", BIRCH, "7.00")]
    world = make_world(clients, [bill(OCTOBER, *lines)], invoices=[invoice(55), invoice(66, BIRCH)])
    provider.set_up(world, clients, {"target": "latest"})
    send = provider.halo.update_invoice

    def die(body: Any) -> None:
        send(body)
        raise Crashed

    with monkeypatch.context() as patched:
        patched.setattr(provider.halo, "update_invoice", die)
        with pytest.raises(Crashed):
            provider.close()
    provider.agent("edit_line", 55, line_id=5500, fields={"unit_price": 60})
    provider.now = AFTER_THE_GRACE

    provider.close()

    assert [provider.ours(number) for number in (55, 66)] == [[("Mail", "10.00", True)], [("Voice", "7.00", True)]]
    assert provider.holds() == []
    assert provider.prove().whole
    (said,) = provider.findings("others_edited")
    assert "invoice 55: line 5500 changed (unit_price was" in said
    assert "Nobody knows whether our change did that or a person since: look at its history in HaloPSA" in said

    provider.agent("edit_line", 55, line_id=5500, fields={"unit_price": 50})
    provider.close()
    assert provider.findings("others_edited") == []


def test_only_updates_change_existing_documents() -> None:
    assert update_document.changes_existing({"action": "update_invoice"})
    assert not update_document.changes_existing({"action": "create"})
