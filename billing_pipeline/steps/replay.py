"""Make old plans again from what they were made from, to prove that the same sources give the same plan.

Nothing of the warehouse is changed: a copy is cut back to what was known when the plans were sealed, and the steps
run on the copy with the settings of then, from the files that were kept with the plans where the folder differs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date
from pathlib import Path
from typing import Any

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.resources.warehouse import Session, Warehouse
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.modify import modify
from billing_pipeline.steps.normalize import normalize
from billing_pipeline.steps.plan import plan
from billing_pipeline.steps.read_targets import INVOICES_KIND
from billing_pipeline.steps.reconcile import reconcile
from billing_pipeline.steps.settings_files import restore_settings
from billing_pipeline.steps.snapshots import newest_snapshot
from billing_pipeline.steps.work import Work


@dataclass(frozen=True)
class Replayed:
    """A plan that was sealed once, and the hash that its sources give now."""

    month: str
    client: str
    plan_hash: str
    replayed_hash: str

    @property
    def same(self) -> bool:
        """Whether the replay came to the same bytes."""
        return self.plan_hash == self.replayed_hash


def replay_plans(work: Work, folder: Path) -> list[Replayed]:
    """Replay every plan that the clients of the work ever had with documents for its month, the oldest first.

    Copies of the warehouse are made in `folder`, one for each state that plans were made from. Raises
    BillingPipelineError where the settings of then were not kept and the settings folder is another one now.
    """
    with work.warehouse.session("read what plans were made from") as session:
        rows = session.rows(
            "select * from plan_sources where month = ? and client in (select unnest(?::text[])) "
            "order by sealed_at, client, plan_hash",
            [work.month, list(work.clients)],
        )
        configs = _settings_of_then(session, work, rows, folder)
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        state = (row["sealed_at"], row["fetch_id"], tuple(row["snapshot_ids"]), row["corrects"], row["settings_hash"])
        groups[state].append(row)
    replayed = []
    for number, sealed in enumerate(groups.values(), start=1):
        then = replace(work, config=configs[sealed[0]["settings_hash"]])
        replayed += _replay(then, sealed, folder / f"replay-{number}.duckdb")
    return replayed


def _settings_of_then(
    session: Session, work: Work, rows: Iterable[Mapping[str, Any]], folder: Path
) -> dict[str, LoadedSettings]:
    configs = {work.settings_hash: work.config}
    for row in rows:
        settings_hash = row["settings_hash"]
        if settings_hash in configs:
            continue
        kept = restore_settings(session, settings_hash, folder / f"settings-{settings_hash[:12]}")
        if kept is None:
            raise BillingPipelineError(
                f"The plan of {row['client']} for {work.month} was sealed on {row['sealed_at']:%Y-%m-%d} with other "
                f"settings than those in {work.config.folder} now, and those were not kept. Restore the settings "
                "folder of that day, then replay again."
            )
        configs[settings_hash] = kept
    return configs


def _replay(work: Work, sealed: Sequence[Mapping[str, Any]], file: Path) -> list[Replayed]:
    work.warehouse.copy_to(file)
    copy = Warehouse(file, work.warehouse.lock_wait_seconds)
    first = sealed[0]
    with copy.session("cut the copy back to when the plans were sealed") as session:
        _cut_back(session, sealed)
        invoices = newest_snapshot(session, INVOICES_KIND)

    def read_invoices(_: date) -> Sequence[dict[str, Any]]:
        return [] if invoices is None else [dict(row) for row in invoices.rows]

    clients = tuple(client for client in work.clients if client in {row["client"] for row in sealed})
    then = replace(work, clients=clients, warehouse=copy, now=first["sealed_at"].replace(tzinfo=UTC))
    normalize(then)
    modify(then)
    reconcile(then)
    planned = plan(then, (), read_invoices, "replay", correct=first["corrects"])
    hashes = {one.client: one.plan.plan_hash for one in planned}
    return [Replayed(work.month, row["client"], row["plan_hash"], hashes[row["client"]]) for row in sealed]


def _cut_back(session: Session, sealed: Sequence[Mapping[str, Any]]) -> None:
    """Leave only what the plans were made from, and take away what was posted with them and after them."""
    first = sealed[0]
    session.execute(
        "delete from snapshots where snapshot_id not in (select unnest(?::bigint[]))", [first["snapshot_ids"]]
    )
    for table in ("raw_fetches", "invoice_statuses"):
        session.execute(f"delete from {table} where fetch_id > ?", [first["fetch_id"]])  # noqa: S608
    session.execute("delete from confirmed_products where confirmed_at > ?", [first["sealed_at"]])
    session.execute(
        "create or replace temp table later_documents as select document_key from postings "
        "where month > $month or sent_at > $sealed_at or plan_hash in (select unnest($hashes::text[])) "
        # A correction in which nothing differs was never sent: only the journal says when it was carried out.
        "union select document_key from posting_journal where event = 'corrected' "
        "and (month > $month or recorded_at > $sealed_at or plan_hash in (select unnest($hashes::text[])))",
        {
            "month": first["month"],
            "sealed_at": first["sealed_at"],
            "hashes": [row["plan_hash"] for row in sealed],
        },
    )
    session.execute(
        "delete from posted_source_lines where charge_key in (select charge_key from posted_lines "
        "where document_key in (select document_key from later_documents) "
        # Where nothing differs, the line that was posted before bills the new charge.
        "union all select new_charge_key from corrections "
        "where document_key in (select document_key from later_documents))"
    )
    session.execute(
        "delete from reversals where document_key in (select document_key from later_documents) "
        "or reversed_document_key in (select document_key from later_documents)"
    )
    for table in ("posted_lines", "postings", "corrections"):
        session.execute(
            f"delete from {table} where document_key in (select document_key from later_documents)"  # noqa: S608
        )
