"""What an end customer reads on a line: the product, the period, and how the amount came about."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.line_template import read_template
from billing_pipeline.billing.money import round_amount, show_amount
from billing_pipeline.billing.plan_types import ChargeToPlan
from billing_pipeline.billing.settings import LineText

# HaloPSA's own field is longer; what an accounting package shows of a line is not.
SHORT_LENGTH = 100
# The time that the pattern takes grows with the square of a text in which it finds nothing.
_LONGEST_AZURE_TEXT = 2000
_WRAPPERS = (" [New Commerce Experience]", " [Deprecated]", "[Deprecated] ", " (New Commerce Experience)")
# Pax8: Microsoft Azure Plan - Arrears Charge - <subscription name> - <GUID> - <category> [options: …]
_AZURE = re.compile(
    r"^.*? - (?:Arrears Charge - )?(?P<name>.*?)(?: - )?"
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?: - (?P<category>.*?))?(?: *\[options:.*)?$",
    re.IGNORECASE | re.DOTALL,
)


def _clean(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return " ".join(name.split())


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _last_day(start: date, end: date | None) -> date:
    # Not the day before `end` first: year 1 has none.
    return start if end is None or end <= start else end - timedelta(days=1)


def _period(start: date | None, end: date | None) -> str:
    if start is None:
        return ""
    last = _last_day(start, end)
    return _day(start) if last == start else f"{_day(start)} to {_day(last)}"


def _title(charge: ChargeToPlan) -> str:
    """The product's name; for prorates, credits and fees what the distributor wrote, which says more."""
    if charge.row_kind == "collapsed":
        return "Microsoft Azure consumption"
    says_more = charge.line_class in ("prorate", "credit", "fee", "one_time") and charge.description
    text = _clean(charge.description if says_more else charge.product_name or charge.description) or charge.sku
    return text or "Charge"


@dataclass(frozen=True)
class LineDescription:
    """The two texts of a document line; `long` has lines, and may be empty."""

    short: str
    long: str


def describe_line(charge: ChargeToPlan, texts: LineText, *, true_quantity: bool) -> LineDescription:
    """What the customer reads, by the templates `texts`; what adds nothing to the short text is left out.

    `true_quantity` says whether the document line has the charge's own quantity. The short text is cut to 100
    characters; where the template has nothing to say it is the title.
    """

    def value_of(name: str) -> str:
        return _VALUES[name](charge, true_quantity)

    short = " ".join(read_template(texts.short).fill(value_of)) or _title(charge)
    product = _product(charge)
    repeated = {short, product} if product in short else {short}
    lines = [line for line in read_template(texts.long).fill(value_of) if line not in repeated]
    return LineDescription(short[:SHORT_LENGTH], "\n".join(lines))


def _product(charge: ChargeToPlan) -> str:
    return "" if charge.row_kind == "collapsed" else _clean(charge.product_name)


def _quantity(charge: ChargeToPlan) -> str:
    return "" if charge.row_kind == "collapsed" else decimal_text(charge.quantity)


def _unit_price(charge: ChargeToPlan) -> str:
    return "" if charge.row_kind == "collapsed" or charge.price is None else show_amount(charge.price, charge.currency)


def _period_end(charge: ChargeToPlan) -> str:
    return "" if charge.period_start is None else _day(_last_day(charge.period_start, charge.period_end))


def _azure(charge: ChargeToPlan, part: str) -> str:
    found = _AZURE.match(charge.azure_text[:_LONGEST_AZURE_TEXT]) if charge.azure_text else None
    return _clean(found[part] or "") if found else ""


def _is_hidden(charge: ChargeToPlan, true_quantity: bool) -> bool:
    return not true_quantity and charge.quantity != Decimal(1)


# What each placeholder says for a charge; quantity, price and description of a collapsed line are nobody's.
_VALUES: Mapping[str, Callable[[ChargeToPlan, bool], str]] = {
    "title": lambda charge, _: _title(charge),
    "product": lambda charge, _: _product(charge),
    "description": lambda charge, _: "" if charge.row_kind == "collapsed" else _clean(charge.description),
    "sku": lambda charge, _: charge.sku,
    "period": lambda charge, _: _period(charge.period_start, charge.period_end),
    "period_start": lambda charge, _: "" if charge.period_start is None else _day(charge.period_start),
    "period_end": lambda charge, _: _period_end(charge),
    "month": lambda charge, _: f"{charge.invoice_date:%B %Y}",
    "quantity": lambda charge, _: _quantity(charge),
    "unit_price": lambda charge, _: _unit_price(charge),
    "true_quantity": lambda charge, true: _quantity(charge) if _is_hidden(charge, true) else "",
    "true_unit_price": lambda charge, true: _unit_price(charge) if _is_hidden(charge, true) else "",
    "amount": lambda charge, _: show_amount(round_amount(charge.sell, charge.currency), charge.currency),
    "currency": lambda charge, _: charge.currency,
    "purchase_order": lambda charge, _: charge.purchase_order or "",
    "subscription": lambda charge, _: charge.subscription_id or "",
    "azure_subscription": lambda charge, _: _azure(charge, "name"),
    "azure_category": lambda charge, _: "" if charge.row_kind == "collapsed" else _azure(charge, "category"),
}
