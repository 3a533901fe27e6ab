"""Request limits of the services: pyrate-limiter's exact rolling window, over all threads and all processes.

HaloPSA counts the requests of a tenant, whichever process sent them. So the processes of this machine count them
together, in a small SQLite file beside the warehouse. It holds moments and nothing else, and losing it costs nothing:
a request too many is answered with 429, and that is waited for.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from pyrate_limiter import InMemoryBucket, MonotonicClock, Rate, RateItem
from pyrate_limiter.buckets.sqlite_bucket import SQLiteBucket

from billing_pipeline.resources.waits import tell_wait

logger = logging.getLogger(__name__)

# A request that travelled slowly counts later at the service than here: our window is a little longer.
WINDOW_MARGIN = 1.01
# How long to wait for another process to count its request, which takes a millisecond.
PATIENCE_SECONDS = 5.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class HttpLimits:
    """At most `limit` requests in any rolling window of `seconds`; None or 0: no limit.

    It holds over all threads of this process and, with a `file`, over all processes that name the same one. Where the
    file cannot be used, this process counts its own requests for one window, says so, and then tries the file again.
    """

    def __init__(self, service: str, limit: int | None, seconds: float, file: Path | None = None) -> None:
        self._service = service
        self._limit = limit or 0
        self._seconds = seconds
        self._file = file
        self._lock = Lock()
        self._without_file_until = 0.0
        if self._limit > 0:
            self._rate = Rate(self._limit, max(1, round(seconds * 1000 * WINDOW_MARGIN)))
            self._bucket = InMemoryBucket([self._rate])

    def wait(self) -> None:
        """Return when one more request is allowed. It sleeps until then, never spins, and holds nothing meanwhile."""
        if self._limit == 0:
            return
        told = False
        while milliseconds := self._take():
            if not told:
                tell_wait(
                    f"{self._service} takes {self._limit} requests in {self._seconds:g} seconds, and they are used up: "
                    f"going on in {milliseconds / 1000:.0f} seconds"
                )
                told = True
            sleep(milliseconds / 1000)

    def _take(self) -> int:
        """Count one request and return 0, or return after how many milliseconds one more may be allowed."""
        with self._lock:
            together = self._take_together()
            if together:
                return together
            # Counted here too, so that this process knows its own where the file fails.
            now = _now()
            self._bucket.leak(now)
            item = RateItem(self._service, now)
            return 0 if self._bucket.put(item) or together == 0 else _milliseconds_until(self._bucket, item)

    def _take_together(self) -> int | None:
        """The same over all processes; None where their file cannot be used."""
        if self._file is None or monotonic() < self._without_file_until:
            return None
        try:
            return _take_from(self._file, self._rate, self._service)
        except (sqlite3.Error, OSError) as error:
            self._without_file_until = monotonic() + self._seconds
            tell_wait(
                f"{self._file}, where the processes of this machine count their requests to {self._service} together, "
                f"cannot be used ({error}): for {self._seconds:g} seconds this one counts its own alone. Should that "
                f"be too many, {self._service} answers 429, and this waits. If it stays so, delete the file while "
                "nothing runs"
            )
            return None


def _now() -> int:
    """The machine's monotonic clock, the same in every process since it started: setting the time of day neither lets
    a burst through nor holds anybody for hours."""
    return MonotonicClock().now()


def _milliseconds_until(bucket: InMemoryBucket | SQLiteBucket, item: RateItem) -> int:
    wait = bucket.waiting(item)
    assert isinstance(wait, int)
    return max(1, wait)


def _take_from(file: Path, rate: Rate, name: str) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _take_once(file, rate, name)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        logger.warning("%s is damaged (%s): it is put aside, and counting starts anew", file, error)
        file.replace(file.with_name(f"{file.name}.damaged"))
        return _take_once(file, rate, name)


def _take_once(file: Path, rate: Rate, name: str) -> int:
    with _open(file, rate) as bucket:
        with _only_process(bucket) as now:
            # What lies ahead was written before the machine was started anew: at worst it was just now.
            bucket.conn.execute("update requests set item_timestamp = ? where item_timestamp > ?", [now, now])
            bucket.leak(now)
        with _only_process(bucket) as now:
            item = RateItem(name, now)
            return 0 if bucket.put(item) else _milliseconds_until(bucket, item)


@contextmanager
def _open(file: Path, rate: Rate) -> Iterator[SQLiteBucket]:
    """The file for one request: nothing is shared with a forked process, nor left open where it is deleted."""
    bucket = SQLiteBucket.init_from_file([rate], table="requests", db_path=str(file))
    with closing(bucket.conn):
        # Nothing is lost that matters where the machine dies, and a flush would cost more than the request.
        bucket.conn.execute("pragma synchronous = off")
        bucket.conn.execute(f"pragma busy_timeout = {PATIENCE_SECONDS * 1000:.0f}")
        yield bucket


@contextmanager
def _only_process(bucket: SQLiteBucket) -> Iterator[int]:
    """Keep other processes out for the block; SQLite waits for its turn, with a bound, then raises. The moment now."""
    bucket.conn.execute("begin immediate")
    try:
        yield _now()
        bucket.conn.commit()
    except BaseException:
        bucket.conn.rollback()
        raise


_shared: dict[tuple[str, str, int, float, Path | None], HttpLimits] = {}
_shared_lock = Lock()


def limits_of(service: str, account: str, limit: int | None, seconds: float, beside: Path | None = None) -> HttpLimits:
    """The one limiter of this process for an account at a service, together with those of other processes.

    The service counts requests of an account, whichever step sent them. `beside` is the warehouse beside which
    they are counted; the file's name shows the service and a digest of the account, which is no secret.
    """
    file = None
    if beside is not None:
        digest = sha256(account.encode()).hexdigest()[:12]
        file = beside.with_name(f"{beside.name}.requests-{service.lower()}-{digest}.sqlite")
    key = (service, account, limit or 0, seconds, file)
    with _shared_lock:
        if key not in _shared:
            _shared[key] = HttpLimits(service, limit, seconds, file)
        return _shared[key]
