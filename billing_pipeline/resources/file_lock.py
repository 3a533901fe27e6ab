"""A kernel file lock that names its holder. The kernel releases it when its process dies, however it dies.

A second lock beside it is the turn to wait: a process that works in many short pieces takes the lock again at once,
and another one that looks every now and then would hardly ever find it free.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from filelock import FileLock, Timeout

from billing_pipeline.billing.errors import WarehouseError, WarehouseLocked

_POLL_SECONDS = 0.05


def _holder_file(lock_file: Path) -> Path:
    return lock_file.with_name(lock_file.name + ".holder")


def describe_holder(lock_file: Path) -> str:
    """Who wrote the holder note beside a lock: process, host, purpose and since when."""
    try:
        note = json.loads(_holder_file(lock_file).read_text())
        return f"process {note['pid']} on {note['host']} ({note['purpose']}, since {note['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that left no note"


@contextmanager
def hold_lock(lock_file: Path, purpose: str, wait_seconds: float) -> Iterator[None]:
    """Hold `lock_file` for the block; wait at most `wait_seconds`, then raise WarehouseLocked naming the holder."""
    last = monotonic() + wait_seconds
    lock = FileLock(lock_file, thread_local=False)
    turn = FileLock(lock_file.with_name(lock_file.name + ".turn"), thread_local=False)
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        with turn.acquire(timeout=wait_seconds, poll_interval=_POLL_SECONDS):
            lock.acquire(timeout=max(last - monotonic(), 0), poll_interval=_POLL_SECONDS)
    except Timeout:
        raise WarehouseLocked(
            f"{lock_file} is held by {describe_holder(lock_file)}; waited {wait_seconds:g} seconds for it to "
            f"{purpose}. Nothing was changed. Wait until it is done, or stop that process, then run this again; "
            "BILLING_LOCK_WAIT_SECONDS sets how long to wait."
        ) from None
    except OSError as error:
        raise WarehouseError(
            f"{lock_file} cannot be made: {error.strerror or error}. Nothing was changed. Give this user the "
            f"right to write {lock_file.parent}, or correct BILLING_WAREHOUSE if your database is in another folder."
        ) from error
    holder = _holder_file(lock_file)
    try:
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        note = {"pid": os.getpid(), "host": socket.gethostname(), "purpose": purpose, "since": since}
        # A note that cannot be written (a full disk) must not keep the work from being done or refused clearly.
        with suppress(OSError):
            holder.write_text(json.dumps(note))
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()
