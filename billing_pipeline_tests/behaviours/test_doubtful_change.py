"""A change of a recurring invoice whose outcome is unknown, and that was issued before anybody looked."""

from typing import Any

import pytest

from billing_pipeline_tests.behaviours.provider import Provider, is_ours
from billing_pipeline_tests.behaviours.world import (
    ACME,
    NOVEMBER,
    OCTOBER,
    Json,
    bill,
    licence,
    make_world,
    template,
)

HELD = [("client-1", "unknown_outcome")]


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def october(provider: Provider) -> Provider:
    bills = [
        bill(month, licence("mail", ACME, "10.00"), number=place) for place, month in enumerate((OCTOBER, NOVEMBER))
    ]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.now = "2026-10-31T15:00:00Z"
    return provider


def kill_at_the_change(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, *, arrived: bool, month: str = OCTOBER
) -> None:
    send = provider.halo.update_recurring_invoice

    def die(body: Any) -> None:
        if arrived:
            send(body)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(provider.halo, "update_recurring_invoice", die)
        with pytest.raises(Killed):
            provider.close(month)


def our_line(provider: Provider) -> Json:
    (line,) = (line for line in provider.document(-7)["lines"] if is_ours(line))
    return line


def test_a_change_that_was_issued_and_edited_then_is_neither_planned_nor_sent_again(
    october: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at_the_change(october, monkeypatch, arrived=True)
    line = our_line(october)
    (issued,) = october.issue("2026-11-01T07:00:00Z")
    fields = {"item_longdescription": "Mailboxes for the office"}
    october.agent("edit_line", -7, line_id=line["id"], fields=fields)
    october.now = "2026-11-02T15:00:00Z"

    october.close()

    assert october.writes("/api/RecurringInvoice") == 1
    assert october.rows("select status from postings") == [{"status": "unknown"}]
    assert october.holds() == HELD
    why = october.why()
    assert "of client-1 over 10.00 USD was sent and nobody knows yet whether HaloPSA has it: HaloPSA issued" in why
    assert f"HaloPSA issued recurring invoice -7 since (invoice {issued}), and its lines there are neither as" in why
    assert f"as planned (line {line['id']} with 1 x 10, 'Mail', '{line['item_longdescription']}')" in why
    assert f"nor surely as they were (line {line['id']} was not there)" in why
    assert "if it bills these lines, set them there as planned, and if it does not, as they were. Then run" in why
    assert "run billing-pipeline close 2026-10 --client client-1 --post again: it looks, and never sends twice" in why
    october.now = "2026-11-06T15:00:00Z"
    october.close(NOVEMBER)
    assert october.holds(NOVEMBER) == HELD, "nothing takes away what settles October"

    october.agent("edit_line", -7, line_id=line["id"], fields={"item_longdescription": line["item_longdescription"]})
    october.close()
    october.close(NOVEMBER)

    assert october.holds() == october.holds(NOVEMBER) == []
    assert october.writes("/api/RecurringInvoice") == 2
    assert october.prove().whole


def test_an_edited_change_that_was_not_issued_yet_is_held_until_it_is_as_planned(
    october: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned anew, it might wait for an approval until HaloPSA has issued what stands there."""
    kill_at_the_change(october, monkeypatch, arrived=True)
    line = our_line(october)
    october.agent("edit_line", -7, line_id=line["id"], fields={"item_longdescription": "Mailboxes for the office"})
    october.now = "2026-10-31T16:00:00Z"

    october.close()

    assert october.holds() == HELD
    why = october.why()
    assert (
        f"recurring invoice -7 was edited since, and its lines there are neither as planned (line {line['id']}" in why
    )
    assert f"nor surely as they were (line {line['id']} was not there): set them there as planned. Then run" in why
    october.agent("edit_line", -7, line_id=line["id"], fields={"item_longdescription": line["item_longdescription"]})
    october.close()
    assert october.holds() == []
    assert october.writes("/api/RecurringInvoice") == 1
    assert october.prove().whole


def test_a_change_that_never_arrived_is_sent_again_though_what_stood_there_was_issued(
    october: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    october.close()
    october.issue("2026-11-01T07:00:00Z")
    october.now = "2026-11-06T15:00:00Z"
    kill_at_the_change(october, monkeypatch, arrived=False, month=NOVEMBER)
    october.issue("2026-12-01T07:00:00Z")
    october.now = "2026-12-02T15:00:00Z"

    october.close(NOVEMBER)

    assert october.holds(NOVEMBER) == []
    assert october.writes("/api/RecurringInvoice") == 2
    assert october.prove(NOVEMBER).whole


def test_what_nobody_can_tell_of_a_recurring_invoice_that_is_gone_is_held_until_its_invoice_is_void(
    october: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at_the_change(october, monkeypatch, arrived=True)
    (issued,) = october.issue("2026-11-01T07:00:00Z")
    october.agent("delete", -7)
    october.now = "2026-11-02T15:00:00Z"

    october.close()

    assert october.holds() == HELD
    assert (
        f"recurring invoice -7 is gone, and HaloPSA issued invoice {issued} from it since: void what" in october.why()
    )
    october.agent("edit", issued, fields={"voided": True})
    october.close()
    assert october.holds() == [("client-1", "no_recurring_invoice")]


@pytest.mark.parametrize("edit", ["deleted", "without its key"])
def test_an_issued_invoice_with_our_line_says_that_the_change_arrived(
    october: Provider, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    kill_at_the_change(october, monkeypatch, arrived=True)
    line = our_line(october)
    (issued,) = october.issue("2026-11-01T07:00:00Z")
    if edit == "deleted":
        october.agent("delete_line", -7, line_id=line["id"])
    else:
        october.agent("edit_line", -7, line_id=line["id"], fields={"comment_2": ""})
    october.now = "2026-11-02T15:00:00Z"

    october.close()

    assert october.writes("/api/RecurringInvoice") == 1
    assert october.holds() == HELD
    assert f"invoice {issued}" in october.why()
    assert f"a line with the key {line['comment_2']} in comment_2 with 1 x 10, 'Mail'" in october.why()


def test_a_line_of_ours_without_its_key_is_not_sent_again(october: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_at_the_change(october, monkeypatch, arrived=True)
    line = our_line(october)
    october.agent("edit_line", -7, line_id=line["id"], fields={"comment_2": ""})
    october.now = "2026-10-31T18:00:00Z"

    october.close()

    assert october.writes("/api/RecurringInvoice") == 1
    assert october.holds() == HELD
    assert f"line {line['id']} was not there" in october.why()
    october.agent("edit_line", -7, line_id=line["id"], fields={"comment_2": line["comment_2"]})
    october.close()
    assert october.holds() == []
    assert october.prove().whole


def test_a_template_that_is_gone_and_never_billed_our_lines_holds_nobody(
    october: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at_the_change(october, monkeypatch, arrived=False)
    october.issue("2026-11-01T07:00:00Z")
    october.agent("delete", -7)
    october.now = "2026-11-02T15:00:00Z"

    october.close()

    assert october.rows("select outcome from posting_journal where event = 'absent'") != []
    assert october.holds() == [("client-1", "no_recurring_invoice")]
