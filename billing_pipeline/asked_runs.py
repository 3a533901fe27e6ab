"""Runs that a sensor asked for, and what became of them: one that failed or never started is asked for again.

Not at once and not for ever: waits grow, and after the last attempt a person has to look. A sensor's cursor keeps what
it asked for until that succeeded. Dagster starts a run key once, so that each attempt has one of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import dagster as dg

ATTEMPT_TAG = "billing/attempt"
# How long the next attempt waits after each one that failed, in minutes; after the last there is none.
WAITS = (5, 15, 60, 120, 240)
MOST_ATTEMPTS = len(WAITS) + 1
# A look that failed sends no run; it is repeated for ever, at most an hour apart.
_LOOK_WAITS = (0, 30, 60)
Outcome = Literal["is under way", "succeeded", "failed", "never started"]


@dataclass(frozen=True)
class Asked:
    """A run for a month that a tick asked for.

    `tags` tell its runs, and those that others started for the same, from other runs of the job; `after` is the storage
    id of the newest run of the job before. `invoices` are the statuses by id that a fetch was asked for; `event` and
    `close_id` are the fetch that a preparation follows. `asked_at` is when the attempt was asked for (ISO 8601, or
    empty in cursors of before), `said` why it could not even be asked for.
    """

    attempt: int
    after: int
    tags: Mapping[str, str]
    invoices: Mapping[str, str] = field(default_factory=dict)
    event: int = 0
    close_id: str = ""
    asked_at: str = ""
    said: str = ""

    @property
    def is_last(self) -> bool:
        """Whether no attempt follows this one."""
        return self.attempt >= MOST_ATTEMPTS

    @property
    def next_at(self) -> datetime | None:
        """When the next attempt may be made; None where it may at once."""
        if not self.asked_at or not self.attempt:
            return None
        wait = WAITS[min(self.attempt, len(WAITS)) - 1]
        return datetime.fromisoformat(self.asked_at) + timedelta(minutes=wait)

    def may_try_again(self, now: datetime) -> bool:
        """Whether another attempt may be made now."""
        return not self.is_last and (self.next_at is None or self.next_at <= now)


@dataclass(frozen=True)
class FailedLooks:
    """Looks that failed one after the other, and when the last one did (ISO 8601)."""

    times: int = 0
    last_at: str = ""

    @property
    def next_at(self) -> datetime | None:
        """When the next look is due; None for at the next tick."""
        wait = _LOOK_WAITS[min(self.times, len(_LOOK_WAITS)) - 1] if self.times else 0
        return datetime.fromisoformat(self.last_at) + timedelta(minutes=wait) if wait else None

    def and_one_more(self, now: datetime) -> "FailedLooks":
        """The same with a look that failed now."""
        return FailedLooks(self.times + 1, now.isoformat())


@dataclass(frozen=True)
class Cursor:
    """What a sensor keeps: what it has seen (None at first), what it asked for and does not know to have succeeded, by
    month, and the looks that failed since the last one that did not."""

    seen: Any = None
    asked: Mapping[str, Asked] = field(default_factory=dict)
    failed_looks: FailedLooks = FailedLooks()


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


def read_cursor(cursor: str | None) -> Cursor:
    """A sensor's cursor.

    Cursors that were written before asking again was known are what the sensor has seen, and nothing else.
    """
    read = json.loads(cursor) if cursor else None
    if not isinstance(read, dict) or "asked" not in read:
        return Cursor(read)
    asked = {month: Asked(**one) for month, one in read["asked"].items()}
    return Cursor(read["seen"], asked, FailedLooks(**read.get("failed_looks", {})))


def write_cursor(seen: Any, asked: Mapping[str, Asked], failed_looks: FailedLooks | None = None) -> str:
    """The cursor that `read_cursor` reads."""
    content = {"seen": seen, "asked": write_asked(asked)}
    if failed_looks is not None and failed_looks.times:
        content["failed_looks"] = asdict(failed_looks)
    return json.dumps(content, sort_keys=True)


def say_waiting(what: str, asked: Mapping[str, Asked], outcomes: Mapping[str, Outcome]) -> str:
    """What the runs that were asked for wait for, month by month; `outcomes` are those of runs asked for before."""
    told = []
    for month, one in sorted(asked.items()):
        outcome = outcomes.get(month, "is under way")
        if outcome == "is under way":
            told.append(f"{what} of {month} (attempt {one.attempt}) is under way.")
            continue
        why = f" ({one.said})" if one.said else ""
        failed = f"{what} of {month} {outcome}{why} at attempt {one.attempt} of {MOST_ATTEMPTS}"
        if one.is_last:
            told.append(
                f"{failed}, the last one: look at its runs, then run billing-pipeline close {month}, after which this "
                "goes on by itself."
            )
        else:
            told.append(f"{failed}: it is asked for again after {one.next_at:%Y-%m-%d %H:%M} UTC.")
    return " ".join(told)
