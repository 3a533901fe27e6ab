"""Adds rows that a person confirmed to a CSV file of the settings folder: all of them, or none."""

import csv
from collections.abc import Callable, Sequence
from hashlib import sha256
from io import StringIO

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.settings.csv_files import CsvRow, read_rows
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.settings.mapping_files import COLUMNS, PROPOSED_COLUMNS
from billing_pipeline.settings.problems import Problem, raise_problems
from billing_pipeline.settings.proposal_files import csv_text, replace_file


def append_rows(
    config: LoadedSettings, name: str, added: Sequence[object], check: Callable[[list[CsvRow]], object]
) -> None:
    """Write the file `name` with the new rows at its end, in its own columns, line ends and encoding mark.

    `added` have an attribute for each column; `check` reads the whole file and notes its problems. Raises
    SettingsError where the file was changed meanwhile, or would not be accepted: then it is as it was.
    """
    path = config.folder / name
    try:
        old = path.read_bytes()
    except FileNotFoundError:
        old = b""
    if old and sha256(old).hexdigest() != config.digests.get(name):
        raise SettingsError(f"{path} was changed while the rows were checked. Nothing was imported; run this again.")
    text = old.decode("utf-8-sig")
    header = next((row for row in csv.reader(StringIO(text, newline="")) if any(cell.strip() for cell in row)), None)
    columns = tuple(cell.strip() for cell in header) if header is not None else COLUMNS[name]
    end = next((end for end in ("\r\n", "\n", "\r") if end in text), "\n")
    new = csv_text(columns, ([_cell(row, column) for column in columns] for row in added))
    # A file that is there has its header already. Not splitlines(): a name may hold other line ends.
    lines = new.removesuffix("\n").split("\n")[1 if header is not None else 0 :]
    glue = "" if not text or text.endswith(("\n", "\r")) else end
    content = old + (glue + end.join(lines) + end).encode()
    problems: list[Problem] = []
    check(read_rows(str(path), content, COLUMNS[name], problems, PROPOSED_COLUMNS.get(name, ())))
    raise_problems(problems)
    replace_file(path, content)


def _cell(row: object, column: str) -> object:
    # A column without a name is what a spreadsheet left at the end of the header.
    value = getattr(row, column) if column else None
    return str(value).lower() if isinstance(value, bool) else value
