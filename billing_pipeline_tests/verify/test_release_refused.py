"""A month is not released before everything is settled, and what is refused or cut short changes nothing."""

import pytest

from billing_pipeline.billing.errors import BillingPipelineError, PostingRefused, WarehouseLocked
from billing_pipeline.steps import release as releasing
from billing_pipeline.steps.release import StillOpen
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import BIRCH, OCTOBER, template
from billing_pipeline_tests.verify.releasing import contents, delete_ours, document_of, post_october


def test_an_open_posting_is_settled_first(provider: Provider) -> None:
    post_october(provider)
    provider.agent("delete", document_of(provider))
    provider.rows("update postings set status = 'unknown' where client = 'client-1'")
    with pytest.raises(StillOpen) as caught:
        provider.release()
    said = str(caught.value)
    assert said.startswith("client-1: document bp-d-")
    assert "over 40.00 USD was sent at 2026-10-06 15:00 UTC" in said
    assert "Nothing was released for 2026-10. billing-pipeline close 2026-10 --client client-1 --post settles" in said
    assert StillOpen.exit_code == 3


def test_a_change_of_the_same_document_that_may_still_arrive_is_settled_first(provider: Provider) -> None:
    post_october(provider, "recurring", templates=[template(-7), template(-8, BIRCH)])
    delete_ours(provider, -7)
    provider.rows(
        "insert into postings select * replace ('2026-11' as month, 'unknown' as status, 'bp-d-x' as document_key) "
        "from postings where client = 'client-1'"
    )
    with pytest.raises(StillOpen) as caught:
        provider.release()
    said = str(caught.value)
    assert said.startswith("A change of recurring invoice -7 for client-1 in 2026-11 has an unknown outcome")
    assert "Nothing was released for client-1 in 2026-10" in said
    assert "billing-pipeline close 2026-11 --client client-1 --post settles it first" in said


def refused(provider: Provider, error: type[BillingPipelineError] = PostingRefused, client: str = "client-1") -> str:
    before = contents(provider)
    with pytest.raises(error) as caught:
        provider.release(OCTOBER, client)
    assert contents(provider) == before, "nothing was changed"
    assert error.exit_code == 1
    return str(caught.value)


def test_what_was_never_posted_cannot_be_released(provider: Provider) -> None:
    post_october(provider)
    assert refused(provider, client="client-3") == (
        "Nothing is posted for 'client-3' in 2026-10 (the nearest known one is client-1), so there is nothing to "
        "release. billing-pipeline review 2026-10 shows where each client stands."
    )


def test_a_released_month_cannot_be_released_twice(provider: Provider) -> None:
    post_october(provider)
    provider.agent("delete", document_of(provider))
    assert provider.release().is_done
    assert "Nothing is posted for 'client-1'" in refused(provider)


def test_nothing_is_released_from_a_broken_journal(provider: Provider) -> None:
    post_october(provider)
    provider.rows("update posting_journal set outcome = 'x' where seq = 2")
    said = refused(provider)
    assert said.startswith(
        "row 2 of the posting journal was changed after it was written. Nothing was released of client-1 for 2026-10."
    )
    assert "then run billing-pipeline release 2026-10 --client client-1 again." in said


def test_nothing_is_released_for_another_halopsa(provider: Provider) -> None:
    post_october(provider)
    provider.rows("update posting_journal set halopsa_tenant = 'other'")
    assert "belongs to HaloPSA" in refused(provider)


def test_nothing_is_released_while_somebody_posts(provider: Provider) -> None:
    post_october(provider)
    provider.warehouse.lock_wait_seconds = 0.1
    with provider.warehouse.posting_lock("post 2026-10 to HaloPSA"):
        assert "post 2026-10 to HaloPSA" in refused(provider, WarehouseLocked)
    with (
        provider.warehouse.posting_lock("release 2026-10 of client-1"),
        pytest.raises(WarehouseLocked, match="release"),
    ):
        provider.post()


def test_a_release_that_is_cut_short_changes_nothing(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    post_october(provider)
    provider.agent("delete", document_of(provider))
    before = contents(provider)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(releasing, "plan", die)
    with pytest.raises(KeyboardInterrupt):
        provider.release()
    assert contents(provider) == before
    monkeypatch.undo()
    assert provider.release().is_done
