"""Three years of the same month: what a close takes, and what the database holds, as the months pile up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from benchmarks.history_world import build_history, close_time
from benchmarks.report import Report, Target
from benchmarks.sandbox_month import LIMITS_OFF, close_in, serve, write_config

CLIENTS, LINES, MONTHS = 100, 20, 36
# The first close makes the database and Dagster's files besides.
_EARLY = 2
MOST_GROWTH = 1.15
MOST_BYTES_A_LINE = 2_500
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Closed:
    """One close: seconds on the clock and of the processor, those inside our functions by step, HaloPSA requests, and
    what the files hold after it."""

    month: str
    seconds: float
    processor: float
    steps: Mapping[str, float]
    requests: int
    database: int
    published: int
    dagster: int


def measure_history(report: Report) -> None:
    """Close the months one after the other, each in a process of its own; print the figures."""
    report.head(f"History: {MONTHS} months of {CLIENTS} clients with {LINES} lines each, limiter off")
    with TemporaryDirectory() as name:
        folder = Path(name)
        closed = close_months(folder, CLIENTS, LINES, MONTHS)
        _print_months(report, closed)
        _print_steps(report, closed)
        _print_tables(report, folder / "billing.duckdb")
    report.check(*_targets(closed))


def close_months(folder: Path, clients: int, lines: int, months: int) -> list[Closed]:
    """The closes of `months` months into one database in `folder`."""
    history = build_history(clients, lines, months)
    config = dict(history.config)
    config["billing.yaml"] = _without_limits(config["billing.yaml"])
    write_config(folder, config)
    closed = []
    with serve(history.world, close_time(history.months[0])) as sandbox:
        for month in history.months:
            sandbox.clock.set(datetime.fromisoformat(close_time(month)))
            figures = close_in(folder, sandbox, month, close_time(month))
            closed.append(_read(folder, month, figures))
    return closed


def _without_limits(settings: str) -> str:
    kept = [line for line in settings.splitlines() if not line.startswith(("halopsa:", "pax8:"))]
    return "\n".join(kept) + LIMITS_OFF


def _read(folder: Path, month: str, figures: Mapping[str, Any]) -> Closed:
    requests = sum(sum(run["requests"]["HaloPSA"].values()) for run in figures["runs"])
    return Closed(
        month,
        figures["seconds"],
        figures["processor_seconds"],
        figures["inside_processor"],
        requests,
        (folder / "billing.duckdb").stat().st_size,
        (folder / "published" / "billing.duckdb").stat().st_size,
        sum(file.stat().st_size for file in (folder / "dagster").rglob("*") if file.is_file()),
    )


def _print_months(report: Report, closed: Sequence[Closed]) -> None:
    places = sorted({1, _EARLY, *range(6, len(closed) + 1, 6), len(closed)} & set(range(1, len(closed) + 1)))
    report.table(
        "A close --post, and what the files hold after it",
        ("close", "month", "wall s", "processor s", "requests", "database MiB", "published MiB", "Dagster MiB"),
        [
            (
                str(place),
                one.month,
                one.seconds,
                one.processor,
                one.requests,
                one.database / _MIB,
                one.published / _MIB,
                one.dagster / _MIB,
            )
            for place, one in ((place, closed[place - 1]) for place in places)
        ],
    )


def _print_steps(report: Report, closed: Sequence[Closed]) -> None:
    early, last = closed[_EARLY - 1], closed[-1]
    rows = [
        (name, early.steps.get(name, 0.0), seconds, seconds - early.steps.get(name, 0.0))
        for name, seconds in last.steps.items()
    ]
    ours = [sum(one.steps.values()) for one in (early, last)]
    rows.sort(key=lambda row: -row[3])
    rows.append(("all of our steps", ours[0], ours[1], ours[1] - ours[0]))
    own = [one.processor - total for one, total in zip((early, last), ours, strict=True)]
    rows.append(("Dagster, imports and the rest", own[0], own[1], own[1] - own[0]))
    report.table(
        "Processor seconds by step: what still grows",
        ("step", f"close {_EARLY}", f"close {len(closed)}", "more"),
        rows,
    )


def _print_tables(report: Report, file: Path) -> None:
    """The tables that take the most room, by their blocks."""
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute("select table_name, estimated_size from duckdb_tables() where not temporary")
        sizes = []
        for table, rows in names.fetchall():
            blocks = connection.execute(
                "select count(distinct block_id) from pragma_storage_info(?) where block_id >= 0", [table]
            ).fetchone()
            sizes.append((table, rows, (blocks[0] if blocks else 0) / 4))
    sizes.sort(key=lambda row: -row[2])
    report.table("The largest tables", ("table", "rows", "MiB at most"), sizes[:12])


def _targets(closed: Sequence[Closed]) -> list[Target]:
    early, last = closed[_EARLY - 1], closed[-1]
    lines = CLIENTS * LINES * len(closed)
    return [
        Target(f"Close {len(closed)} by close {_EARLY}, wall", last.seconds / early.seconds, MOST_GROWTH),
        Target(f"Close {len(closed)} by close {_EARLY}, processor", last.processor / early.processor, MOST_GROWTH),
        Target(f"HaloPSA requests of close {len(closed)}", last.requests, early.requests + 1, binds=True),
        Target(
            f"Bytes a line in the database after {len(closed)} months",
            last.database / lines,
            MOST_BYTES_A_LINE,
            binds=True,
        ),
    ]
