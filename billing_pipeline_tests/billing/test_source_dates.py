"""Days in any notation: read where they can mean one day only."""

from datetime import date
from typing import Any

import pytest

from billing_pipeline.billing.source_dates import find_order, read_day

OCTOBER = date(2026, 10, 31)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-31",
        "2026-10-31T00:00:00Z",
        "2026-10-31T23:00:00.000+00:00",
        "2026-10-31 12:00",
        "2026-10-31Z",
        " 2026-10-31 ",
        "2026/10/31",
        "2026.10.31",
        "20261031",
        "10/31/2026",
        "10/31/2026 12:00:00 AM",
        "31/10/2026",
        "31-10-2026",
        "31.10.2026",
        "31 Oct 2026",
        "31 October 2026",
        "Oct 31, 2026",
        "October 31 2026",
        "31-Oct-2026",
    ],
)
def test_a_day_that_can_be_one_day_only_is_read(text: str) -> None:
    assert read_day(text) == OCTOBER


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "10/01/2026",
        "01-10-2026",
        "2026-02-30",
        "31/31/2026",
        "2026-10",
        "10/2026",
        "10/31/26",
        "2026-10-311",
        "0000-01-01",
        "01.13.2026",
        "2026101",
        "next month",
        "2026/10-31",
        20261031,
        ["2026-10-31"],
    ],
)
def test_what_is_no_day_or_one_of_two_is_not(value: Any) -> None:
    assert read_day(value) is None


def test_ends_of_the_calendar_are_days() -> None:
    assert (read_day("0001-01-01"), read_day("9999-12-31")) == (date.min, date.max)
    assert (read_day("1/1/0001"), read_day("12/31/9999")) == (date.min, date.max)


def test_the_same_number_twice_is_no_question() -> None:
    assert read_day("10/10/2026") == date(2026, 10, 10)


def test_days_that_can_be_read_one_way_only_say_how_the_others_are_meant() -> None:
    assert find_order(["10/01/2026", "10/31/2026", None, 7, "31.10.2026"]) is True
    assert find_order(["01/10/2026", "31/10/2026"]) is False
    assert find_order(["10/01/2026", "2026-10-31", "10/10/2026", "99/99/2026"]) is None
    assert find_order(["10/31/2026", "31/10/2026"]) is None
    assert read_day("10/01/2026", month_first=True) == date(2026, 10, 1)
    assert read_day("10/01/2026", month_first=False) == date(2026, 1, 10)
