"""The twelve lines of the golden vector, closed and posted over HTTP, to the cent."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import MONTH

GOLDEN = Path(__file__).parents[1] / "golden" / "twelve-lines"


def read_golden(name: str) -> Any:
    """A file of the golden vector, amounts exact."""
    return json.loads((GOLDEN / name).read_text(), parse_float=Decimal)


@pytest.fixture
def closed(provider: Provider) -> Provider:
    """October closed with --post, by the golden settings."""
    halopsa = read_golden("halopsa.json")
    settings = {**halopsa.pop("settings"), **read_golden("settings.json")}
    credentials = {"client_id": "a-client", "client_secret": "a-secret"}
    pax8_invoice = {"invoice": read_golden("invoice.json"), "items": read_golden("items.json"), "release_at": None}
    world = World(
        pax8={"credentials": credentials, "companies": [], "invoices": [pax8_invoice]},
        halopsa={"tenant": "golden", "credentials": credentials, "permissions": ["all"], **halopsa},
    )
    provider.set_up(world, [], settings=settings)
    (provider.config / "clients.csv").write_text((GOLDEN / "clients.csv").read_text())
    provider.close()
    return provider


def test_the_golden_vector_is_posted_to_the_cent(closed: Provider) -> None:
    (invoice,) = closed.halopsa_invoices()
    assert (invoice["client_id"], invoice["currency_code"], invoice["posted"]) == (246, 1, False)
    assert invoice["invoice_date"][:10] == "2026-10-01"
    lines = [
        tuple(f"{Decimal(str(line[name])):.2f}" for name in ("qty_order", "unit_price", "net_amount", "unit_cost"))
        for line in invoice["lines"]
    ]
    assert sorted(lines) == sorted(
        [
            ("10.00", "22.00", "220.00", "17.60"),
            ("1.00", "14.67", "14.67", "11.73"),
            ("10.00", "0.00", "0.00", "1.50"),
            ("1.00", "28.72", "28.72", "26.11"),
            ("1.00", "110.00", "110.00", "100.00"),
            ("1.00", "50.00", "50.00", "40.00"),
            ("1.00", "-25.00", "-25.00", "-20.00"),
        ]
    )
    assert closed.billed() == {246: ["398.39"]}
    assert {line["_itemid"] for line in invoice["lines"]} == {900}
    assert {line["tax_code"] for line in invoice["lines"]} == {"3"}
    assert {line["nominal_code"] for line in invoice["lines"]} == {"4192"}

    # Each source line has the fate that the golden vector gives it.
    fates = {
        f"L{line_no}": [disposition, reason]
        for line_no, disposition, reason in closed.query("select line_no, disposition, reason from dispositions")
    }
    assert fates == read_golden("expected.json")["dispositions"]

    # The three sides agree, and the residual is told.
    three_way = closed.query(
        "select source_sell, source_cost, not_billed_sell, not_billed_cost, residual_sell, residual_cost, "
        "planned_sell, posted_sell, posted_cost, readback_sell, readback_cost, sell_gap, cost_gap from three_way"
    )
    amounts = "391.2898 343.1616 -7.10 -5.68 -0.0002 0.0016 398.39 398.39 348.84 398.39 348.84 0 0"
    assert three_way == [tuple(map(Decimal, amounts.split()))]

    # Analysts read the published database from a process of their own.
    script = (
        "import duckdb, sys; database = duckdb.connect(sys.argv[1], read_only=True); "
        "print(database.execute('select posted_sell, sell_gap from three_way').fetchall()); "
        "print(database.execute('select client, integration, charge_key, document_key from posted_lines').fetchall())"
    )
    read = subprocess.run(
        [sys.executable, "-c", script, str(closed.published)], capture_output=True, text=True, check=True
    )
    assert "Decimal('398.390000000000000000'), Decimal('0E-18')" in read.stdout
    assert read.stdout.count("acme-dental") == 7
    head = json.loads((closed.published.parent / "journal-head.json").read_text())
    assert head["rows"] == closed.value("select count(*) from posting_journal") == 3
    assert head["row_hash"] == closed.value("select row_hash from posting_journal where seq = 3")
    assert closed.value("select count(*) from withheld_credits where month = ?", MONTH) == 1
