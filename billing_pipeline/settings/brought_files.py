"""Reads a table that a person brings, as a spreadsheet saves one: CSV in any of its forms, or XLSX.

Every cell is text. What a spreadsheet has made of a cell and cannot be taken back (a date, an error, digits that it
dropped) is told with its row, never guessed: an empty cell often means "all", so a lost one would say too much.
"""

import csv
import re
import warnings
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import openpyxl
import pandas as pd
from openpyxl.utils.exceptions import InvalidFileException

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.names import normal_name
from billing_pipeline.settings.csv_files import CsvRow
from billing_pipeline.settings.nearest import suggest
from billing_pipeline.settings.problems import Problem, raise_problems

_SEPARATORS = (",", ";", "\t", "|")
_ERRORS = frozenset({"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})
# Excel's own first line, which names the separator.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\n', re.IGNORECASE)
# How people keep a spreadsheet from taking the zeros of a number: ="00123".
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
_SHORTENED = re.compile(r"-?\d([.,]\d+)?E\+\d+", re.IGNORECASE)
# 246.0 or 246,00, never 1,000.
_WHOLE_NUMBER = re.compile(r"(-?\d+)[.,]0{1,2}")
_OPEN_QUOTE = re.compile(r"EOF inside string starting at row (\d+)")
# A spreadsheet keeps 15 digits of a number.
_MOST_EXACT = 10**15


@dataclass(frozen=True)
class Spoilt:
    """A cell that does not say any more what was written there, and why."""

    why: str


Cell = str | Spoilt


@dataclass(frozen=True)
class BroughtTable:
    """The rows of a file, the columns it has, and what else to know of how it was read."""

    rows: tuple[CsvRow, ...]
    columns: frozenset[str]
    notes: tuple[str, ...]


def read_brought_file(
    path: Path, columns: Sequence[str], others: Collection[str], problems: list[Problem]
) -> BroughtTable:
    """Read the rows of a CSV or XLSX file that has `columns`, and any of `others`, which are not looked at.

    Lines are those of the file, in XLSX the rows of the sheet. A row with a spoilt cell in `columns` is left out, and
    told in `problems`. Raises SettingsError where the file cannot be read, has another header, or has no rows.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}. Nothing was imported.") from error
    known = (*columns, *others)
    if content.startswith(b"PK\x03\x04"):
        frame, notes = _read_workbook(path, content, known), list[str]()
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise SettingsError(
            f"{path}: is an old Excel file, or has a password: save it as .xlsx without one. Nothing was imported."
        )
    else:
        frame, notes = _read_text(path, content, known)
    header, rows = _split_header(path, frame, columns, known)
    found = [row for row in (_as_row(path, header, line, cells, columns, problems) for line, cells in rows) if row]
    if not rows:
        raise SettingsError(f"{path}: has no rows: there is nothing to import.")
    return BroughtTable(tuple(found), frozenset(header), tuple(notes))


# Both kinds of file become a frame of cells, with the line of each row as its index.


def _read_text(path: Path, content: bytes, known: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    text, notes = _decode(path, content)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first = 1
    directive = _SEPARATOR_LINE.match(text)
    if directive is not None:
        text, first = text[directive.end() :], 2
    header = next((line for line in text.split("\n") if line.strip()), "")
    # A header that no separator splits into known columns is told as it stands.
    separator = max(_SEPARATORS, key=lambda sep: sum(name in known for name in _names(header, sep)))
    width = max((line.count(separator) for line in text.split("\n")), default=0) + 1
    try:
        frame = pd.read_csv(
            StringIO(text),
            sep=separator,
            header=None,
            names=range(width),
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            index_col=False,
        )
    except pd.errors.EmptyDataError:
        frame = pd.DataFrame(columns=range(width), dtype=object)
    except pd.errors.ParserError as error:
        row = _OPEN_QUOTE.search(str(error))
        told = (
            f"a quotation mark of about line {first + int(row[1])} is never closed" if row is not None else str(error)
        )
        raise SettingsError(f"{path}: is no CSV that can be read: {told}. Nothing was imported.") from error
    frame = frame.astype(object)
    # A cell over several lines moves all rows after it.
    heights = [1 + sum(str(cell).count("\n") for cell in row) for row in frame.itertuples(index=False)]
    frame.index = pd.Index([first + sum(heights[:number]) for number in range(len(heights))])
    return frame.map(_read_cell_text), notes


def _decode(path: Path, content: bytes) -> tuple[str, list[str]]:
    """The text of a CSV file, in whichever encoding spreadsheets save one."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif content[1:2] == b"\x00":
        encodings = ["utf-16-le"]
    elif content[:1] == b"\x00":
        encodings = ["utf-16-be"]
    else:
        # Excel on an old Mac wrote these line ends, and its own letters.
        mac = b"\r" in content and b"\n" not in content
        encodings = ["utf-8-sig", "mac_roman" if mac else "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        names = {"cp1252": "Windows-1252", "mac_roman": "Mac Roman"}
        if encoding not in names:
            return text, []
        return text, [f"{path.name} is not UTF-8 and was read as {names[encoding]}: check the accents of the names"]
    raise SettingsError(f"{path}: its letters cannot be read: save it as 'CSV UTF-8' or .xlsx. Nothing was imported.")


def _names(header: str, separator: str) -> list[str]:
    return [_column_name(cell) for cell in next(csv.reader([header], delimiter=separator), [])]


def _column_name(cell: str) -> str:
    return normal_name(cell)


def _read_cell_text(cell: str) -> Cell:
    text = cell.strip()
    told = _TEXT_FORMULA.fullmatch(text)
    if told is not None:
        return told[1].strip()
    if text.startswith("="):
        return Spoilt(f"{text!r} is a formula: write what it comes to")
    if text.upper() in _ERRORS:
        return Spoilt(f"{text} is an error of the spreadsheet: write what was meant")
    if _SHORTENED.fullmatch(text):
        return Spoilt(f"{text} lost digits in a spreadsheet: format the column as text, and write it again")
    return text


def _read_workbook(path: Path, content: bytes, known: Collection[str]) -> pd.DataFrame:
    """The cells of the sheet that has the header: the only one, or the first of all where none has."""
    try:
        with warnings.catch_warnings():
            # Formats and checks of the sheet that only Excel itself knows.
            warnings.simplefilter("ignore")
            values = openpyxl.load_workbook(BytesIO(content), data_only=True)
            formulas = openpyxl.load_workbook(BytesIO(content))
    except (BadZipFile, KeyError, ValueError, OSError, SyntaxError, InvalidFileException):
        raise SettingsError(
            f"{path}: is no workbook that can be read: open it and save it as .xlsx once more. Nothing was imported."
        ) from None
    sheets = [sheet for sheet in values.worksheets if _has_header(sheet, known)]
    if len(sheets) > 1:
        named = ", ".join(repr(sheet.title) for sheet in sheets)
        raise SettingsError(f"{path}: the sheets {named} have such rows: keep one of them. Nothing was imported.")
    sheet = (sheets or values.worksheets)[0]
    written = formulas[sheet.title]
    lines = range(1, sheet.max_row + 1)
    cells = [
        [_read_cell(value, formula.data_type == "f") for value, formula in zip(sheet[line], written[line], strict=True)]
        for line in lines
    ]
    return pd.DataFrame(cells, index=pd.Index(list(lines)), dtype=object)


def _has_header(sheet: Any, known: Collection[str]) -> bool:
    """Whether the first row with anything in it has at least two known columns."""
    for row in sheet.iter_rows(values_only=True):
        names = {_column_name(str(cell)) for cell in row if cell is not None}
        if names:
            return len(names & set(known)) > 1
    return False


def _read_cell(cell: Any, is_formula: bool) -> Cell:
    value = cell.value
    if value is None:
        return Spoilt("is a formula that was never computed: write what it comes to") if is_formula else ""
    if cell.data_type == "e":
        return Spoilt(f"{value} is an error of the spreadsheet: write what was meant")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date | time):
        return Spoilt(f"a spreadsheet made the date {value} of it: format the cell as text, and write it again")
    if isinstance(value, int | float):
        if abs(value) >= _MOST_EXACT:
            return Spoilt(f"{value} lost digits in a spreadsheet: format the cell as text, and write it again")
        shown = str(int(value)) if value == int(value) else str(value)
        # A number that is shown with zeros in front is meant with them.
        zeros = cell.number_format
        return shown.zfill(len(zeros)) if zeros.strip("0") == "" and len(zeros) > 1 else shown
    return _read_cell_text(str(value))


# What both kinds have in common.


def _split_header(
    path: Path, frame: pd.DataFrame, columns: Sequence[str], known: Collection[str]
) -> tuple[list[str], list[tuple[int, list[Cell]]]]:
    """The names of the columns, "" where there is none, and the rows with anything in them."""
    rows = [
        (int(line), list(cells))
        for line, cells in zip(frame.index, frame.itertuples(index=False), strict=True)
        if any(cell != "" for cell in cells)
    ]
    if not rows:
        raise SettingsError(f"{path}: is empty: there is nothing to import.")
    line, cells = rows[0]
    header = [_column_name(cell) if isinstance(cell, str) else "" for cell in cells]
    problems = [
        *(f"unknown column {name!r}; {suggest(name, known)}" for name in header if name and name not in known),
        *(f"column {name} is missing; the header is {','.join(columns)}" for name in columns if name not in header),
        *(
            f"column {name} stands twice"
            for name in sorted({name for name in header if header.count(name) > 1})
            if name
        ),
    ]
    raise_problems(Problem(str(path), line, "", text) for text in problems)
    return header, rows[1:]


def _as_row(
    path: Path,
    header: Sequence[str],
    line: int,
    cells: Iterable[Cell],
    columns: Sequence[str],
    problems: list[Problem],
) -> CsvRow | None:
    by_column: dict[str, str] = {}
    before = len(problems)
    for number, (name, cell) in enumerate(zip(header, cells, strict=True), start=1):
        if not name and cell != "":
            text = f"cell {number} is under no column: quote cells that hold the separator, or empty it"
            problems.append(Problem(str(path), line, "", text))
        elif isinstance(cell, Spoilt):
            if name in columns:
                problems.append(Problem(str(path), line, name, cell.why))
        else:
            whole = _WHOLE_NUMBER.fullmatch(cell) if name.endswith("_id") else None
            by_column[name] = whole[1] if whole is not None else cell
    if len(problems) > before:
        return None
    return CsvRow(str(path), line, {name: by_column[name] for name in columns}, problems)
