"""What analysts read: a whole copy in one file, put in place at once."""

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from billing_pipeline.billing.errors import WarehouseError, WarehouseLocked
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps import journal
from billing_pipeline.steps.journal import JournalHead
from billing_pipeline.steps.publish import publish
from billing_pipeline_tests.warehouse.other_process import reading

INTERFACE = (
    "raw_invoices raw_invoice_items normalized_charges modified_charges reconciled_items ready_to_invoice postings "
    "posting_journal posted_lines holds settings_used dispositions three_way withheld_credits margin_by_client "
    "month_over_month unmapped_money"
)
DISPOSITIONS = (
    "month client integration invoice_id source_line_id line_no currency sell cost line_class disposition reason "
    "setting_level charge_key halopsa_invoice_id halopsa_line_id"
)
THREE_WAY = (
    "month client currency source_sell source_cost decided_sell decided_cost not_billed_sell not_billed_cost "
    "residual_sell residual_cost planned_sell planned_cost posted_sell posted_cost readback_sell readback_cost "
    "sell_gap cost_gap"
)


def log(warehouse: Warehouse, times: int = 1) -> None:
    with warehouse.session("work") as session:
        for number in range(times):
            session.log_step("plan", "2026-10", 1, number, Decimal(0), "run-1")


def test_every_table_and_view_of_the_interface_is_published(warehouse: Warehouse) -> None:
    published = publish(warehouse)
    with duckdb.connect(str(published.file), read_only=True) as connection:
        for name in INTERFACE.split():
            connection.execute(f"select * from {name}").fetchall()
        for view, columns in (("dispositions", DISPOSITIONS), ("three_way", THREE_WAY)):
            assert " ".join(column[0] for column in connection.execute(f"select * from {view}").description) == columns


def test_money_is_an_exact_decimal_in_every_table_and_view(warehouse: Warehouse) -> None:
    published = publish(warehouse)
    with duckdb.connect(str(published.file), read_only=True) as connection:
        inexact = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where schema_name = 'main' and not internal and (data_type in ('DOUBLE', 'FLOAT') or "
            "(regexp_matches(column_name, '(sell|cost|total|gap|balance|margin|change)$') "
            "and data_type <> 'DECIMAL(38,18)'))"
        ).fetchall()
    assert inexact == []


def test_a_reader_keeps_what_it_has_open_and_the_next_one_sees_the_new(warehouse: Warehouse) -> None:
    log(warehouse)
    published = publish(warehouse)
    with reading(published.file) as analyst:
        assert analyst.stdin is not None
        assert analyst.stdout is not None
        assert analyst.stdout.readline() == "1\n"
        log(warehouse, 2)
        publish(warehouse)
        analyst.stdin.write("\n")
        analyst.stdin.flush()
        assert analyst.stdout.readline() == "1\n"
    with duckdb.connect(str(published.file), read_only=True) as connection:
        assert connection.execute("select count(*) from step_log").fetchall() == [(3,)]


def test_nothing_is_left_beside_the_published_files(warehouse: Warehouse) -> None:
    publish(warehouse)
    publish(warehouse)
    assert sorted(path.name for path in warehouse.published.iterdir()) == ["billing.duckdb", "journal-head.json"]


def test_the_head_of_the_journal_is_published_beside_the_copy(warehouse: Warehouse) -> None:
    assert publish(warehouse).head == journal.JournalHead(0, journal.GENESIS)
    writer = journal.Writer("run-1", "clerk", "0.1", "https://halo", "t")
    with warehouse.session("write") as session:
        head = journal.append(session, writer, "sending", datetime(2026, 10, 6, tzinfo=UTC).replace(tzinfo=None))
    assert publish(warehouse).head == head
    note = json.loads((warehouse.published / "journal-head.json").read_text())
    assert note == {"rows": 1, "row_hash": head.row_hash}


def test_a_publication_that_fails_leaves_the_last_one(warehouse: Warehouse) -> None:
    log(warehouse)
    file = publish(warehouse).file
    before = file.read_bytes()
    in_the_way = warehouse.published / f".billing.{os.getpid()}.duckdb"
    in_the_way.mkdir()
    log(warehouse)
    with pytest.raises(
        WarehouseError, match=r"What was published before is unchanged\. .* run billing-pipeline publish\."
    ):
        publish(warehouse)
    assert file.read_bytes() == before
    in_the_way.rmdir()
    assert publish(warehouse).file.read_bytes() != before


def test_a_folder_that_is_a_file_is_told(warehouse: Warehouse) -> None:
    warehouse.published.write_text("in the way")
    with pytest.raises(WarehouseError, match="could not be published"):
        publish(warehouse)


def test_the_live_file_is_not_left_open(warehouse: Warehouse, tmp_path: Path) -> None:
    publish(warehouse)
    with duckdb.connect(str(warehouse.path)) as connection:
        assert connection.execute("select count(*) from holds").fetchall() == [(0,)]


def test_what_a_killed_process_left_is_cleared_away(warehouse: Warehouse) -> None:
    warehouse.published.mkdir()
    for name in (".billing.1.duckdb", ".billing.1.duckdb.wal", ".keep"):
        (warehouse.published / name).write_text("half")

    publish(warehouse)

    assert [file.name for file in warehouse.published.iterdir() if file.name.startswith(".")] == [".keep"]


def test_of_two_that_publish_the_later_copy_stays(warehouse: Warehouse) -> None:
    with warehouse.publishing_lock(), pytest.raises(WarehouseLocked) as caught:
        publish(warehouse)
    said = str(caught.value)
    assert f"is held by process {os.getpid()} on " in said
    assert "(publish the database, since 20" in said
    assert publish(warehouse).file.exists()


def test_the_noted_head_of_the_journal_never_goes_back(tmp_path: Path) -> None:
    """One that was copied before another process posted may be noted after it."""
    file = tmp_path / journal.HEAD_FILE
    journal.write_head(JournalHead(7, "seven"), file)
    journal.write_head(JournalHead(5, "five"), file)
    assert json.loads(file.read_text()) == {"rows": 7, "row_hash": "seven"}
    journal.write_head(JournalHead(8, "eight"), file)
    assert json.loads(file.read_text()) == {"rows": 8, "row_hash": "eight"}
