"""The CSV files: what spreadsheets do to them is read, what contradicts itself is refused with its line."""

from pathlib import Path

import pytest

from billing_pipeline.billing.mapping_rows import (
    ClientRow,
    ProductRow,
    ProductTemplateRow,
    TaxLocationRow,
)
from billing_pipeline.settings.load import load_settings
from billing_pipeline_tests.settings.folders import CLIENTS_HEADER, PRODUCTS_HEADER, problems_of, write_folder

ACME_1 = "acme,Acme Dental,246,company-1,false,,\n"


def test_a_client_has_a_row_for_each_of_its_companies(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        clients=CLIENTS_HEADER
        + ACME_1
        + "acme,Acme Dental,246,company-2,,,\n"
        + "beta,Beta,7,,FALSE,-12,5\n"
        + '"own","Our ""own"" firm, Inc.",,company-3,True,,\n',
    )
    assert load_settings(tmp_path).clients == (
        ClientRow("acme", "Acme Dental", 246, "company-1"),
        ClientRow("acme", "Acme Dental", 246, "company-2"),
        ClientRow("beta", "Beta", 7, None, False, -12, 5),
        ClientRow("own", 'Our "own" firm, Inc.', None, "company-3", True),
    )


def test_what_a_spreadsheet_adds_is_read_over(tmp_path: Path) -> None:
    header = "name,client,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id\r\n"
    write_folder(tmp_path, clients="\ufeff" + header + "\r\n Acme , acme ,246,,,,\r\n,,,,,,\r\n")
    assert load_settings(tmp_path).clients == (ClientRow("acme", "Acme", 246),)


PASTED = "beta,Beta,7,,false,,,Beta (7),100,Better (8),75,,,the names are the same,USD,12.5\n"


@pytest.mark.parametrize(
    "text",
    [
        CLIENTS_HEADER + ACME_1 + PASTED,
        # As a spreadsheet saves it then: every row as wide as the widest.
        CLIENTS_HEADER.replace("\n", "," * 9 + "\n") + ACME_1.replace("\n", "," * 9 + "\n") + PASTED,
    ],
    ids=["in an editor", "in a spreadsheet"],
)
def test_a_row_pasted_whole_from_the_proposals_counts_by_its_own_cells(tmp_path: Path, text: str) -> None:
    write_folder(tmp_path, clients=text)
    assert load_settings(tmp_path).clients == (
        ClientRow("acme", "Acme Dental", 246, "company-1"),
        ClientRow("beta", "Beta", 7),
    )


def test_cells_that_no_proposal_has_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, clients=CLIENTS_HEADER + PASTED.replace(",100,", ",high,"))
    assert problems_of(tmp_path) == ["clients.csv:2: 16 cells under a header of 7: quote cells that hold a comma"]


