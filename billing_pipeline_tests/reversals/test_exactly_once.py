"""A month is taken back once, whatever happens to the request."""

from time import monotonic, sleep

import pytest

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.commands.outcome import DONE, HELD
from billing_pipeline.commands.reverse import print_result
from billing_pipeline.steps.journal import HEAD_FILE
from billing_pipeline_tests.behaviours.provider import BROWSER, Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, Json, bill, licence, make_world
from billing_pipeline_tests.reversals.undoing import adds_up, keys_in_halopsa, look_at, newest, take_back

AFTER_THE_GRACE = "2026-10-06T15:16:00Z"
POSTED_ONCE = ["sending", "posted", "read_back"]


@pytest.fixture
def posted(provider: Provider) -> Provider:
    """Acme was billed 10.00 on invoice 1, Birch 20.00 on invoice 2."""
    lines = [licence("mail", ACME, "10.00", "8.00"), licence("mail", BIRCH, "20.00")]
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)]), [ACME, BIRCH], {})
    provider.close()
    return provider


def events(provider: Provider) -> list[str]:
    """What the journal says of the credit."""
    rows = provider.rows(
        "select event from posting_journal where document_key in (select document_key from postings where sell < 0) "
        "order by seq"
    )
    return [row["event"] for row in rows]


def let_late_writes_commit(provider: Provider) -> None:
    """Let HaloPSA do now what a fault put off."""
    BROWSER.post(f"{provider.sandbox.halopsa_url}/_sandbox/commits").raise_for_status()


def is_taken_back_once(provider: Provider) -> bool:
    """Whether HaloPSA has one credit of Acme's month, and the ledger knows it, read back."""
    assert len(provider.invoice_ids()) == 3
    assert set(keys_in_halopsa(provider).values()) == {1}
    (row,) = provider.rows("select halopsa_invoice_id as id, sell + readback_sell as twice from reversals")
    assert (row["id"], row["twice"]) == (newest(provider)["id"], -20)
    return adds_up(provider)


def test_twice_is_once(posted: Provider) -> None:
    take_back(posted)
    again = take_back(posted)

    assert posted.writes() == 3
    assert again.reversal is not None
    assert again.reversal.plan.documents == ()
    assert look_at(posted).plan.documents == ()
    assert events(posted) == POSTED_ONCE
    assert is_taken_back_once(posted)


@pytest.mark.parametrize(
    "fault", [{"kind": "drop", "when": "after"}, {"kind": "delay", "when": "after", "seconds": 1.5}]
)
def test_what_came_without_an_answer_is_found_by_looking(posted: Provider, fault: Json) -> None:
    posted.disturb(**fault)

    result = take_back(posted)

    # A request that was given up ends in its own time, and must not reach into another test.
    last = monotonic() + 30
    while posted.writes() < 3 and monotonic() < last:
        sleep(0.05)
    assert posted.writes() == 3
    assert result.posting.unknown == []
    assert events(posted) == ["sending", "unknown", "settled", "read_back"]
    assert is_taken_back_once(posted)


def test_what_is_unknown_is_held_and_settled_by_the_next_run(posted: Provider) -> None:
    posted.disturb("drop", commit_after_requests=10_000)
    result = take_back(posted)
    assert len(result.posting.unknown) == 1
    assert posted.holds() == [("client-1", "unknown_outcome")]
    assert "of client-1 over -10.00 USD was sent and nobody knows yet whether HaloPSA has it" in posted.why()
    assert (
        f"run billing-pipeline reverse {OCTOBER} --client client-1 --post again: it looks, and never sends twice"
        in posted.why()
    )

    with pytest.raises(PostingRefused, match=f"Run billing-pipeline reverse {OCTOBER} --client client-1 --post first"):
        look_at(posted)
    assert take_back(posted).reversal is None, "within the grace nothing is sent again"
    assert posted.writes() == 3

    let_late_writes_commit(posted)
    take_back(posted)
    assert posted.holds() == []
    assert posted.writes() == 3
    assert is_taken_back_once(posted)


def test_a_close_settles_it_too_and_bills_nothing_meanwhile(posted: Provider) -> None:
    posted.disturb("drop", commit_after_requests=10_000)
    take_back(posted)
    posted.prepare()
    assert posted.holds() == [("client-1", "unknown_outcome")]
    assert f"reverse {OCTOBER} --client client-1 --post looks for it, and never sends it twice" in posted.why()

    let_late_writes_commit(posted)
    posted.close()

    assert posted.holds() == []
    assert posted.writes() == 3
    assert is_taken_back_once(posted)


