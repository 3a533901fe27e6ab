"""Days as the distributor writes them: ISO 8601, and other notations where they can mean one day only."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_TIME = re.compile(r"[T\s]\s*\d{1,2}:.*$", re.DOTALL)
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
# With the month in letters nothing is ambiguous.
_IN_LETTERS = ("%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y")


def read_day(value: Any, month_first: bool | None = None) -> date | None:
    """The day in a text, without its time; None where it is no day, or one of two.

    `10/31/2026` is 31 October, `10.11.2026` 10 November, for with points the day comes first everywhere; `10/01/2026`
    is one of two, unless `month_first` says which comes first.
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _ISO.match(text):
        return _day(text[:4], text[5:7], text[8:10])
    text = _TIME.sub("", text)
    if found := _YEAR_FIRST.fullmatch(text):
        # Without a separator all digits have to be there.
        return _day(found[1], found[3], found[4]) if found[2] or len(text) == len("20261001") else None
    if found := _YEAR_LAST.fullmatch(text):
        first, separator, second, year = found.groups()
        if separator == ".":
            return _day(year, second, first)
        readings = {day for day in (_day(year, first, second), _day(year, second, first)) if day is not None}
        if len(readings) == 2 and month_first is not None:
            return _day(year, first, second) if month_first else _day(year, second, first)
        return readings.pop() if len(readings) == 1 else None
    plain = " ".join(text.replace(",", " ").split())
    for notation in _IN_LETTERS:
        try:
            return datetime.strptime(plain, notation).date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            continue
    return None


def find_order(values: Iterable[Any]) -> bool | None:
    """Whether days as `10/31/2026` have their month first, as those say that can mean one day only.

    None where none says it, or some say the one and some the other.
    """
    orders = set()
    for value in values:
        found = _YEAR_LAST.fullmatch(_TIME.sub("", value.strip())) if isinstance(value, str) else None
        if found and found[2] != ".":
            first, second, year = found[1], found[3], found[4]
            one, other = _day(year, first, second), _day(year, second, first)
            if (one is None) != (other is None):
                orders.add(one is not None)
    return orders.pop() if len(orders) == 1 else None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
