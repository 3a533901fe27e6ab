"""`products import`, against a real Pax8 and HaloPSA."""

from typing import Any

import pytest
import xlsxwriter

from billing_pipeline_tests.proposals.catalogue import CLIENTS, COMPANIES, PROMPT, ROWS, subscribed
from billing_pipeline_tests.proposals.office import ITEM, PRODUCTS_HEADER, Office, halopsa, item, line, pax8


def bring(office: Office, text: str) -> Any:
    file = office.folder / "confirmed.csv"
    file.write_bytes(text.encode())
    return office.run("products", "import", str(file))


@pytest.fixture
def importing(office: Office) -> Office:
    office.set_up(subscribed(), halopsa(CLIENTS, [item(1, "One"), item(2, "Two")]), ROWS, settings=PROMPT)
    return office


def test_a_client_is_held_until_all_its_lines_are_confirmed_and_others_go_on(office: Office) -> None:
    lines = [line(1, 1), line(2, 1, productId="p-backup", sku="SKU-B", productName="Backup"), line(3, 2)]
    office.set_up(
        pax8(companies=COMPANIES, lines=lines),
        halopsa(CLIENTS, [item(ITEM, "Cloud services"), item(1, "One")]),
        ROWS,
        overrides={"acme": {"settings": {"product_lifecycle": {"mode": "prompt"}}}},
    )
    office.prepare()
    office.post()
    assert [invoice["client_id"] for invoice in office.written("invoices")] == [247]
    assert bring(office, PRODUCTS_HEADER + "pax8,p-premium,,,1\n").exit_code == 0
    office.prepare()
    office.post()
    assert len(office.written("invoices")) == 1
    assert bring(office, PRODUCTS_HEADER + "pax8,p-backup,SKU-B,monthly,1\n").exit_code == 0
    office.prepare()
    office.post()
    assert [invoice["client_id"] for invoice in office.written("invoices")] == [247, 246]


def test_an_import_adds_at_the_end_and_leaves_what_is_there(importing: Office) -> None:
    importing.write("products.csv", "halopsa_item_id,integration,product_id,sku,term\r\n1,pax8,p-old,,")
    result = bring(importing, PRODUCTS_HEADER + "pax8,p-premium,SKU-P,Annual,2\npax8,p-old,,,1\n")
    assert result.exit_code == 0
    assert importing.read("products.csv") == (
        "halopsa_item_id,integration,product_id,sku,term\r\n1,pax8,p-old,,\r\n2,pax8,p-premium,SKU-P,Annual\r\n"
    )
    assert "1 row added to" in result.stdout
    assert "1 were there already" in result.stdout
    again = bring(importing, PRODUCTS_HEADER + "pax8,p-premium,SKU-P,annual,2\n")
    assert "0 rows added to" in again.stdout
    assert importing.loaded.products[-1].product_id == "p-premium"


def test_an_import_makes_a_products_csv_where_there_is_none(importing: Office) -> None:
    (importing.config / "products.csv").unlink()
    assert bring(importing, PRODUCTS_HEADER + "pax8,p-premium,,,1\n").exit_code == 0
    assert importing.read("products.csv") == PRODUCTS_HEADER + "pax8,p-premium,,,1\n"


def test_a_proposal_can_be_imported_once_its_gaps_are_filled(office: Office) -> None:
    items = [item(1, "Premium", supplier_part_code="SKU-P")]
    office.set_up(subscribed(), halopsa(CLIENTS, items), ROWS, settings=PROMPT)
    office.run("products", "propose")
    proposed = office.config / "products.proposed.csv"
    imported = office.run("products", "import", str(proposed))
    assert imported.exit_code == 0
    assert "1 row was skipped, for nobody filled in halopsa_item_id." in imported.stdout
    assert [row["product_id"] for row in office.rows("products.csv")] == ["p-premium", "p-premium"]
    again = office.run("products", "import", str(proposed))
    assert "0 rows added to" in again.stdout
    assert "2 were there already." in again.stdout


