"""The approvals of a month as people want them: whose plan awaits one, and who approved what."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing_pipeline.billing.stored_plan import PlanTotals, documents_left, sum_documents
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.approvals import read_approvals


@dataclass(frozen=True)
class PlanApproval:
    """One plan of a client: `awaits` its approval, is `approved`, or was approved and `posted`.

    `approver` and `approved_at` (naive UTC) are None while it awaits; then `fallen` says who had approved another
    plan that our lines have changed from, and is empty where nobody had. `totals` are one for each currency.
    """

    client: str
    state: str
    plan_hash: str
    totals: tuple[PlanTotals, ...]
    approver: str | None = None
    approved_at: datetime | None = None
    fallen: str = ""


def summarize_approvals(session: Session, month: str, clients: Sequence[str] = ()) -> tuple[PlanApproval, ...]:
    """What awaits an approval and nothing holds, then what was approved, client by client; `clients` empty means all.

    An approval that fell is told with the plan that awaits another.
    """
    approvals = read_approvals(session, month)
    awaiting = {
        row["client"] for row in session.rows("select distinct client from to_approve where month = ?", [month])
    }
    if not (awaiting or approvals.by_client):
        return ()
    found: list[PlanApproval] = []
    current = {
        row["client"]: (row["plan_hash"], json.loads(row["plan"]))
        for row in session.rows("select client, plan_hash, plan from plans where month = ? order by client", [month])
    }
    for client, (plan_hash, content) in current.items():
        if client in awaiting:
            totals = tuple(sum_documents(documents_left(content, approvals.done)).values())
            fallen = approvals.fallen(client, content)
            found.append(PlanApproval(client, "awaits", plan_hash, totals, fallen=fallen))
    for client, given in sorted(approvals.by_client.items()):
        for one in given:
            left = documents_left(one.content, approvals.done)
            counts = client in current and one in approvals.covering(client, *current[client])
            # Of one that fell, what was posted before it did.
            documents = [each for each in one.content["documents"] if (left and counts) or each not in left]
            if documents:
                state = "approved" if left and counts else "posted"
                totals = tuple(sum_documents(documents).values())
                found.append(PlanApproval(client, state, one.plan_hash, totals, one.approver, one.approved_at))
    return tuple(one for one in found if not clients or one.client in clients)
