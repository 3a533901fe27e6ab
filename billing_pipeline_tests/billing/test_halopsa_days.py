"""The day that HaloPSA means, in both notations, on both sides of a clock change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.halopsa_days import is_set_date, read_day

DENVER, BERLIN, LONDON, AUCKLAND = (
    ZoneInfo(name) for name in ("America/Denver", "Europe/Berlin", "Europe/London", "Pacific/Auckland")
)

# What HaloPSA writes for the local midnight that begins a day, around the clock changes of each zone.
LOCAL_MIDNIGHTS = [
    (DENVER, "2026-10-01T06:00:00", date(2026, 10, 1)),
    (DENVER, "2026-11-01T06:00:00", date(2026, 11, 1)),  # the clock goes back at two o'clock that night
    (DENVER, "2026-11-02T07:00:00", date(2026, 11, 2)),
    (DENVER, "2026-03-08T07:00:00", date(2026, 3, 8)),
    (DENVER, "2026-03-09T06:00:00", date(2026, 3, 9)),
    (BERLIN, "2026-09-30T22:00:00", date(2026, 10, 1)),
    (BERLIN, "2026-10-24T22:00:00", date(2026, 10, 25)),
    (BERLIN, "2026-10-25T23:00:00", date(2026, 10, 26)),
    (BERLIN, "2026-10-31T23:00:00Z", date(2026, 11, 1)),
    (BERLIN, "2026-03-28T23:00:00", date(2026, 3, 29)),
    (BERLIN, "2026-03-29T22:00:00", date(2026, 3, 30)),
    (LONDON, "2026-10-24T23:00:00", date(2026, 10, 25)),
    (LONDON, "2026-10-26T00:00:00", date(2026, 10, 26)),  # winter: both notations are one
    (LONDON, "2026-09-30T23:00:00.000Z", date(2026, 10, 1)),
    (AUCKLAND, "2026-09-26T12:00:00", date(2026, 9, 27)),
    (AUCKLAND, "2026-09-27T11:00:00", date(2026, 9, 28)),
    (AUCKLAND, "2026-10-31T11:00:00Z", date(2026, 11, 1)),
    (AUCKLAND, "2026-04-04T11:00:00", date(2026, 4, 5)),
    (AUCKLAND, "2026-04-05T12:00:00", date(2026, 4, 6)),
]


@pytest.mark.parametrize(("zone", "written", "day"), LOCAL_MIDNIGHTS)
def test_a_local_midnight_written_in_utc_is_its_day(zone: ZoneInfo, written: str, day: date) -> None:
    assert read_day(written, zone) == day


@pytest.mark.parametrize("zone", [DENVER, BERLIN, LONDON, AUCKLAND, UTC])
@pytest.mark.parametrize(
    "ending", ["", "T00:00:00", "T00:00:00Z", "T00:00:00.0000000Z", " 00:00:00", "T00:00:00+00:00"]
)
def test_midnight_is_the_day_as_written(zone: ZoneInfo, ending: str) -> None:
    assert read_day(f"2026-10-31{ending}", zone) == date(2026, 10, 31)


@given(
    zone=st.sampled_from([DENVER, BERLIN, LONDON, AUCKLAND]),
    day=st.dates(date(1902, 1, 1), date(9990, 1, 1)),
    suffix=st.sampled_from(["", "Z", ".0000000", ".0000000Z"]),
)
def test_both_notations_of_any_day_are_that_day(zone: ZoneInfo, day: date, suffix: str) -> None:
    local = datetime.combine(day, time(0), zone).astimezone(UTC).replace(tzinfo=None)
    assert read_day(f"{day}T00:00:00{suffix}", zone) == day
    assert read_day(local.isoformat() + suffix, zone) == day


@pytest.mark.parametrize(
    "unset",
    [None, "", "0001-01-01T00:00:00", "1899-12-30T00:00:00", "1899-12-31T23:00:00", "1900-01-01T07:00:00", "soon"],
)
def test_what_is_not_set_is_no_day(unset: str | None) -> None:
    assert read_day(unset, AUCKLAND) is None
    assert not is_set_date(unset)


def test_the_ends_of_the_calendar_are_days() -> None:
    assert read_day("9999-12-31T23:59:59.9999999", BERLIN) == date(9999, 12, 31)
    assert read_day("9999-12-31T00:00:00", AUCKLAND) == date(9999, 12, 31)
    assert read_day("1901-01-01T06:59:00", DENVER) == date(1901, 1, 1) - timedelta(days=1)
    assert is_set_date("9999-12-31")