def test_a_workbook_of_a_proposal_is_imported_with_its_numbers_and_zeros(importing: Office) -> None:
    file = importing.folder / "confirmed.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*PRODUCTS_HEADER.strip().split(","), "name", "candidate", "score"])
        sheet.write_row(1, 0, ["pax8", "p-premium", "00123", "Monthly", 1, "Premium", "One (1)", 61])
        sheet.write_row(2, 0, ["pax8", "p-backup", "", "", "", "Backup"])
    result = importing.run("products", "import", str(file))
    assert result.exit_code == 0
    assert "1 row was skipped" in result.stdout
    assert importing.read("products.csv") == PRODUCTS_HEADER + "pax8,p-premium,00123,Monthly,1\n"


def test_zeros_that_a_spreadsheet_took_are_told(importing: Office) -> None:
    lines = [line(1, 1, productId="p-premium", sku="00123")]
    importing.set_up(pax8(companies=COMPANIES, lines=lines), halopsa(CLIENTS, [item(1, "One")]), ROWS, settings=PROMPT)
    importing.prepare()
    said = bring(importing, PRODUCTS_HEADER + "pax8,,123,,1\n").stdout
    assert "is it written right?; 00123 is known, and a spreadsheet may have taken its zeros" in said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("pax9,p-premium,,,1\n", "unknown integration 'pax9'; the nearest known one is pax8"),
        ("pax8,,,,1\n", "product_id and sku are both empty: write at least one"),
        ("pax8,p-premium,,,777\n", "HaloPSA has no item 777: billing-pipeline codes lists them"),
        ("pax8,p-premium,,Montly,1\n", "'Montly' is no billing term; the nearest known one is monthly"),
        ("pax8,p-old,,,2\n", "this product is item 1 already, in products.csv or on a row above, and item 2 here"),
        ("pax8,p-premium,,,1\npax8,p-premium,,,2\n", "this product is item 1 already"),
        ("pax8,p-premium,,,1,x\n", "confirmed.csv:3: cell 6 is under no column: quote cells that hold the separator"),
        ("pax8,p-premium,,,=1,\n", "halopsa_item_id: '=1' is a formula: write what it comes to"),
        ("", "has no rows: there is nothing to import"),
    ],
)
def test_one_bad_row_and_nothing_is_imported(importing: Office, rows: str, said: str) -> None:
    importing.write("products.csv", PRODUCTS_HEADER + "pax8,p-old,,,1\n")
    good = "pax8,p-backup,,,2\n" if rows else ""
    result = bring(importing, PRODUCTS_HEADER + good + rows)
    assert result.exit_code == 2
    assert said in result.stderr
    assert importing.read("products.csv") == PRODUCTS_HEADER + "pax8,p-old,,,1\n"


def test_every_problem_is_told_with_its_line(importing: Office) -> None:
    result = bring(importing, PRODUCTS_HEADER + "pax8,p-1,,,777\npax8,p-2,,,1\npax8,p-3,,Montly,888\n")
    problems = [text.partition("confirmed.csv:")[2].partition(":")[0] for text in result.stderr.splitlines()]
    assert [number for number in problems if number] == ["2", "4", "4"]


def test_rows_that_would_make_a_charged_product_ambiguous_are_refused(importing: Office) -> None:
    lines = [line(1, 1, productId="p-premium", sku="SKU-P")]
    importing.set_up(
        pax8(companies=COMPANIES, lines=lines),
        halopsa(CLIENTS, [item(1, "One"), item(2, "Two")]),
        ROWS,
        settings=PROMPT,
    )
    importing.prepare()
    importing.write("products.csv", PRODUCTS_HEADER + "pax8,p-premium,,monthly,1\n")
    result = bring(importing, PRODUCTS_HEADER + "pax8,,SKU-P,monthly,2\n")
    assert result.exit_code == 2
    assert "(product p-premium, SKU SKU-P, term monthly) would be the items 1, 2: keep the rows of one" in result.stderr
    assert bring(importing, PRODUCTS_HEADER + "pax8,p-premium,SKU-P,monthly,2\n").exit_code == 0


def test_a_product_that_nobody_knows_is_imported_and_told(importing: Office) -> None:
    result = bring(importing, PRODUCTS_HEADER + "pax8,p-premum,,,1\n")
    assert result.exit_code == 0
    assert 'no charge has product "p-premum" yet: is it written right?' in result.stdout


def test_a_file_that_is_not_there_is_told(importing: Office) -> None:
    result = importing.run("products", "import", "nowhere.csv")
    assert result.exit_code == 2
    assert "nowhere.csv: cannot be read: No such file or directory. Nothing was imported." in result.stderr
