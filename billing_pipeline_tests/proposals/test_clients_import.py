"""`clients import`, against a real Pax8 and HaloPSA."""

from typing import Any

import pytest
import xlsxwriter

from billing_pipeline_tests.proposals.office import (
    CLIENTS_HEADER,
    Office,
    client,
    company,
    company_id,
    halopsa,
    line,
    pax8,
)

ACME = f"acme,Acme Dental,246,{company_id(1)},false,,\n"
HALOPSA = [
    client(246, "Acme Dental"),
    client(7, "ABC Rental"),
    client(9, "Birch Legal"),
    client(8, "Old", inactive=True),
]
COMPANIES = [company(1, "Acme Dental"), company(2, "ABC Dental"), company(3, "Birch Legal"), company(4, "Acme Labs")]


def bring(office: Office, text: str) -> Any:
    file = office.folder / "confirmed.csv"
    file.write_bytes(text.encode())
    return office.run("clients", "import", str(file))


@pytest.fixture
def importing(office: Office) -> Office:
    office.set_up(pax8(companies=COMPANIES, lines=[line(1, 2), line(2, 3)]), halopsa(clients=HALOPSA), clients=ACME)
    return office


def test_a_proposal_is_imported_where_somebody_filled_it_in_and_bills_the_companies(importing: Office) -> None:
    importing.prepare()
    importing.run("clients", "propose")
    file = importing.config / "clients.proposed.csv"
    result = importing.run("clients", "import", str(file))
    assert result.exit_code == 0
    assert "1 row added to" in result.stdout
    assert "2 rows were skipped, for nobody filled in halopsa_client_id or excluded." in result.stdout
    assert (
        importing.read("clients.csv") == CLIENTS_HEADER + ACME + f"birch-legal,Birch Legal,9,{company_id(3)},false,,\n"
    )
    importing.prepare()
    importing.post()
    assert [invoice["client_id"] for invoice in importing.written("invoices")] == [9]


def test_a_proposal_filled_in_in_a_spreadsheet_joins_the_clients_that_are_there(importing: Office) -> None:
    importing.run("clients", "propose")
    rows = {row["pax8_company_id"]: row for row in importing.rows("clients.proposed.csv")}
    rows[company_id(4)]["halopsa_client_id"] = "246"
    rows[company_id(2)]["excluded"] = "TRUE"
    file = importing.folder / "filled in.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, list(rows[company_id(2)]))
        for number, row in enumerate(rows.values(), start=1):
            # As Excel takes what is typed: numbers are numbers, and true is true.
            cells = [int(cell) if cell.isdecimal() else cell.lower() == "true" or cell for cell in row.values()]
            sheet.write_row(number, 0, cells)
    result = importing.run("clients", "import", str(file))
    assert result.exit_code == 0
    assert [
        (row["client"], row["name"], row["halopsa_client_id"], row["excluded"]) for row in importing.rows("clients.csv")
    ] == [
        ("acme", "Acme Dental", "246", "false"),
        ("abc-dental", "ABC Dental", "", "true"),
        ("acme", "Acme Dental", "246", "false"),
        ("birch-legal", "Birch Legal", "9", "false"),
    ]
    assert "HaloPSA client 246 is client acme, so the row is added to that one, not to acme-labs" in result.stdout
    assert [row.pax8_company_id for row in importing.loaded.clients if row.client == "acme"] == [
        company_id(1),
        company_id(4),
    ]


def test_an_import_adds_at_the_end_and_leaves_what_is_there(importing: Office) -> None:
    header = "pax8_company_id,client,name,halopsa_client_id,excluded,recurring_invoice_id,contract_id"
    there = f"{header}\r\n{company_id(1)},acme,Acme Dental,246,,,"
    importing.write("clients.csv", there)
    assert bring(importing, CLIENTS_HEADER + ACME + f"abc,ABC,7,{company_id(2)},,-5,4\n").exit_code == 0
    assert importing.read("clients.csv") == f"{there}\r\n{company_id(2)},abc,ABC,7,false,-5,4\r\n"


def test_an_import_makes_a_clients_csv_where_there_is_none(importing: Office) -> None:
    (importing.config / "clients.csv").unlink()
    assert bring(importing, CLIENTS_HEADER + ACME).exit_code == 0
    assert importing.read("clients.csv") == CLIENTS_HEADER + ACME


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"abc,ABC,777,{company_id(2)},,,\n", "confirmed.csv:3: halopsa_client_id: HaloPSA has no client 777"),
        (f"abc,ABC,7,{company_id(1)},,,\n", f"company {company_id(1)} already stands on line 2 of clients.csv"),
        (
            f"acme,Acme,246,{company_id(2)},,,\n",
            "client acme has 'Acme' here and 'Acme Dental' on line 2 of clients.csv",
        ),
        (f"abc,ABC,246,{company_id(2)},,,\n", "HaloPSA client 246 is acme on line 2 of clients.csv and abc here"),
        (f"abc,ABC,9,{company_id(2)},,,\n", "HaloPSA client 9 is birch on line 2 and abc here"),
        (f"ABC!,ABC,7,{company_id(2)},,,\n", "'ABC!' is no client key"),
        (f"abc,ABC,7,{company_id(2)},maybe,,\n", "excluded: 'maybe': write true or false"),
        (f"abc,ABC,=7,{company_id(2)},,,\n", "halopsa_client_id: '=7' is a formula"),
    ],
)
def test_one_bad_row_and_nothing_is_imported(importing: Office, row: str, said: str) -> None:
    result = bring(importing, CLIENTS_HEADER + f"birch,Birch,9,{company_id(3)},,,\n" + row)
    assert result.exit_code == 2
    assert said in result.stderr
    assert importing.read("clients.csv") == CLIENTS_HEADER + ACME


def test_what_may_be_a_slip_is_imported_and_told(importing: Office) -> None:
    result = bring(importing, CLIENTS_HEADER + "old,Old,8,company-x,,,\n")
    assert result.exit_code == 0
    assert "old: Pax8 lists no company company-x: is it written right?" in result.stdout
    assert "old: HaloPSA client 8 (Old) is inactive: its charges are held" in result.stdout


def test_a_file_that_is_not_there_is_told(importing: Office) -> None:
    result = importing.run("clients", "import", "nowhere.csv")
    assert result.exit_code == 2
    assert "nowhere.csv: cannot be read: No such file or directory. Nothing was imported." in result.stderr
