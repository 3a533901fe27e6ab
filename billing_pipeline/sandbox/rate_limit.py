"""A request limit over a rolling window, as both services have one. Off until it is set."""

import time
from collections import deque
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True)
class Limit:
    """At most `requests` in any `seconds`; `retry_after` says whether the refusal tells how long to wait."""

    requests: int
    seconds: int
    retry_after: bool = True

    def __post_init__(self) -> None:
        for name, number in (("requests", self.requests), ("seconds", self.seconds)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                raise ValueError(f"{name} must be a whole number of at least 0; got {number!r}")


class RateLimit:
    """Counts requests against `limit` by the real clock; refused ones do not count."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._times: deque[float] = deque()
        self._limit: Limit | None = None

    @property
    def limit(self) -> Limit | None:
        return self._limit

    def set(self, limit: Limit | None) -> None:
        """Use `limit` from now on; None: no limit."""
        with self._lock:
            self._limit = limit
            self._times.clear()

    def admit(self) -> float | None:
        """None when the request may pass, else the seconds after which one may."""
        with self._lock:
            if self._limit is None:
                return None
            now = time.monotonic()
            while self._times and now - self._times[0] >= self._limit.seconds:
                self._times.popleft()
            if len(self._times) < self._limit.requests:
                self._times.append(now)
                return None
            return self._times[0] + self._limit.seconds - now if self._times else float(self._limit.seconds)
