"""The file kept open over consecutive pieces of work: each is committed as always, and others have their turn."""

import duckdb
import pytest

from billing_pipeline.billing.errors import WarehouseError, WarehouseLocked
from billing_pipeline.resources.file_lock import hold_lock
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline_tests.warehouse.other_process import holding_kept_open

LONG = 60.0


def clients(warehouse: Warehouse, patience: float = 0) -> list[str]:
    """The clients that are held, as another process reads them: it takes the lock, and then opens the file."""
    with hold_lock(warehouse.lock_file, "ask", patience), duckdb.connect(str(warehouse.path)) as connection:
        return [client for (client,) in connection.execute("select client from holds order by client").fetchall()]


def hold(warehouse: Warehouse, client: str) -> None:
    with warehouse.session("hold a client") as session:
        session.insert("holds", [{"client": client}])


def test_the_file_stays_open_between_pieces_of_work_and_is_free_after_the_block(warehouse: Warehouse) -> None:
    with warehouse.kept_open(LONG):
        hold(warehouse, "acme")
        with pytest.raises(WarehouseLocked, match="hold a client"):
            clients(warehouse)
        hold(warehouse, "birch")
    assert clients(warehouse) == ["acme", "birch"]


def test_others_have_their_turn_while_the_block_lasts(warehouse: Warehouse) -> None:
    with warehouse.kept_open(seconds=0.05):
        hold(warehouse, "acme")
        assert clients(warehouse, LONG) == ["acme"]
        hold(warehouse, "birch")
        assert clients(warehouse, LONG) == ["acme", "birch"]


def test_a_piece_of_work_that_fails_is_undone_and_gives_the_file_free(warehouse: Warehouse) -> None:
    with warehouse.kept_open(LONG):
        hold(warehouse, "acme")
        failing = pytest.raises(WarehouseError, match=r"could not plan 2026-10 in .*: Catalog Error")
        with failing, warehouse.session("plan 2026-10") as session:
            session.insert("holds", [{"client": "birch"}])
            session.execute("select * from no_such_table")
        assert clients(warehouse) == ["acme"]
        hold(warehouse, "cedar")
    assert clients(warehouse) == ["acme", "cedar"]


def test_a_piece_of_work_sees_no_frame_or_variable_of_the_one_before(warehouse: Warehouse) -> None:
    with warehouse.kept_open(LONG):
        with warehouse.session("plan 2026-10") as session:
            session.frame("asked", {"client": "VARCHAR"}, [{"client": "acme"}])
            session.set_variables(month="2026-10")
        with warehouse.session("plan another") as session:
            assert session.value("select getvariable('month')") is None
            assert session.value("select count(*) from duckdb_tables() where table_name = 'asked'") == 0


def test_it_holds_for_every_warehouse_of_the_file(warehouse: Warehouse) -> None:
    with warehouse.kept_open(LONG), Warehouse(warehouse.path).kept_open(LONG):
        hold(warehouse, "acme")
        hold(Warehouse(warehouse.path, lock_wait_seconds=0), "birch")
    assert clients(warehouse) == ["acme", "birch"]


def test_a_second_piece_of_work_at_the_same_time_is_refused_as_always(warehouse: Warehouse) -> None:
    with (
        warehouse.kept_open(LONG),
        warehouse.session("first"),
        pytest.raises(WarehouseLocked, match="first"),
        warehouse.session("second"),
    ):
        pass


def test_what_a_killed_process_had_committed_is_there(warehouse: Warehouse) -> None:
    with holding_kept_open(warehouse.path) as other:
        other.kill()
        other.wait()
    assert clients(warehouse) == ["acme", "birch", "cedar"]
