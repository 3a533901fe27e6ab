"""The cap `max_invoices`: it counts the invoices of all clients of a month, whichever of them a run is for."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.caps import PassedCap, find_month_cap, pass_month_cap
from billing_pipeline.billing.plan_types import ClientPlan
from billing_pipeline.billing.reasons import reason_rank
from billing_pipeline.billing.stored_plan import documents_left
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.month_history import sent_documents
from billing_pipeline.steps.work import Work

NAME = "max_invoices"
_REASON = f"cap:{NAME}"


@dataclass(frozen=True)
class MonthCap:
    """What the cap comes to for a run: the figures, None where it is not passed, and whether a person forced it."""

    figures: str | None
    forced: bool

    def passed_by(self, plan: ClientPlan) -> tuple[PassedCap, ...]:
        """The cap as a client of the run passes it, once for each of its documents."""
        if self.figures is None:
            return ()
        return tuple(
            pass_month_cap(self.figures, document.currency, document.sell, document.cost) for document in plan.documents
        )


def ask_month_cap(session: Session, work: Work, postable: Sequence[ClientPlan], forced: Sequence[str]) -> MonthCap:
    """Ask the cap for the plans of the run that nothing else holds, and give other clients' plans the same answer.

    A month is prepared in several runs where its clients do not stand together: past the cap nothing of the month is
    posted, so plans that were sealed before are held with these, or let go again. One that was forced stays so.
    """
    caps = work.config.settings.caps
    done = sent_documents(session, work.month)
    others = _plans_of_others(session, work, done) if caps.max_invoices is not None else []
    new = {document.document_key for plan in postable for document in plan.documents if document.action != "record"}
    new |= {document["document_key"] for one in others for document in one.documents if document["action"] != "record"}
    figures = find_month_cap(len(done | new), caps)
    forced_now = NAME in forced
    if figures is None or not forced_now:
        session.execute(
            "delete from holds where month = ? and reason = ? and client not in (select client from scope_clients)",
            [work.month, _REASON],
        )
        if figures is not None:
            session.insert("holds", [row for one in others if not one.forced for row in _hold_rows(work, one, figures)])
    return MonthCap(figures, forced_now)


@dataclass(frozen=True)
class _OtherPlan:
    client: str
    documents: Sequence[Mapping[str, Any]]
    forced: bool


def _plans_of_others(session: Session, work: Work, done: Collection[str]) -> list[_OtherPlan]:
    """The plans of the month's clients that the run is not for, and that nothing but this cap holds."""
    rows = session.rows(
        "select client, plan, forced_caps from plans where month = ? and documents > 0 "
        "and client not in (select client from scope_clients) and client not in "
        "(select client from holds where month = ? and reason <> ?) order by client",
        [work.month, work.month, _REASON],
    )
    return [
        _OtherPlan(row["client"], documents_left(json.loads(row["plan"]), done), NAME in (row["forced_caps"] or ()))
        for row in rows
    ]


def _hold_rows(work: Work, one: _OtherPlan, figures: str) -> list[dict[str, Any]]:
    holds = []
    for document in one.documents:
        sell = sum((Decimal(line["sell"]) for line in document["lines"]), Decimal(0))
        cost = sum((Decimal(line["cost"]) for line in document["lines"]), Decimal(0))
        holds.append(pass_month_cap(figures, document["currency"], sell, cost).hold)
    return [
        {"month": work.month, "client": one.client, "reason_rank": reason_rank(hold.reason), **vars(hold)}
        for hold in holds
    ]
