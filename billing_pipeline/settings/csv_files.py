"""Reads a CSV file cell by cell, as a spreadsheet may have saved it, and keeps the line of every row."""

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from billing_pipeline.billing.names import find_hidden_character
from billing_pipeline.settings.nearest import suggest
from billing_pipeline.settings.problems import Problem


@dataclass
class CsvRow:
    """One row: typed reads of its cells, each of which notes a problem and returns None when it cannot."""

    file: str
    line: int
    cells: Mapping[str, str]
    problems: list[Problem] = field(repr=False)

    def text(self, column: str) -> str | None:
        """Return the cell's text, None where it is empty."""
        return self.cells[column] or None

    def required(self, column: str) -> str | None:
        """Return the cell's text, which must not be empty."""
        text = self.text(column)
        if text is None:
            self.complain(column, "is empty: write a value")
        return text

    def identifier(self, column: str) -> str | None:
        """Return the cell's id, None where it is empty.

        One with a character that nobody sees is refused: it looks right, and would match nothing.
        """
        text = self.text(column)
        hidden = None if text is None else find_hidden_character(text)
        if hidden is None:
            return text
        self.complain(column, f"{text!a} holds a character that cannot be seen ({hidden}): type the id anew")
        return None

    def integer(self, column: str, *, may_be_negative: bool = False) -> int | None:
        """Return the cell's whole number, None where it is empty. Zero is no id and is refused."""
        text = self.text(column)
        if text is None:
            return None
        digits = text.removeprefix("-") if may_be_negative else text
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18 and int(digits) != 0):
            what = "a whole number other than 0" if may_be_negative else "a whole number above 0"
            self.complain(column, f"{text!r} is no id: write {what}")
            return None
        return int(text)

    def boolean(self, column: str) -> bool | None:
        """Return true or false; an empty cell is false. Spreadsheets write them in capitals."""
        text = (self.text(column) or "false").lower()
        if text not in ("true", "false"):
            self.complain(column, f"{text!r}: write true or false, or leave it empty for false")
            return None
        return text == "true"

    def place_from(self, other: "CsvRow") -> str:
        """Where this row stands, as told with a problem of another row."""
        return f"line {self.line}" if self.file == other.file else f"line {self.line} of {Path(self.file).name}"

    def complain(self, column: str, text: str) -> None:
        """Note a problem of one cell, or of the whole row where `column` is empty."""
        self.problems.append(Problem(self.file, self.line, column, text))


def read_rows(
    file: str, content: bytes, columns: Collection[str], problems: list[Problem], proposed: Sequence[str] = ()
) -> list[CsvRow]:
    """Return the rows under a header that has exactly `columns`, in any order.

    Accepts a byte order mark, any line ends, empty lines, remarks (rows that begin with #), and empty columns at the
    end; trims cells. A row may have the cells `proposed` after its own, for it was pasted whole from a file of
    proposals; they are not looked at. Adds to `problems`; a broken row is left out, and after a broken header there are
    none.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(Problem(file, line, "", "the file is not UTF-8 from here on: save it as 'CSV UTF-8'"))
        return []
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    width = 0
    rows: list[CsvRow] = []
    line = 1
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            cells = [cell.strip() for cell in cells]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if header is None:
                width, header = len(cells), _without_empty_end(cells)
                if not _check_header(file, start, header, columns, problems):
                    return []
                continue
            after_own = proposed if header == list(columns) else ()
            if len(cells) in (width, len(header) + len(after_own)) and _says_nothing(cells[len(header) :], after_own):
                cells = cells[: len(header)]
            if len(cells) != len(header):
                what = f"{len(cells)} cells under a header of {len(header)}"
                problems.append(Problem(file, start, "", f"{what}: quote cells that hold a comma"))
            else:
                rows.append(CsvRow(file, start, dict(zip(header, cells, strict=True)), problems))
    except csv.Error as error:
        problems.append(Problem(file, line, "", f"this row is not CSV: {error}"))
    return rows


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _says_nothing(rest: list[str], proposed: Sequence[str]) -> bool:
    """Whether cells after those of the row are empty, or those of a proposal, with a number for each score."""
    rest = _without_empty_end(rest)
    return len(rest) <= len(proposed) and all(
        not cell or cell.isdecimal() for name, cell in zip(proposed, rest, strict=False) if name.startswith("score")
    )


def _check_header(file: str, line: int, header: list[str], columns: Collection[str], problems: list[Problem]) -> bool:
    texts = []
    separator = next((s for s in (";", "\t", "|") if len(header) == 1 and s in header[0]), None)
    if separator is not None:
        texts.append(f"cells are separated by {separator!r}: save the file with commas")
    else:
        unknown = [name for name in header if name not in columns]
        missing = [name for name in columns if name not in header]
        texts += [f"unknown column {name!r}; {suggest(name, columns)}" for name in unknown]
        texts += [f"column {name} is missing; the header is {','.join(columns)}" for name in missing]
        texts += [f"column {name} stands twice" for name in sorted({n for n in header if header.count(n) > 1})]
    problems += [Problem(file, line, "", text) for text in texts]
    return not texts
