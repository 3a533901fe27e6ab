"""A month on a recurring invoice is released once nothing of it stands there and nothing of it was issued."""

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, NOVEMBER, OCTOBER, bill, licence, make_world, template
from billing_pipeline_tests.verify.releasing import delete_ours, line_of


def issued_october(provider: Provider) -> int:
    """October on a recurring invoice, issued on the first of November, and taken off the recurring invoice."""
    lines = [licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")]
    november = bill(NOVEMBER, licence("mail", ACME, "11.00"))
    world = make_world([ACME], [bill(OCTOBER, *lines), november], templates=[template(-7)])
    provider.set_up(world, [ACME], {"target": "recurring"})
    provider.close()
    (issued,) = provider.issue("2026-11-01T07:00:00Z")
    return issued


@pytest.mark.parametrize("copies_keys", [True, False])
def test_what_was_issued_from_a_recurring_invoice_is_billed(provider: Provider, copies_keys: bool) -> None:
    issued = issued_october(provider)
    delete_ours(provider, -7)
    if not copies_keys:
        for name in ("Mail", "Backup"):
            line = line_of(provider, issued, name)
            provider.agent("edit_line", issued, line_id=line, fields={"comment_2": ""})
    released = provider.release()
    assert [(one.halopsa_id, one.money) for one in released.standing] == [(issued, 10), (issued, 30)]
    assert {one.todo for one in released.standing} == {"It was issued from the recurring invoice. Delete it there."}
    said = "bears bp-s-" if copies_keys else "looks like the line of bp-s-"
    assert all(said in one.told for one in released.standing)
    provider.agent("delete", issued)
    assert provider.release().is_done


def test_a_month_that_a_later_one_wrote_over_is_judged_by_what_was_issued_of_it(provider: Provider) -> None:
    issued = issued_october(provider)
    provider.close(NOVEMBER)
    (of_november,) = provider.issue("2026-12-01T07:00:00Z")
    ended = line_of(provider, -7, "Backup")
    assert {(one.halopsa_id, one.line_id) for one in provider.release().standing if one.halopsa_id < 0} == {(-7, ended)}
    provider.agent("delete_line", -7, line_id=ended)
    assert {one.halopsa_id for one in provider.release().standing} == {issued}
    provider.agent("void", issued)
    released = provider.release()
    assert released.is_done, "the lines on the recurring invoice and what was issued since are November's"
    assert provider.verify(NOVEMBER).agrees
    assert {one.halopsa_id for one in provider.release(NOVEMBER).standing} == {-7, of_november}


def test_an_issue_of_the_month_before_is_not_this_months(provider: Provider) -> None:
    issued_october(provider)
    provider.close(NOVEMBER)
    delete_ours(provider, -7)
    assert provider.release(NOVEMBER).is_done
    assert provider.fates(OCTOBER) == {"posted"}


def test_what_a_released_month_ended_stays_ended_for_the_month_before(provider: Provider) -> None:
    lines = [licence("mail", ACME, "10.00"), licence("disk", BIRCH, "20.00"), licence("tape", BIRCH, "5.00")]
    bills = [bill(OCTOBER, *lines), bill(NOVEMBER, licence("disk", BIRCH, "20.00"))]
    world = make_world([ACME, BIRCH], bills, templates=[template(-7), template(-8, BIRCH)])
    provider.set_up(world, [ACME, BIRCH], {"target": "recurring"})
    provider.close()
    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER)
    assert (provider.ours(-7), provider.ours(-8)) == (
        [("Mail", "10.00", False)],
        [("Disk", "20.00", True), ("Tape", "5.00", False)],
    )

    assert provider.release(NOVEMBER, "client-1").is_done, "November only ended lines of client-1"
    provider.agent("delete_line", -8, line_id=line_of(provider, -8, "Disk"))
    assert provider.release(NOVEMBER, "client-2").is_done

    def still_drifts() -> list[tuple[str, str]]:
        return [(one.kind, one.name) for one in provider.verify(OCTOBER).drift]

    assert still_drifts() == [("line_gone", "Disk")], "what the person deleted, and nothing that November ended"

    provider.close(NOVEMBER)
    assert provider.ours(-7) == [("Mail", "10.00", False)]
    assert still_drifts() == []
    assert provider.verify(NOVEMBER).agrees
