"""Shows that work goes on: a line for each stage, and at a terminal what is being done right now."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.progress import Progress as Live
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from billing_pipeline.commands.terminal import notes, say


class Stages:
    """Called with each stage as it begins; each is written with the time since the start."""

    def __init__(self) -> None:
        self._console = notes()
        self._began = monotonic()
        self._live: Live | None = None

    def __call__(self, stage: str) -> None:
        minutes, seconds = divmod(int(monotonic() - self._began), 60)
        line = f"[{minutes}:{seconds:02d}] {stage}"
        if self._live is None:
            say(line, self._console)
            return
        self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
        for task in self._live.task_ids:
            self._live.remove_task(task)
        self._live.add_task("working")


@contextmanager
def show_stages() -> Iterator[Stages]:
    """Stages to call for the block; at a terminal with a spinner and the time that the stage takes."""
    stages = Stages()
    console = notes()
    if not console.is_terminal:
        yield stages
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Live(*columns, console=console, transient=True) as live:
        stages._live = live
        yield stages
