"""What a run says that it posted."""

from decimal import Decimal
from pathlib import Path

from billing_pipeline.assets.posted_invoices import describe_clients
from billing_pipeline.steps.work import Work
from billing_pipeline_tests.open_warehouse import OpenWarehouse
from billing_pipeline_tests.ready_made import copy_empty_warehouse
from billing_pipeline_tests.steps.months import MONTH, NOW, write_config


def test_what_was_posted_is_told_in_the_minor_unit_of_each_currency(tmp_path: Path) -> None:
    warehouse = OpenWarehouse(copy_empty_warehouse(tmp_path / "billing.duckdb"))
    rows = [
        ("acme", "USD", 12, "1234.50", "run-1", "posted"),
        ("acme", "KWD", 11, "10.005", "run-1", "posted"),
        ("acme", "USD", 9, "1.00", "run-0", "posted"),
        ("birch", "JPY", 13, "500", "run-1", "posted"),
        ("cedar", "USD", None, "2.00", "run-1", "unknown"),
    ]
    columns = ("client", "currency", "halopsa_invoice_id", "sell", "run_id", "status")
    with warehouse.session("write what was posted") as session:
        session.insert(
            "postings",
            [{"month": MONTH, **dict(zip(columns, row, strict=True)), "sell": Decimal(row[3])} for row in rows],
        )
    work = Work(MONTH, (), warehouse, write_config(tmp_path / "config"), NOW, "run-1")

    assert describe_clients(work) == [
        {"client": "acme", "documents": 2, "posted": "10.005 KWD, 1,234.50 USD", "halopsa_invoices": "11, 12"},
        {"client": "birch", "documents": 1, "posted": "500 JPY", "halopsa_invoices": "13"},
    ]
