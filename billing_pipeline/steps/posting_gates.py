"""The gates of the posting step, asked again right before posting: only a sealed plan that passes is carried out."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.stored_plan import name_plan, plan_content_hash
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.approvals import note_awaiting, read_approvals
from billing_pipeline.steps.carried_out import read_carried_out
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.month_checks import find_conservation_gaps
from billing_pipeline.steps.month_history import lines_in_flight
from billing_pipeline.steps.posting_state import Posting
from billing_pipeline.steps.record_corrections import claimed_keys, replacing_key


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


def open_gates(session: Session, posting: Posting, waiting: Collection[str]) -> list[SealedPlan]:
    """The plans that may be carried out, in the order of the run's clients.

    A client with a hold is passed over, and so is one of `waiting`: it was sent something that is not settled, so
    its plan was made without knowing what HaloPSA has. One whose plan lacks its approval waits for it. Raises
    PostingRefused where something spoils the whole month: another tenant, a broken journal, a source that does not
    add up, or a plan that is not of the newest state.
    """
    work = posting.work
    refuse_untold_past(session, posting)
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
    done = read_carried_out(session, work.month)
    asks = work.config.settings.approval == "required"
    approvals = read_approvals(session, work.month) if asks else None
    plans = []
    for client in clients:
        row = rows.get(client)
        if row is None or client in held:
            continue
        content = json.loads(row["plan"])
        stale = find_stale(row, fetch_id, work.settings_hash, content)
        if stale is not None:
            raise PostingRefused(
                f"{name_plan(work.month, client, content)} {stale}. Nothing was posted. {_prepare_again(work.month)}"
            )
        awaited = approvals.awaited(client, row["plan_hash"], content) if approvals is not None else None
        if awaited is not None:
            note_awaiting(session, work.month, [client], awaited)
            continue
        # A run that stopped half-way goes on with what is left of the same plan.
        left = [one for one in content["documents"] if (one["document_key"], row["plan_hash"]) not in done]
        if left:
            plans.append(SealedPlan(client, row["plan_hash"], {**content, "documents": left}))
    _refuse_posted_charges(session, work.month, plans)
    _refuse_taken_back(session, work.month, plans)
    for gap in find_conservation_gaps(session, work.month, work.config):
        raise PostingRefused(
            f"The invoice lines of {work.month} and what became of them differ: {gap['source_lines']} lines and "
            f"{gap['explained_lines']} explained in {gap['currency'] or 'no currency'}, "
            f"{show_amount(gap['sell_gap'])} of sell and {show_amount(gap['cost_gap'])} of cost apart. Nothing was "
            f"posted. Prepare it again, every step anew: billing-pipeline close {work.month}."
        )
    return plans


def refuse_untold_past(session: Session, posting: Posting, then: str | None = None) -> None:
    """Raise PostingRefused where the journal cannot tell what was posted here: it is broken, cut, or of another
    tenant. `then` is what goes on once it is whole: closing, unless something else is said."""
    work = posting.work
    said, then = (
        f"Nothing was posted for {work.month}.",
        then or f"run billing-pipeline close {work.month} --post again",
    )
    journal.refuse_other_tenant(session, posting.halo.address, posting.halo.tenant, said, then)
    journal.refuse_broken(session, work.warehouse.published, said, then)


def _refuse_unexplained_lines(session: Session, month: str) -> None:
    lines = session.value("select count(*) from dispositions where month = ? and disposition is null", [month])
    gaps = session.rows(
        "select client, currency, sell_gap, cost_gap from three_way where month = ? "
        "and posted_sell = readback_sell and posted_cost = readback_cost "
        "and (sell_gap <> 0 or cost_gap <> 0) order by all",
        [month],
    )
    if lines or gaps:
        first = f"; first {gaps[0]['client']}: {show_amount(gaps[0]['sell_gap'], gaps[0]['currency'])}" if gaps else ""
        raise PostingRefused(
            f"{month} does not add up: {lines} lines without a fate, {len(gaps)} clients with a gap{first}. "
            f"Nothing was posted. Prepare it again, every step anew: billing-pipeline close {month}."
        )


def find_stale(row: dict[str, Any], fetch_id: int, settings_hash: str, content: dict[str, Any]) -> str | None:
    """Why a row of `plans` is not of the newest state, as words after "the plan"; None if it is.

    `fetch_id` is the month's newest fetch, `settings_hash` that of the settings now, `content` the plan of the row.
    """
    if plan_content_hash(content) != row["plan_hash"]:
        return "was changed after it was sealed"
    if row["fetch_id"] != fetch_id:
        return "was made before the invoice was fetched again"
    if row["settings_hash"] != settings_hash:
        return "was made with other settings than those in the settings folder now"
    return None


def _refuse_taken_back(session: Session, month: str, plans: Sequence[SealedPlan]) -> None:
    """A difference to what was billed is no difference any more once that was taken back."""
    undone = {row["key"] for row in session.rows("select distinct reversed_document_key as key from reversals")}
    for plan in plans:
        pairs = (pair for document in plan.documents for pair in document.get("corrects", ()))
        if any(pair["old_document_key"] in undone for pair in pairs):
            raise PostingRefused(
                f"{name_plan(month, plan.client, plan.content)} corrects what was taken back since. Nothing was "
                f"posted. {_prepare_again(month)}"
            )


def _prepare_again(month: str) -> str:
    command = f"billing-pipeline close {month}"
    return f"Prepare it again: {command}, look at it: billing-pipeline review {month}, and post it: {command} --post."


def _refuse_posted_charges(session: Session, month: str, plans: Sequence[SealedPlan]) -> None:
    keys = [
        {"line_key": key, "client": plan.client}
        for plan in plans
        for document in plan.documents
        for key in claimed_keys(document)
    ]
    in_flight = [{"line_key": key} for key in lines_in_flight(session)]
    # The same charge may have given way in another month since the plan was sealed.
    replaced = [
        {"line_key": replacing_key(row["old_charge_key"])}
        for row in session.rows(
            "select old_charge_key from corrections where state = 'posted' and old_charge_key is not null"
        )
    ]
    session.frame("line_keys_replaced", {"line_key": "VARCHAR"}, replaced)
    session.frame("planned_line_keys", {"line_key": "VARCHAR", "client": "VARCHAR"}, keys)
    session.frame("line_keys_in_flight", {"line_key": "VARCHAR"}, in_flight)
    twice = session.rows(
        "select client, count(*) as lines from planned_line_keys where line_key in "
        "(select line_key from posted_source_lines union all select charge_key from posted_lines "
        "union all select line_key from line_keys_in_flight "
        "union all select line_key from line_keys_replaced) group by client "
        "union all select client, count(*) from planned_line_keys group by client, line_key having count(*) > 1 "
        "order by all"
    )
    if twice:
        first, whose = twice[0]["client"], {plan.client: plan.content for plan in plans}
        raise PostingRefused(
            f"{name_plan(month, first, whose[first])} holds {twice[0]['lines']} lines that were posted or "
            f"sent before, or stand in it twice. Nothing was posted. Prepare it again: billing-pipeline close {month}."
        )
