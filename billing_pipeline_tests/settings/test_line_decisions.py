"""line_decisions.csv: what a person may decide for a line, and what is wrong with a row, with its file and line."""

from pathlib import Path

import pytest

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.mapping_rows import LineDecisionRow
from billing_pipeline.settings.load import load_settings

HEADER = "integration,invoice_id,source_line_id,decision,value,by,why"
CLIENTS = (
    "client,name,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id\nacme,Acme,246,c-1,,,\n"
)


def load(folder: Path, *rows: str) -> tuple[LineDecisionRow, ...]:
    (folder / "billing.yaml").write_text("")
    (folder / "clients.csv").write_text(CLIENTS)
    (folder / "line_decisions.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return load_settings(folder).line_decisions


def test_each_decision_is_read_as_it_is_kept(tmp_path: Path) -> None:
    rows = load(
        tmp_path,
        "# what Ann found out in October",
        "pax8,inv,L1,exclude,,Ann,billed by hand",
        "pax8,inv,L2,sell,022.50,Ann,as agreed",
        "pax8,inv,L2,cost,-1.000000000000000001,Ann,as agreed",
        "pax8,inv,L2,Currency,usd,Ben,all is in USD",
        "pax8,inv,L2,class,LICENSE,Ben,a licence",
        'pax8,inv,L2,client,acme,Ben,"theirs, says Acme"',
    )
    assert [(row.source_line_id, row.decision, row.value) for row in rows] == [
        ("L1", "exclude", ""),
        ("L2", "sell", "22.5"),
        ("L2", "cost", "-1.000000000000000001"),
        ("L2", "currency", "USD"),
        ("L2", "class", "license"),
        ("L2", "client", "acme"),
    ]
    assert (rows[-1].by, rows[-1].why) == ("Ben", "theirs, says Acme")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("pax8,inv,L1,exclude,yes,Ann,x", "value: exclude takes no value"),
        ("pax8,inv,L1,sell,,Ann,x", "value: '' is no amount"),
        ('pax8,inv,L1,sell,"1,50",Ann,x', "value: '1,50' is no amount: write digits with a point"),
        ("pax8,inv,L1,cost,0.0000000000000000001,Ann,x", "more than 20 digits before the point or 18 after it"),
        ("pax8,inv,L1,cost,100000000000000000000,Ann,x", "more than 20 digits before the point or 18 after it"),
        ("pax8,inv,L1,currency,dollars,Ann,x", "value: 'dollars' is no currency code"),
        (
            "pax8,inv,L1,class,licence,Ann,x",
            "value: 'licence' is no line class: write one of license, ",
        ),
        (
            "pax8,inv,L1,client,acne,Ann,x",
            "value: no row of clients.csv has client 'acne'; the nearest",
        ),
        ("pax8,inv,L1,client,,Ann,x", "value: is empty: write a client key of clients.csv"),
        ("pax8,inv,L1,bill,,Ann,x", "decision: unknown decision 'bill'"),
        ("pax9,inv,L1,exclude,,Ann,x", "integration: unknown integration 'pax9'"),
        ("pax8,,L1,exclude,,Ann,x", "invoice_id: is empty"),
        ("pax8,inv,,exclude,,Ann,x", "source_line_id: is empty"),
        ("pax8,inv,L1,exclude,,,x", "by: is empty"),
        ("pax8,inv,L1,exclude,,Ann,", "why: is empty"),
    ],
)
def test_a_row_that_cannot_be_meant_is_an_error_with_file_and_line(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, "pax8,inv,L9,sell,1,Ann,x", row)
    (told,) = [line for line in str(refused.value).splitlines() if "line_decisions.csv" in line]
    assert "line_decisions.csv:3" in told
    assert said in told


def test_a_line_has_each_decision_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"line_decisions\.csv:3.*sell is decided for this line on line 2 too"):
        load(tmp_path, "pax8,inv,L1,sell,1,Ann,x", "pax8,inv,L1,sell,2,Ben,y")


def test_a_status_that_is_known_cannot_be_decided(tmp_path: Path) -> None:
    (tmp_path / "billing.yaml").write_text("integrations: {pax8: {invoice_statuses: {void: billed}}}")
    with pytest.raises(SettingsError, match="'void' is a status whose meaning is known"):
        load_settings(tmp_path)
