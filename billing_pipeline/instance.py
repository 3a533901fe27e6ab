"""The Dagster instance that the command line and the UI share, and the runs of processes that died."""

import os
import socket
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import dagster as dg
import psutil
from dagster import DagsterRunStatus, RunsFilter

HOST_TAG = "billing/host"
PROCESS_TAG = "billing/process"
_UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance in `home`, which is made where it is missing, with telemetry off."""
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text((files("billing_pipeline") / "dagster.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return dg.DagsterInstance.from_config(str(home))


def process_tags() -> dict[str, str]:
    """Which process runs a run: its host, and its id with its start, for ids are given again."""
    return {HOST_TAG: socket.gethostname(), PROCESS_TAG: _process_mark(os.getpid()) or str(os.getpid())}


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs of dead processes of this host as failed, so that nobody waits for them; their ids.

    A run without our tags, which Dagster's own daemon started, is Dagster's to watch.
    """
    failed = []
    for run in instance.get_runs(filters=RunsFilter(statuses=_UNFINISHED, tags={HOST_TAG: socket.gethostname()})):
        if _is_alive(run.tags):
            continue
        instance.report_run_failed(
            run, f"The process {run.tags.get(PROCESS_TAG)} that ran it is gone. Nothing it did is lost; close again."
        )
        failed.append(run.run_id)
    return failed


def _is_alive(tags: Mapping[str, str]) -> bool:
    mark = tags.get(PROCESS_TAG, "")
    process_id = mark.partition("@")[0]
    return process_id.isdigit() and _process_mark(int(process_id)) == mark


def _process_mark(process_id: int) -> str | None:
    try:
        process = psutil.Process(process_id)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process_id}@{process.create_time():.2f}"
    except psutil.Error:
        return None
