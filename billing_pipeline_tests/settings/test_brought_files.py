"""A table that a person brings is read however a spreadsheet saved it; what it spoilt is told, not guessed."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.settings.brought_files import BroughtTable, read_brought_file
from billing_pipeline.settings.problems import Problem

COLUMNS = ("integration", "product_id", "sku", "term", "halopsa_item_id")
OTHERS = ("name", "why")
HEADER = "integration,product_id,sku,term,halopsa_item_id\n"
Rows = list[tuple[int, list[str]]]


def read(file: Path) -> tuple[BroughtTable, list[str]]:
    problems: list[Problem] = []
    table = read_brought_file(file, COLUMNS, OTHERS, problems)
    return table, [str(problem).removeprefix(f"{file}:") for problem in problems]


def rows_of(file: Path) -> Rows:
    table, problems = read(file)
    assert problems == []
    return [(row.line, [row.cells[column] for column in COLUMNS]) for row in table.rows]


def csv_file(folder: Path, content: str | bytes) -> Path:
    file = folder / "brought.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def workbook(folder: Path, *sheets: Callable[[Worksheet, xlsxwriter.Workbook], None]) -> Path:
    file = folder / "brought.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        for fill in sheets:
            fill(book.add_worksheet(), book)
    return file


TEXT = HEADER + "pax8,p-café,00123,Monthly,900\n"
CAFE: Rows = [(2, ["pax8", "p-café", "00123", "Monthly", "900"])]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8"),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("cp1252"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace(",", "\t").encode("utf-16"),
        TEXT.replace(",", ";").encode("cp1252"),
        TEXT.replace(",", "|").encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode("mac_roman"),
        TEXT.replace("\n", "\r").encode(),
        TEXT.removesuffix("\n").encode(),
        TEXT.replace("integration,product_id", "Integration, PRODUCT_ID ").encode(),
        "".join(line + ",,,\r\n" for line in TEXT.splitlines()).encode(),
        (TEXT + "\n,,,,\n  ,,,,\n\n").encode(),
        TEXT.replace("00123", '"=""00123"""').encode(),
        TEXT.replace(",900", ",900.00").encode(),
        TEXT.replace(",", ";").replace(";900", ";900,0").encode(),
        TEXT.replace("halopsa_item_id", "halopsa_item_id,name,why").replace(",900", ',900,"A, B",x').encode(),
    ],
    ids=[
        *("utf-8", "utf-8 with a mark", "windows-1252", "utf-16", "utf-16-le", "utf-16-be", "unicode text"),
        *("semicolons", "bars", "windows line ends", "old mac", "old mac in utf-8", "no last line end"),
        *("another case", "empty columns", "empty rows", "zeros kept by a formula", "decimals", "decimal comma"),
        "a proposal",
    ],
)
def test_every_way_to_save_csv_says_the_same(tmp_path: Path, content: bytes) -> None:
    assert rows_of(csv_file(tmp_path, content)) == CAFE


def test_the_line_that_names_the_separator_is_no_row(tmp_path: Path) -> None:
    [(line, cells)] = rows_of(csv_file(tmp_path, "sep=;\n" + TEXT.replace(",", ";")))
    assert (line, cells) == (3, CAFE[0][1])


def test_a_guessed_encoding_is_told(tmp_path: Path) -> None:
    table, _ = read(csv_file(tmp_path, TEXT.encode("cp1252")))
    assert table.notes == ("brought.csv is not UTF-8 and was read as Windows-1252: check the accents of the names",)
    assert read(csv_file(tmp_path, TEXT))[0].notes == ()


def test_a_row_whose_empty_end_was_left_out_is_whole(tmp_path: Path) -> None:
    text = HEADER.replace("halopsa_item_id", "halopsa_item_id,name,why") + "pax8,p-1,,,900\n"
    assert rows_of(csv_file(tmp_path, text)) == [(2, ["pax8", "p-1", "", "", "900"])]


def test_rows_after_a_cell_of_several_lines_keep_their_line(tmp_path: Path) -> None:
    text = HEADER.replace("\n", ",name\n") + 'pax8,p-1,,,900,"One\r\nTwo\nThree"\n\npax8,p-2,,,901,\n'
    assert [line for line, _ in rows_of(csv_file(tmp_path, text))] == [2, 6]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("pax8,p-1,=A1,,900", "2: sku: '=A1' is a formula: write what it comes to"),
        ("pax8,p-1,#N/A,,900", "2: sku: #N/A is an error of the spreadsheet: write what was meant"),
        (
            "pax8,1.23457E+11,,,900",
            "2: product_id: 1.23457E+11 lost digits in a spreadsheet: format the column as text",
        ),
        ("pax8,p-1,,,900,x", "2: cell 6 is under no column: quote cells that hold the separator, or empty it"),
    ],
)
def test_a_spoilt_cell_of_csv_is_told_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    table, problems = read(csv_file(tmp_path, HEADER + row + "\n" + "pax8,p-2,,,901\n"))
    assert [problem.startswith(said) for problem in problems] == [True]
    assert [row.line for row in table.rows] == [3]


