"""A HaloPSA whose lists lack rows: what is not in them is not taken for absent."""

from typing import Any

import pytest

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, invoice, licence, make_world

AFTER_THE_GRACE = "2026-10-06T18:00:00Z"
SKIPS_A_PAGE: dict[str, Any] = {"paging": "skip", "largest_page": 3, "search_reference": False}


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def month(provider: Provider) -> Provider:
    others = [invoice(number, day="2026-10-02") for number in (11, 12, 13)]
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], invoices=others)
    provider.set_up(world, [ACME], {"target": "new"})
    return provider


def test_a_document_that_the_lists_leave_out_is_held_and_not_sent_again(
    month: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = month.halo.create_invoice

    def die(body: Any) -> None:
        send(body)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(month.halo, "create_invoice", die)
        with pytest.raises(Killed):
            month.close()
    month.switch(**SKIPS_A_PAGE)
    month.now = AFTER_THE_GRACE

    month.close()

    assert month.invoice_ids() == [11, 12, 13, 14]
    assert month.holds() == [("client-1", "unknown_outcome")]
    why = month.why()
    assert (
        "nobody knows yet whether HaloPSA has it: HaloPSA's lists lack rows, so that what is not in them may be" in why
    )
    assert "there all the same (GET /Invoice gave 3 rows of 4). If they stay short, ask HaloPSA's support why" in why
    assert "Then run billing-pipeline close 2026-10 --client client-1 --post again: it looks, and never sends" in why

    month.switch()
    month.close()
    assert month.invoice_ids() == [11, 12, 13, 14]
    assert month.holds() == []
    assert month.prove().whole


def test_nothing_is_released_that_the_lists_may_leave_out(month: Provider) -> None:
    month.close()
    month.agent("delete", 14)
    month.switch(paging="skip", largest_page=2)

    with pytest.raises(PostingRefused) as caught:
        month.release()

    said = str(caught.value)
    assert said.startswith(
        "HaloPSA's lists lack rows, so that it has nothing of 2026-10 of client-1 is not proved (GET"
    )
    assert "Nothing was released. Run billing-pipeline release 2026-10 --client client-1 again; if they stay" in said
    month.switch()
    assert month.release().is_done


def test_an_item_that_was_lost_is_not_created_again_while_the_list_lacks_rows(month: Provider) -> None:
    month.configure([ACME], {"target": "new"}, settings={"product_lifecycle": {"mode": "create"}, "codes": {}})
    month.disturb("drop", route="/api/Item")
    month.close()
    assert month.writes("/api/Item") == 1
    month.switch(paging="skip", largest_page=1)
    month.now = AFTER_THE_GRACE

    month.close()

    assert month.writes("/api/Item") == 1
    assert month.holds() == [("client-1", "unknown_outcome")]
    assert "item 'Mail' was sent to HaloPSA, whose list of items lacks rows (GET /Item gave 1 rows of 2)" in month.why()

    month.switch()
    month.close()
    assert month.writes("/api/Item") == 2
    assert month.prove().whole
