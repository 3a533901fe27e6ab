"""A database that cannot be used is told clearly, and is left as it is."""

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from billing_pipeline.billing.errors import WarehouseError
from billing_pipeline.resources.database_trouble import read_maker
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps.publish import publish


def refusal(warehouse: Warehouse) -> str:
    with pytest.raises(WarehouseError) as caught, warehouse.session("close 2026-10"):
        pass
    return str(caught.value)


@pytest.mark.parametrize("content", [b"this is not a database", b"\x00" * 20000, b"DUCK" * 5000])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "billing.duckdb"
    file.write_bytes(content)
    said = refusal(Warehouse(file))
    assert f"{file} cannot be read" in said
    assert "If it is not your database, correct BILLING_WAREHOUSE" in said
    assert "delete neither" in said
    assert "put the newest backup in its place" in said
    assert file.read_bytes() == content


def cut(content: bytes) -> bytes:
    return content[: len(content) // 3]


def spoil_a_block(content: bytes) -> bytes:
    return content[:12288] + bytes(byte ^ 255 for byte in content[12288:16384]) + content[16384:]


@pytest.mark.parametrize("spoil", [cut, spoil_a_block])
def test_a_damaged_file_is_kept_and_the_newer_copy_is_named(
    warehouse: Warehouse, spoil: Callable[[bytes], bytes]
) -> None:
    published = publish(warehouse).file
    spoilt = spoil(warehouse.path.read_bytes())
    warehouse.path.write_bytes(spoilt)
    said = refusal(warehouse)
    assert "It is damaged" in said
    assert "move it and billing.duckdb.wal (where there is one) to a safe place, and delete neither" in said
    assert f"put {published} or a backup, whichever is newer, in its place" in said
    assert "billing-pipeline verify MONTH" in said
    assert warehouse.path.read_bytes() == spoilt


def test_a_damaged_write_ahead_log_is_kept(warehouse: Warehouse) -> None:
    write = "c = duckdb.connect(sys.argv[1]); c.execute('create table t(i int)')"
    script = f"import os, sys, duckdb; {write}; os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script, str(warehouse.path)], check=False)
    log = warehouse.path.with_name("billing.duckdb.wal")
    spoilt = bytearray(log.read_bytes())
    spoilt[-5] ^= 255
    log.write_bytes(spoilt)
    said = refusal(warehouse)
    assert "billing.duckdb.wal (where there is one) to a safe place, and delete neither" in said
    assert log.read_bytes() == spoilt


def seal_header(content: bytearray) -> bytes:
    """With the checksum that DuckDB expects of the first block."""
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", content[8:4096]):
        checksum ^= word * 0xBF58476D1CE4E5B9 & (2**64 - 1)
    content[:8] = struct.pack("<Q", checksum)
    return bytes(content)


def test_a_file_of_a_newer_duckdb_is_whole_and_no_backup_takes_its_place(warehouse: Warehouse) -> None:
    newer = bytearray(warehouse.path.read_bytes())
    newer[12:20], newer[52:84] = struct.pack("<Q", 9999), b"v9.8.7".ljust(32, b"\x00")
    content = seal_header(newer)
    warehouse.path.write_bytes(content)
    said = refusal(warehouse)
    assert f"{warehouse.path} was made by DuckDB 9.8.7, in a format that DuckDB {duckdb.__version__}" in said
    assert "The file is not damaged" in said
    assert "Do not put a backup in its place" in said
    assert "Run the pipeline with DuckDB 9.8.7 (pip install duckdb==9.8.7)" in said
    assert "billing-pipeline publish" in said
    assert warehouse.path.read_bytes() == content


def test_the_live_and_the_published_file_have_the_format_of_duckdb_1_2(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "billing.duckdb")
    published = publish(warehouse).file
    formats = [struct.unpack("<8x4sQ", file.read_bytes()[:20]) for file in (warehouse.path, published)]
    assert formats == [(b"DUCK", 65)] * 2
    assert read_maker(warehouse.path) == duckdb.__version__


def test_a_folder_in_the_place_of_the_file_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "billing.duckdb").mkdir()
    said = refusal(Warehouse(tmp_path / "billing.duckdb"))
    assert "Correct BILLING_WAREHOUSE" in said
    assert "damaged" not in said


def test_a_database_of_a_newer_version_is_not_touched(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("insert into schema_migrations values (9999, '9999_later.sql', 'x', now()::timestamp)")
    said = refusal(warehouse)
    assert "newer version of the pipeline (migration 9999_later.sql)" in said
    assert "Install that version: an older copy or a new database would not know what was posted" in said
    assert "BILLING_WAREHOUSE" not in said


def test_a_migration_that_was_changed_after_it_ran_is_refused(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("update schema_migrations set checksum = 'x' where number = 1")
    assert "Migration 0001_foundation.sql differs" in refusal(warehouse)


def test_views_of_another_version_are_made_anew(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create or replace view dispositions as select 1 as old")
        connection.execute("update schema_migrations set checksum = 'x' where number = 0")
    with warehouse.session("ask") as session:
        assert session.rows("select disposition from dispositions") == []


def test_the_folder_is_made_where_there_is_none(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "new" / "folder" / "billing.duckdb")
    with warehouse.session("begin") as session:
        assert session.value("select count(*) from holds") == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    said = refusal(Warehouse(tmp_path / "taken" / "billing.duckdb"))
    assert "taken" in said
    assert "BILLING_WAREHOUSE" in said


def test_a_file_name_that_is_a_word_of_sql_is_harmless(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "main.duckdb")
    with warehouse.session("begin") as session:
        assert session.value("select count(*) from dispositions") == 0
    quoted = Warehouse(tmp_path / 'o\'brien "x".duckdb')
    with quoted.session("begin"):
        pass
    assert quoted.copy_to(tmp_path / "it's a copy.duckdb") == (0, "0" * 64)
