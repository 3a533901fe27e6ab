"""A provider of any size for each behaviour: every client is charged ten lines, and none would be held."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import Any

from billing_pipeline.sandbox.demo_config import CLIENT_COLUMNS, write_csv
from billing_pipeline.sandbox.demo_scale import build_scaled_world
from billing_pipeline.sandbox.world import World

MONTH, NOW = "2026-10", "2026-10-06T15:00:00Z"
BEHAVIOURS = ("new", "latest", "recurring")
LINES_A_CLIENT = 10
_TARGETS = {
    "new": "{target: new}",
    "latest": "{target: latest, when_none: hold}",
    # Everything on the one document, so that a document is a client and requests a document can be told.
    "recurring": "{target: recurring, non_recurring: recurring}",
}
_FIRST_DOCUMENT_ID = 5_001


@dataclass(frozen=True)
class EconomyMonth:
    """The services' content, and the settings files by name."""

    world: World
    config: Mapping[str, str]


def build_economy_month(clients: int, behaviour: str) -> EconomyMonth:
    """October of `clients` clients; where `behaviour` changes documents, each client has one that a person made."""
    world, config = build_scaled_world(clients, clients * LINES_A_CLIENT)
    config["billing.yaml"] = config["billing.yaml"].replace(
        "settings:\n", f"settings:\n  behaviour: {_TARGETS[behaviour]}\n", 1
    )
    rows = list(csv.DictReader(StringIO(config["clients.csv"])))
    for place, row in enumerate(rows):
        client_id = int(row["halopsa_client_id"])
        if behaviour == "latest":
            world.halopsa["invoices"].append(_invoice(_FIRST_DOCUMENT_ID + place, client_id))
        if behaviour == "recurring":
            world.halopsa["recurring_invoices"].append(_template(-1 - place, client_id))
            row["recurring_invoice_id"] = str(-1 - place)
    config["clients.csv"] = write_csv(CLIENT_COLUMNS, ([row[name] for name in CLIENT_COLUMNS] for row in rows))
    return EconomyMonth(world, config)


def _invoice(invoice_id: int, client_id: int) -> dict[str, Any]:
    """A draft that a person made for the client this month."""
    return {
        "id": invoice_id,
        "client_id": client_id,
        "invoice_date": f"{MONTH}-02T00:00:00",
        "currency_code": 1,
        "posted": False,
        "voided": False,
        "reference": f"Ticket {invoice_id}",
        "lines": [_labour(invoice_id * 10)],
    }


def _template(template_id: int, client_id: int) -> dict[str, Any]:
    """A monthly recurring invoice of the client with one line of a person's, due next month."""
    return {
        "id": template_id,
        "client_id": client_id,
        "currency_code": 1,
        "period": 2,
        "disabled": False,
        "startdate": "2025-01-01T00:00:00",
        "lastcreated": f"{MONTH}-01T06:00:00",
        "nextcreationdate": "2026-11-01T00:00:00",
        "lines": [_labour(-template_id * 10)],
    }


def _labour(line_id: int) -> dict[str, Any]:
    price = Decimal("165.00")
    return {
        "id": line_id,
        "_itemid": 942,
        "item_shortdescription": "Onsite labour, hour",
        "qty_order": 2,
        "unit_price": price,
        "baseprice": price,
        "unit_cost": Decimal("0.00"),
        "net_amount": price * 2,
        "tax_code": "3",
        "nominal_code": "4110",
    }
