"""Both sensors once through a real daemon: from an invoice that is released to a plan for every client."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from billing_pipeline.instance import open_instance
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, MONTH, make_invoice, make_line, make_world

PATIENCE_SECONDS = 240
DEFINITIONS = ("-m", "billing_pipeline.definitions")


def wait_until(ready: Callable[[], bool], daemon: "subprocess.Popen[bytes]") -> None:
    last = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert daemon.poll() is None, "the daemon ended"
        assert time.monotonic() < last, "the daemon did not come so far"
        time.sleep(0.5)


def start_sensor(name: str, environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "dagster", "sensor", "start", name, *DEFINITIONS],
        env=environment,
        check=True,
        capture_output=True,
    )


def test_the_daemon_fetches_a_new_invoice_and_prepares_every_client(provider: Provider) -> None:
    lines = [make_line(1, ACME, "10.00"), make_line(2, BIRCH, "20.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME])
    clients = {"acme", f"pax8-{BIRCH.company_id}"}
    environment = {**os.environ, **provider.variables, "PYTHONWARNINGS": "ignore"}
    home = provider.environment.dagster_home
    with open_instance(home) as instance:
        start_sensor("pax8_invoice_availability", environment)
        with (home / "daemon.log").open("wb") as log:
            daemon = subprocess.Popen(
                [str(Path(sys.executable).with_name("dagster-daemon")), "run", *DEFINITIONS],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                raw = dg.AssetKey("pax8_raw_invoice")
                wait_until(lambda: bool(instance.get_materialized_partitions(raw)), daemon)
                # Started with the other it would look at nothing first, and then not again for half a minute.
                start_sensor("prepare_fetched_month", environment)
                plans = dg.AssetKey("ready_to_invoice")
                wait_until(lambda: len(instance.get_materialized_partitions(plans)) == len(clients), daemon)
                wait_until(lambda: all(run.is_finished for run in instance.get_runs()), daemon)
            finally:
                os.killpg(daemon.pid, signal.SIGTERM)
                daemon.wait()
        assert instance.get_materialized_partitions(plans) == {f"{client}|{MONTH}" for client in clients}
        runs = {run.job_name: run for run in instance.get_runs()}
    assert set(runs) == {"fetch_month", "prepare_month"}
    assert {run.status for run in runs.values()} == {dg.DagsterRunStatus.SUCCESS}
    assert {run.tags["dagster/sensor_name"] for run in runs.values()} == {
        "pax8_invoice_availability",
        "prepare_fetched_month",
    }
    assert provider.query("select client, documents from plans order by client") == [
        ("acme", 1),
        (f"pax8-{BIRCH.company_id}", 0),
    ]
    assert provider.posts() == 0