def test_a_cell_over_two_lines_keeps_the_lines_of_later_rows(tmp_path: Path) -> None:
    write_folder(tmp_path, clients=CLIENTS_HEADER + 'acme,"Acme\nDental",246,,,,\nbeta,Beta,x,,,,\n')
    assert problems_of(tmp_path) == ["clients.csv:4: halopsa_client_id: 'x' is no id: write a whole number above 0"]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            ACME_1 + "beta,Beta,7,COMPANY-1,,,\n",
            "clients.csv:3: pax8_company_id: company COMPANY-1 already stands on line 2: keep one row",
        ),
        (
            ACME_1 + "acme,Acme Dentists,246,company-2,,,\n",
            "clients.csv:3: name: client acme has 'Acme Dentists' here and 'Acme Dental' on line 2: "
            "all rows of a client say the same",
        ),
        (
            ACME_1 + "acme,Acme Dental,247,company-2,,,\n",
            "clients.csv:3: halopsa_client_id: client acme has 247 here and 246 on line 2: "
            "all rows of a client say the same",
        ),
        (
            ACME_1 + "acme,Acme Dental,246,company-2,true,,\n",
            "clients.csv:3: excluded: client acme has true here and false on line 2: all rows of a client say the same",
        ),
        (
            ACME_1 + "acme,Acme Dental,246,company-2,,-9,\n",
            "clients.csv:3: recurring_invoice_id: client acme has -9 here and nothing on line 2: "
            "all rows of a client say the same",
        ),
        (
            ACME_1 + "beta,Beta,246,,,,\n",
            "clients.csv:3: halopsa_client_id: HaloPSA client 246 is acme on line 2 and beta here: "
            "give both one client key, or this one its own HaloPSA id",
        ),
        (
            ACME_1 + "beta,Beta,246,,true,,\n",
            "clients.csv:3: halopsa_client_id: HaloPSA client 246 is acme on line 2 and beta here: "
            "give both one client key, or this one its own HaloPSA id",
        ),
        (
            "beta,Beta,7,,,,\nbeta,Beta,7,,,,\n",
            "clients.csv:3: client beta without a Pax8 company already stands on line 2",
        ),
        (
            "beta,Beta,,company-1,,,\n",
            "clients.csv:2: halopsa_client_id: is empty: write the HaloPSA id of beta, "
            "or true under excluded if it is never billed",
        ),
        (
            "pax8-1,Beta,7,,,,\n",
            "clients.csv:2: client: 'pax8-1' is a key that the pipeline itself gives to companies "
            "without a client: choose another",
        ),
        (
            "unassigned,Beta,7,,,,\n",
            "clients.csv:2: client: 'unassigned' is a key that the pipeline itself gives to companies "
            "without a client: choose another",
        ),
        (
            "../../etc,Beta,7,,,,\n",
            "clients.csv:2: client: '../../etc' is no client key: use small letters, digits and hyphens, "
            "at most 63, and begin with a letter or a digit",
        ),
        ("beta,,7,,,,\n", "clients.csv:2: name: is empty: write a value"),
        (
            "beta,Beta,246.0,,,,\n",
            "clients.csv:2: halopsa_client_id: '246.0' is no id: write a whole number above 0",
        ),
        (
            "beta,Beta,7,,,0,\n",
            "clients.csv:2: recurring_invoice_id: '0' is no id: write a whole number other than 0",
        ),
        (
            "beta,Beta,7,,no,,\n",
            "clients.csv:2: excluded: 'no': write true or false, or leave it empty for false",
        ),
        (
            "beta,Beta, Inc.,7,,,,\n",
            "clients.csv:2: 8 cells under a header of 7: quote cells that hold a comma",
        ),
        ('beta,"Beta,7,,,,\n', "clients.csv:2: this row is not CSV: unexpected end of data"),
        (
            ACME_1 + "beta,Beta,7,company\u200b-2,,,\n",
            "clients.csv:3: pax8_company_id: 'company\\u200b-2' holds a character that cannot be seen "
            "(zero width space): type the id anew",
        ),
    ],
)
def test_a_wrong_client_row_is_refused_with_its_line(tmp_path: Path, rows: str, problem: str) -> None:
    assert problems_of(write_folder(tmp_path, clients=CLIENTS_HEADER + rows)) == [problem]


