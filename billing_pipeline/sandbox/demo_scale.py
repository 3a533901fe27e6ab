"""A plain world of any size for benchmarks: clean clients, one invoice, nothing that would be held."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from billing_pipeline.sandbox.demo_azure import MARGIN, usage_line
from billing_pipeline.sandbox.demo_catalog import Product, product_documents, seat_products
from billing_pipeline.sandbox.demo_clients import Company
from billing_pipeline.sandbox.demo_config import CLIENT_COLUMNS, write_csv
from billing_pipeline.sandbox.demo_halopsa import (
    DEFAULT_ITEM,
    EXPENSE,
    INCOME,
    NO_TAX,
    halopsa_catalogue,
    plain_client,
)
from billing_pipeline.sandbox.demo_invoices import invoice_entry
from billing_pipeline.sandbox.demo_lines import Line, Money, Period, invoice_line, lump, priced, share_of
from billing_pipeline.sandbox.demo_random import new_id, stream, to_places
from billing_pipeline.sandbox.demo_world import CREDENTIALS, company_document
from billing_pipeline.sandbox.world import World

_MONTH, _NEXT = date(2026, 10, 1), date(2026, 11, 1)
_FIRST_HALO_ID = 10_001
_BILLING_YAML = f"""\
start_month: 2026-10
settings:
  modifiers: {{collapse_azure: true, drop_favorable_prorata: true, drop_zero: true}}
  product_lifecycle: {{mode: default_item}}
  codes: {{accounts: "{INCOME}", expense: "{EXPENSE}", tax: {NO_TAX}, item: {DEFAULT_ITEM}}}
halopsa: {{requests_per_5_minutes: null}}
pax8: {{requests_per_minute: null}}
"""


def build_scaled_world(clients: int, lines: int) -> tuple[World, dict[str, str]]:
    """A world whose one invoice, of October 2026, has exactly `lines` lines, and its settings files.

    Of ten lines of a client six are seats, one is a prorate, three are Azure usage. Request limits are off.
    Raises ValueError when there is not a line for every client.
    """
    if not 0 < clients <= lines:
        raise ValueError(f"{lines} lines are not enough for {clients} clients: every client needs at least one")
    companies = [_company(number) for number in range(clients)]
    items = [line for number, company in enumerate(companies) for line in _lines(company, number, clients, lines)]
    pax8: dict[str, Any] = {
        "companies": [company_document(company) for company in companies],
        "products": product_documents(),
        "subscriptions": [],
        "invoices": [invoice_entry("2026-10", items, "Unpaid", "2026-10-05T14:00:00Z")],
        "credentials": dict(CREDENTIALS),
    }
    halo_clients = [plain_client(_FIRST_HALO_ID + number, company.name) for number, company in enumerate(companies)]
    halopsa = halopsa_catalogue() | {
        "clients": halo_clients,
        "sites": [_site(client) for client in halo_clients],
    }
    rows = [
        (company.client, company.name, _FIRST_HALO_ID + number, company.id, "false", "", "")
        for number, company in enumerate(companies)
    ]
    config = {"billing.yaml": _BILLING_YAML, "clients.csv": write_csv(CLIENT_COLUMNS, rows)}
    return World(pax8=pax8, halopsa=halopsa), config


def _company(number: int) -> Company:
    name = f"Client {number + 1:05d} LLC"
    ident = new_id(stream(f"company {name}"))
    place = ("Denver", "CO", "80202")
    return Company(ident, name, f"client-{number + 1:05d}", None, *place, seats=5 + number % 60, azure_lines=0)


def _lines(company: Company, number: int, clients: int, lines: int) -> Iterator[Line]:
    """The client's share of the invoice; the first clients have one more where it does not divide."""
    rng = stream(f"scaled {company.name}")
    products = seat_products()
    guid = new_id(rng)
    for place in range(lines // clients + (number < lines % clients)):
        product = products[(number + place) % len(products)]
        if place % 10 < 6:
            money = priced(company.seats, to_places(product.cost * Decimal("1.2"), 2), product.cost)
            period = Period(_MONTH, _NEXT, product.end_inclusive)
            kind, quantity = "subscription", company.seats
        elif place % 10 == 6:
            kind, quantity, period = "prorate", 1, Period(date(2026, 9, 12), _MONTH)
            money = _prorate(product)
        else:
            cost = Decimal(rng.randrange(100, 500_000)).scaleb(-4)
            money = lump(to_places(cost * MARGIN, 4), cost)
            yield usage_line(rng, company, _MONTH, f"Azure subscription 1 - {guid} - Category {place}", "", money)
            continue
        yield invoice_line(rng, company, product, kind, product.terms[0], quantity, money, period)


def _prorate(product: Product) -> Money:
    return lump(share_of(product.cost * Decimal("1.2"), 19), share_of(product.cost, 19))


def _site(client: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": client["main_site_id"],
        "name": "Main",
        "client_id": client["id"],
        "client_name": client["name"],
        "inactive": False,
        "isinvoicesite": True,
    }
