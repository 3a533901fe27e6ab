"""One writer: a second one waits with a bound, then names who is in the way."""

import json
import socket
from pathlib import Path
from threading import Event, Thread, Timer
from time import sleep

import pytest

from billing_pipeline.billing.errors import WarehouseLocked
from billing_pipeline.resources.file_lock import describe_holder, hold_lock
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline_tests.warehouse.other_process import holding_file, holding_posting, holding_session

# One that begins before we wait, and as many as may pass while this process gets no processor.
TURNS = 20


def test_the_process_that_holds_the_database_is_named(warehouse: Warehouse) -> None:
    with (
        holding_session(warehouse.path) as other,
        pytest.raises(WarehouseLocked) as caught,
        warehouse.session("plan 2026-10"),
    ):
        pass
    said = str(caught.value)
    assert f"is held by process {other.pid} on {socket.gethostname()} (close 2026-09, since 20" in said
    assert "waited 0 seconds for it to plan 2026-10" in said
    assert "Nothing was changed. Wait until it is done, or stop that process, then run this again" in said
    assert "BILLING_LOCK_WAIT_SECONDS" in said


def test_the_lock_of_a_killed_process_is_free_at_once(warehouse: Warehouse) -> None:
    with holding_session(warehouse.path) as other:
        other.kill()
        other.wait()
        with warehouse.session("go on") as session:
            assert session.value("select count(*) from holds") == 0


def test_who_waits_gets_the_database_when_the_other_is_done(warehouse: Warehouse) -> None:
    patient = Warehouse(warehouse.path, lock_wait_seconds=30)
    with holding_session(warehouse.path) as other:
        assert other.stdin is not None
        other.stdin.close()
        with patient.session("go on") as session:
            assert session.value("select 1") == 1
        other.wait()
        other.stdin = None


def test_the_process_that_posts_is_named(warehouse: Warehouse) -> None:
    with (
        holding_posting(warehouse.path) as other,
        pytest.raises(WarehouseLocked) as caught,
        warehouse.posting_lock("post 2026-09 to HaloPSA"),
    ):
        pass
    assert f"is held by process {other.pid} on " in str(caught.value)
    assert "(post 2026-09 to HaloPSA, since 20" in str(caught.value)


def test_posting_elsewhere_does_not_keep_others_from_the_database(warehouse: Warehouse) -> None:
    with holding_posting(warehouse.path), warehouse.session("review") as session:
        assert session.value("select 1") == 1


@pytest.mark.parametrize("read_only", [False, True])
def test_a_person_with_the_live_file_open_is_told_where_to_read(warehouse: Warehouse, read_only: bool) -> None:
    with (
        holding_file(warehouse.path, read_only) as other,
        pytest.raises(WarehouseLocked) as caught,
        warehouse.session("plan 2026-10"),
    ):
        pass
    said = str(caught.value)
    assert "open in another program, so the pipeline cannot plan 2026-10" in said
    assert str(other.pid) in said
    assert str(warehouse.published / "billing.duckdb") in said


def test_a_person_who_only_looks_into_the_live_file_is_waited_for(warehouse: Warehouse) -> None:
    patient = Warehouse(warehouse.path, lock_wait_seconds=30)
    with holding_file(warehouse.path, read_only=True) as other:
        leaves = Timer(0.3, other.kill)
        leaves.start()
        with patient.session("go on") as session:
            assert session.value("select count(*) from holds") == 0
        leaves.join()


def test_who_takes_the_lock_again_and_again_lets_others_in(tmp_path: Path) -> None:
    lock, taken, stop = tmp_path / "x.lock", 0, Event()

    def take_again_and_again() -> None:
        nonlocal taken
        while not stop.is_set():
            with hold_lock(lock, "work in many pieces", 30):
                taken += 1
                sleep(0.1)

    busy = Thread(target=take_again_and_again)
    busy.start()
    try:
        for _ in range(5):
            before = taken
            with hold_lock(lock, "have a turn", 30):
                assert taken - before <= TURNS
    finally:
        stop.set()
        busy.join()


def test_two_threads_of_one_process_are_two_as_well(warehouse: Warehouse) -> None:
    with warehouse.session("first"), pytest.raises(WarehouseLocked, match="first"), warehouse.session("second"):
        pass


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    with pytest.raises(ValueError), hold_lock(lock, "fail", 0):
        raise ValueError
    with hold_lock(lock, "go on", 0):
        assert "go on" in describe_holder(lock)
    assert describe_holder(lock) == "a process that left no note"


@pytest.mark.parametrize("note", ["", "{", "[]", json.dumps({"pid": 1})])
def test_a_damaged_note_does_not_hide_the_lock(tmp_path: Path, note: str) -> None:
    lock = tmp_path / "x.lock"
    with hold_lock(lock, "work", 0):
        (tmp_path / "x.lock.holder").write_text(note)
        with pytest.raises(WarehouseLocked, match="a process that left no note"), hold_lock(lock, "wait", 0):
            pass
