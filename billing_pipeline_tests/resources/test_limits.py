"""Request limits: kept over any rolling window, over all threads and all processes, and without spinning."""

import json
import logging
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from billing_pipeline.resources import limits as module
from billing_pipeline.resources.limits import HttpLimits, limits_of
from billing_pipeline.sandbox.rate_limit import Limit
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.behaviours.world import make_world
from billing_pipeline_tests.resources import counted_requests
from billing_pipeline_tests.resources.conftest import OpenService
from billing_pipeline_tests.resources.scripted_service import Reply, ScriptedService


@pytest.mark.parametrize("limit", [None, 0])
def test_no_limit_does_not_wait(limit: int | None) -> None:
    limits = HttpLimits("test", limit, 300)
    began = time.monotonic()
    for _ in range(5000):
        limits.wait()
    assert time.monotonic() - began < 1


def test_no_rolling_window_holds_more_than_the_limit() -> None:
    limits = HttpLimits("test", 5, 0.3)
    times: list[float] = []

    def go(_: int) -> None:
        limits.wait()
        times.append(time.monotonic())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(go, range(14)))
    times.sort()
    # The sixth after the first, the seventh after the second … come no sooner than a window later;
    # 20 ms for threads that were stopped between permission and clock.
    assert all(later - earlier > 0.28 for earlier, later in zip(times, times[5:], strict=False))
    assert len(times) == 14


def test_waiting_uses_no_processor_time() -> None:
    limits = HttpLimits("test", 1, 0.4)
    limits.wait()
    began, used = time.monotonic(), time.process_time()
    limits.wait()
    assert time.monotonic() - began > 0.3
    assert time.process_time() - used < 0.1


def test_old_requests_are_forgotten() -> None:
    limits = HttpLimits("test", 3, 0.02)
    for _ in range(30):
        limits.wait()
    assert limits._bucket.count() <= 4


def test_clients_of_one_account_share_their_limit() -> None:
    assert limits_of("Pax8", "a", 1000, 60) is limits_of("Pax8", "a", 1000, 60)
    assert limits_of("Pax8", "a", 1000, 60) is not limits_of("Pax8", "b", 1000, 60)


def test_retries_and_tokens_count_too(service: ScriptedService, open_service: OpenService) -> None:
    service.reply("GET /v1/things", Reply(503), Reply(503), Reply(body=[]))
    http = open_service(limits=HttpLimits("test", 2, 0.4))
    began = time.monotonic()
    http.get("/things")
    assert time.monotonic() - began >= 0.4
    assert len(service.asked) == 4


def rows_of(file: Path) -> list[int]:
    """The moments that are counted in a file."""
    with sqlite3.connect(file) as connection:
        found = connection.execute("select item_timestamp from requests order by 1").fetchall()
    connection.close()
    return [moment for (moment,) in found]


def test_two_processes_at_once_are_never_answered_429(tmp_path: Path) -> None:
    # Each of them alone would stay below the limit; both at once send nearly twice as much in less than a window.
    with Sandbox(make_world([], [])) as sandbox:
        sandbox.halopsa_service.rate_limit.set(Limit(requests=30, seconds=2))
        warehouse = tmp_path / "billing.duckdb"
        order = {"variables": sandbox.environment, "beside": str(warehouse), "limit": 30, "seconds": 4, "requests": 28}
        command = [sys.executable, "-m", counted_requests.__name__, json.dumps(order)]
        running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        said = [process.communicate(timeout=120)[1] for process in running]

    statuses = Counter(one["status"] for one in sandbox.halopsa_service.log.requests())
    assert statuses == {200: 2 * (28 + 1)}, said
    # Moments, and nothing that tells who asked whom.
    [file] = tmp_path.glob("billing.duckdb.requests-halopsa-*.sqlite")
    assert sandbox.environment["HALOPSA_CLIENT_SECRET"].encode() not in file.read_bytes()


def test_a_limiter_goes_on_with_what_another_counted(tmp_path: Path) -> None:
    file = tmp_path / "requests.sqlite"
    one, another = HttpLimits("test", 5, 300, file), HttpLimits("test", 5, 300, file)
    for limits in (one, another, one, another):
        limits.wait()
    assert len(rows_of(file)) == 4
    assert one._take() == 0
    # The window of five minutes, and our margin: no request more before the first has left it.
    assert 290_000 < another._take() <= 303_001
    assert len(rows_of(file)) == 5


def test_what_was_counted_before_the_machine_started_anew_holds_nobody_longer_than_a_window(tmp_path: Path) -> None:
    file = tmp_path / "requests.sqlite"
    limits = HttpLimits("test", 2, 300, file)
    limits.wait()
    limits.wait()
    with sqlite3.connect(file) as connection:
        connection.execute("update requests set item_timestamp = item_timestamp + 86400000")
    connection.close()
    assert 290_000 < limits._take() <= 303_001


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "requests.sqlite"
    file.write_text("this is no database, and never was one " * 50)
    limits = HttpLimits("test", 5, 300, file)
    limits.wait()
    assert len(rows_of(file)) == 1
    assert (tmp_path / "requests.sqlite.damaged").exists()


@pytest.mark.parametrize("trouble", ["locked", "a folder", "no folder", "other tables"])
def test_a_file_that_cannot_be_used_is_told_and_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    caplog.set_level(logging.INFO, "billing_pipeline.waits")
    file = tmp_path / "folder" / "requests.sqlite"
    holder = None
    if trouble == "no folder":
        file.parent.write_text("a file where the folder should be")
    elif trouble == "a folder":
        file.mkdir(parents=True)
    else:
        file.parent.mkdir()
        holder = sqlite3.connect(file, isolation_level=None)
        if trouble == "other tables":
            holder.execute("create table requests (something text)")
        else:
            HttpLimits("test", 5, 300, file).wait()
            holder.execute("begin immediate")
    limits = HttpLimits("test", 2, 300, file)
    limits.wait()
    limits.wait()

    # Its own requests are counted all the same.
    assert limits._take() > 0
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"{file}, where the processes of this machine count their requests to test together,")
    assert "delete the file while nothing runs" in said
    if holder is not None:
        holder.close()


def test_the_file_of_an_account_is_named_without_it(tmp_path: Path) -> None:
    warehouse = tmp_path / "billing.duckdb"
    one = limits_of("HaloPSA", "https://psa.example/api tenant", 300, 300, warehouse)
    other = limits_of("HaloPSA", "https://psa.example/api another", 300, 300, warehouse)
    more = limits_of("HaloPSA", "https://psa.example/api tenant", 450, 300, warehouse)
    assert one._file is not None
    assert one._file.name.startswith("billing.duckdb.requests-halopsa-")
    assert "example" not in one._file.name
    # A raised limit still counts what was sent before.
    assert more._file == one._file != other._file
