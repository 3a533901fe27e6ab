"""The sandbox's clock: the real one, or one that stands still where a test has put it."""

from datetime import UTC, datetime

from billing_pipeline.billing.errors import SettingsError


class Clock:
    """Says what time it is. Both services of one sandbox share one clock."""

    def __init__(self, now: datetime | None = None) -> None:
        self._stands_at: datetime | None = None
        self.set(now)

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return self._stands_at or datetime.now(UTC)

    def set(self, now: datetime | None) -> None:
        """Stop the clock at `now` (aware), or let it run with the real time again (None)."""
        if now is not None and now.tzinfo is None:
            raise SettingsError(f"The sandbox clock needs a time with a zone; got {now.isoformat()}. Add a Z.")
        self._stands_at = now.astimezone(UTC) if now else None

    @property
    def stands_at(self) -> datetime | None:
        """Where the clock was stopped; None while it runs with the real time."""
        return self._stands_at


def parse_time(text: str) -> datetime:
    """An ISO 8601 time with a zone, as an aware UTC time. ValueError without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it with a Z")
    return moment.astimezone(UTC)


def write_time(moment: datetime | None) -> str | None:
    """`moment` as ISO 8601 in UTC with a Z, or None."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
