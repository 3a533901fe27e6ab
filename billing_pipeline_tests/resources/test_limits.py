"""Request limits: kept over any rolling window and over all threads, and without spinning."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from billing_pipeline.resources.limits import HttpLimits, limits_of
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
    assert limits._bucket is not None
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
