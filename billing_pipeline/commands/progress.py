"""Shows that work goes on: a line for each stage, and at a terminal a spinner with the time that it takes."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from time import monotonic

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

from billing_pipeline.commands.terminal import notes, say
from billing_pipeline.resources.waits import WAITS

_dagster = logging.getLogger("dagster.printed")


class Stages:
    """Called with each stage as it begins; writes it with the time since the start."""

    def __init__(self, console: Console, spinner: Progress | None) -> None:
        self._console = console
        self._spinner = spinner
        self._began = monotonic()

    def __call__(self, stage: str) -> None:
        minutes, seconds = divmod(int(monotonic() - self._began), 60)
        say(f"[{minutes}:{seconds:02d}] {stage}", self._console)
        if self._spinner is not None:
            for task in self._spinner.task_ids:
                self._spinner.remove_task(task)
            self._spinner.add_task("working")


@contextmanager
def show_stages() -> Iterator[Stages]:
    """Stages to call for the block. What Dagster prints meanwhile goes to the log, and not between them."""
    console = notes()
    if not console.is_terminal:
        stages = Stages(console, None)
        with _keep_prints(), show_waits(stages):
            yield stages
        return
    columns = (SpinnerColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as spinner,
        _keep_prints(),
    ):
        stages = Stages(console, spinner)
        with show_waits(stages):
            yield stages


@contextmanager
def show_waits(show: Callable[[str], None] | None = None) -> Iterator[None]:
    """Show what is waited for within the block: by `show`, else as a note."""
    handler = _Waits(show or (lambda said: say(said, notes())))
    WAITS.addHandler(handler)
    try:
        yield
    finally:
        WAITS.removeHandler(handler)


class _Waits(logging.Handler):
    """Hands each message on as it is."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())


@contextmanager
def _keep_prints() -> Iterator[None]:
    with redirect_stdout(_LogStream()), redirect_stderr(_LogStream()):
        yield


class _LogStream(io.TextIOBase):
    """A stream of which every line is logged."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if line.strip():
                _dagster.warning(line)
        return len(text)
