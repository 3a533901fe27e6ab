"""What routing found that a person should look at, though it holds nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing_pipeline.billing.finding_kinds import LEFT_LINES, OTHER_CONSUMPTION, OWN_BILLING_UNKNOWN
from billing_pipeline.billing.left_lines import LeftLines
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import ChargeToPlan
from billing_pipeline.billing.routing import Routes
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.work import Work, scope_frame


def store_routing_findings(session: Session, work: Work, routes: Mapping[str, Routes]) -> None:
    """Write the findings of each client's routes; `repeats_one_time` gives way to a new plan unless it was posted.

    That lines were issued more than once stays told, for the next change of the recurring invoice hides it.
    """
    scope_frame(session, work.clients)
    session.execute(
        "delete from findings where month = ? and step = 'plan' and kind = 'repeats_one_time' "
        "and client in (select client from scope_clients) "
        "and charge_key not in (select charge_key from posted_lines)",
        [work.month],
    )
    session.execute(
        "delete from findings where month = ? and kind = ? and client in (select client from scope_clients)",
        [work.month, OTHER_CONSUMPTION],
    )
    rows = []
    for client, found in routes.items():
        on_template = {charge.charge_key for change in found.changes for charge in change.charges}
        rows += [
            _repeats(work.month, client, charge)
            for charge in found.repeating_one_time
            if charge.charge_key in on_template
        ]
        rows += [_told(work.month, client, "issued_twice", one) for one in found.issued_often if _is_new(session, one)]
        rows += [_told(work.month, client, OTHER_CONSUMPTION, one) for one in found.other_consumption]
    session.insert("findings", rows)


def store_doubts(session: Session, work: Work, doubts: Mapping[str, Sequence[str]]) -> None:
    """Write, by client, why nobody knows whether HaloPSA's own Pax8 import bills it too; what is known now goes."""
    scope_frame(session, work.clients)
    session.execute(
        "delete from findings where month = ? and kind = ? and client in (select client from scope_clients)",
        [work.month, OWN_BILLING_UNKNOWN],
    )
    clients = set(work.clients)
    session.insert(
        "findings",
        [
            _told(work.month, client, OWN_BILLING_UNKNOWN, text)
            for client, texts in doubts.items()
            if client in clients
            for text in texts
        ],
    )


def store_left_lines(session: Session, work: Work, left: Sequence[LeftLines]) -> None:
    """Write the lines that bill on for clients without a row in clients.csv; those that were put right go, of any
    month that told of them."""
    session.execute(
        "delete from findings where kind = ? and (month = ? or client not in (select unnest(?::text[])))",
        [LEFT_LINES, work.month, [one.client for one in left]],
    )
    session.insert(
        "findings",
        [
            {
                "month": work.month,
                "client": one.client,
                "step": "plan",
                "kind": LEFT_LINES,
                "detail": f"{one.told}; then run billing-pipeline close {work.month}",
                "currency": one.currency,
                "sell": one.sell,
            }
            for one in left
        ],
    )


def _repeats(month: str, client: str, charge: ChargeToPlan) -> dict[str, Any]:
    name = charge.product_name or charge.description or charge.sku
    money = show_amount(charge.sell, charge.currency)
    return {
        "month": month,
        "client": client,
        "integration": charge.integration,
        "charge_key": charge.charge_key,
        "step": "plan",
        "kind": "repeats_one_time",
        "detail": f"{name} ({charge.line_class}, {money}) comes once, and stands on the recurring invoice until the "
        "next month is closed: issued twice before, it is billed twice (behaviour.non_recurring is recurring)",
        "currency": charge.currency,
        "sell": charge.sell,
        "cost": charge.cost,
    }


def _told(month: str, client: str, kind: str, text: str) -> dict[str, Any]:
    return {"month": month, "client": client, "step": "plan", "kind": kind, "detail": text}


def _is_new(session: Session, said: str) -> bool:
    return not session.value("select count(*) from findings where kind = 'issued_twice' and detail = ?", [said])