def test_a_hold_that_is_left_once_it_is_settled_says_what_goes_on(
    posted: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    posted.disturb("drop", commit_after_requests=10_000)
    take_back(posted)
    posted.sandbox.pax8.add_invoice(bill(OCTOBER, licence("late", ACME, "5.00"), number=2))
    posted.prepare()
    assert "nobody knows yet whether HaloPSA has it" in posted.why()

    let_late_writes_commit(posted)
    result = take_back(posted)

    (credit,) = result.posting.settled
    said = (
        f"document {credit} was settled since; billing-pipeline close {OCTOBER} --client client-1 plans what waited "
        "for it"
    )
    assert posted.why() == said
    assert print_result(posted._work(OCTOBER).of(("client-1",)), result) == HELD
    assert f"- Held: {said}" in " ".join(capsys.readouterr().out.split())

    posted.prepare()
    assert posted.holds() == []
    assert print_result(posted._work(OCTOBER).of(("client-1",)), result) == DONE
    told = capsys.readouterr().out
    assert "Planned besides and not posted: 1 invoice over 5.00 USD. To post them:\n" in told
    assert f"    billing-pipeline close {OCTOBER} --client client-1 --post\n" in told


def test_what_never_arrived_is_sent_again_after_the_grace(posted: Provider) -> None:
    posted.disturb("drop")
    take_back(posted)
    assert len(posted.invoice_ids()) == 2

    posted.now = AFTER_THE_GRACE
    take_back(posted)

    assert posted.writes() == 4
    assert events(posted)[-4:] == ["absent", *POSTED_ONCE]
    assert is_taken_back_once(posted)


def test_what_halopsa_refuses_is_told_and_sent_again(posted: Provider) -> None:
    posted.disturb("status", status=400, body={"error": "no invoices below zero"})
    result = take_back(posted)
    assert len(result.posting.refused) == 1
    assert "over -10.00 USD for 2026-10: it was refused: " in posted.findings("refused")[0]
    assert "no invoices below zero" in posted.findings("refused")[0]
    assert (
        ". Put that right, then run billing-pipeline reverse 2026-10 --client client-1" in posted.findings("refused")[0]
    )

    take_back(posted)

    assert posted.findings("refused") == []
    assert is_taken_back_once(posted)


def test_a_right_that_is_missing_stops_it(posted: Provider) -> None:
    posted.disturb("status", status=403)
    assert "403" in str(take_back(posted).posting.stopped)
    take_back(posted)
    assert is_taken_back_once(posted)


def test_a_credit_that_only_halopsa_knows_of_is_taken_for_ours(posted: Provider) -> None:
    take_back(posted)
    # A database from before it, as a backup is that was put in place with its published folder.
    (posted.warehouse.published / HEAD_FILE).unlink()
    with posted.warehouse.session("go back") as session:
        session.execute("delete from posting_journal where document_key in (select document_key from reversals)")
        session.execute("delete from postings where document_key in (select document_key from reversals)")
        session.execute("delete from reversals")

    result = take_back(posted)

    assert result.posting.adopted == [newest(posted)["reference"]]
    assert posted.writes() == 3
    assert events(posted) == ["sending", "adopted", "read_back"]
    assert is_taken_back_once(posted)


def test_a_credit_that_halopsa_changed_is_told(posted: Provider) -> None:
    posted.switch(redirect_client_to=202)
    take_back(posted)
    posted.switch()
    (said,) = posted.findings("read_back_differs")
    assert said.startswith(f"document {newest(posted)['reference']} of client-1 over -10.00 USD for 2026-10: it is on ")
    assert "HaloPSA client 202, planned on 201. See billing-pipeline verify 2026-10; once it is put right" in said
    assert not posted.prove().whole


def test_a_tax_that_differs_from_what_is_taken_back_is_told(posted: Provider) -> None:
    (there,) = posted.document(1)["lines"]
    posted.agent("edit_line", 1, line_id=there["id"], fields={"tax_amount": 1})
    posted.sandbox.halopsa.table("invoices")[1]["lines"][0]["tax_amount"] = there["net_amount"] / 10
    take_back(posted)
    (said,) = posted.findings("tax_differs")
    assert "HaloPSA computed 0.00 USD tax, -1.00 USD was expected" in said


def test_what_an_agent_changes_while_it_is_taken_back_is_told(posted: Provider) -> None:
    (line,) = posted.document(1)["lines"]
    posted.agent_after("/api/Invoice", "edit_line", 1, method="POST", line_id=line["id"], fields={"unit_price": 11})
    take_back(posted)
    (said,) = posted.findings("read_back_differs")
    assert "HaloPSA invoice 1 over 10.00 USD, which it takes back, was changed meanwhile: line 'Mail'" in said
    assert "has 11.00 USD, planned 10.00 USD" in said
    assert not posted.prove().whole

    take_back(posted)
    assert posted.findings("read_back_differs") == [said]
    posted.agent("edit_line", 1, line_id=line["id"], fields={"unit_price": 10})
    take_back(posted)
    assert posted.findings("read_back_differs") == []
    assert posted.prove().whole


def test_a_credit_that_an_agent_voids_at_once_is_told(posted: Provider) -> None:
    posted.agent_after("/api/Invoice", "void", 3, method="POST")
    take_back(posted)
    (said,) = posted.findings("read_back_differs")
    assert "over -10.00 USD for 2026-10: it is voided. See billing-pipeline verify 2026-10" in said
    assert not posted.prove().whole
