"""Small worlds: a few clients, one Pax8 invoice, a HaloPSA with one item that bears them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.sandbox.world import World

MONTH = "2026-10"
INVOICE = "44444444-4444-4444-8444-000000000010"
SECOND_INVOICE = "44444444-4444-4444-8444-000000000011"
PREMIUM = "22222222-2222-4222-8222-000000000001"
AZURE_SUBSCRIPTION = "9f6e2a10-5c7b-4d3e-8a21-000000000001"
ITEM = 900

Json = dict[str, Any]


@dataclass(frozen=True)
class Client:
    """A client as the three sides know it."""

    key: str
    name: str
    halopsa_id: int
    company_id: str


def numbered_client(number: int, key: str | None = None, name: str | None = None) -> Client:
    """Client `number`: its key, its HaloPSA id and its Pax8 company are made from the number."""
    return Client(
        key=key or f"client-{number:03d}",
        name=name or f"Client {number}",
        halopsa_id=1000 + number,
        company_id=f"11111111-1111-4111-8111-{number:012d}",
    )


ACME = numbered_client(1, "acme", "Acme Dental")
BIRCH = numbered_client(2, "birch", "Birch Legal")
CEDAR = numbered_client(3, "cedar", "Cedar Clinic")


def make_line(number: int, client: Client | None, sell: str, cost: str = "", **changes: Any) -> Json:
    """Line `number` of an invoice: one licence sold at `sell`; without `cost` it cost nothing."""
    total, cost_total = Decimal(sell), Decimal(cost or "0")
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "type": "subscription",
        "purchaseOrderNumber": "N/A",
        "companyId": client.company_id if client else None,
        "companyName": client.name if client else None,
        "startPeriod": "2026-10-01",
        "endPeriod": "2026-10-31",
        "quantity": 1,
        "term": "Monthly",
        "sku": "MST-NCE-163-C100",
        "description": "Microsoft 365 Business Premium",
        "price": total,
        "subTotal": total,
        "cost": cost_total,
        "costTotal": cost_total,
        "total": total,
        "productId": PREMIUM,
        "productName": "Microsoft 365 Business Premium",
        "currencyCode": "USD",
        "salesTax": 0,
        "vendorName": "Microsoft",
        **changes,
    }


def make_azure_line(number: int, client: Client, sell: str, cost: str = "", **changes: Any) -> Json:
    """A line of Azure consumption."""
    description = f"Microsoft Azure Plan - Arrears Charge - {client.name} - {AZURE_SUBSCRIPTION} - Storage {number}"
    azure = {"term": "Arrears", "sku": "MST-AZR-001", "description": description, "productName": "Azure plan"}
    return make_line(number, client, sell, cost, **{**azure, "productId": f"{PREMIUM[:-1]}9", **changes})


def make_invoice(
    lines: Sequence[Json], invoice_id: str = INVOICE, invoice_date: str = "2026-10-01", **changes: Any
) -> Json:
    """An invoice with its lines, released; its total is the sum of the costs."""
    total = sum((Decimal(str(line["costTotal"])) for line in lines), Decimal(0))
    head = {
        "id": invoice_id,
        "invoiceDate": invoice_date,
        "dueDate": f"{invoice_date[:8]}15",
        "status": "Unpaid",
        "total": total,
        "balance": total,
        "carriedBalance": 0,
        "currencyCode": "USD",
        "partnerName": "Example MSP",
    }
    return {"invoice": {**head, **changes}, "items": list(lines), "release_at": None}


def make_halopsa_client(client: Client, **changes: Any) -> Json:
    """A client as HaloPSA has it, with US dollars as its own currency."""
    return {"id": client.halopsa_id, "name": client.name, "inactive": False, "default_currency_code": 1, **changes}


def make_world(clients: Sequence[Client], invoices: Sequence[Json], /, **halopsa: Any) -> World:
    """A Pax8 with these companies and invoices, and a HaloPSA with these clients; `halopsa` replaces tables."""
    companies = [{"id": client.company_id, "name": client.name, "status": "Active"} for client in clients]
    return World(
        pax8={
            "credentials": {"client_id": "pax8-client", "client_secret": "pax8-secret"},
            "companies": companies,
            "products": [],
            "subscriptions": [],
            "invoices": list(invoices),
        },
        halopsa={
            "tenant": "example",
            "credentials": {"client_id": "halo-client", "client_secret": "halo-secret"},
            "permissions": ["all"],
            "clients": [make_halopsa_client(client) for client in clients],
            "sites": [],
            "items": [{"id": ITEM, "name": "Cloud services", "taxcode": 3, "nominalcode": "4192"}],
            "asset_groups": [],
            "taxes": [{"id": 3, "name": "No tax", "code": "NONE", "value": Decimal("0.0")}],
            "currencies": [
                {"id": 1, "name": "US Dollar", "symbol": "$", "code": "USD"},
                {"id": 2, "name": "Canadian Dollar", "symbol": "CA$", "code": "CAD"},
            ],
            "contracts": [],
            "recurring_invoices": [],
            "invoices": [],
            **halopsa,
        },
    )
