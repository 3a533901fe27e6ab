"""Months as `YYYY-MM`."""

import pytest

from billing_pipeline.billing.months import is_month


@pytest.mark.parametrize("text", ["2026-01", "2026-10", "2028-12", "1999-09"])
def test_a_month_is_a_year_and_one_of_twelve(text: str) -> None:
    assert is_month(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-00",
        "2026-13",
        "2026-1",
        "26-10",
        "2026/10",
        "2026-10-01",
        "2026-10\n",
        " 2026-10",
        "october",
        "２０２６-10",
        "",
    ],
)
def test_nothing_else_is_one(text: str) -> None:
    assert not is_month(text)
