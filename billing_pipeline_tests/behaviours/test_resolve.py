"""A person has the last word on what became of a document of unknown outcome, and only where no read denies it."""

from typing import Any

import pytest

from billing_pipeline.billing.errors import PostingRefused, SettingsError
from billing_pipeline.steps.reverse import reverse
from billing_pipeline_tests.behaviours.provider import Provider, is_ours
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, invoice, licence, make_world, template

AFTER_THE_GRACE = "2026-10-06T18:00:00Z"
CLOSE = "billing-pipeline close 2026-10 --client client-1 --post"
RESOLVE = "billing-pipeline resolve 2026-10 --client client-1"


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def month(provider: Provider) -> Provider:
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], invoices=[invoice(11)])
    provider.set_up(world, [ACME], {"target": "new"})
    return provider


def kill_at(provider: Provider, monkeypatch: pytest.MonkeyPatch, write: str, *, arrived: bool) -> None:
    send = getattr(provider.halo, write)

    def die(body: Any) -> None:
        if arrived:
            send(body)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(provider.halo, write, die)
        with pytest.raises(Killed):
            provider.close()


def refusal(provider: Provider, halopsa_id: int | None, client: str = "client-1") -> str:
    before = provider.rows("select count(*) as rows from posting_journal")
    with pytest.raises(PostingRefused) as caught:
        provider.resolve(halopsa_id, client)
    assert provider.rows("select count(*) as rows from posting_journal") == before
    return str(caught.value)


def events(provider: Provider) -> list[str]:
    return [row["event"] for row in provider.rows("select event from posting_journal order by seq")]


