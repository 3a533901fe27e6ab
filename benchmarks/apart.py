"""Measure in a process of its own, so that its peak memory is its own and nothing is warm from another measurement."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_KIB_A_MIB = 1024


def run_apart(module: str, order: Mapping[str, Any]) -> dict[str, Any]:
    """Run `python -m benchmarks.<module>` with `order` as JSON on its standard input; the JSON it prints last.

    What it says on standard error is passed on where it fails. Raises RuntimeError with it.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"benchmarks.{module}"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DAGSTER_DISABLE_TELEMETRY": "1"},
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"benchmarks.{module} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def read_order() -> dict[str, Any]:
    """What the process was asked to measure."""
    order: dict[str, Any] = json.load(sys.stdin)
    return order


def answer(**figures: object) -> None:
    """Print the figures, with this process's peak memory, as the last line."""
    print(json.dumps({**figures, "peak_mib": peak_mib()}))


def peak_mib() -> float:
    """The most memory that this process, or a child of it that ended, ever held, in MiB."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usage.ru_maxrss for usage in usages) / _KIB_A_MIB


def processor_seconds() -> float:
    """Processor time of this process so far, all threads, in user and system mode."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
