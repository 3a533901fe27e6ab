"""Safety caps: limits past which nothing is posted until a person has seen the figures and forced the cap."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan import find_negative_documents
from billing_pipeline.billing.plan_types import ClientPlan, Hold
from billing_pipeline.billing.settings import Caps

CAP_NAMES = ("max_invoices", "max_change_percent", "max_client_total", "first_invoice", "negative_invoice")

Totals = Mapping[str, tuple[Decimal, Decimal]]


def _plan_totals(plan: ClientPlan) -> dict[str, tuple[Decimal, Decimal]]:
    totals: dict[str, tuple[Decimal, Decimal]] = {}
    for document in plan.documents:
        sell, cost = totals.get(document.currency, (Decimal(0), Decimal(0)))
        totals[document.currency] = (sell + document.sell, cost + document.cost)
    return totals


def find_client_caps(
    plan: ClientPlan, caps: Caps, forced: Sequence[str], last_month: Totals | None, ever_posted: bool
) -> list[Hold]:
    """The caps that this client's plan passes, each with its figures.

    `last_month` is the client's sell and cost for each currency in the last closed month, None where no month
    was closed yet; then there is nothing to compare with.
    """
    holds: list[Hold] = []
    if caps.negative_invoice and "negative_invoice" not in forced:
        holds += find_negative_documents(plan)
    for currency, (sell, cost) in sorted(_plan_totals(plan).items()):
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
        if last_month is None:
            continue
        if caps.first_invoice and not ever_posted and "first_invoice" not in forced:
            holds.append(
                _hold(
                    "first_invoice",
                    f"the first invoice of this client, {show_amount(sell, currency)}",
                    currency,
                    sell,
                    cost,
                )
            )
        before = last_month.get(currency, (Decimal(0), Decimal(0)))[0]
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
    count = already_posted + sum(len(plan.documents) for plan in plans)
    if caps.max_invoices is None or count <= caps.max_invoices or "max_invoices" in forced:
        return None
    return f"{count} invoices are more than caps.max_invoices {caps.max_invoices} allows"


def _hold(name: str, detail: str, currency: str, sell: Decimal, cost: Decimal) -> Hold:
    return Hold("held", f"cap:{name}", f"{detail}; force it with --force-cap {name}", currency, sell, cost)
