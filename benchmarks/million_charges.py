"""Normalise, modify and reconcile up to a million charges, beside bare DuckDB SQL that does the same work."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from benchmarks.apart import run_apart
from benchmarks.report import Report, Target
from benchmarks.synthetic_month import CLIENTS, MONTH, NOW, SyntheticMonth, build_synthetic_month

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 3
AT_MOST_TIMES_BARE, AT_MOST_MIB = 1.5, 3_000.0

_OUR_CHARGES = """
    select coalesce(reason, outcome) as fate, line_class, count(*), sum(quantity), sum(sell), sum(cost)
    from modified_charges group by all order by all
"""
_BARE_CHARGES = """
    select decision as fate, line_class, count(*), sum(quantity), sum(sell), sum(cost)
    from bare_modified group by all order by all
"""
_OUR_ITEMS = """
    select halopsa_client_id, halopsa_item_id, income_account, expense_account, tax_id, count(*), sum(sell), sum(cost)
    from reconciled_items group by all order by all
"""
_BARE_ITEMS = """
    select cast(halopsa_client_id as bigint), item_id, income_account, expense_account, tax_id, count(*), sum(sell),
        sum(cost)
    from bare_reconciled group by all order by all
"""


@dataclass(frozen=True)
class Measured:
    """The fastest of some rounds: others at work on the machine make a round slower, nothing makes it faster."""

    seconds: float
    by_step: dict[str, float]
    processor_seconds: float
    peak_mib: float
    slowest: float


def measure_charges(report: Report) -> None:
    """Measure every size, each round in processes of their own on copies of the same file; print the figures."""
    report.head(f"Charges of {CLIENTS:,} clients through normalise, modify, reconcile; best of {ROUNDS} rounds")
    ours: dict[int, Measured] = {}
    bare: dict[int, Measured] = {}
    with TemporaryDirectory() as folder:
        for lines in SIZES:
            month = build_synthetic_month(Path(folder) / str(lines), lines)
            rounds = [_run_both(month) for _ in range(ROUNDS)]
            ours[lines] = _best([one for one, _ in rounds])
            bare[lines] = _best([one for _, one in rounds])
            shutil.rmtree(Path(folder) / str(lines))
    _print(report, ours, bare)
    most = SIZES[-1]
    report.check(
        Target(
            f"{most:,} charges, times the bare SQL's wall time",
            ours[most].seconds / bare[most].seconds,
            AT_MOST_TIMES_BARE,
        ),
        Target(f"{most:,} charges, peak memory of a process", ours[most].peak_mib, AT_MOST_MIB, " MiB"),
        Target(
            f"Time a line at {most:,} lines, times that at {SIZES[-2]:,} (no worse than linear)",
            (ours[most].seconds / most) / (ours[SIZES[-2]].seconds / SIZES[-2]),
            1.0,
        ),
    )


def _run_both(month: SyntheticMonth) -> tuple[dict[str, Any], dict[str, Any]]:
    """Our steps, then the bare SQL, each on its own copy. Raises RuntimeError where they come to other results."""
    for_ours, for_bare = month.warehouse.with_name("ours.duckdb"), month.warehouse.with_name("bare.duckdb")
    for copy in (for_ours, for_bare):
        shutil.copy(month.warehouse, copy)
    shared = {"month": MONTH, "config": str(month.config)}
    ours = run_apart("steps_apart", {**shared, "now": NOW, "warehouse": str(for_ours)})
    bare = run_apart("bare_apart", {**shared, "resolved": str(month.resolved), "warehouse": str(for_bare)})
    with duckdb.connect(str(for_ours)) as one, duckdb.connect(str(for_bare)) as other:
        for our_query, bare_query in ((_OUR_CHARGES, _BARE_CHARGES), (_OUR_ITEMS, _BARE_ITEMS)):
            our_rows, bare_rows = one.execute(our_query).fetchall(), other.execute(bare_query).fetchall()
            if our_rows != bare_rows:
                differing = [rows for rows in zip(our_rows, bare_rows, strict=False) if rows[0] != rows[1]][:3]
                raise RuntimeError(f"the pipeline and the bare SQL come to other results: {differing}")
    return ours, bare


def _best(rounds: Sequence[dict[str, Any]]) -> Measured:
    totals = [sum(one["seconds"].values()) for one in rounds]
    best = rounds[totals.index(min(totals))]
    return Measured(
        seconds=min(totals),
        by_step=best["seconds"],
        processor_seconds=min(one["processor_seconds"] for one in rounds),
        peak_mib=max(one["peak_mib"] for one in rounds),
        slowest=max(totals),
    )


def _print(report: Report, ours: dict[int, Measured], bare: dict[int, Measured]) -> None:
    report.table(
        "Wall time in seconds",
        ("lines", "normalise", "modify", "reconcile", "all", "µs a line", "slowest round"),
        [
            (f"{lines:,}", *one.by_step.values(), one.seconds, one.seconds / lines * 1_000_000, one.slowest)
            for lines, one in ours.items()
        ],
    )
    report.table(
        "Beside bare DuckDB SQL with the same joins and sums",
        ("lines", "ours", "bare", "ratio", "processor, ours", "bare", "ratio", "peak MiB, ours", "bare"),
        [
            (
                f"{lines:,}",
                one.seconds,
                bare[lines].seconds,
                one.seconds / bare[lines].seconds,
                one.processor_seconds,
                bare[lines].processor_seconds,
                one.processor_seconds / bare[lines].processor_seconds,
                round(one.peak_mib),
                round(bare[lines].peak_mib),
            )
            for lines, one in ours.items()
        ],
    )