def test_what_never_arrived_is_posted_once_after_a_person_said_so(
    month: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(month, monkeypatch, "create_invoice", arrived=False)

    said = refusal(month, None)
    assert "of client-1 over 10.00 USD may still arrive in HaloPSA: nobody can say before 2026-10-06 15:15 UTC" in said
    assert (
        f"(halopsa.unknown_grace_seconds: 900) that it is not there. Nothing was changed. After that, {CLOSE}" in said
    )
    month.now = AFTER_THE_GRACE
    resolved = month.resolve(None)

    assert (resolved.by, resolved.halopsa_id, resolved.command) == ("Jane Doe", None, CLOSE)
    assert events(month) == ["sending", "resolved", "absent"]
    (told,) = month.rows("select outcome, detail from posting_journal where event = 'resolved'")
    assert told["outcome"].startswith("HaloPSA does not have it, says Jane Doe; all invoices, searches, clients' lists")
    assert told["detail"] == '{"by":"Jane Doe"}'
    assert month.writes() == 0
    month.close()
    assert (month.invoice_ids(), month.writes(), month.holds()) == ([11, 12], 1, [])
    assert month.prove().whole


def test_what_is_there_is_not_absent_and_is_accepted_as_what_it_is(
    month: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(month, monkeypatch, "create_invoice", arrived=True)
    # Neither the date nor the search finds it.
    month.agent("edit", 12, fields={"invoice_date": "2026-01-01T00:00:00"})
    month.switch(search_reference=False)
    month.now = AFTER_THE_GRACE

    said = refusal(month, None)
    assert "of client-1 over 10.00 USD is not absent: HaloPSA invoice 12 bears it. Nothing was changed." in said
    assert f"{RESOLVE} --invoice 12 --by NAME accepts it." in said
    assert "HaloPSA invoice 11 bears no key of document bp-d-" in refusal(month, 11)
    assert "neither in reference nor in comment_2 of a line: it is not accepted, and nothing was" in refusal(month, 11)
    assert refusal(month, 99).startswith("HaloPSA has no invoice 99: it is not document bp-d-")
    assert refusal(month, None, "client-2").startswith(
        "Nothing of client-2 in 2026-10 has an unknown outcome (the nearest known one is client-1), so there"
    )
    with pytest.raises(SettingsError, match="names nobody: write the name of the person who says so"):
        month.resolve(12, by=" ")
    resolved = month.resolve(12)

    assert events(month) == ["sending", "resolved", "settled"]
    assert (resolved.halopsa_id, resolved.differences) == (12, ())
    assert month.holds() == []
    month.close()
    assert (month.invoice_ids(), month.writes()) == ([11, 12], 1)
    assert month.prove().whole


def test_two_copies_are_none_that_a_person_can_deny(month: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_at(month, monkeypatch, "create_invoice", arrived=True)
    there = month.document(12)
    copy = {name: there[name] for name in ("client_id", "invoice_date", "currency_code", "reference")}
    month.agent("create", fields=copy, lines=[{**line, "id": 0} for line in there["lines"]])
    month.now = AFTER_THE_GRACE

    said = refusal(month, None)

    assert "HaloPSA invoice 12 and invoice 13 bear it. Nothing was changed. Delete all but one there, then run" in said


def test_a_recurring_invoice_of_which_looking_tells_nothing_is_resolved_either_way(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.set_up(
        make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], templates=[template(-7)]),
        [ACME],
        {"target": "recurring"},
    )
    provider.now = "2026-10-31T15:00:00Z"
    kill_at(provider, monkeypatch, "update_recurring_invoice", arrived=True)
    (line,) = (line for line in provider.document(-7)["lines"] if is_ours(line))
    provider.agent("edit_line", -7, line_id=line["id"], fields={"item_longdescription": "Mailboxes"})
    provider.now = "2026-10-31T16:00:00Z"
    provider.close()
    assert provider.holds() == [("client-1", "unknown_outcome")]
    assert (
        "it looks, and never sends twice. Where it stays unknown, say what you see in HaloPSA: "
        f"{RESOLVE} --absent --by NAME, or --invoice ID in the place of --absent" in provider.why()
    )

    resolved = provider.resolve(-7)

    assert resolved.halopsa_id == -7
    assert provider.rows("select status from postings") == [{"status": "posted"}]
    assert provider.holds() == []
    provider.close()
    assert provider.writes("/api/RecurringInvoice") == 1


def test_a_recurring_invoice_is_written_again_where_a_person_denies_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.set_up(
        make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], templates=[template(-7)]),
        [ACME],
        {"target": "recurring"},
    )
    provider.now = "2026-10-31T15:00:00Z"
    kill_at(provider, monkeypatch, "update_recurring_invoice", arrived=True)
    provider.now = "2026-10-31T16:00:00Z"
    assert "HaloPSA recurring invoice -7 bears it" in refusal(provider, None), "it stands there as planned"
    (line,) = (line for line in provider.document(-7)["lines"] if is_ours(line))
    (issued,) = provider.issue("2026-11-01T07:00:00Z")
    provider.agent("edit_line", -7, line_id=line["id"], fields={"item_longdescription": "Mailboxes"})
    provider.now = "2026-11-02T15:00:00Z"
    assert (
        f"HaloPSA invoice {issued} bears it. Nothing was changed. If the change arrived, {RESOLVE} --invoice -7 --by "
        "NAME says so; else void what bills it, then say so again." in refusal(provider, None)
    )
    provider.agent("void", issued)

    provider.resolve(None)
    provider.close()

    assert provider.writes("/api/RecurringInvoice") == 2
    assert provider.holds() == []
    assert provider.prove().whole


def test_a_credit_that_never_arrived_is_resolved_too(month: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    month.close()
    send = month.halo.create_invoice

    def die(_: Any) -> None:
        raise Killed

    monkeypatch.setattr(month.halo, "create_invoice", die)
    with pytest.raises(Killed):
        reverse(month._work(OCTOBER), month.halo)
    monkeypatch.setattr(month.halo, "create_invoice", send)
    month.now = AFTER_THE_GRACE

    assert month.resolve(None).command == "billing-pipeline reverse 2026-10 --client client-1 --post"
    assert reverse(month._work(OCTOBER), month.halo).posting.posted
    assert month.invoice_ids() == [11, 12, 13]
