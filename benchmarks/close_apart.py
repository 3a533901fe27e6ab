"""Close the demo month once, in this process, and tell where the time went."""

import json
import logging
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

_started = time.perf_counter()

import dagster as dg  # noqa: E402 - what importing Dagster takes is one of the figures
from dagster import DagsterEventType  # noqa: E402

from benchmarks.apart import answer, read_order  # noqa: E402
from benchmarks.inside_dagster import Stopwatch  # noqa: E402
from billing_pipeline import close  # noqa: E402
from billing_pipeline.instance import open_instance  # noqa: E402
from billing_pipeline.settings.environment import load_environment  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - _started
_STEP_EVENTS = {DagsterEventType.STEP_START, DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE}


def main() -> None:
    order = read_order()
    logging.disable(logging.WARNING)
    environment = load_environment(order["environment"], None)
    stopwatch, marks = Stopwatch(), []
    build_defs = close.build_defs
    close.build_defs = lambda *given, **named: stopwatch.put_around(build_defs(*given, **named))

    def mark(said: str) -> None:
        marks.append({"said": said, "at": time.perf_counter(), "requests": _count_requests(order["services"])})

    started = time.perf_counter()
    closed = close.close_month(environment, close.Closing(order["month"], post=True), mark)
    mark("done")
    wall = time.perf_counter() - started
    with open_instance(environment.dagster_home) as instance:
        runs = [
            {
                "job": job,
                "seconds": marks[place + 1]["at"] - marks[place]["at"],
                "requests": _difference(marks[place]["requests"], marks[place + 1]["requests"]),
                "steps": _steps(instance, run_id),
                "events": len(instance.all_logs(run_id)),
            }
            for place, (job, run_id) in enumerate(closed.runs)
        ]
    answer(
        import_seconds=IMPORT_SECONDS,
        seconds=wall,
        before_first_run=marks[0]["at"] - started,
        clients=len(closed.clients),
        runs=runs,
        inside=dict(stopwatch.seconds),
    )


def _count_requests(services: dict[str, str]) -> dict[str, dict[str, int]]:
    """Requests by service and route so far, as the sandbox counts them."""
    counts = {}
    for name, origin in services.items():
        with urlopen(f"{origin}/_sandbox/requests") as response:
            counts[name] = json.load(response)
    return counts


def _difference(
    before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]
) -> dict[str, dict[str, int]]:
    return {
        service: {
            route: count - before[service].get(route, 0)
            for route, count in counts.items()
            if count > before[service].get(route, 0)
        }
        for service, counts in after.items()
    }


def _steps(instance: dg.DagsterInstance, run_id: str) -> dict[str, float]:
    """Seconds from a step's start to its end, as Dagster's own events say."""
    started: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for entry in instance.all_logs(run_id, of_type=_STEP_EVENTS):
        step = str(entry.step_key)
        if entry.get_dagster_event().event_type is DagsterEventType.STEP_START:
            started[step] = entry.timestamp
        else:
            seconds[step] = entry.timestamp - started[step]
    return seconds


if __name__ == "__main__":
    main()
