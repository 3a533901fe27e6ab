"""What every demo company subscribes to, the same from month to month, and the lines that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from billing_pipeline.sandbox import demo_clients as who
from billing_pipeline.sandbox.demo_catalog import Product, seat_products
from billing_pipeline.sandbox.demo_clients import Company
from billing_pipeline.sandbox.demo_lines import Line, Money, Period, invoice_line, priced, share_of
from billing_pipeline.sandbox.demo_random import new_id, stream, to_places

_SUITES = 5  # the price list starts with as many suites; every company has one of them


@dataclass(frozen=True)
class Subscription:
    """Seats of one product for one company; `price` and `cost` are unit amounts for a month."""

    id: str
    company: Company
    product: Product
    term: str
    quantity: int
    price: Decimal
    cost: Decimal
    start: date
    purchase_order: str | None


def subscriptions_of(company: Company) -> tuple[Subscription, ...]:
    """The company's subscriptions, its Microsoft suite first."""
    rng = stream(f"subscriptions {company.name}")
    # Clients whose products find HaloPSA items one by one buy only what the demo's items can answer for.
    careful = company.client in {
        who.PROMPT_CONFIRMED,
        who.PROMPT_UNMATCHED,
        who.CREATE_MATCHED,
        who.CREATE_MISSING,
    }
    price_list = [product for product in seat_products() if product.halo_item or not careful]
    suites, add_ons = price_list[: _SUITES - 1], price_list[_SUITES - 1 :]
    count = min(len(add_ons), 7 if careful else rng.randint(11, 17))
    chosen = [rng.choice(suites), *rng.sample(add_ons, count)]
    if company.client in {who.CREATE_MISSING, who.PROMPT_UNMATCHED}:
        chosen.append(next(product for product in seat_products() if product.sku == "THR-ZTE-100-A100"))
    made: list[Subscription] = []
    for product in chosen:
        term = "Monthly" if careful else rng.choice(product.terms)
        markup = Decimal(rng.randint(110, 125)) / 100
        made.append(
            Subscription(
                id=new_id(rng),
                company=company,
                product=product,
                term=term,
                quantity=max(1, round(company.seats * rng.choice((1, 1, 1, 0.8, 0.5, 0.1)))),
                price=to_places(product.cost * markup, 2),
                cost=product.cost,
                start=date(rng.randint(2023, 2025), rng.randint(1, 12), rng.randint(1, 28)),
                purchase_order=_purchase_order(company, len(made)),
            )
        )
    return tuple(made)


def subscription_line(subscription: Subscription, month: date, currency: str, *, issue: str = "final") -> Line:
    """The month's charge. Another `issue` of the invoice has other ids and prices a tenth higher."""
    company, product = subscription.company, subscription.product
    rng = stream(f"line {issue} {month:%Y-%m} {subscription.id}")
    price = subscription.price if issue == "final" else to_places(subscription.price * Decimal("1.1"), 2)
    return invoice_line(
        rng,
        company,
        product,
        "subscription",
        subscription.term,
        subscription.quantity,
        priced(subscription.quantity, price, subscription.cost),
        Period(month, _next_month(month), product.end_inclusive),
        purchase_order=subscription.purchase_order,
        currency=currency,
        sales_tax=_sales_tax(company, subscription),
        subscription_id=subscription.id,
    )


def prorate_lines(subscriptions: Sequence[Subscription], month: date, currency: str) -> list[Line]:
    """Seats added and given back in the month before, the minus now on the quantity and now on the price."""
    if not subscriptions:
        return []
    rng = stream(f"prorates {month:%Y-%m} {subscriptions[0].company.name}")
    before = _month_before(month)
    lines = []
    for _ in range(rng.randint(4, 9)):
        subscription = rng.choice(subscriptions)
        days, seats = rng.randint(3, 27), rng.randint(1, 3)
        added = rng.random() < 0.6
        minus_on_quantity = rng.random() < 0.5
        total = share_of(subscription.price * seats, days)
        cost_total = share_of(subscription.cost * seats, days)
        price, cost = (share_of(amount, days, 4) for amount in (subscription.price, subscription.cost))
        quantity, sign = seats, 1
        if not added:
            total, cost_total = -total, -cost_total
            quantity, sign = (-seats, 1) if minus_on_quantity else (seats, -1)
        start = before.replace(day=_days_in(before) - days + 1)
        name = subscription.product.name
        refund = rng.choice((f"(Canceled) prorated {name}", f"{before:%b} Partial: {name}"))
        lines.append(
            invoice_line(
                rng,
                subscription.company,
                subscription.product,
                "prorate",
                subscription.term,
                quantity,
                Money(sign * price, sign * cost, total, cost_total),
                Period(start, month, end_inclusive=rng.random() < 0.5),
                description=f"{before:%b} Partial: {name}" if added else refund,
                purchase_order=subscription.purchase_order,
                currency=currency,
                subscription_id=subscription.id,
            )
        )
    return lines


def subscription_documents(subscriptions: Sequence[Subscription], currency: str) -> list[dict[str, Any]]:
    """The subscriptions as Pax8's `/subscriptions` rows; at times with one seat more than invoiced."""
    return [
        {
            "id": subscription.id,
            "companyId": subscription.company.id,
            "productId": subscription.product.id,
            "quantity": subscription.quantity + (number % 9 == 8),
            "startDate": f"{subscription.start.isoformat()}T00:00:00.000-0600",
            "endDate": None,
            "createdDate": f"{subscription.start.isoformat()}T09:12:44.000-0600",
            "updatedDate": "2026-09-18T11:02:07.000-0600",
            "billingStart": subscription.start.isoformat(),
            "billingTerm": subscription.term.replace(" Year", "-Year"),
            "status": "Active",
            "price": subscription.price,
            "currencyCode": currency,
            "partnerCost": subscription.cost,
            "productName": subscription.product.name,
        }
        for number, subscription in enumerate(subscriptions)
    ]


def _purchase_order(company: Company, number: int) -> str | None:
    if company.client == who.BY_PURCHASE_ORDER:
        return ("PO-GPB-1041", "N/A", "PO-GPB-1042", None)[number % 4]
    if company.seats % 5 == 0:
        return f"PO-{company.seats}{number % 3:02d}" if number % 2 else "N/A"
    return ("N/A", "N/A", None, "")[company.seats % 4]


def _sales_tax(company: Company, subscription: Subscription) -> Decimal:
    taxed = company.state == "WA" and subscription.product.vendor == "Microsoft"
    return to_places(subscription.cost * subscription.quantity * Decimal("0.0881"), 2) if taxed else Decimal(0)


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def _days_in(month: date) -> int:
    return (_next_month(month) - month).days
