"""Writes files of the settings folder: whole or not at all, and safe to open in a spreadsheet."""

import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pandas as pd

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.errors import SettingsError

# A spreadsheet takes a cell that begins so for a formula, and names come from outside.
MOST_CANDIDATES = 3
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A header and rows as CSV; None is an empty cell."""
    # As objects: a column of ids with an empty cell must not become one of floats.
    frame = pd.DataFrame([list(row) for row in rows], columns=list(columns), dtype=object)
    return str(frame.to_csv(index=False, lineterminator="\n"))


def plain_cell(text: str) -> str:
    """A text from outside as a cell that no spreadsheet carries out."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def candidate_cells(candidates: Iterable[tuple[str, int]]) -> list[object]:
    """The cells of the best three candidates, each with its score."""
    best = list(candidates)[:MOST_CANDIDATES]
    return [cell for one in (*best, *[(None, None)] * (MOST_CANDIDATES - len(best))) for cell in one]


def money_cells(amounts: Mapping[str, Decimal]) -> tuple[str, str]:
    """The cells `currency` and `sell` of exact amounts by currency; several in the same order, with "; "."""
    ordered = sorted(amounts.items())
    return "; ".join(currency for currency, _ in ordered), "; ".join(decimal_text(amount) for _, amount in ordered)


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file in one step; a crash leaves the old file or the new one.

    Raises SettingsError where the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise SettingsError(
            f"{path} cannot be written: {error.strerror or error}. It is as it was. Correct the rights of the folder "
            "or free some space, then run this again."
        ) from error
