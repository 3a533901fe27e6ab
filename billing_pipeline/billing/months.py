"""Months as `YYYY-MM`: what is one, which come before and between, and their days."""

import re
from calendar import monthrange
from datetime import date

# [0-9] and not \d, which takes the digits of every script: a month stands in keys and is compared as text.
_MONTH = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])")


def is_month(text: str) -> bool:
    """Whether it is a month of the calendar, `YYYY-MM`."""
    return _MONTH.fullmatch(text) is not None


def month_range(month: str) -> tuple[date, date]:
    """The first and the last day of a month."""
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])


def month_before(month: str) -> str:
    """The month before a month."""
    return _name(_place(month) - 1)


def months_between(first: str, last: str) -> int:
    """How many months later `last` is than `first`; below zero where it is earlier."""
    return _place(last) - _place(first)


def every_month(first: str, last: str) -> list[str]:
    """The months from `first` to `last`, both among them."""
    return [_name(place) for place in range(_place(first), _place(last) + 1)]


def _place(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _name(place: int) -> str:
    return f"{place // 12:04d}-{place % 12 + 1:02d}"
