"""What a person sees of a step in Dagster's UI: one table a run, amounts as exact text."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg

from billing_pipeline.billing.money import show_amount

MOST_ROWS = 200


def markdown_table(rows: Sequence[Mapping[str, Any]], empty: str = "None.") -> dg.MarkdownMetadataValue:
    """`rows` as a table with their own column names; the rows past the first 200 are counted, not shown."""
    if not rows:
        return dg.MetadataValue.md(empty)
    names = list(rows[0])
    lines = ["| " + " | ".join(name.replace("_", " ") for name in names) + " |", _alignment(rows, names)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in names) + " |" for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        lines.append(f"\n… and {len(rows) - MOST_ROWS} more rows.")
    return dg.MetadataValue.md("\n".join(lines))


def _alignment(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Numbers stand to the right, so that they can be compared."""
    numbers = [any(isinstance(row[name], (Decimal, int)) for row in rows[:MOST_ROWS]) for name in names]
    return "|" + "".join(" ---: |" if number else " --- |" for number in numbers)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return show_amount(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value).replace("|", "\\|").replace("\n", " ")
