"""A database of an earlier version is brought up to date with all that it holds."""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest

from billing_pipeline.resources.warehouse import Warehouse

LAST_WITH_TEN_DECIMALS = 6
LARGEST = Decimal("999999999999999999.9999999999")
CENTS, EXACT = Decimal("41.12"), Decimal("41.1154")
_SLICE = {"month": "2026-10", "client": "acme"}
ROWS: Mapping[str, Mapping[str, Any]] = {
    "raw_invoices": {"invoice_id": "inv", "total": LARGEST, "total_text": str(LARGEST)},
    "raw_invoice_items": {"invoice_id": "inv", "total": EXACT, "cost_total": None, "too_precise": ["costTotal"]},
    "normalized_charges": {**_SLICE, "line_key": "k", "sell": LARGEST, "cost": Decimal("-0.0000000001")},
    "posted_lines": {**_SLICE, "charge_key": "k", "sell": CENTS, "source_sell": EXACT},
    "postings": {**_SLICE, "status": "posted", "sell": CENTS, "expected_tax": Decimal("3.29")},
    "corrections": {**_SLICE, "old_source_sell": EXACT},
    "approvals": {**_SLICE, "sell": CENTS, "cost": -LARGEST},
    "reversals": {**_SLICE, "sell": -CENTS, "readback_sell": -CENTS},
    "holds": {**_SLICE, "reason": "too_precise", "sell": None, "cost": Decimal("1.5")},
}


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A database as the version made it that kept ten decimals."""
    file = tmp_path / "old.duckdb"
    with duckdb.connect(str(file)) as old:
        old.execute("create table schema_migrations (number integer, name text, checksum text, applied_at timestamp)")
        for script in sorted((files("billing_pipeline.sql") / "migrations").iterdir(), key=lambda entry: entry.name):
            number, text = int(script.name.partition("_")[0]), script.read_text(encoding="utf-8")
            if number <= LAST_WITH_TEN_DECIMALS:
                old.execute(text)
                row = [number, script.name, sha256(text.encode()).hexdigest()]
                old.execute("insert into schema_migrations values (?, ?, ?, now())", row)
        for table, values in ROWS.items():
            names, marks = ", ".join(values), ", ".join("?" * len(values))
            old.execute(f"insert into {table} ({names}) values ({marks})", list(values.values()))
        (kept,) = old.execute("select count(*) from duckdb_columns() where data_type = 'DECIMAL(28,10)'").fetchall()
        assert kept[0] > 60
    return file


def test_an_old_database_keeps_every_amount_and_gets_eighteen_decimals(old_file: Path) -> None:
    with Warehouse(old_file).session("look") as session:
        types = session.rows(
            "select distinct data_type from duckdb_columns() where not internal and data_type like 'DECIMAL%' "
            "and column_name <> 'seconds'"
        )
        assert types == [{"data_type": "DECIMAL(38,18)"}]
        for table, values in ROWS.items():
            (row,) = session.rows(f"select {', '.join(values)} from {table}")
            assert row == values


def test_an_old_database_takes_new_amounts_and_its_views_answer(old_file: Path) -> None:
    small = Decimal("0.00041265358")
    with Warehouse(old_file).session("go on") as session:
        session.insert("holds", [{"month": "2026-11", "client": "acme", "sell": small}])
        assert session.value("select sum(sell) from holds") == small
        for view in session.rows("select view_name from duckdb_views() where not internal"):
            session.rows(f"select * from {view['view_name']}")
