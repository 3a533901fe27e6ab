"""What one piece of a month's work is about: the month, its clients, the settings and the warehouse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from billing_pipeline.resources.warehouse import Session, Warehouse
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.settings_files import hash_settings, keep_settings_files


@dataclass(frozen=True)
class Work:
    """A step reads these and nothing else: no global state, no clock of its own.

    `now` is aware, in UTC, and stands still within a step; `clock` says it anew, None where time stands still.
    """

    month: str
    clients: tuple[str, ...]
    warehouse: Warehouse
    config: LoadedSettings
    now: datetime
    run_id: str
    clock: Callable[[], datetime] | None = None

    @property
    def now_utc(self) -> datetime:
        """`now` as the warehouse keeps times: UTC without a zone."""
        return self.now.replace(tzinfo=None)

    @property
    def moment_utc(self) -> datetime:
        """The time at this very moment, as the warehouse keeps times: a step may take long."""
        return self.now_utc if self.clock is None else self.clock().replace(tzinfo=None)

    @property
    def today(self) -> date:
        """The day it is where the MSP is."""
        return self.now.astimezone(ZoneInfo(self.config.settings.time_zone)).date()

    @property
    def settings_hash(self) -> str:
        """One hash over all settings files."""
        return hash_settings(self.config.digests)

    def of(self, clients: Sequence[str]) -> "Work":
        """The same work for other clients."""
        return replace(self, clients=tuple(clients))


def scope_frame(session: Session, clients: Sequence[str]) -> None:
    """Give the SQL of a step its clients, as the frame `scope_clients`."""
    session.frame("scope_clients", {"client": "VARCHAR"}, [{"client": client} for client in clients])


def finish_step(
    session: Session,
    work: Work,
    step: str,
    started: float,
    row_count: int,
    sources: Mapping[str, Any],
) -> None:
    """Note what each slice of a step was made from, and the step itself; `started` is of time.monotonic."""
    session.execute(
        "delete from slice_sources where month = ? and step = ? and client in (select unnest(?::text[]))",
        [work.month, step, list(work.clients)],
    )
    settings_hash = work.settings_hash
    keep_settings_files(session, settings_hash, work.config, work.now_utc)
    session.insert(
        "slice_sources",
        [
            {
                "month": work.month,
                "client": client,
                "step": step,
                "fetch_id": sources.get("fetch_id"),
                "snapshot_ids": sources.get("snapshot_ids"),
                "settings_hash": settings_hash,
                "run_id": work.run_id,
                "made_at": work.now_utc,
            }
            for client in work.clients
        ],
    )
    seconds = Decimal(int((monotonic() - started) * 1000)) / 1000
    session.log_step(step, work.month, len(work.clients), row_count, seconds, work.run_id)