def test_thousands_are_no_decimals(tmp_path: Path) -> None:
    table, _ = read(csv_file(tmp_path, HEADER + 'pax8,p-1,,,"1,000"\n'))
    assert table.rows[0].cells["halopsa_item_id"] == "1,000"


def fill(sheet: Worksheet, book: xlsxwriter.Workbook) -> None:
    zeros = book.add_format({"num_format": "00000"})
    sheet.write_row(1, 0, ["Integration", "product_id", "sku", "term", "halopsa_item_id", "why"])
    sheet.write_row(3, 0, ["pax8", "p-café", "00123"])
    sheet.write_formula(3, 3, '="Mon"&"thly"', None, "Monthly")
    sheet.write_number(3, 4, 900)
    sheet.write_number(3, 5, 0.5)
    sheet.write_row(4, 0, ["pax8", "p-2"])
    sheet.write_number(4, 2, 123, zeros)
    sheet.write_formula(4, 4, "=900+1", None, 901)
    sheet.write_string(5, 4, "902.0")
    sheet.write_row(5, 0, ["pax8", True, " S-1 "])
    sheet.write_blank(9, 8, None, zeros)


def test_a_workbook_says_what_its_cells_show(tmp_path: Path) -> None:
    assert rows_of(workbook(tmp_path, fill)) == [
        (4, ["pax8", "p-café", "00123", "Monthly", "900"]),
        (5, ["pax8", "p-2", "00123", "", "901"]),
        (6, ["pax8", "true", "S-1", "", "902"]),
    ]


def test_the_sheet_with_the_header_counts(tmp_path: Path) -> None:
    def notes(sheet: Worksheet, book: xlsxwriter.Workbook) -> None:
        sheet.write_row(0, 0, ["What we decided", 1])

    assert len(rows_of(workbook(tmp_path, notes, fill))) == 3
    with pytest.raises(SettingsError, match="the sheets 'Sheet1', 'Sheet2' have such rows: keep one of them"):
        read(workbook(tmp_path, fill, fill))


def test_what_a_spreadsheet_made_of_a_cell_is_told_and_never_an_empty_cell(tmp_path: Path) -> None:
    def spoil(sheet: Worksheet, book: xlsxwriter.Workbook) -> None:
        day = book.add_format({"num_format": "dd-mmm"})
        sheet.write_row(0, 0, list(COLUMNS))
        for line in range(1, 6):
            sheet.write_row(line, 0, ["pax8", f"p-{line}"])
            sheet.write_number(line, 4, 900)
        sheet.write_datetime(1, 2, date(2026, 3, 2), day)
        sheet.write_formula(2, 3, "=NA()", None, "#N/A")
        sheet.write_number(3, 2, 123456789012345678)
        sheet.write_formula(4, 3, '="Monthly"', None, "")
        sheet.write_number(5, 4, 900.5)

    table, problems = read(workbook(tmp_path, spoil))
    assert [problem.partition(":")[2].split(":")[0].strip() for problem in problems] == ["sku", "term", "sku", "term"]
    assert "a spreadsheet made the date 2026-03-02 00:00:00 of it" in problems[0]
    assert "#N/A is an error of the spreadsheet" in problems[1]
    assert "lost digits in a spreadsheet: format the cell as text, and write it again" in problems[2]
    assert "is a formula that was never computed" in problems[3]
    # What is no whole number is told where the id is read.
    assert [(row.line, row.cells["halopsa_item_id"]) for row in table.rows] == [(6, "900.5")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty: there is nothing to import"),
        ("a.csv", HEADER.encode(), "has no rows: there is nothing to import"),
        ("a.csv", b"integration,sku\n", "column product_id is missing; the header is integration,product_id,sku"),
        (
            "a.csv",
            HEADER.replace("sku", "skus").encode() + b"a\n",
            "unknown column 'skus'; the nearest known one is sku",
        ),
        ("a.csv", HEADER.replace("sku", "term").encode() + b"a\n", "column term stands twice"),
        (
            "a.csv",
            HEADER.encode() + b'pax8,"p-1,,,900\npax8,p-2,,,901\n',
            "is no CSV that can be read: a quotation mark of about line 2 is never closed",
        ),
        (
            "a.csv",
            HEADER.encode() + b"pax8,\x81,,,900\n",
            "its letters cannot be read: save it as 'CSV UTF-8' or .xlsx",
        ),
        ("a.xlsx", b"PK\x03\x04 and nothing more", "is no workbook that can be read"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel file, or has a password: save it as .xlsx"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert said in str(caught.value)
