"""Close a month once, in this process, and tell where the time went."""

import json
import logging
import time
from dataclasses import dataclass
from itertools import pairwise
from urllib.request import urlopen

_started = time.perf_counter()

import dagster as dg  # noqa: E402 - what importing Dagster takes is one of the figures
from dagster import DagsterEventType  # noqa: E402

from benchmarks.apart import answer, processor_seconds, read_order  # noqa: E402
from benchmarks.inside_dagster import Stopwatch  # noqa: E402
from billing_pipeline import close  # noqa: E402
from billing_pipeline.definitions import build_defs  # noqa: E402
from billing_pipeline.instance import open_instance  # noqa: E402
from billing_pipeline.settings.environment import load_environment  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - _started
_STEP_EVENTS = {DagsterEventType.STEP_START, DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE}


Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Mark:
    """When a run began, and how many requests each service had answered by then."""

    at: float
    requests: Counts


def main() -> None:
    order = read_order()
    logging.disable(logging.WARNING)
    environment = load_environment(order["environment"], None)
    stopwatch = Stopwatch()
    close.build_defs = lambda *given, **named: stopwatch.put_around(build_defs(*given, **named))  # type: ignore[attr-defined]
    marks: list[Mark] = []

    def mark(_: str) -> None:
        marks.append(Mark(time.perf_counter(), _count_requests(order["services"])))

    started = time.perf_counter()
    closed = close.close_month(environment, close.Closing(order["month"], post=True), mark)
    mark("done")
    with open_instance(environment.dagster_home) as instance:
        runs = [
            {
                "job": job,
                "seconds": after.at - before.at,
                "requests": _difference(before.requests, after.requests),
                "steps": _steps(instance, run_id),
            }
            for (job, run_id), (before, after) in zip(closed.runs, pairwise(marks), strict=True)
        ]
    answer(
        import_seconds=IMPORT_SECONDS,
        seconds=marks[-1].at - started,
        before_first_run=marks[0].at - started,
        clients=len(closed.clients),
        runs=runs,
        inside=stopwatch.seconds,
        inside_processor=stopwatch.processor,
        processor_seconds=processor_seconds(),
    )


def _count_requests(services: dict[str, str]) -> Counts:
    """Requests by service and route so far, as the sandbox counts them."""
    counts = {}
    for name, origin in services.items():
        with urlopen(f"{origin}/_sandbox/requests") as response:
            counts[name] = json.load(response)
    return counts


def _difference(before: Counts, after: Counts) -> Counts:
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
