"""Close a month in a process of its own, against a sandbox in this one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.apart import run_apart
from billing_pipeline.sandbox.faults import Fault
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World

LIMITS_OFF = "\nhalopsa: {requests_per_5_minutes: 0}\npax8: {requests_per_minute: 0}\n"


@contextmanager
def serve(world: World, now: str, latency_seconds: float = 0.0) -> Iterator[Sandbox]:
    """The world's sandbox, whose clock stands at `now`, and which answers every request that much later."""
    with Sandbox(world) as sandbox:
        sandbox.clock.set(datetime.fromisoformat(now))
        if latency_seconds:
            for service in (sandbox.pax8_service, sandbox.halopsa_service):
                service.faults.add(Fault(kind="delay", seconds=latency_seconds))
        yield sandbox


def close_apart(sandbox: Sandbox, config: Mapping[str, str], month: str, now: str) -> dict[str, Any]:
    """The figures of `close --post` with these settings files, on a new database and a new Dagster instance."""
    with TemporaryDirectory() as name:
        write_config(Path(name), config)
        return close_in(Path(name), sandbox, month, now)


def close_in(folder: Path, sandbox: Sandbox, month: str, now: str) -> dict[str, Any]:
    """The same in a folder that has settings, and the database of the months before if there were any."""
    order = {
        "month": month,
        "environment": {**sandbox.environment, **_surroundings(folder, now)},
        "services": {"Pax8": sandbox.pax8_url, "HaloPSA": sandbox.halopsa_url},
    }
    return run_apart("close_apart", order)


def write_config(folder: Path, files: Mapping[str, str]) -> None:
    """Write the settings files into the folder."""
    config = folder / "config"
    config.mkdir()
    for name, text in files.items():
        (config / name).write_text(text, encoding="utf-8")


def _surroundings(folder: Path, now: str) -> dict[str, str]:
    return {
        "BILLING_CONFIG": str(folder / "config"),
        "BILLING_WAREHOUSE": str(folder / "billing.duckdb"),
        "DAGSTER_HOME": str(folder / "dagster"),
        "BILLING_NOW": now,
    }
