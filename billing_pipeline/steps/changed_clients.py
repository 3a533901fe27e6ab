"""Clients that HaloPSA says something else of than when their plan was sealed: nothing of theirs is sent on it."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.plan_types import BilledClient
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.halo_facts import Currency, billed_client, currencies_by_id, rows_by_id
from billing_pipeline.steps.posting_gates import SealedPlan
from billing_pipeline.steps.posting_outcomes import PostingResult
from billing_pipeline.steps.posting_state import Posting, describe_document
from billing_pipeline.steps.snapshots import latest_snapshot
from billing_pipeline.steps.update_document import hold_for_target

Row = Mapping[str, Any]

# A new name moves no money.
_TOLD = {
    "billed_client_id": "the client it is billed to",
    "recurring_client_id": "the client of its recurring invoices",
    "inactive": "inactive",
    "currency": "its currency",
}


def pass_changed_clients(
    posting: Posting, plans: Sequence[SealedPlan], rows: Sequence[Row], result: PostingResult
) -> list[SealedPlan]:
    """The plans whose clients are in HaloPSA what they were when the plans were sealed; `rows` are its clients now."""
    if not plans:
        return []
    now_by_id = rows_by_id(rows)
    passed = []
    with posting.work.warehouse.session("hold clients that HaloPSA changed") as session:
        sealed = _read_observed(session, posting.work.month)
        currencies = currencies_by_id(latest_snapshot(session, "halopsa_currencies").rows)
        seen_by_id = rows_by_id(latest_snapshot(session, "halopsa_clients").rows)
        ids = {row.client: row.halopsa_client_id for row in posting.work.config.clients}
        for plan in plans:
            now = _observe(plan.client, ids.get(plan.client), now_by_id, currencies)
            seen = _observe(plan.client, ids.get(plan.client), seen_by_id, currencies)
            said = _describe_change(sealed[plan.client], seen, now)
            if said is None:
                passed.append(plan)
                continue
            for document in plan.documents:
                detail = (
                    f"HaloPSA client {ids.get(plan.client)} {said}; {describe_document(document)} was not sent. Run "
                    f"billing-pipeline close {posting.work.month} --client {plan.client} --post: it plans on what "
                    "HaloPSA has now"
                )
                hold_for_target(posting, document, detail, session)
            result.refused += [document["document_key"] for document in plan.documents]
    return passed


def _read_observed(session: Session, month: str) -> dict[str, str]:
    rows = session.rows("select client, observed_hash from plans where month = ?", [month])
    return {row["client"]: row["observed_hash"] for row in rows}


def _observe(
    client: str, halopsa_id: int | None, by_id: Mapping[int, Row], currencies: Mapping[int, Currency]
) -> BilledClient | None:
    row = by_id.get(halopsa_id or 0)
    return None if row is None else billed_client(client, row, by_id, currencies)


def _describe_change(sealed: str, seen: BilledClient | None, now: BilledClient | None) -> str | None:
    """How a client changed, in words after its name; None where it did not, or in what moves no money.

    `seen` is the newest snapshot's, which need not be the one that the plan was `sealed` on.
    """
    if now is not None and content_hash(vars(now)) == sealed:
        return None
    if now is None:
        return "is not in HaloPSA's list any more"
    if seen is None or content_hash(vars(seen)) != sealed:
        return "was changed since the plan was made"
    changes = [
        f"{told} was {getattr(seen, name)}, is {getattr(now, name)}"
        for name, told in _TOLD.items()
        if getattr(seen, name) != getattr(now, name)
    ]
    return f"was changed since the plan was made ({'; '.join(changes)})" if changes else None
