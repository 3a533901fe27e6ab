"""The existing HaloPSA documents that each client's charges may land on, from snapshots and our own postings."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.billing.left_lines import LeftLines, find_left_lines
from billing_pipeline.billing.months import month_range
from billing_pipeline.billing.plan_types import BilledClient
from billing_pipeline.billing.routing import Targets
from billing_pipeline.billing.targets import Target
from billing_pipeline.billing.templates import Written
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.client_details import DETAILS_KIND, describe_doubts, find_imports
from billing_pipeline.steps.halo_facts import currency_codes, integer, rows_by_id, text
from billing_pipeline.steps.halo_targets import read_target
from billing_pipeline.steps.key_fields import keys_on
from billing_pipeline.steps.record_reversals import is_reversal
from billing_pipeline.steps.snapshots import Snapshot, latest_snapshot, newest_snapshot, store_snapshot
from billing_pipeline.steps.work import Work

Row = Mapping[str, Any]
ReadInvoices = Callable[[date], Sequence[dict[str, Any]]]

_SHIFT = timedelta(days=1)
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
    """A snapshot of HaloPSA's invoices of the month, where a client needs it; None where none does.

    Raises BillingPipelineError where one is needed and cannot be read: that is not "no invoice to add to".
    """
    if not needs_invoices(work):
        return None
    if read_invoices is None:
        raise BillingPipelineError(
            f"Clients of {work.month} add to invoices that HaloPSA has (behaviour latest), and nothing reads them. "
            "Prepare the month with billing-pipeline close, or with the job prepare_month."
        )
    first, _ = month_range(work.month)
    # HaloPSA may write the first day of the month as a moment of the day before, and its filter goes by that.
    return store_snapshot(session, INVOICES_KIND, read_invoices(first - _SHIFT), source, work.now_utc)


@dataclass(frozen=True)
class TargetsRead:
    """The targets of each client, the lines that bill on for clients without a row, and the ids of the snapshots.

    `doubts` say by client why nobody knows whether HaloPSA's own Pax8 import bills it too.
    """

    targets: Mapping[str, Targets]
    left: Sequence[LeftLines]
    snapshot_ids: Sequence[int]
    doubts: Mapping[str, Sequence[str]]


def read_targets(
    session: Session, work: Work, invoices: Snapshot | None, billed: Mapping[str, BilledClient]
) -> TargetsRead:
    """What HaloPSA has that the charges of each client may land on, or be billed by already; `billed` by client key."""
    fields = work.config.settings.halopsa_fields
    templates = latest_snapshot(session, "halopsa_recurring_invoices")
    currency_rows = latest_snapshot(session, "halopsa_currencies").rows
    currencies = [integer(row.get("id")) for row in currency_rows]
    only_currency = currencies[0] if len(currencies) == 1 else None
    by_id = {int(row["id"]): read_target(row, fields, only_currency) for row in templates.rows}
    by_client: dict[int | None, list[Target]] = defaultdict(list)
    for target in by_id.values():
        for client_id in {target.client_id, target.original_client_id}:
            by_client[client_id].append(target)
    undoing = {row["id"] for row in session.rows("select distinct halopsa_invoice_id as id from reversals")}
    sent = _read_sent_credits(session)
    # A credit that takes a month back takes no charges: it would undo more, or less, than what it says.
    open_invoices = [
        read_target(row, fields, only_currency)
        for row in (() if invoices is None else invoices.rows)
        if row["id"] not in undoing and sent.isdisjoint(keys_on(row, fields))
    ]
    written = _read_written(session)
    slots = {client: _slots_of(changes.values()) for client, changes in written.items()}
    nameless = written.keys() - {row.client for row in work.config.clients}
    last_months = {client: _last_months(written[client].values()) for client in nameless}
    left = find_left_lines(by_id.values(), last_months, currency_codes(currency_rows), work.today)
    unsettled = _read_unsettled(session, work.month)
    kept = newest_snapshot(session, DETAILS_KIND)
    details = None if kept is None else rows_by_id(kept.rows)
    names = {int(row["id"]): text(row.get("name")) for row in latest_snapshot(session, "halopsa_clients").rows}
    doubts: dict[str, Sequence[str]] = {}
    targets: dict[str, Targets] = {}
    for row in work.config.clients:
        # What stands on the recurring invoice of an excluded client is a person's to end.
        changes = {} if row.excluded else written.get(row.client, {})
        ids = {*(target.target_id for target in by_client[row.halopsa_client_id]), row.recurring_invoice_id, *changes}
        on_halopsa = None if row.excluded else billed.get(row.client)
        if on_halopsa is not None:
            doubts[row.client] = list(describe_doubts(on_halopsa, details, by_id.keys()))
        targets[row.client] = Targets(
            invoices=open_invoices,
            templates=tuple(target for target_id, target in sorted(by_id.items(), reverse=True) if target_id in ids),
            template_id=row.recurring_invoice_id,
            written=changes,
            unsettled=unsettled,
            foreign_slots=frozenset().union(*(slots[client] for client in slots if client != row.client)),
            left=left,
            writes_template=not row.excluded and "recurring" in _targets_of(work, row.client),
            imports=() if on_halopsa is None else find_imports(on_halopsa, details or {}, by_id, names),
        )
    snapshot_ids = [one.snapshot_id for one in (templates, invoices, kept) if one is not None]
    return TargetsRead(targets, left, snapshot_ids, doubts)


def _read_sent_credits(session: Session) -> set[str]:
    """The keys of credits, and of their lines, that were sent and are not known to be posted: HaloPSA may have them."""
    documents = [
        json.loads(row["detail"])["document"]
        for row in session.rows("select detail from postings where status <> 'posted'")
    ]
    undoing = [document for document in documents if is_reversal(document)]
    lines = {pair["charge_key"] for document in undoing for pair in document["reverses"]}
    return {document["document_key"] for document in undoing} | lines


def _read_written(session: Session) -> dict[str, dict[int, list[Written]]]:
    """Our changes of recurring invoices, oldest first, by client and recurring invoice."""
    rows = session.rows(
        "select postings.client, postings.halopsa_invoice_id, postings.month, postings.detail, "
        "list(posted_lines.slot_key) filter (where posted_lines.slot_key is not null) as slots "
        "from postings left join posted_lines using (document_key) "
        "where postings.status = 'posted' and postings.halopsa_invoice_id < 0 "
        "group by all order by any_value(postings.settled_at), postings.month, any_value(postings.document_key)"
    )
    written: dict[str, dict[int, list[Written]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        mark = json.loads(row["detail"])["document"]["issue_mark"]
        one = Written(row["month"], mark, frozenset(row["slots"] or ()))
        written[row["client"]][row["halopsa_invoice_id"]].append(one)
    return written


def _slots_of(changes: Iterable[Sequence[Written]]) -> frozenset[str]:
    return frozenset(slot for written in changes for one in written for slot in one.slots)


def _last_months(changes: Iterable[Sequence[Written]]) -> dict[str, str]:
    """The last month that each slot was written for."""
    ordered = sorted((one for written in changes for one in written), key=lambda one: one.month)
    return {slot: one.month for one in ordered for slot in one.slots}


def _read_unsettled(session: Session, month: str) -> dict[int, str]:
    """By recurring invoice, what was sent to it for another month and is not known to stand there as planned.

    Writing over it would take away what settles it: until then nothing else is written there.
    """
    rows = session.rows(
        "select month, client, status, detail from postings where month <> ? and (status in ('sending', 'unknown') "
        "or (status = 'posted' and halopsa_invoice_id < 0 and read_back_at is null)) order by month, client",
        [month],
    )
    unsettled: dict[int, str] = {}
    for row in rows:
        document = json.loads(row["detail"])["document"]
        if document["action"] != "update_recurring":
            continue
        what = "was not read back" if row["status"] == "posted" else "has an unknown outcome"
        unsettled[document["target_id"]] = (
            f"the change of recurring invoice {document['target_id']} for {row['month']} ({row['client']}) {what}: "
            f"run billing-pipeline close {row['month']} --client {row['client']} --post first, it looks"
        )
    return unsettled
