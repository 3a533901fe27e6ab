"""Reads the demo's tables of clients and products, kept as CSV so that a person can read and edit them."""

import csv
from pathlib import Path

_FOLDER = Path(__file__).parent / "demo_data"


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of `demo_data/<name>.csv`, by column."""
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
