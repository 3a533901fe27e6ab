"""Something that is kept open over consecutive uses, for a bounded time: opening it takes longer than a use."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Lock, Timer
from typing import Generic, TypeVar

Opened = TypeVar("Opened")


class KeptOpen(Generic[Opened]):
    """Opens at the first use; `seconds` later it closes, or when the use that lasts then ends. The next use opens anew.

    A use that fails closes it, and so does `close`. Whoever asks for it while it is in use opens for himself.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._in_use = Lock()
        self._opened: tuple[ExitStack, Opened, Timer] | None = None

    @contextmanager
    def use(self, open_it: Callable[[], AbstractContextManager[Opened]]) -> Iterator[Opened]:
        """What `open_it` gave, now or at an earlier use."""
        if not self._in_use.acquire(blocking=False):
            with open_it() as opened:
                yield opened
            return
        try:
            try:
                yield self._open(open_it)
            except BaseException:
                self._close()
                raise
        finally:
            self._in_use.release()

    def close(self) -> None:
        """Close it once it is not in use."""
        with self._in_use:
            self._close()

    def _open(self, open_it: Callable[[], AbstractContextManager[Opened]]) -> Opened:
        if self._opened is None:
            stack = ExitStack()
            opened = stack.enter_context(open_it())
            timer = Timer(self._seconds, self.close)
            timer.daemon = True
            self._opened = (stack, opened, timer)
            timer.start()
        return self._opened[1]

    def _close(self) -> None:
        if self._opened is not None:
            stack, _, timer = self._opened
            self._opened = None
            timer.cancel()
            stack.close()
