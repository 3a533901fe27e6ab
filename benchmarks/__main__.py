"""`python -m benchmarks [demo] [charges] [economy]`: figures of this machine beside the targets, and no test."""

import argparse
import platform

import dagster
import duckdb

from benchmarks.demo_month import measure_demo_month
from benchmarks.economy import measure_economy
from benchmarks.million_charges import measure_charges
from benchmarks.report import Report

MEASUREMENTS = {"demo": measure_demo_month, "charges": measure_charges, "economy": measure_economy}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[[], *MEASUREMENTS], help="what to measure; all without it")
    chosen = parser.parse_args().what or list(MEASUREMENTS)
    report = Report()
    report.say(
        f"Python {platform.python_version()}, Dagster {dagster.__version__}, DuckDB {duckdb.__version__}, "
        f"{platform.system()} {platform.machine()}"
    )
    for name in chosen:
        MEASUREMENTS[name](report)
    report.finish()


if __name__ == "__main__":
    main()
