"""Safety caps: limits past which nothing is posted until a person has seen the figures and forced the cap."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan import describe_negative, hold_negative
from billing_pipeline.billing.plan_types import ClientPlan, Hold
from billing_pipeline.billing.settings import Caps

CAP_NAMES = ("max_invoices", "max_change_percent", "max_client_total", "first_invoice", "negative_invoice")

Totals = Mapping[str, tuple[Decimal, Decimal]]


@dataclass(frozen=True)
class ClientHistory:
    """What a client was billed before, sell and cost for each currency.

    `last_month` is the last closed month, None where no month was closed yet, so that there is nothing to compare
    with, and `closed_month` which one it is, YYYY-MM; `this_month` is what the month's earlier documents billed;
    `was_billed` says whether anything ever was.
    """

    last_month: Totals | None = None
    this_month: Totals = field(default_factory=dict)
    was_billed: bool = False
    closed_month: str = ""


@dataclass(frozen=True)
class PassedCap:
    """A cap that a plan passes: its figures, and the hold that it is until a person forces it."""

    name: str
    figures: str
    hold: Hold


def _month_totals(plan: ClientPlan, history: ClientHistory) -> dict[str, tuple[Decimal, Decimal]]:
    """The month as it will be; a late document is measured together with what the month billed already."""
    planned = {document.currency for document in plan.documents}
    totals = {currency: money for currency, money in history.this_month.items() if currency in planned}
    for document in plan.documents:
        sell, cost = totals.get(document.currency, (Decimal(0), Decimal(0)))
        totals[document.currency] = (sell + document.sell, cost + document.cost)
    return totals


def find_passed_caps(plan: ClientPlan, caps: Caps, history: ClientHistory) -> list[PassedCap]:
    """Every cap that this client's plan passes, forced or not."""
    negative = [document for document in plan.documents if document.resulting_total < 0 and caps.negative_invoice]
    passed = [
        PassedCap("negative_invoice", describe_negative(document), hold_negative(plan.month, document))
        for document in negative
    ]
    for currency, (sell, cost) in sorted(_month_totals(plan, history).items()):
        limit = caps.max_client_total.get(currency)
        if limit is not None and sell > limit:
            detail = f"{show_amount(sell, currency)} is more than {show_amount(limit, currency)}"
            passed.append(_passed("max_client_total", detail, currency, sell, cost))
        if history.last_month is None:
            continue
        if caps.first_invoice and not history.was_billed:
            detail = f"the first invoice of this client, {show_amount(sell, currency)}"
            passed.append(_passed("first_invoice", detail, currency, sell, cost))
        before = history.last_month.get(currency, (Decimal(0), Decimal(0)))[0]
        change = abs(sell - before)
        if (
            caps.max_change_percent is not None
            and change * 100 > abs(before) * caps.max_change_percent
            and change >= (caps.min_change_amount or 0)
        ):
            more = "more" if sell > before else "less"
            detail = (
                f"{show_amount(sell, currency)} after {show_amount(before, currency)} in {history.closed_month}, "
                f"{show_amount(change, currency)} {more}, is a change of more than {caps.max_change_percent} %"
            )
            passed.append(_passed("max_change_percent", detail, currency, sell, cost))
    return passed


def find_month_cap(count: int, caps: Caps) -> str | None:
    """What is to be said when the month makes more invoices than `max_invoices` allows; None when it does not.

    `count` is of all clients: what was sent already, and what would be.
    """
    if caps.max_invoices is None or count <= caps.max_invoices:
        return None
    return f"{count} invoices are more than caps.max_invoices {caps.max_invoices} allows"


def pass_month_cap(figures: str, currency: str, sell: Decimal, cost: Decimal) -> PassedCap:
    """The cap as one document of such a month passes it; `figures` are those of `find_month_cap`."""
    held = _hold("max_invoices", f"{figures} ({show_amount(sell, currency)} held)", currency, sell, cost)
    return PassedCap("max_invoices", figures, held)


def _passed(name: str, figures: str, currency: str, sell: Decimal, cost: Decimal) -> PassedCap:
    return PassedCap(name, figures, _hold(name, figures, currency, sell, cost))


def _hold(name: str, figures: str, currency: str, sell: Decimal, cost: Decimal) -> Hold:
    return Hold("held", f"cap:{name}", f"{figures}; force it with --force-cap {name}", currency, sell, cost)
