"""Small worlds for the behaviours: Pax8 lines by month, and HaloPSA documents that others made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.sandbox.world import World

Json = dict[str, Any]
OCTOBER, NOVEMBER, DECEMBER = "2026-10", "2026-11", "2026-12"
ITEM, SUPPORT = 900, 901
DAY_OF_CLOSING = "06T15:00:00Z"


@dataclass(frozen=True)
class Client:
    """A client as the three sides know it; `template` is the recurring invoice that clients.csv maps."""

    key: str
    halopsa_id: int
    company: str
    template: int | None = None
    excluded: bool = False


def numbered(number: int, template: int | None = None, **changes: Any) -> Client:
    """Client `number`, with HaloPSA id 200 + number."""
    return Client(f"client-{number}", 200 + number, f"11111111-1111-4111-8111-{number:012d}", template, **changes)


ACME, BIRCH = numbered(1, -7), numbered(2, -8)


def licence(name: str, client: Client, sell: str, cost: str | None = None, **changes: Any) -> Json:
    """A line of a monthly subscription, called and keyed by `name`; the subscription is the same every month."""
    total = Decimal(sell)
    return {
        "id": name,
        "type": "subscription",
        "term": "Monthly",
        "companyId": client.company,
        "companyName": client.key,
        "purchaseOrderNumber": "N/A",
        "startPeriod": "2026-10-01",
        "endPeriod": "2026-10-31",
        "quantity": 1,
        "price": total,
        "total": total,
        "costTotal": Decimal(cost) if cost is not None else total,
        "currencyCode": "USD",
        "salesTax": 0,
        "sku": f"SKU-{name}",
        "productId": f"p-{name}",
        "productName": name.capitalize(),
        "description": name.capitalize(),
        "vendorName": "Microsoft",
        "subscriptionId": f"s-{name}",
        **changes,
    }


def bill(month: str, *lines: Json, number: int = 1, **head: Any) -> Json:
    """A Pax8 invoice of a month; its lines get ids and periods of that month, so that only subscriptions stay."""
    items = [
        {**line, "id": f"{month}-{number}-{place}", "startPeriod": f"{month}-01", "endPeriod": f"{month}-28"}
        for place, line in enumerate(lines, start=1)
    ]
    total = sum((Decimal(line["costTotal"]) for line in lines), Decimal(0))
    usual = {
        "id": f"{month}-invoice-{number}",
        "invoiceDate": f"{month}-01",
        "dueDate": f"{month}-15",
        "status": "Unpaid",
        "total": total,
        "balance": total,
        "carriedBalance": 0,
        "currencyCode": "USD",
    }
    released = head.pop("release_at", None)
    return {"invoice": {**usual, **head}, "items": items, "release_at": released}


def labour(line_id: int, price: str = "50.00", quantity: int = 2, **changes: Any) -> Json:
    """A line that a person put on a document, with every field that HaloPSA keeps of it."""
    return {
        "id": line_id,
        "_itemid": SUPPORT,
        "item_code": "SUP",
        "item_shortdescription": f"Labour {line_id}",
        "item_longdescription": "Two hours\nat the office",
        "qty_order": Decimal(quantity),
        "unit_price": Decimal(price),
        "baseprice": Decimal(price),
        "unit_cost": Decimal("20.50"),
        "net_amount": Decimal(price) * quantity,
        "tax_code": "3",
        "tax_amount": Decimal("0.00"),
        "tax_rate": Decimal("0.0"),
        "nominal_code": "4000",
        "comment_1": "by hand",
        "contract_id": 12,
        "group_id": 4,
        "recurring_invoice_quantity_type": 0,
        "isinactive": False,
        "isgroupdesc": False,
        "startdate": "2026-01-01T00:00:00",
        "enddate": "2027-12-31T00:00:00",
        "auto_increase_last_date": "2026-01-01T00:00:00",
        **changes,
    }


def invoice(invoice_id: int, client: Client = ACME, day: str = "2026-10-02", **changes: Any) -> Json:
    """A draft that a person made, with one line of labour."""
    return {
        "id": invoice_id,
        "client_id": client.halopsa_id,
        "invoice_date": f"{day}T00:00:00",
        "currency_code": 1,
        "posted": False,
        "voided": False,
        "reference": f"T-{invoice_id}",
        "lines": [labour(invoice_id * 100)],
        **changes,
    }


def template(template_id: int, client: Client = ACME, **changes: Any) -> Json:
    """A monthly recurring invoice of a client, due on the first of November, with one line of labour."""
    return {
        "id": template_id,
        "client_id": client.halopsa_id,
        "currency_code": 1,
        "period": 2,
        "disabled": False,
        "startdate": "2025-01-01T00:00:00",
        "lastcreated": "2026-10-01T06:00:00",
        "nextcreationdate": "2026-11-01T00:00:00",
        "lines": [labour(-template_id * 1000, "100.00", 1)],
        **changes,
    }


def make_world(
    clients: Sequence[Client],
    bills: Sequence[Json],
    *,
    invoices: Sequence[Json] = (),
    templates: Sequence[Json] = (),
    client_fields: Mapping[str, Json] | None = None,
    **tables: Any,
) -> World:
    """Pax8 with these invoices, HaloPSA with these documents; `client_fields` are HaloPSA's by client key."""
    fields = client_fields or {}
    return World(
        pax8={
            "credentials": {"client_id": "pax8-client", "client_secret": "pax8-secret"},
            **{name: [] for name in ("companies", "products", "subscriptions")},
            "invoices": list(bills),
        },
        halopsa={
            "tenant": "example",
            "credentials": {"client_id": "halo-client", "client_secret": "halo-secret"},
            "permissions": ["all"],
            "clients": [
                {
                    "id": client.halopsa_id,
                    "name": client.key,
                    "inactive": False,
                    "default_currency_code": 1,
                    **fields.get(client.key, {}),
                }
                for client in clients
            ],
            "currencies": [
                {"id": 1, "name": "US Dollar", "symbol": "$", "code": "USD"},
                {"id": 2, "name": "Canadian Dollar", "symbol": "CA$", "code": "CAD"},
            ],
            "items": [
                {"id": ITEM, "name": "Cloud services", "accountsid": "CLD", "taxcode": 3, "nominalcode": "4192"},
                {"id": SUPPORT, "name": "Support", "accountsid": "SUP", "taxcode": 3, "nominalcode": "4000"},
            ],
            "taxes": [{"id": 3, "name": "No tax", "code": "NONE", "value": Decimal("0.0")}],
            **{name: [] for name in ("sites", "asset_groups", "contracts")},
            "recurring_invoices": list(templates),
            "invoices": list(invoices),
            **tables,
        },
    )
