"""Snapshots of what Pax8 and HaloPSA had: append-only, the rows stored once for each content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from billing_pipeline.billing.errors import BillingPipelineError, UnreadableAnswer
from billing_pipeline.billing.exact_json import read_exact_json, write_exact_json
from billing_pipeline.resources.paging import HaloRows
from billing_pipeline.resources.warehouse import Session

Row = Mapping[str, Any]

KINDS = (
    "pax8_companies",
    "halopsa_clients",
    "halopsa_sites",
    "halopsa_items",
    "halopsa_product_groups",
    "halopsa_taxes",
    "halopsa_currencies",
    "halopsa_account_codes",
    "halopsa_recurring_invoices",
    "halopsa_contracts",
    "halopsa_client_details",
)


@dataclass(frozen=True)
class Snapshot:
    """Rows of one kind as they were at a time; `rows` are JSON objects with Decimal amounts."""

    snapshot_id: int
    kind: str
    content_hash: str
    rows: tuple[Row, ...]


def store_snapshot(session: Session, kind: str, rows: Sequence[Row], source: str, now: datetime) -> Snapshot:
    """Append a snapshot; rows that were stored before are not stored again. `now` is naive UTC.

    Raises UnreadableAnswer for a list of HaloPSA that does not prove complete: what it lacks would be taken for absent.
    """
    if isinstance(rows, HaloRows) and rows.gap is not None:
        raise UnreadableAnswer(
            f"HaloPSA's list for {kind} comes out different each time ({rows.gap}): nothing is planned on it. "
            "Run it again when nobody creates or deletes there."
        )
    payloads = [write_exact_json(dict(row)) for row in rows]
    content_hash = sha256("\n".join(payloads).encode()).hexdigest()
    known = session.value("select count(*) from snapshots where kind = ? and content_hash = ?", [kind, content_hash])
    if not known:
        session.insert(
            "snapshot_rows",
            [
                {
                    "kind": kind,
                    "content_hash": content_hash,
                    "row_no": number,
                    "row_id": str(row.get("id", "")),
                    "payload": payload,
                }
                for number, (row, payload) in enumerate(zip(rows, payloads, strict=True), start=1)
            ],
        )
    snapshot_id = int(session.value("select coalesce(max(snapshot_id), 0) + 1 from snapshots"))
    session.insert(
        "snapshots",
        [
            {
                "snapshot_id": snapshot_id,
                "kind": kind,
                "content_hash": content_hash,
                "row_count": len(rows),
                "source": source,
                "taken_at": now,
            }
        ],
    )
    return Snapshot(snapshot_id, kind, content_hash, tuple(rows))


def latest_snapshot(session: Session, kind: str) -> Snapshot:
    """The newest snapshot of a kind. Raises BillingPipelineError where none was ever taken."""
    found = newest_snapshot(session, kind)
    if found is None:
        raise BillingPipelineError(
            f"There is no snapshot of {kind} yet. Materialise {kind} first: billing-pipeline close does so, "
            "and in the Dagster UI the job fetch_month does."
        )
    return found


def newest_snapshot(session: Session, kind: str) -> Snapshot | None:
    """The newest snapshot of a kind; None where none was ever taken."""
    [found] = session.rows(
        "select max(snapshot_id) as snapshot_id, max_by(content_hash, snapshot_id) as content_hash "
        "from snapshots where kind = ?",
        [kind],
    )
    if found["snapshot_id"] is None:
        return None
    content_hash = found["content_hash"]
    payloads = session.rows(
        "select payload from snapshot_rows where kind = ? and content_hash = ? order by row_no",
        [kind, content_hash],
    )
    rows = tuple(read_exact_json(row["payload"]) for row in payloads)
    return Snapshot(int(found["snapshot_id"]), kind, content_hash, rows)
