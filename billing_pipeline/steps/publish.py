"""Publish the warehouse to analysts: a copy in one file, readable by DuckDB 1.2 and later, put in place at once."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from billing_pipeline.billing.errors import WarehouseError
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps import journal
from billing_pipeline.steps.journal import JournalHead


@dataclass(frozen=True)
class Published:
    """The published file, and where the journal stood."""

    file: Path
    head: JournalHead


def publish(warehouse: Warehouse) -> Published:
    """Copy every table and view to `published/billing.duckdb`, and the journal's head beside it.

    Readers keep the file they have open; the next open sees the new one. Raises WarehouseError on a full disk, and
    where what was published before has a longer or another journal: it is the proof of what was cut, or another
    database's. The old file is left as it was. Raises WarehouseLocked where another process goes on publishing.
    """
    with warehouse.publishing_lock():
        return _publish(warehouse)


def _publish(warehouse: Warehouse) -> Published:
    folder = warehouse.published
    target, draft = folder / "billing.duckdb", folder / f".billing.{os.getpid()}.duckdb"
    with warehouse.session("compare the journal with the published one") as session:
        cut = journal.find_cut(session, folder / journal.HEAD_FILE)
    if cut is not None:
        raise WarehouseError(
            f"{cut}. {folder} was left as it is. Where {warehouse.path} lost rows, put the newest whole database in "
            "its place and keep the old one; where it is another database than the one published there, give it a "
            "folder of its own (BILLING_WAREHOUSE). Then run this again."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear_away_drafts(folder)
        head = JournalHead(*warehouse.copy_to(draft))
        draft.replace(target)
        journal.write_head(head, folder / journal.HEAD_FILE)
    except OSError as error:
        raise WarehouseError(
            f"The database could not be published to {folder}: {error.strerror or error}. "
            "What was published before is unchanged. Free some space or correct the rights, then run "
            "billing-pipeline publish."
        ) from error
    finally:
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            with suppress(OSError):
                leftover.unlink()
    return Published(target, head)


def _clear_away_drafts(folder: Path) -> None:
    """Remove what a process left that was killed while it published: each is as large as the database."""
    for file in folder.glob(".billing.*.duckdb*"):
        file.unlink(missing_ok=True)
