"""Builds single lines of a demo invoice in the shape of Pax8's `InvoiceItem`."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from billing_pipeline.sandbox.demo_catalog import Product
from billing_pipeline.sandbox.demo_clients import Company
from billing_pipeline.sandbox.demo_random import new_id, to_places

Line = dict[str, Any]


@dataclass(frozen=True)
class Period:
    """From the first day to the day before `end`; `end_inclusive` says how the vendor writes the end."""

    start: date
    end: date
    end_inclusive: bool = True

    @property
    def end_text(self) -> str:
        """The end as the distributor writes it."""
        return (self.end - timedelta(days=1) if self.end_inclusive else self.end).isoformat()


@dataclass(frozen=True)
class Money:
    """Unit price and unit cost, total and total cost: what the client pays, and what the partner pays."""

    price: Decimal
    cost: Decimal
    total: Decimal
    cost_total: Decimal


ZERO = Decimal(0)
FREE = Money(ZERO, ZERO, ZERO, ZERO)


def priced(quantity: Decimal | int, price: Decimal, cost: Decimal) -> Money:
    """Totals that are exactly quantity × unit amounts."""
    return Money(price, cost, quantity * price, quantity * cost)


def lump(total: Decimal, cost_total: Decimal) -> Money:
    """One unit."""
    return Money(total, cost_total, total, cost_total)


def invoice_line(
    rng: random.Random,
    company: Company | None,
    product: Product,
    kind: str,
    term: str | None,
    quantity: Decimal | int,
    money: Money,
    period: Period,
    *,
    description: str | None = None,
    details: str | None = None,
    purchase_order: str | None = "N/A",
    currency: str = "USD",
    sales_tax: Decimal = ZERO,
    subscription_id: str | None = None,
) -> Line:
    """One line with every field of the contract; `kind` is its `type`. Its id is the stream's next."""
    return {
        "id": new_id(rng),
        "type": kind,
        "purchaseOrderNumber": purchase_order,
        "companyId": company.id if company else None,
        "externalId": company.external_id if company else None,
        "companyName": company.name if company else None,
        "startPeriod": period.start.isoformat(),
        "endPeriod": period.end_text,
        "quantity": quantity,
        "unitOfMeasure": product.unit,
        "term": term,
        "sku": product.sku,
        "description": product.name if description is None else description,
        "details": details,
        "rateType": "Flat" if product.vendor == "Acronis" else "flat",
        "chargeType": "per",
        "price": _number(money.price),
        "subTotal": _number(money.total),
        "cost": _number(money.cost),
        "costTotal": _number(money.cost_total),
        "offeredBy": "Pax8",
        "billedByPax8": False,
        "total": _number(money.total),
        "productId": product.id,
        "productName": product.name,
        "billingFee": 0,
        "billingFeeRate": 0,
        "amountDue": _number(money.cost_total + sales_tax),
        "currencyCode": currency,
        "salesTax": _number(sales_tax),
        "subscriptionId": subscription_id,
        "vendorName": product.vendor,
    }


def share_of(amount: Decimal, days: int, places: int = 2) -> Decimal:
    """The part of a month's amount for so many of 30 days."""
    return to_places(amount * days / 30, places)


def _number(amount: Decimal) -> Decimal | int:
    """A whole zero goes out as the integer 0, as Pax8 sends it."""
    return amount if amount else 0
