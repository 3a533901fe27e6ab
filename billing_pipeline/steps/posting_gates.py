"""The gates of the posting step, asked again right before posting: only a sealed plan that passes is carried out."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.billing.plan_types import OBSERVED
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.posting_state import Posting


@dataclass(frozen=True)
class SealedPlan:
    """A plan that passed its gates: its stored JSON, and the hash it was sealed with."""

    client: str
    plan_hash: str
    content: dict[str, Any]

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The documents to create, in order."""
        return list(self.content["documents"])


def plan_content_hash(content: dict[str, Any]) -> str:
    """The hash of a stored plan, taken as it was sealed: without what the clock gave and what was only seen."""
    documents = [
        {
            name: value
            for name, value in document.items()
            if name not in OBSERVED and (name != "invoice_date" or document["date_rule"] != "today")
        }
        for document in content["documents"]
    ]
    return content_hash({**content, "documents": documents})


def open_gates(session: Session, posting: Posting, waiting: Collection[str]) -> list[SealedPlan]:
    """The plans that may be carried out, in the order of the run's clients.

    A client with a hold is passed over, and so is one of `waiting`: it was sent something that is not settled, so
    its plan was made without knowing what HaloPSA has. Raises PostingRefused where something spoils the whole month: another
    tenant, a broken journal, a source that does not add up, or a plan that is not of the newest state.
    """
    work = posting.work
    journal.refuse_other_tenant(session, posting.halo.address, posting.halo.tenant)
    broken = journal.find_break(session)
    if broken is not None:
        raise PostingRefused(
            f"{broken}. Nothing was posted for {work.month}. "
            "Restore the database from its last backup, then close again."
        )
    clients = [client for client in work.clients if client not in waiting]
    if not clients:
        return []
    _refuse_unexplained_lines(session, work.month)
    fetch_id, _ = month_invoices(session, work.month)
    held = {row["client"] for row in session.rows("select distinct client from holds where month = ?", [work.month])}
    rows = {
        row["client"]: row
        for row in session.rows("select * from plans where month = ? and documents > 0", [work.month])
    }
    plans = []
    for client in clients:
        row = rows.get(client)
        if row is None or client in held:
            continue
        content = json.loads(row["plan"])
        _refuse_stale(work.month, client, row, fetch_id, work.settings_hash, content)
        plans.append(SealedPlan(client, row["plan_hash"], content))
    _refuse_posted_charges(session, work.month, plans)
    return plans


def _refuse_unexplained_lines(session: Session, month: str) -> None:
    lines = session.value("select count(*) from dispositions where month = ? and disposition is null", [month])
    gaps = session.rows(
        "select client, currency, sell_gap, cost_gap from three_way where month = ? "
        "and posted_sell = readback_sell and posted_cost = readback_cost "
        "and (sell_gap <> 0 or cost_gap <> 0) order by all",
        [month],
    )
    if lines or gaps:
        first = f"; first {gaps[0]['client']}: {gaps[0]['sell_gap']} {gaps[0]['currency']}" if gaps else ""
        raise PostingRefused(
            f"{month} does not add up: {lines} lines without a fate, {len(gaps)} clients with a gap{first}. "
            "Nothing was posted. Close the month again, so that every step is done anew."
        )


def _refuse_stale(
    month: str, client: str, row: dict[str, Any], fetch_id: int, settings_hash: str, content: dict[str, Any]
) -> None:
    why = None
    if plan_content_hash(content) != row["plan_hash"]:
        why = "was changed after it was sealed"
    elif row["fetch_id"] != fetch_id:
        why = "was made before the invoice was fetched again"
    elif row["settings_hash"] != settings_hash:
        why = "was made with other settings than those in the settings folder now"
    if why is not None:
        raise PostingRefused(
            f"The plan of {client} for {month} {why}. Nothing was posted. "
            f"Prepare it again: billing-pipeline close {month}, then review it and close with --post."
        )


def _refuse_posted_charges(session: Session, month: str, plans: Sequence[SealedPlan]) -> None:
    keys = [
        {"line_key": key, "client": plan.client}
        for plan in plans
        for document in plan.documents
        for line in document["lines"]
        for key in line["line_keys"]
    ]
    session.frame("planned_line_keys", {"line_key": "VARCHAR", "client": "VARCHAR"}, keys)
    twice = session.rows(
        "select client, count(*) as lines from planned_line_keys "
        "where line_key in (select line_key from posted_source_lines) group by client "
        "union all select client, count(*) from planned_line_keys group by client, line_key having count(*) > 1 "
        "order by all"
    )
    if twice:
        raise PostingRefused(
            f"The plan of {twice[0]['client']} for {month} holds {twice[0]['lines']} lines that were posted before "
            f"or stand in it twice. Nothing was posted. Prepare it again: billing-pipeline close {month}."
        )
