"""A month that was taken back is proved with its credit, and released only when HaloPSA has neither of the two."""

from decimal import Decimal

import pytest

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline_tests.behaviours.changing_lists import ALL, DATED, show_others_each_time
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, licence, make_world
from billing_pipeline_tests.reversals.undoing import adds_up, keys_in_halopsa, look_at, newest, take_back


def set_up(provider: Provider) -> tuple[int, int]:
    """Acme's October, posted and taken back: the ids of the invoice and of its credit."""
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "100.00", "80.00"))])
    provider.set_up(world, [ACME], {})
    provider.close()
    invoice_id = newest(provider)["id"]
    take_back(provider)
    return invoice_id, newest(provider)["id"]


def test_the_credit_is_proved_like_the_invoice(provider: Provider) -> None:
    _, credit_id = set_up(provider)

    verified = provider.verify()
    assert verified.agrees
    assert (verified.documents, verified.lines) == (2, 2)
    assert [(one.posted, one.now) for one in verified.clients] == [(Decimal(0), Decimal(0))]

    provider.agent("delete", credit_id)
    (drift,) = provider.verify().drift
    assert drift.halopsa_id == credit_id
    assert drift.todo == "What it took back is billed again. If that is meant, leave it. To take it back again:"
    assert drift.commands == ("billing-pipeline reverse 2026-10 --client client-1 --post",)


def test_a_credit_that_is_gone_is_posted_once_more(provider: Provider) -> None:
    invoice_id, credit_id = set_up(provider)
    provider.agent("void", credit_id)
    assert not look_at(provider).plan.documents
    (drift,) = provider.verify().drift
    assert drift.todo == "If that is meant, leave it. To take that back again, delete it there, then:"
    provider.agent("delete", credit_id)

    planned = look_at(provider)
    assert planned.notes == (f"the credit {credit_id} over -100.00 USD is gone from HaloPSA: that is taken back again",)
    assert provider.rows("select halopsa_invoice_id as id from reversals") == [{"id": credit_id}]
    for _ in range(2):
        take_back(provider)

    assert set(keys_in_halopsa(provider).values()) == {1}
    assert provider.invoice_ids() == [invoice_id, newest(provider)["id"]]
    assert newest(provider)["revenue"] == Decimal("-100.00")
    (told,) = provider.rows("select client, outcome, detail from posting_journal where event = 'credit_released'")
    assert (told["client"], told["outcome"][:24]) == ("client-1", "HaloPSA has none of it: ")
    assert adds_up(provider)
    assert provider.verify().agrees


def test_a_credit_whose_keys_stand_elsewhere_is_not_gone(provider: Provider) -> None:
    _, credit_id = set_up(provider)
    credit, sent = provider.document(credit_id), provider.writes()
    provider.agent("delete", credit_id)
    line = {"qty_order": -1, "unit_price": 100, "comment_2": credit["lines"][0]["comment_2"]}
    copy = provider.agent("create", fields={"client_id": 201, "invoice_date": "2026-10-01"}, lines=[line])["id"]

    for attempt in (look_at, take_back):
        with pytest.raises(PostingRefused) as caught:
            attempt(provider)
        said = str(caught.value)
        assert f"2026-10 of client-1 was not taken back: the credit {credit_id} over -100.00 USD is gone, but" in said
        assert f"HaloPSA invoice {copy}, line" in said
        assert "Then run billing-pipeline reverse 2026-10 --client client-1 again." in said
    assert provider.writes() == sent


def test_a_credit_that_the_lists_may_leave_out_is_not_gone(provider: Provider) -> None:
    _, credit_id = set_up(provider)
    provider.agent("delete", credit_id)
    sent = provider.writes()

    for attempt in (look_at, take_back):
        # Lists that show another row with each read, of nine that they count.
        for contains in (DATED, ALL):
            show_others_each_time(provider, contains)
        with pytest.raises(
            PostingRefused, match=f"the credit {credit_id} over -100.00 USD is gone, but HaloPSA's lists"
        ):
            attempt(provider)
    assert provider.writes() == sent

    take_back(provider)
    assert newest(provider)["revenue"] == Decimal("-100.00")


def test_the_month_is_released_when_both_are_gone_and_is_billed_once_more(provider: Provider) -> None:
    invoice_id, credit_id = set_up(provider)

    assert {one.halopsa_id for one in provider.release().standing} == {invoice_id, credit_id}
    provider.agent("delete", invoice_id)
    assert {one.halopsa_id for one in provider.release().standing} == {credit_id}
    provider.agent("delete", credit_id)
    assert provider.release().is_done
    assert provider.rows("select * from reversals") == []

    provider.close()
    assert set(keys_in_halopsa(provider).values()) == {1}
    assert newest(provider)["revenue"] == Decimal("100.00")
    assert adds_up(provider)
    assert provider.verify().agrees