@pytest.mark.parametrize(
    ("header", "problems"),
    [
        (
            CLIENTS_HEADER.replace("excluded", "exclude"),
            [
                "clients.csv:1: column excluded is missing; the header is " + CLIENTS_HEADER.strip(),
                "clients.csv:1: unknown column 'exclude'; the nearest known one is excluded",
            ],
        ),
        (
            CLIENTS_HEADER.replace(",", ";"),
            ["clients.csv:1: cells are separated by ';': save the file with commas"],
        ),
        (CLIENTS_HEADER.replace("\n", ",name\n"), ["clients.csv:1: column name stands twice"]),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, header: str, problems: list[str]) -> None:
    assert problems_of(write_folder(tmp_path, clients=header + ACME_1)) == problems


def test_bytes_that_are_not_utf_8_are_named_with_their_line(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "clients.csv").write_bytes(CLIENTS_HEADER.encode() + "acme,Café,246,,,,\n".encode("latin-1"))
    assert problems_of(tmp_path) == ["clients.csv:2: the file is not UTF-8 from here on: save it as 'CSV UTF-8'"]


def test_a_mistyped_file_name_is_not_taken_for_a_missing_file(tmp_path: Path) -> None:
    write_folder(tmp_path, client=CLIENTS_HEADER + ACME_1)
    assert problems_of(tmp_path) == ["client.csv: unknown file: rename it to clients.csv, or remove it"]


def test_proposals_may_stand_beside_the_settings(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "clients.proposed.csv").write_text("anything")
    (tmp_path / "products.proposed.csv").write_text("anything")
    assert load_settings(tmp_path).clients == ()


def test_a_client_whose_name_is_the_same_to_the_eye_in_all_its_rows_is_one(tmp_path: Path) -> None:
    rows = "cafe,Caf\u00e9 Nord,246,company-1,,,\ncafe,Cafe\u0301\u00a0Nord,246,company-2,,,\n"
    assert len(load_settings(write_folder(tmp_path, clients=CLIENTS_HEADER + rows)).clients) == 2


def test_products_keep_their_order_and_repeat_without_harm(tmp_path: Path) -> None:
    rows = "pax8,p-1,S-1,Monthly,900\npax8,azure,,,901\npax8,P-1,s-1,monthly,900\npax8,p-1,S-1,Annual,902\n"
    assert load_settings(write_folder(tmp_path, products=PRODUCTS_HEADER + rows)).products == (
        ProductRow("pax8", "p-1", "S-1", "Monthly", 900),
        ProductRow("pax8", "azure", None, None, 901),
        ProductRow("pax8", "p-1", "S-1", "Annual", 902),
    )


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            "pax8,p-1,,One-Time,900\npax8,P-1,,1-time,901\n",
            "products.csv:3: halopsa_item_id: this product is item 900 on line 2 and item 901 here: keep one row",
        ),
        (
            "pax88,p-1,,,900\n",
            "products.csv:2: integration: unknown integration 'pax88'; the nearest known one is pax8",
        ),
        (
            "pax8,,,Monthly,900\n",
            "products.csv:2: product_id: product_id and sku are both empty: write at least one",
        ),
        ("pax8,p-1,,,\n", "products.csv:2: halopsa_item_id: is empty: write a value"),
        (
            "pax8,p-1,,,-5\n",
            "products.csv:2: halopsa_item_id: '-5' is no id: write a whole number above 0",
        ),
        (
            "pax8,p-1,,,900\npax8,\ufeffp-2,,,900\n",
            "products.csv:3: product_id: '\\ufeffp-2' holds a character that cannot be seen "
            "(zero width no-break space): type the id anew",
        ),
        (
            "pax8,,MS\u00a0BP,,900\n",
            "products.csv:2: sku: 'MS\\xa0BP' holds a character that cannot be seen (no-break space): type the id anew",
        ),
    ],
)
def test_a_wrong_product_row_is_refused_with_its_line(tmp_path: Path, rows: str, problem: str) -> None:
    assert problems_of(write_folder(tmp_path, products=PRODUCTS_HEADER + rows)) == [problem]


def test_templates_and_tax_locations_are_read(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        product_templates="halopsa_item_id,name,tax_code\n900,Phones,3\n901,Lines,\n",
        tax_locations="postcode_prefix,tax_code\n021,4\nk1a 0,5\n",
    )
    loaded = load_settings(tmp_path)
    assert loaded.product_templates == (
        ProductTemplateRow(900, "Phones", 3),
        ProductTemplateRow(901, "Lines"),
    )
    assert loaded.tax_locations == (TaxLocationRow("021", 4), TaxLocationRow("K1A0", 5))


def test_templates_and_tax_locations_that_contradict_are_refused(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        product_templates="halopsa_item_id,name,tax_code\n900,Phones,3\n900,Phones,4\n",
        tax_locations="postcode_prefix,tax_code\nK1A,4\nk1a,5\n021,\n",
    )
    assert problems_of(tmp_path) == [
        "product_templates.csv:3: halopsa_item_id: item 900 has another template on line 2: keep one row",
        "tax_locations.csv:3: tax_code: prefix k1a has tax 4 on line 2: keep one row",
        "tax_locations.csv:4: tax_code: is empty: write a value",
    ]


def test_terms_are_compared_in_one_spelling(tmp_path: Path) -> None:
    rows = "pax8,p-1,,One-Time,900\npax8,p-1,,1-Time,900\npax8,p-1,,one time,901\npax8,p-1,,,902\n"
    assert problems_of(write_folder(tmp_path, products=PRODUCTS_HEADER + rows)) == [
        "products.csv:4: halopsa_item_id: this product is item 900 on line 2 and item 901 here: keep one row"
    ]


def test_a_term_that_no_charge_has_is_refused(tmp_path: Path) -> None:
    rows = "pax8,p-1,,Monthly,900\npax8,p-2,,Monthyl,900\n"
    assert problems_of(write_folder(tmp_path, products=PRODUCTS_HEADER + rows)) == [
        "products.csv:3: term: 'Monthyl' is no billing term; the nearest known one is monthly"
    ]
