"""What the command line writes: at most 100 columns, plain text where nobody sits at a terminal."""

import re
import sys
import textwrap
from collections.abc import Sequence
from decimal import Decimal
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from billing_pipeline.billing.money import show_amount

WIDTH = 100
# Names come from outside: what would move the cursor, colour the screen or turn the reading order is shown as a sign.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def results() -> Console:
    """Where results go: stdout."""
    return _console(sys.stdout)


def notes() -> Console:
    """Where progress and errors go: stderr, so that results can be kept in a file."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    at_terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=at_terminal,
        color_system="auto" if at_terminal else None,
        # In a narrower terminal lines break; cutting an amount short would be worse.
        width=WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


def say(text: str, console: Console | None = None, style: str | None = None) -> None:
    """Write `text` unbroken: the terminal wraps it, and paths and commands in it can be copied."""
    (console or results()).print(Text(visible(text), style=style or ""), soft_wrap=True)


def visible(text: str) -> str:
    """`text` without characters that a terminal takes for commands."""
    return _COMMANDS.sub("\ufffd", text)


def say_wrapped(text: str, indent: int = 0, bullet: str = "") -> None:
    """Write a paragraph in lines of at most 100 columns; words, keys and paths are never broken."""
    first = " " * indent + bullet
    wrapped = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    say("\n".join(wrapped))


def head(text: str) -> None:
    """Write a heading with a line of air before it."""
    say(f"\n{text}", style="bold")


class _PlainTable(Table):
    def add_row(
        self, *renderables: RenderableType | None, style: StyleType | None = None, end_section: bool = False
    ) -> None:
        told = (visible(one) if isinstance(one, str) else one for one in renderables)
        super().add_row(*told, style=style, end_section=end_section)


def new_table(*columns: str, amounts: Sequence[str] = (), counts: Sequence[str] = ()) -> Table:
    """A table of texts that fold, with amounts and counts to the right and never broken."""
    table = _PlainTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for column in columns:
        if column in amounts or column in counts:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    return table


def show(table: Table) -> None:
    """Write a table to the results."""
    results().print(table)


def amount(value: Decimal | None, currency: str) -> str:
    """An exact amount with its currency; words where there is none."""
    return "unknown" if value is None else show_amount(value, currency)


def count(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: "1 client", "2,466 lines"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
