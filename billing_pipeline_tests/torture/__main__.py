"""Play schedules: `python -m billing_pipeline_tests.torture [--seeds 0-559,1063]`; 1 where one found something.

There is a schedule for every number: those after the usual ones are as good, and were never played.
"""

import argparse
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue

from rich.console import Console
from rich.progress import track

from billing_pipeline_tests.torture.player import Played, Stage, Violated
from billing_pipeline_tests.torture.schedule import GUARANTEED, make_schedule
from billing_pipeline_tests.torture.summary import Summary

SEEDS = "0-559"
AT_ONCE = 2
_RANGE = re.compile(r"(-?\d+)(?:-(\d+))?")


def main() -> int:
    """Play the schedules that are asked for, two at a time, and say what they came to."""
    asked = _read_arguments()
    console = Console(soft_wrap=True)
    summary, began = Summary(), time.monotonic()
    if len(asked) == 1:
        console.print(str(make_schedule(asked[0])), markup=False)
    with ExitStack() as opened, ThreadPoolExecutor(min(AT_ONCE, len(asked))) as pool:
        stages: SimpleQueue[Stage] = SimpleQueue()
        for _ in range(min(AT_ONCE, len(asked))):
            stages.put(opened.enter_context(Stage()))
        results = pool.map(partial(_play, stages), asked)
        said = f"Playing {len(asked)} schedules, {asked[0]} to {asked[-1]}"
        for seed, result in track(zip(asked, results, strict=True), said, len(asked), console=console):
            if isinstance(result, Played):
                summary.add(result)
            else:
                summary.failed.append(seed)
                console.print(f"FAILED: {result}", markup=False, style="red")
    summary.show(console, time.monotonic() - began)
    return 1 if summary.failed else 0


def _play(stages: "SimpleQueue[Stage]", seed: int) -> Played | str:
    """What a schedule came to, or what it found; of the guaranteed ones, everything must have happened."""
    schedule, stage = make_schedule(seed), stages.get()
    try:
        played = stage.play(schedule)
    except Violated as error:
        return str(error)
    finally:
        stages.put(stage)
    if played.missed and seed < GUARANTEED:
        return f"{', '.join(played.missed)} did not happen\n{schedule}"
    return played


def _read_arguments() -> list[int]:
    parser = argparse.ArgumentParser(prog="python -m billing_pipeline_tests.torture", description=__doc__)
    parser.add_argument(
        "--seeds",
        default=SEEDS,
        help=f"numbers, or first and last as A-B, separated by commas (usually {SEEDS}); write --seeds=-1",
    )
    seeds: dict[int, None] = {}
    for part in parser.parse_args().seeds.split(","):
        given = _RANGE.fullmatch(part.strip())
        if given is None:
            parser.error(f"--seeds takes numbers, or first and last as A-B, separated by commas; not {part!r}")
        first, last = int(given[1]), int(given[2] or given[1])
        if last < first:
            parser.error(f"--seeds {part.strip()} is empty")
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return list(seeds)


if __name__ == "__main__":
    sys.exit(main())
