"""The demo distributor's invoices: three in October (one is credited), one before, one not yet released."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from billing_pipeline.sandbox import demo_clients as who
from billing_pipeline.sandbox.demo_azure import MARGIN, WRONG_MARGIN, azure_lines, commitment_lines
from billing_pipeline.sandbox.demo_clients import Company, demo_companies
from billing_pipeline.sandbox.demo_extras import extra_lines
from billing_pipeline.sandbox.demo_lines import Line
from billing_pipeline.sandbox.demo_oddities import companyless_lines, foreign_line, odd_lines
from billing_pipeline.sandbox.demo_random import new_id, stream
from billing_pipeline.sandbox.demo_subscriptions import prorate_lines, subscription_line, subscriptions_of

SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)

# Their products find HaloPSA items one by one: they buy seats, and no odds and ends.
_SEATS_ONLY = {who.PROMPT_CONFIRMED, who.PROMPT_UNMATCHED, who.CREATE_MATCHED, who.CREATE_MISSING}
_CREDITED_COMPANIES = 14


def demo_invoices() -> list[dict[str, Any]]:
    """Every invoice with its items and its release time (ISO 8601, UTC), as `World` wants them."""
    american = [company for company in demo_companies() if company.client != who.CANADIAN]
    canadian = [company for company in demo_companies() if company.client == who.CANADIAN]
    october = [line for place, company in enumerate(american) for line in october_lines(company, place, "USD")]
    foreign = [foreign_line(company, OCTOBER) for company in american if company.client == who.FOREIGN_CURRENCY]
    in_cad = [line for company in canadian for line in october_lines(company, len(american), "CAD")]
    return [
        invoice_entry("2026-09", _seats(american, SEPTEMBER, most=1), "Paid", "2026-09-05T14:00:00Z"),
        invoice_entry("2026-10 first issue", _first_issue(american), "Credited", "2026-10-04T21:00:00Z"),
        invoice_entry("2026-10", october + companyless_lines(OCTOBER), "Unpaid", "2026-10-05T14:00:00Z"),
        invoice_entry("2026-10 Canada", in_cad + foreign, "Unpaid", "2026-10-05T14:00:00Z", "CAD"),
        invoice_entry("2026-11", _seats(american, NOVEMBER, most=6), "Unpaid", "2026-11-05T15:00:00Z"),
    ]


def october_lines(company: Company, place: int, currency: str) -> list[Line]:
    """Everything that the demo month charges one company."""
    subscriptions = subscriptions_of(company)
    margin = WRONG_MARGIN if company.client == who.AZURE_MARGIN_OFF else MARGIN
    lines = [subscription_line(subscription, OCTOBER, currency) for subscription in subscriptions]
    lines += prorate_lines(subscriptions, OCTOBER, currency)
    lines += azure_lines(company, OCTOBER, margin=margin)
    if company.client not in _SEATS_ONLY:
        if company.azure_lines:
            lines += commitment_lines(company, OCTOBER)
        lines += extra_lines(company, place, OCTOBER, currency)
    lines += odd_lines(company, OCTOBER)
    if place % 11 == 4:  # Pax8 names the vendor only since late in 2025, and still not always
        for line in lines[::3]:
            line["vendorName"] = None if "Azure Marketplace" not in line["description"] else line["vendorName"]
    return lines


def invoice_entry(name: str, items: list[Line], status: str, release_at: str, currency: str = "USD") -> dict[str, Any]:
    """An invoice dated the 4th of the month that `name` begins with; its total is all cost and sales tax."""
    month = name[:7]
    total = sum((Decimal(item["costTotal"]) + Decimal(item["salesTax"]) for item in items), Decimal(0))
    invoice = {
        "id": new_id(stream(f"invoice {name}")),
        "invoiceDate": f"{month}-04",
        "dueDate": f"{month}-19",
        "status": status,
        "total": total,
        "balance": total if status == "Unpaid" else 0,
        "carriedBalance": 0,
        "currencyCode": currency,
        "partnerName": f"{who.MSP} Canada Ltd." if currency == "CAD" else f"{who.MSP} LLC",
        "externalId": None,
    }
    return {"invoice": invoice, "items": items, "release_at": release_at}


def _first_issue(companies: Sequence[Company]) -> list[Line]:
    """The invoice that was credited: seats only, other ids, wrong prices."""
    return [
        subscription_line(subscription, OCTOBER, "USD", issue="first")
        for company in companies[:_CREDITED_COMPANIES]
        for subscription in subscriptions_of(company)
    ]


def _seats(companies: Sequence[Company], month: date, *, most: int) -> list[Line]:
    return [
        subscription_line(subscription, month, "USD")
        for company in companies
        for subscription in subscriptions_of(company)[:most]
    ]
