"""Publish the warehouse to analysts: a copy in one file, readable by DuckDB 1.2 and later, put in place at once."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from billing_pipeline.billing.errors import WarehouseError
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps.journal import JournalHead


@dataclass(frozen=True)
class Published:
    """The published file, and where the journal stood."""

    file: Path
    head: JournalHead


def publish(warehouse: Warehouse) -> Published:
    """Copy every table and view to `published/billing.duckdb`, and the journal's head beside it.

    Readers keep the file they have open; the next open sees the new one. Raises WarehouseError on a full disk,
    and leaves the old file as it was.
    """
    folder = warehouse.published
    target, draft = folder / "billing.duckdb", folder / f".billing.{os.getpid()}.duckdb"
    note = folder / f".journal-head.{os.getpid()}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            draft.unlink()
        head = JournalHead(*warehouse.copy_to(draft))
        note.write_text(json.dumps({"rows": head.rows, "row_hash": head.row_hash}) + "\n")
        draft.replace(target)
        note.replace(folder / "journal-head.json")
    except OSError as error:
        raise WarehouseError(
            f"The database could not be published to {folder}: {error.strerror or error}. "
            "What was published before is unchanged. Free some space or correct the rights, then run publish."
        ) from error
    finally:
        for leftover in (note, draft, draft.with_name(draft.name + ".wal")):
            with suppress(OSError):
                leftover.unlink()
    return Published(target, head)
