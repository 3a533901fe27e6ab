"""Runs that a sensor asked for, and what became of them: one that failed or never started is asked for again.

A sensor's cursor keeps what it asked for until that succeeded. Dagster starts a run key once, so that each attempt has
one of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import dagster as dg

ATTEMPT_TAG = "billing/attempt"
Outcome = Literal["is under way", "succeeded", "failed", "never started"]


@dataclass(frozen=True)
class Asked:
    """A run for a month that a tick asked for.

    `tags` tell its runs, and those that others started for the same, from other runs of the job; `after` is the storage
    id of the newest run of the job before. `invoices` are the statuses by id that a fetch was asked for; `event` and
    `close_id` are the fetch that a preparation follows.
    """

    attempt: int
    after: int
    tags: Mapping[str, str]
    invoices: Mapping[str, str] = field(default_factory=dict)
    event: int = 0
    close_id: str = ""


def newest_run(instance: dg.DagsterInstance, job_name: str) -> int:
    """The storage id of the newest run of a job, 0 where there is none: later runs have greater ones."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=1)
    return records[0].storage_id if records else 0


def outcome_of(instance: dg.DagsterInstance, job_name: str, asked: Asked) -> Outcome:
    """What became of it, whoever started the run: one that succeeded will do, and one under way may."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job_name, tags=dict(asked.tags)))
    runs = [record.dagster_run for record in records if record.storage_id > asked.after]
    if any(run.is_success for run in runs):
        return "succeeded"
    if any(not run.is_finished for run in runs):
        return "is under way"
    return "failed" if runs else "never started"


def attempt_key(run_key: str, attempt: int) -> str:
    """The run key of an attempt."""
    return run_key if attempt == 1 else f"{run_key}, attempt {attempt}"


def write_asked(asked: Mapping[str, Asked]) -> dict[str, Any]:
    """What is asked for, by month, as a cursor keeps it."""
    return {month: asdict(one) for month, one in sorted(asked.items())}


def read_cursor(cursor: str | None) -> tuple[Any, dict[str, Asked]]:
    """What a sensor has seen (None at first), and what it asked for and does not know to have succeeded, by month.

    Cursors that were written before asking again was known are what the sensor has seen, and nothing else.
    """
    read = json.loads(cursor) if cursor else None
    if not isinstance(read, dict) or "asked" not in read:
        return read, {}
    return read["seen"], {month: Asked(**one) for month, one in read["asked"].items()}


def write_cursor(seen: Any, asked: Mapping[str, Asked]) -> str:
    """The cursor that `read_cursor` reads."""
    return json.dumps({"seen": seen, "asked": write_asked(asked)}, sort_keys=True)
