"""A month with a correction is taken back whole: what was billed first, and every difference since."""

import pytest

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.steps.reverse import reverse
from billing_pipeline_tests.corrections.replacing import billed, correct, newest_lines, replace_invoice
from billing_pipeline_tests.steps.conftest import _services, months
from billing_pipeline_tests.steps.months import Month, MonthMaker, azure, fates, line

__all__ = ["_services", "months"]


def seats(line_id: str, sell: str, cost: str, subscription: str) -> dict[str, object]:
    """A line of a subscription."""
    return line(line_id, sell, cost, subscriptionId=subscription, productName=subscription, description=subscription)


@pytest.fixture
def corrected(months: MonthMaker) -> Month:
    """Acme was billed 102.00; the replacement took Visio back, lowered the seats and left Exchange as it was."""
    month = months.make(
        [
            seats("L1", "50.00", "40.00", "seats"),
            seats("L2", "30.00", "24.00", "exchange"),
            seats("L3", "20.00", "16.00", "visio"),
            azure("L4", "2.0044", "1.50"),
        ],
        {"modifiers": {"collapse_azure": True}},
    )
    month.prepare()
    month.post()
    replace_invoice(
        month,
        [
            seats("R1", "44.00", "35.20", "seats"),
            seats("R2", "30.00", "24.00", "exchange"),
            azure("R4", "3.0011", "2.25"),
        ],
    )
    correct(month, "negative_invoice")
    return month


def test_first_lines_and_differences_are_taken_back_once(corrected: Month) -> None:
    assert billed(corrected) == {246: ["102.00", "-25.00"]}
    before = corrected.three_way(), fates(corrected)

    reverse(corrected.work.of(("acme-dental",)), corrected.halo)

    assert billed(corrected) == {246: ["102.00", "-25.00", "-77.00"]}
    assert sorted(amount for _, amount, _ in newest_lines(corrected)) == sorted(
        ["-50.00", "-30.00", "-20.00", "-2.00", "6.00", "20.00", "-1.00"]
    )
    (sums,) = corrected.rows(
        "select sum(readback_sell)::decimal(28, 2)::text as sell, sum(readback_cost)::decimal(28, 2)::text as cost "
        "from document_lines"
    )
    assert sums == {"sell": "0.00", "cost": "0.00"}
    assert (corrected.three_way(), fates(corrected)) == before
    assert corrected.prove().whole

    corrected.fetch()
    correct(corrected)
    reverse(corrected.work.of(("acme-dental",)), corrected.halo)
    assert billed(corrected) == {246: ["102.00", "-25.00", "-77.00"]}
    assert corrected.holds() == []
    assert corrected.prove().whole


def test_another_replacement_is_then_billed_whole(corrected: Month) -> None:
    reverse(corrected.work.of(("acme-dental",)), corrected.halo)
    third = "66666666-6666-4666-8666-666666666666"
    replace_invoice(corrected, [seats("T1", "41.00", "33.00", "seats")], "55555555-5555-4555-8555-555555555555", third)

    corrected.prepare()
    corrected.post()

    assert billed(corrected)[246][-1] == "41.00"
    assert corrected.holds() == []
    assert corrected.prove().whole


def test_a_correction_planned_before_is_not_posted_after(months: MonthMaker) -> None:
    month = months.make([seats("L1", "50.00", "40.00", "seats")])
    month.prepare()
    month.post()
    replace_invoice(month, [seats("R1", "52.00", "40.00", "seats")])
    correct(month, post=False)

    reverse(month.work.of(("acme-dental",)), month.halo)

    with pytest.raises(PostingRefused, match=r"over 2\.00 USD corrects what was taken back since"):
        month.post()
    month.prepare()
    month.post()
    assert billed(month) == {246: ["50.00", "-50.00", "52.00"]}
    assert month.prove().whole
