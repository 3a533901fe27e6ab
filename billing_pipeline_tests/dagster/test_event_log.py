"""Dagster's event log with its files kept open."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from billing_pipeline import event_log
from billing_pipeline.event_log import MOST_OPEN_FILES, event_log_kept_open
from billing_pipeline.instance import open_instance

PARTS = dg.StaticPartitionsDefinition(["a", "b", "c"])


@dg.asset(partitions_def=PARTS, backfill_policy=dg.BackfillPolicy.single_run())
def thing() -> None:
    """An asset of three partitions."""


def _materialize(instance: dg.DagsterInstance) -> str:
    tags = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "c"}
    result = dg.materialize([thing], instance=instance, tags=tags)
    assert result.success
    return result.run_id


def _seen_by_another(home: Path, run_id: str) -> tuple[int, set[str | None]]:
    with open_instance(home) as other:
        events = other.all_logs(run_id)
        found = other.fetch_materializations(thing.key, limit=10).records
        return len(events), {record.partition_key for record in found}


def _open_database_files(home: Path) -> list[str]:
    return [file.path for file in psutil.Process().open_files() if file.path.startswith(str(home / "history" / "runs"))]


def test_events_written_with_files_kept_open_are_seen_by_another_instance_at_once(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance, event_log_kept_open(instance):
        run_id = _materialize(instance)
        events, partitions = _seen_by_another(tmp_path, run_id)
        assert events == len(instance.all_logs(run_id)) > 10
        assert partitions == {"a", "b", "c"}


def test_another_instance_may_write_while_files_are_kept_open(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance, event_log_kept_open(instance):
        _materialize(instance)
        with open_instance(tmp_path) as other:
            run_id = _materialize(other)
        assert run_id in {record.run_id for record in instance.fetch_materializations(thing.key, limit=10).records}


def test_many_threads_may_read_through_the_kept_connections(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance, event_log_kept_open(instance):
        run_id = _materialize(instance)
        with ThreadPoolExecutor(8) as pool:
            counts = set(pool.map(lambda _: len(instance.all_logs(run_id)), range(40)))
        assert len(counts) == 1


def test_only_the_latest_files_stay_open_and_none_afterwards(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        with event_log_kept_open(instance):
            runs = [_materialize(instance) for _ in range(MOST_OPEN_FILES + 2)]
            open_files = {Path(path).name for path in _open_database_files(tmp_path) if path.endswith(".db")}
            assert len(open_files) == MOST_OPEN_FILES
            assert {"index.db", f"{runs[-1]}.db"} <= open_files
        assert _open_database_files(tmp_path) == []
        assert len(instance.all_logs(runs[0])) > 10


def test_the_files_are_whole_after_the_block(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance, event_log_kept_open(instance):
        run_id = _materialize(instance)
    for name in ("index", run_id):
        with sqlite3.connect(tmp_path / "history" / "runs" / f"{name}.db") as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


def test_the_file_of_a_new_run_is_like_one_that_dagster_makes(tmp_path: Path) -> None:
    schema = "select type, name, tbl_name, sql from sqlite_master order by type, name"
    made = []
    for name, keep in (("kept", event_log_kept_open), ("plain", lambda _: nullcontext())):
        with open_instance(tmp_path / name) as instance, keep(instance):
            run_id = _materialize(instance)
        with closing(sqlite3.connect(tmp_path / name / "history" / "runs" / f"{run_id}.db")) as connection:
            rows = [connection.execute(query).fetchall() for query in (schema, "select * from alembic_version")]
            made.append((rows, connection.execute("pragma journal_mode").fetchone()))
        assert [path.name for path in (tmp_path / name / "history" / "runs").glob(f"{run_id}*")] == [f"{run_id}.db"]
    assert made[0] == made[1]
    assert made[0][0][1]


@pytest.mark.parametrize("part", [{"_no_such_part": None}, {"_connect": 2}])
def test_where_dagster_keeps_it_otherwise_its_own_storage_does_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part: dict[str, Any]
) -> None:
    monkeypatch.setattr(event_log, "_PARTS", {**event_log._PARTS, **part})
    with open_instance(tmp_path) as instance, event_log_kept_open(instance):
        run_id = _materialize(instance)
        assert _seen_by_another(tmp_path, run_id)[1] == {"a", "b", "c"}
        assert _open_database_files(tmp_path) == []
    (warning,) = [record.getMessage() for record in caplog.records if record.name == event_log.__name__]
    assert warning.startswith(f"Dagster {dg.__version__} keeps its event log otherwise ({next(iter(part))})")


def test_another_storage_than_sqlite_files_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as instance, event_log_kept_open(instance):
        assert _materialize(instance)
