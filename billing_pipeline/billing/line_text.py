"""What an end customer reads on a line: the product, the period, and how the amount came about."""

from datetime import date, timedelta
from decimal import Decimal

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import ChargeToPlan

# HaloPSA's own field is longer; what an accounting package shows of a line is not.
SHORT_LENGTH = 100
_WRAPPERS = (" [New Commerce Experience]", " [Deprecated]", "[Deprecated] ", " (New Commerce Experience)")


def _clean(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return " ".join(name.split())


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _period(start: date | None, end: date | None) -> str | None:
    if start is None:
        return None
    if end is None or end - timedelta(days=1) <= start:
        return _day(start)
    return f"{_day(start)} to {_day(end - timedelta(days=1))}"


def short_description(charge: ChargeToPlan) -> str:
    """The product's name; for prorates, credits and fees what the distributor wrote, which says more."""
    if charge.row_kind == "collapsed":
        return "Microsoft Azure consumption"
    says_more = charge.line_class in ("prorate", "credit", "fee", "one_time") and charge.description
    text = _clean(charge.description if says_more else charge.product_name or charge.description) or charge.sku
    return (text or "Charge")[:SHORT_LENGTH]


def long_description(charge: ChargeToPlan, *, true_quantity: bool) -> str:
    """Product, period, quantity and purchase order, a line each; what adds nothing is left out.

    Where the document line had to go with quantity 1, the true quantity stands here.
    """
    parts = []
    name = _clean(charge.product_name)
    if charge.row_kind != "collapsed" and name and name != short_description(charge):
        parts.append(name)
    period = _period(charge.period_start, charge.period_end)
    if period:
        parts.append(period)
    if not true_quantity and charge.quantity != Decimal(1) and charge.row_kind != "collapsed":
        each = f" at {show_amount(charge.price, charge.currency)}" if charge.price is not None else ""
        parts.append(f"Quantity {decimal_text(charge.quantity)}{each}")
    if charge.purchase_order:
        parts.append(f"Purchase order {charge.purchase_order}")
    return "\n".join(parts)
