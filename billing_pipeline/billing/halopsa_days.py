"""The day that HaloPSA means where it writes a date.

Some tenants write a day as midnight UTC, others as their own midnight written in UTC (`2026-10-31T23:00:00` is
1 November in Berlin). So a time of exactly 00:00:00 is the day as written, and any other time is a moment in UTC whose
day is that in the tenant's time zone. Dates that are not set come as 1900, 1899 or 0001.
"""

from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

_LAST_UNSET_YEAR = 1900


def is_set_date(value: Any) -> bool:
    """Whether a date of HaloPSA is set."""
    moment = _read_moment(value)
    return moment is not None and moment.year > _LAST_UNSET_YEAR


def read_day(value: Any, zone: tzinfo) -> date | None:
    """The day of a date of HaloPSA in the tenant's time zone; None where it is not set, or no date."""
    moment = _read_moment(value)
    if moment is None or moment.year <= _LAST_UNSET_YEAR:
        return None
    if moment.time() == time(0):
        return moment.date()
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone).date()
    except OverflowError:
        # 9999-12-31 is how "for ever" is written.
        return moment.date()


def _read_moment(value: Any) -> datetime | None:
    written = str(value).strip()
    for text in (written, written[:10]):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            continue
    return None
