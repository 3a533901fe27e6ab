"""Where approvals are required, taking back needs one of its own, and so does billing again after a release."""

import pytest

from billing_pipeline.billing.errors import ApprovalRefused, SettingsError
from billing_pipeline.steps.approve import HaloPsaPlace, approve
from billing_pipeline.steps.approve_reversal import approve_reversal
from billing_pipeline.steps.reverse import AwaitsApproval
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, licence, make_world
from billing_pipeline_tests.reversals.undoing import journal_rows, look_at, newest, take_back

AWAITING = ["client-1"]


def awaiting(provider: Provider) -> list[str]:
    """The clients whose plan waits for an approval."""
    assert provider.holds() == []
    return [row["client"] for row in provider.rows("select client from to_approve")]


def post_october(provider: Provider) -> None:
    """Post a Mail over 100.00 USD for Acme that Jane approved."""
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "100.00", "80.00"))])
    provider.set_up(world, [ACME], {}, approval="required")
    provider.prepare()
    approve_charges(provider)
    provider.close()
    assert provider.posted() == 100


def approve_charges(provider: Provider) -> None:
    approve(provider._work(OCTOBER), "Jane Doe", HaloPsaPlace(provider.halo.address, provider.halo.tenant))


def approve_credit(provider: Provider, by: str = "Jane Doe") -> tuple[str, ...]:
    """Approve what takes October back; the hashes of what was approved now."""
    reversal, result = approve_reversal(provider._work(OCTOBER).of(("client-1",)), provider.halo, by)
    assert {one.plan_hash for one in result.approved} <= {reversal.plan.plan_hash}
    return tuple(one.plan_hash for one in result.approved)


def test_a_credit_is_posted_once_a_person_approved_that_very_credit(provider: Provider) -> None:
    post_october(provider)
    sent, before = provider.writes(), journal_rows(provider)

    with pytest.raises(AwaitsApproval) as caught:
        take_back(provider)

    plan = look_at(provider).plan
    assert caught.value.exit_code == 3
    assert str(caught.value) == (
        f"2026-10 of client-1 was not taken back: the credit over -100.00 USD (plan {plan.plan_hash[:12]}) waits for "
        "an approval. billing-pipeline approve 2026-10 --client client-1 --reversal --by NAME shows it and records who "
        "approved it; then billing-pipeline reverse 2026-10 --client client-1 --post."
    )
    assert (provider.writes(), journal_rows(provider)) == (sent, before)

    assert approve_credit(provider) == (plan.plan_hash,)
    assert approve_credit(provider) == (), "Jane approved it before"
    (row,) = provider.rows("select * from posting_journal order by seq desc limit 1")
    assert (row["event"], row["client"], row["plan_hash"]) == ("approved", "client-1", plan.plan_hash)
    assert provider.writes() == sent

    assert len(take_back(provider).posting.posted) == 1
    assert newest(provider)["revenue"] == -100
    with pytest.raises(ApprovalRefused, match="Nothing of 2026-10 is left to take back of client-1"):
        approve_credit(provider)


def test_another_credit_than_the_approved_one_is_refused(provider: Provider) -> None:
    post_october(provider)
    approve_credit(provider)
    (line,) = newest(provider)["lines"]
    provider.agent("edit_line", newest(provider)["id"], line_id=line["id"], fields={"nominal_code": "4444"})
    with pytest.raises(AwaitsApproval):
        take_back(provider)
    approve_credit(provider, "Bob Roe")
    assert len(take_back(provider).posting.posted) == 1


def test_an_approval_of_a_credit_is_none_of_charges(provider: Provider) -> None:
    post_october(provider)
    approve_credit(provider)
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, licence("disk", ACME, "7.00"), number=2))
    provider.close()
    assert awaiting(provider) == AWAITING
    (told,) = provider.rows("select detail from to_approve")
    assert "approved plan" not in told["detail"], "Jane's approval of the credit did not fall"
    approve_credit(provider, "Bob Roe")
    assert awaiting(provider) == AWAITING, "approving a credit lets no charges go"


def test_charges_that_were_released_need_another_approval(provider: Provider) -> None:
    post_october(provider)
    approve_credit(provider)
    take_back(provider)
    for number in provider.invoice_ids():
        provider.agent("delete", number)
    released = provider.release()
    assert released.holds == ()
    assert "waits for an approval" in (released.awaits or "")
    provider.close()
    assert (provider.invoice_ids(), awaiting(provider)) == ([], AWAITING)
    approve_charges(provider)
    provider.close()
    with pytest.raises(AwaitsApproval):
        take_back(provider)
    assert len(provider.invoice_ids()) == 1


def test_a_credit_that_is_gone_needs_another_approval(provider: Provider) -> None:
    post_october(provider)
    approve_credit(provider)
    take_back(provider)
    provider.agent("delete", newest(provider)["id"])
    sent = provider.writes()
    with pytest.raises(AwaitsApproval):
        take_back(provider)
    assert provider.writes() == sent

    assert len(approve_credit(provider)) == 1
    assert len(take_back(provider).posting.posted) == 1
    assert newest(provider)["revenue"] == -100
    assert provider.verify().agrees


def test_nothing_is_approved_where_no_approval_is_asked_for(provider: Provider) -> None:
    post_october(provider)
    provider.configure([ACME], {})
    with pytest.raises(SettingsError, match="approval is none"):
        approve_credit(provider)
    assert len(take_back(provider).posting.posted) == 1
