"""Figures as tables, and targets with what was met and missed. Plain text where nobody watches."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

_PLAIN_WIDTH = 120


@dataclass(frozen=True)
class Target:
    """One target: what was measured, and the most that it may be.

    One that `binds` fails the run where it is missed: it is the same on every machine, as times are not.
    """

    said: str
    measured: float
    at_most: float
    unit: str = ""
    why: str = ""
    binds: bool = False

    @property
    def met(self) -> bool:
        return self.measured <= self.at_most


class Report:
    """Prints as it goes."""

    def __init__(self) -> None:
        watched = sys.stdout.isatty()
        self._console = Console(width=None if watched else _PLAIN_WIDTH, highlight=False)
        self._box = box.SIMPLE_HEAD if watched else box.ASCII2
        self.targets: list[Target] = []

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def head(self, title: str) -> None:
        """A heading, with the machine's load at that time: others may be at work on it too."""
        self._console.print()
        self._console.rule(f"{title} (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)", align="left")

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table: the first column is text, the others are numbers."""
        table = Table(title=title, title_justify="left", title_style="bold", box=self._box)
        for place, column in enumerate(columns):
            table.add_column(column, justify="right" if place else "left", no_wrap=bool(place))
        for row in rows:
            table.add_row(*map(_cell, row))
        self._console.print(table)

    def check(self, *targets: Target) -> None:
        """Print targets beside what was measured, and keep them for the summary."""
        self.targets += targets
        self._targets_table("Targets", targets)

    def finish(self) -> bool:
        """All targets once more, at the end; whether every one that binds was met."""
        if self.targets:
            self.head("Summary")
            self._targets_table("Targets", self.targets)
        return all(target.met for target in self.targets if target.binds)

    def _targets_table(self, title: str, targets: Sequence[Target]) -> None:
        self.table(
            title,
            ("target", "measured", "at most", "verdict"),
            [
                (
                    target.said,
                    f"{_cell(target.measured)}{target.unit}",
                    f"{_cell(target.at_most)}{target.unit}",
                    "met" if target.met else "MISSED",
                )
                for target in targets
            ],
        )
        for target in targets:
            if not target.met and target.why:
                self.say(f"{target.said}: {target.why}")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
