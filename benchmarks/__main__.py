"""`python -m benchmarks [demo] [charges] [economy] [history]`: figures of this machine beside the targets.

It fails where more requests were sent than their targets allow; times are the machine's and fail nothing.
"""

import argparse
import platform
import sys

import dagster
import duckdb

from benchmarks.demo_month import measure_demo_month
from benchmarks.economy import measure_economy
from benchmarks.history import measure_history
from benchmarks.million_charges import measure_charges
from benchmarks.report import Report

MEASUREMENTS = {
    "demo": measure_demo_month,
    "charges": measure_charges,
    "economy": measure_economy,
    "history": measure_history,
}


def main() -> int:
    """Measure, and say whether the requests stay below their targets: 0, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="*", choices=[[], *MEASUREMENTS], help="what to measure; all without it")
    chosen = parser.parse_args().what or list(MEASUREMENTS)
    report = Report()
    report.say(
        f"Python {platform.python_version()}, Dagster {dagster.__version__}, DuckDB {duckdb.__version__}, "
        f"{platform.system()} {platform.machine()}"
    )
    for name in chosen:
        MEASUREMENTS[name](report)
    return 0 if report.finish() else 1


if __name__ == "__main__":
    sys.exit(main())
