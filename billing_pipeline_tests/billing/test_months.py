"""Months as `YYYY-MM`."""

import pytest

from billing_pipeline.billing.months import every_month, is_month, month_before, month_range, months_between


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
        "0000-12",
        "２０２６-10",
        "",
    ],
)
def test_nothing_else_is_one(text: str) -> None:
    assert not is_month(text)


def test_a_month_has_its_first_and_last_day() -> None:
    assert [str(day) for day in month_range("2028-02")] == ["2028-02-01", "2028-02-29"]
    assert [str(day) for day in month_range("2026-12")] == ["2026-12-01", "2026-12-31"]


@pytest.mark.parametrize(("month", "before"), [("2026-12", "2026-11"), ("2026-10", "2026-09"), ("2027-01", "2026-12")])
def test_january_comes_after_december(month: str, before: str) -> None:
    assert month_before(month) == before
    assert every_month(before, month) == [before, month]
    assert (months_between(before, month), months_between(month, before)) == (1, -1)


def test_the_months_of_a_year_and_a_half() -> None:
    months = every_month("2025-11", "2027-04")
    assert (len(months), months[1:3], months[-1]) == (18, ["2025-12", "2026-01"], "2027-04")
    assert months_between("2025-11", "2027-04") == 17
    assert every_month("2026-10", "2026-10") == ["2026-10"]
    assert every_month("2026-10", "2026-09") == []
