"""The pipeline's three set-based steps over a warehouse, in this process."""

from datetime import datetime
from pathlib import Path
from time import perf_counter

from benchmarks.apart import answer, processor_seconds, read_order
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.modify import modify
from billing_pipeline.steps.normalize import normalize
from billing_pipeline.steps.reconcile import reconcile
from billing_pipeline.steps.work import Work


def main() -> None:
    order = read_order()
    config = load_settings(Path(order["config"]))
    clients = tuple(dict.fromkeys(row.client for row in config.clients))
    work = Work(
        order["month"],
        clients,
        Warehouse(Path(order["warehouse"])),
        config,
        datetime.fromisoformat(order["now"]),
        "benchmark",
    )
    seconds = {}
    processor_started = processor_seconds()
    for step in (normalize, modify, reconcile):
        started = perf_counter()
        step(work)
        seconds[step.__name__] = perf_counter() - started
    answer(seconds=seconds, processor_seconds=processor_seconds() - processor_started)


if __name__ == "__main__":
    main()
