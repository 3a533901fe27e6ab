"""A database of an earlier version keeps what it holds, and gets what newer tables say of it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import duckdb

from billing_pipeline.resources.warehouse import Warehouse

LINE = {
    "charge_key": "bp-c-1",
    "short_description": "Mail für Ärzte",
    "long_description": "2 × 11.00\nOctober",
    "item_reference": None,
    "tax_id": 3,
    "income_account": "4192",
    "expense_account": "5001",
    "sell": "22.00",
}
CREDIT = {**LINE, "charge_key": "bp-c-2", "long_description": "Takes back invoice 1", "expense_account": None}


@contextmanager
def database_of(file: Path, last: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database as it was when `last` was the newest migration."""
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "create table schema_migrations (number integer, name text, checksum text, applied_at timestamp)"
        )
        for entry in sorted((files("billing_pipeline.sql") / "migrations").iterdir(), key=lambda one: one.name):
            number, text = int(entry.name[:4]) if entry.name.endswith(".sql") else last + 1, entry.name
            if number <= last:
                text = entry.read_text(encoding="utf-8")
                connection.execute(text)
                checksum = sha256(text.encode()).hexdigest()
                connection.execute(
                    "insert into schema_migrations values (?, ?, ?, now())", [number, entry.name, checksum]
                )
        yield connection


def post(connection: duckdb.DuckDBPyConnection, key: str, lines: Sequence[dict[str, object]]) -> None:
    """A document of October that was posted."""
    detail = json.dumps({"document": {"document_key": key, "lines": list(lines)}, "others": []})
    connection.execute(
        "insert into postings (month, client, document_key, status, detail) values ('2026-10', 'acme', ?, 'posted', ?)",
        [key, detail],
    )


def test_lines_that_were_posted_before_get_their_text_item_tax_and_account(tmp_path: Path) -> None:
    with database_of(tmp_path / "billing.duckdb", 6) as connection:
        post(connection, "bp-d-1", [LINE, {**LINE, "charge_key": "bp-c-9", "item_reference": "pax8:p:Monthly"}])
        post(connection, "bp-d-2", [CREDIT])
        for key in ("bp-c-1", "bp-c-9"):
            connection.execute(
                "insert into posted_lines (month, client, document_key, charge_key, halopsa_item_id, sell) "
                "values ('2026-10', 'acme', 'bp-d-1', ?, 900, 22.00)",
                [key],
            )
        connection.execute(
            "insert into reversals (month, client, document_key, charge_key, name, halopsa_item_id, sell) "
            "values ('2026-10', 'acme', 'bp-d-2', 'bp-c-2', 'Mail für Ärzte', 900, -22.00)"
        )
    with Warehouse(tmp_path / "billing.duckdb").session("look") as session:
        rows = session.rows("select * from document_lines order by charge_key")
    billed, credit, _ = rows
    for name in ("short_description", "long_description", "tax_id", "income_account", "expense_account"):
        assert billed[name] == LINE[name], name
        assert credit[name] == CREDIT[name], name
    assert [one["halopsa_item_id"] for one in rows] == [900, 900, 900]
    assert [one["item_reference"] for one in rows] == [None, None, "pax8:p:Monthly"]
    assert [one["sell"] for one in rows] == [Decimal("22.00"), Decimal("-22.00"), Decimal("22.00")]


def test_a_plan_that_was_held_for_its_approval_waits_for_it_now(tmp_path: Path) -> None:
    documents = [{"document_key": "bp-d-1", "currency": "USD"}, {"document_key": "bp-d-2", "currency": "USD"}]
    with database_of(tmp_path / "billing.duckdb", 6) as connection:
        for client in ("acme", "birch"):
            connection.execute(
                "insert into plans (month, client, plan_hash, plan) values ('2026-10', ?, 'hash', ?)",
                [client, json.dumps({"documents": documents})],
            )
            connection.execute(
                "insert into holds (month, client, disposition, reason, reason_rank, detail, currency, sell, cost) "
                "values ('2026-10', ?, 'held', 'awaiting_approval', 24, 'it waits', 'USD', 22.00, 17.60)",
                [client],
            )
            connection.execute(
                "insert into ready_to_invoice (month, client, document_key, sell, cost) "
                "values ('2026-10', ?, 'bp-d-1', 22.00, 17.60)",
                [client],
            )
        connection.execute(
            "insert into holds (month, client, disposition, reason, reason_rank, detail) "
            "values ('2026-10', 'birch', 'held', 'cap:max_invoices', 23, 'too many')"
        )
    with Warehouse(tmp_path / "billing.duckdb").session("look") as session:
        held = session.rows("select client, reason from holds")
        waiting = session.rows("select client, currency, documents, lines, sell, cost, detail from to_approve")
    assert held == [{"client": "birch", "reason": "cap:max_invoices"}]
    assert [tuple(one.values()) for one in waiting] == [
        ("acme", "USD", 2, 1, Decimal("22.00"), Decimal("17.60"), "it waits")
    ]
