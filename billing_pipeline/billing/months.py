"""Months as `YYYY-MM`."""

import re

# [0-9] and not \d, which takes the digits of every script: a month stands in keys and is compared as text.
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def is_month(text: str) -> bool:
    """Whether it is a month of the calendar, `YYYY-MM`."""
    return _MONTH.fullmatch(text) is not None
