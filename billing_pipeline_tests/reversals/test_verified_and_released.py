"""A month that was taken back is proved with its credit, and released only when HaloPSA has neither of the two."""

from decimal import Decimal

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, licence, make_world
from billing_pipeline_tests.reversals.undoing import adds_up, keys_in_halopsa, newest, take_back


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
