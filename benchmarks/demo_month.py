"""The demo month through Dagster: requests by route, wall time by step, Dagster's own share, peak memory."""

from collections import Counter
from math import ceil
from typing import Any

from benchmarks.report import Report, Target
from benchmarks.sandbox_month import LIMITS_OFF, close_apart, serve
from billing_pipeline.sandbox.demo_world import DEMO_MONTH, DEMO_NOW, build_demo_world, demo_config

_INVOICE_ROUTES = "/invoices"


def measure_demo_month(report: Report) -> None:
    """Close the demo month in a process of its own against a sandbox in this one; print the figures."""
    report.head(f"Demo month {DEMO_MONTH}, request limiter off")
    world = build_demo_world()
    lines = sum(
        len(entry["items"])
        for entry in world.pax8["invoices"]
        if str(entry["invoice"]["invoiceDate"]).startswith(DEMO_MONTH)
    )
    config = demo_config()
    config["billing.yaml"] += LIMITS_OFF
    with serve(world, DEMO_NOW) as sandbox:
        figures = close_apart(sandbox, config, DEMO_MONTH, DEMO_NOW)
    _print_requests(report, figures["runs"])
    _print_times(report, figures)
    report.say(
        f"{figures['clients']} clients, {lines:,} invoice lines. Peak memory {figures['peak_mib']:,.0f} MiB, "
        f"processor time {figures['processor_seconds']:.1f} s (the sandbox runs in another process)."
    )
    report.check(*_targets(figures["runs"], lines))


def _print_requests(report: Report, runs: list[dict[str, Any]]) -> None:
    jobs = [run["job"] for run in runs]
    for service in runs[0]["requests"]:
        routes = sorted({route for run in runs for route in run["requests"][service]})
        rows = [[route, *counts, sum(counts)] for route in routes for counts in [_by_run(runs, service, route)]]
        totals = [sum(run["requests"][service].values()) for run in runs]
        report.table(f"{service} requests", ("route", *jobs, "total"), [*rows, ["all routes", *totals, sum(totals)]])


def _by_run(runs: list[dict[str, Any]], service: str, route: str) -> list[int]:
    return [run["requests"][service].get(route, 0) for run in runs]


def _print_times(report: Report, figures: dict[str, Any]) -> None:
    inside = figures["inside"]
    rows = []
    for run in figures["runs"]:
        own = sum(inside.get(step, 0.0) for step in run["steps"])
        rows.append(
            [run["job"], run["seconds"], own, run["seconds"] - own, _share(run["seconds"] - own, run["seconds"])]
        )
        rows += [
            [f"  {step}", seconds, inside.get(step, 0.0), seconds - inside.get(step, 0.0), ""]
            for step, seconds in run["steps"].items()
        ]
    wall, own = figures["seconds"], sum(inside.values())
    rows.append(["the whole close", wall, own, wall - own, _share(wall - own, wall)])
    report.table(
        "Wall time by run and step, in seconds",
        ("run, step", "wall", "in our functions", "Dagster's own", "share"),
        rows,
    )
    report.say(
        f"Before the first run {figures['before_first_run']:.2f} s (settings, definitions, instance); "
        f"importing Dagster and the pipeline {figures['import_seconds']:.2f} s, once a process, not in the above."
    )


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}"


def _targets(runs: list[dict[str, Any]], lines: int) -> list[Target]:
    requests = {run["job"]: {name: Counter(counts) for name, counts in run["requests"].items()} for run in runs}
    invoice_reads = sum(count for route, count in requests["fetch_month"]["Pax8"].items() if _INVOICE_ROUTES in route)
    posting = requests["post_month"]["HaloPSA"]
    new = sum(count for route, count in posting.items() if route.startswith("POST") and route.endswith("/Invoice"))
    return [
        Target(f"Pax8 invoice reads for {lines:,} lines", invoice_reads, ceil(lines / 200) + 5, binds=True),
        Target(
            f"HaloPSA requests for {new} new invoices (all of the posting run)",
            posting.total(),
            new + new // 25 + 20,
            binds=True,
        ),
    ]
