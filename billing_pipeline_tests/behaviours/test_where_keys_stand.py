"""Where our keys stand in HaloPSA is a setting; what was posted before it changed is known all the same."""

import pytest

from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.steps.key_fields import document_key_of, line_key
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    Json,
    bill,
    licence,
    make_world,
    template,
)

ELSEWHERE = {"charge_key_field": "comment_1", "document_key_field": "notes_1"}
KEY = "bp-d-" + "0" * 32


def test_a_recurring_line_keeps_its_place_and_bears_its_key_once(provider: Provider) -> None:
    bills = [bill(month, licence("mail", ACME, "10.00")) for month in (OCTOBER, NOVEMBER, DECEMBER)]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.close(OCTOBER)
    ((key, line_id),) = provider.places(-7).items()
    provider.issue("2026-11-01T07:00:00Z")

    provider.configure([ACME], {"target": "recurring"}, halopsa=ELSEWHERE)
    provider.close(NOVEMBER)

    (line,) = [line for line in provider.document(-7)["lines"] if line["item_shortdescription"] == "Mail"]
    assert (line["id"], line["comment_1"], line.get("comment_2") or "") == (line_id, key, "")
    assert provider.verify(NOVEMBER).is_settled
    (issued,) = provider.issue("2026-12-01T07:00:00Z")
    assert [line["item_shortdescription"] for line in provider.document(issued)["lines"]] == ["Labour 7000", "Mail"]

    provider.configure([ACME], {"target": "recurring"})
    provider.close(DECEMBER)

    (line,) = [line for line in provider.document(-7)["lines"] if line["item_shortdescription"] == "Mail"]
    assert (line["id"], line.get("comment_1") or "", line["comment_2"]) == (line_id, "", key)
    assert provider.verify(DECEMBER).is_settled


class Crashed(BaseException):
    """The process dies: nothing of the run comes after."""


@pytest.mark.parametrize(("target", "send"), [("new", "create_invoice"), ("recurring", "update_recurring_invoice")])
def test_what_was_sent_before_a_crash_is_found_where_it_was_written(
    provider: Provider, target: str, send: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], templates=[template(-7)])
    provider.set_up(world, [ACME], {"target": target})
    arrives = getattr(provider.halo, send)

    def die(body: Json) -> None:
        arrives(body)
        raise Crashed

    with monkeypatch.context() as patched:
        patched.setattr(provider.halo, send, die)
        with pytest.raises(Crashed):
            provider.close()

    provider.configure([ACME], {"target": target}, halopsa=ELSEWHERE)
    provider.now = "2026-10-06T18:00:00Z"
    provider.close()

    assert provider.writes("/api/Invoice") + provider.writes("/api/RecurringInvoice") == 1
    assert provider.rows("select status from postings") == [{"status": "posted"}]
    assert provider.prove().whole
    assert provider.verify().is_settled


def test_what_was_posted_before_is_told_by_release_and_posted_no_second_time(provider: Provider) -> None:
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))])
    provider.set_up(world, [ACME], {"target": "new"})
    (key,) = provider.close().posted

    provider.configure([ACME], {"target": "new"}, halopsa=ELSEWHERE)
    provider.close()

    assert provider.verify().is_settled
    (standing,) = provider.release().standing
    assert standing.key == f"bears {key}"
    assert len(provider.invoice_ids()) == 1


def test_only_a_field_that_holds_nothing_else_bears_a_key() -> None:
    fields = HaloPsaFields()
    assert document_key_of({"reference": "T-1", "internal_note": KEY}, fields) == KEY
    assert document_key_of({"reference": "T-1", "internal_note": f"{KEY} is the other one"}, fields) == "T-1"
    assert document_key_of({"reference": KEY, "internal_note": KEY.replace("0", "1")}, fields) == KEY
    assert line_key({"comment_1": "by hand"}, fields) == ""
