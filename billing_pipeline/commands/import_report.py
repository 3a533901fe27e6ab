"""What `clients import` and `products import` say at their end."""

from collections.abc import Sequence
from pathlib import Path

from billing_pipeline.commands.terminal import count, say


def print_import(file: Path, added: int, known: int, skipped: int, column: str, notes: Sequence[str]) -> None:
    """Write what became of the rows; `column` is what has to be filled in for a row to count."""
    say(f"{count(added, 'row')} added to {file}; {known} were there already.")
    if skipped:
        say(f"{count(skipped, 'row was', 'rows were')} skipped, for nobody filled in {column}.")
    for note in notes:
        say(note)
    if added:
        say("They count from the next close on: billing-pipeline close MONTH.")
