"""A database that cannot be used is told clearly, and is left as it is."""

from pathlib import Path

import duckdb
import pytest

from billing_pipeline.billing.errors import WarehouseError
from billing_pipeline.resources.warehouse import Warehouse


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
    assert "restore the last backup" in said
    assert "HaloPSA was not changed" in said
    assert file.read_bytes() == content


def test_a_file_that_was_cut_off_is_damaged(warehouse: Warehouse) -> None:
    whole = warehouse.path.read_bytes()
    warehouse.path.write_bytes(whole[: len(whole) // 3])
    assert "It may be damaged" in refusal(warehouse)


def test_a_database_of_a_newer_version_is_not_touched(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("insert into schema_migrations values (9999, '9999_later.sql', 'x', now()::timestamp)")
    said = refusal(warehouse)
    assert "newer version of the pipeline (migration 9999_later.sql)" in said
    assert "Install that version, or use another BILLING_WAREHOUSE" in said


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
