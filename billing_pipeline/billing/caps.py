"""Safety caps: limits past which nothing is posted until a person has seen the figures and forced the cap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan import find_negative_documents
from billing_pipeline.billing.plan_types import ClientPlan, Hold
from billing_pipeline.billing.settings import Caps

CAP_NAMES = ("max_invoices", "max_change_percent", "max_client_total", "first_invoice", "negative_invoice")

Totals = Mapping[str, tuple[Decimal, Decimal]]


@dataclass(frozen=True)
class ClientHistory:
    """What a client was billed before, sell and cost for each currency.

    `last_month` is the last closed month, None where no month was closed yet, so that there is nothing to compare
    with; `this_month` is what the month's earlier documents billed; `was_billed` says whether anything ever was.
    """

    last_month: Totals | None = None
    this_month: Totals = field(default_factory=dict)
    was_billed: bool = False


def _month_totals(plan: ClientPlan, history: ClientHistory) -> dict[str, tuple[Decimal, Decimal]]:
    """The month as it will be; a late document is measured together with what the month billed already."""
    planned = {document.currency for document in plan.documents}
    totals = {currency: money for currency, money in history.this_month.items() if currency in planned}
    for document in plan.documents:
        sell, cost = totals.get(document.currency, (Decimal(0), Decimal(0)))
        totals[document.currency] = (sell + document.sell, cost + document.cost)
    return totals


def find_client_caps(plan: ClientPlan, caps: Caps, forced: Sequence[str], history: ClientHistory) -> list[Hold]:
    """The caps that this client's plan passes, each with its figures."""
    holds: list[Hold] = []
    if caps.negative_invoice and "negative_invoice" not in forced:
        holds += find_negative_documents(plan)
    for currency, (sell, cost) in sorted(_month_totals(plan, history).items()):
        limit = caps.max_client_total.get(currency)
        if limit is not None and sell > limit and "max_client_total" not in forced:
            holds.append(
                _hold(
                    "max_client_total",
                    f"{show_amount(sell, currency)} is more than {show_amount(limit, currency)}",
                    currency,
                    sell,
                    cost,
                )
            )
        if history.last_month is None:
            continue
        if caps.first_invoice and not history.was_billed and "first_invoice" not in forced:
            holds.append(
                _hold(
                    "first_invoice",
                    f"the first invoice of this client, {show_amount(sell, currency)}",
                    currency,
                    sell,
                    cost,
                )
            )
        before = history.last_month.get(currency, (Decimal(0), Decimal(0)))[0]
        change = abs(sell - before)
        if (
            caps.max_change_percent is not None
            and "max_change_percent" not in forced
            and change * 100 > abs(before) * caps.max_change_percent
            and change >= (caps.min_change_amount or 0)
        ):
            detail = (
                f"{show_amount(sell, currency)} after {show_amount(before, currency)} last month is a change of more "
                f"than {caps.max_change_percent} %"
            )
            holds.append(_hold("max_change_percent", detail, currency, sell, cost))
    return holds


def find_month_cap(plans: Sequence[ClientPlan], already_posted: int, caps: Caps, forced: Sequence[str]) -> str | None:
    """What is to be said when the month makes more invoices than `max_invoices` allows; None when it does not."""
    count = already_posted + sum(document.action != "record" for plan in plans for document in plan.documents)
    if caps.max_invoices is None or count <= caps.max_invoices or "max_invoices" in forced:
        return None
    return f"{count} invoices are more than caps.max_invoices {caps.max_invoices} allows"


def _hold(name: str, detail: str, currency: str, sell: Decimal, cost: Decimal) -> Hold:
    return Hold("held", f"cap:{name}", f"{detail}; force it with --force-cap {name}", currency, sell, cost)
