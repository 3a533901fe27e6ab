"""Request limits of the services, kept with pyrate-limiter's exact rolling window."""

import logging
from threading import Lock

from pyrate_limiter import InMemoryBucket, Limiter, MonotonicClock, Rate
from pyrate_limiter.limiter import SingleBucketFactory

logger = logging.getLogger(__name__)

# A request that travelled slowly counts later at the service than here: our window is a little longer.
WINDOW_MARGIN = 1.01


class HttpLimits:
    """At most `limit` requests in any rolling window of `seconds`, over all threads; None or 0: no limit."""

    def __init__(self, service: str, limit: int | None, seconds: float) -> None:
        self._service = service
        self._limit = limit or 0
        self._seconds = seconds
        self._bucket: InMemoryBucket | None = None
        if self._limit > 0:
            self._bucket = InMemoryBucket([Rate(self._limit, max(1, round(seconds * 1000 * WINDOW_MARGIN)))])
            # Without the factory's own clean-up thread: old entries go when the next request comes.
            self._limiter = Limiter(SingleBucketFactory(self._bucket, schedule_leak=False))

    def wait(self) -> None:
        """Return when one more request is allowed; sleeps until then, never spins."""
        if self._bucket is None:
            return
        self._bucket.leak(MonotonicClock().now())
        if self._limiter.try_acquire(self._service, blocking=False):
            return
        logger.info("%s: waiting, %d requests in %g seconds are used up", self._service, self._limit, self._seconds)
        self._limiter.try_acquire(self._service)


_shared: dict[tuple[str, str, int, float], HttpLimits] = {}
_shared_lock = Lock()


def limits_of(service: str, account: str, limit: int | None, seconds: float) -> HttpLimits:
    """The one limiter of this process for an account at a service.

    The service counts requests of an account, whichever step sent them; a limiter that began anew
    with each client would let a later step run into 429, and a write is not repeated after a 429.
    """
    key = (service, account, limit or 0, seconds)
    with _shared_lock:
        if key not in _shared:
            _shared[key] = HttpLimits(service, limit, seconds)
        return _shared[key]
