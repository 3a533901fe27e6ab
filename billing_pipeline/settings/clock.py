"""Instants as people write them: ISO 8601 in UTC."""

import re
from datetime import datetime

from billing_pipeline.billing.errors import SettingsError

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z")

# A time zone, or the month after, would lead past the ends of the calendar.
_FIRST_YEAR, _LAST_YEAR = 2000, 2199


def read_instant(name: str, text: str) -> datetime:
    """Return the aware UTC time in `text`. Raises SettingsError that names the variable `name`."""
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"{name}: {text!r} is no ISO 8601 time with Z: write it as in 2026-10-05T09:00:00Z"
        ) from None
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise SettingsError(f"{name}: {text!r} is not of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return instant
