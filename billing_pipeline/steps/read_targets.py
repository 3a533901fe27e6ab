"""The existing HaloPSA documents that each client's charges may land on, from snapshots and our own postings."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from billing_pipeline.billing.routing import Targets
from billing_pipeline.billing.targets import Target
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.fetch_invoices import month_range
from billing_pipeline.steps.halo_targets import read_target
from billing_pipeline.steps.snapshots import Snapshot, latest_snapshot, store_snapshot
from billing_pipeline.steps.work import Work

Row = Mapping[str, Any]
ReadInvoices = Callable[[date], Sequence[dict[str, Any]]]

INVOICES_KIND = "halopsa_invoices"


def needs_invoices(work: Work) -> bool:
    """Whether any client of the work may add to an invoice that exists."""
    return any("latest" in _targets_of(work, client) for client in work.clients)


def _targets_of(work: Work, client: str) -> set[str]:
    found: set[str] = set()
    for integration in work.config.settings.enabled_integrations:
        behaviour = work.config.resolve(client, integration).charge.behaviour
        found.add(behaviour.target)
        if behaviour.target == "recurring":
            found.add(behaviour.non_recurring)
    return found


def take_invoices(session: Session, work: Work, read_invoices: ReadInvoices | None, source: str) -> Snapshot | None:
    """A snapshot of HaloPSA's invoices of the month, where a client needs it; None where none does."""
    if read_invoices is None or not needs_invoices(work):
        return None
    first, _ = month_range(work.month)
    return store_snapshot(session, INVOICES_KIND, read_invoices(first), source, work.now_utc)


def read_targets(session: Session, work: Work, invoices: Snapshot | None) -> tuple[dict[str, Targets], list[int]]:
    """The targets of each client of the work, and the ids of the snapshots they are from."""
    fields = work.config.settings.halopsa
    templates = latest_snapshot(session, "halopsa_recurring_invoices")
    by_client: dict[int | None, list[Target]] = defaultdict(list)
    by_id: dict[int, Target] = {}
    for row in templates.rows:
        target = read_target(row, fields)
        by_client[target.client_id].append(target)
        by_id[target.target_id] = target
    open_invoices = [read_target(row, fields) for row in invoices.rows] if invoices is not None else []
    written = _written_templates(session, work.month)
    targets: dict[str, Targets] = {}
    for mapped_row in work.config.clients:
        template_id = mapped_row.recurring_invoice_id
        mapped = by_id.get(template_id) if template_id is not None else None
        known = {target.target_id: target for target in by_client[mapped_row.halopsa_client_id]}
        if mapped is not None:
            known[mapped.target_id] = mapped
        targets[mapped_row.client] = Targets(
            invoices=open_invoices,
            templates=tuple(known.values()),
            template_id=template_id,
            unissued_month=_unissued_month(written.get(template_id, []), mapped),
            kept_slots=_kept_slots(session, work.month, mapped_row.client, template_id),
            writes_template="recurring" in _targets_of(work, mapped_row.client),
        )
    ids = [templates.snapshot_id] + ([invoices.snapshot_id] if invoices is not None else [])
    return targets, ids


def _written_templates(session: Session, month: str) -> dict[int | None, list[dict[str, Any]]]:
    """Our postings to recurring invoices for other months, newest first, by template."""
    rows = session.rows(
        "select halopsa_invoice_id, month, detail from postings "
        "where status = 'posted' and halopsa_invoice_id < 0 and lines > 0 and month <> ? "
        "order by settled_at desc, month desc",
        [month],
    )
    written: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        written[row["halopsa_invoice_id"]].append(row)
    return written


def _unissued_month(written: Sequence[dict[str, Any]], template: Target | None) -> str:
    if not written or template is None:
        return ""
    mark = json.loads(written[0]["detail"])["document"].get("issue_mark")
    return str(written[0]["month"]) if mark == template.issue_mark else ""


def _kept_slots(session: Session, month: str, client: str, template_id: int | None) -> frozenset[str]:
    rows = session.rows(
        "select slot_key from posted_lines where month = ? and client = ? and halopsa_invoice_id = ? "
        "and slot_key is not null",
        [month, client, template_id],
    )
    return frozenset(row["slot_key"] for row in rows)
