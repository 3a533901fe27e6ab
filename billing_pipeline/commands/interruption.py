"""Ctrl-C ends the work soon, whatever it is doing.

Python raises KeyboardInterrupt wherever the main thread stands. In a callback of the garbage collector it is lost,
and inside a lock it can stop everything for good; both were seen in Dagster's own history. Everything is written so
that a process may be killed at any moment, so one that does not end by itself is ended.
"""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from billing_pipeline.commands.outcome import INTERRUPTED, STOPPED
from billing_pipeline.commands.terminal import notes, say

PATIENCE_SECONDS = 5.0


@contextmanager
def ends_after_ctrl_c(patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """For the block: a first Ctrl-C is followed by the end within `patience_seconds`, a second one at once."""
    console = notes()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def end() -> None:
        say(STOPPED, console)
        os._exit(INTERRUPTED)

    watcher = Thread(target=_watch, args=(reading, patience_seconds, end), name="ctrl-c", daemon=True)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)  # ends the watcher
        watcher.join()


def _watch(reading: int, patience_seconds: float, end: Callable[[], None]) -> None:
    """Read the numbers of the signals that come; an end of the pipe means that the work is over."""
    try:
        interrupted = False
        while True:
            ready, _, _ = select.select([reading], [], [], patience_seconds if interrupted else None)
            signals = os.read(reading, 64) if ready else b""
            if ready and not signals:
                return
            if not ready or (interrupted and signal.SIGINT in signals):
                end()
            interrupted = interrupted or signal.SIGINT in signals
    finally:
        os.close(reading)
