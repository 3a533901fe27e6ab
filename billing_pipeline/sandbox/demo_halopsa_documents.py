"""Documents that people made in the demo HaloPSA: recurring invoices, and invoices that are none of ours."""

from decimal import Decimal
from typing import Any

from billing_pipeline.sandbox.demo_clients import DemoClient, demo_clients

_WORKSTATION, _SERVER, _ONSITE_HOUR = 940, 941, 942
_NAMES = {_WORKSTATION: "Managed workstation", _SERVER: "Managed server", _ONSITE_HOUR: "Onsite labour, hour"}
_PRICES = {_WORKSTATION: Decimal("65.00"), _SERVER: Decimal("145.00"), _ONSITE_HOUR: Decimal("165.00")}


def recurring_invoices() -> list[dict[str, Any]]:
    """Six templates with negative ids; HaloPSA counts the workstations of every second one by itself."""
    return [
        {
            "id": -1 - place,
            "client_id": client.halo_id,
            "client_name": client.halo_name,
            "sitenumber": 1000 + client.halo_id,
            "currency_code": 1,
            "period": (2, 2, 2, 2, 4, 3)[place],
            "contract_id": 700 + place,
            "disabled": place == 5,
            "startdate": "2025-01-01T00:00:00",
            "lastcreated": "2026-10-01T00:00:00",
            "nextcreationdate": "2026-11-01T00:00:00",
            "lines": [
                _line(9001 + 10 * place, _WORKSTATION, client.seats)
                | {"recurring_invoice_quantity_type": place % 2, "contract_id": 700 + place},
                _line(9002 + 10 * place, _SERVER, 1 + place % 3) | {"contract_id": 700 + place},
            ],
        }
        for place, client in enumerate(demo_clients()[:6])
    ]


def people_invoices() -> list[dict[str, Any]]:
    """Invoices of September and October: a draft, and others posted, sent, paid or voided."""
    clients = {client.key: client for client in demo_clients()}
    posted = {"posted": True, "dateposted": "2026-10-02T15:30:00"}
    return [
        _invoice(5001, clients["alder-creek-dental"], "2026-10-02", [(_ONSITE_HOUR, 3)], {}),
        _invoice(5002, clients["kestrel-law-group"], "2026-10-01", [(_WORKSTATION, 40), (_SERVER, 2)], posted),
        _invoice(
            5003,
            clients["ironbark-logistics"],
            "2026-10-01",
            [(_WORKSTATION, 64)],
            posted | {"datesent": "2026-10-02T16:00:00"},
        ),
        _invoice(
            5004,
            clients["summit-ridge-accounting"],
            "2026-09-03",
            [(_ONSITE_HOUR, 2)],
            posted | {"paymentstatus": 2, "amountpaid": Decimal("330.00")},
        ),
        _invoice(5005, clients["nimbus-robotics"], "2026-09-15", [(_SERVER, 4)], {"voided": True}),
        _invoice(5006, clients["lantern-hill-realty"], "2026-10-03", [(_ONSITE_HOUR, 1), (_WORKSTATION, 32)], {}),
    ]


def _invoice(
    invoice_id: int, client: DemoClient, day: str, content: list[tuple[int, int]], extra: dict[str, Any]
) -> dict[str, Any]:
    lines = [_line(invoice_id * 10 + place, item_id, count) for place, (item_id, count) in enumerate(content)]
    return {
        "id": invoice_id,
        "invoicenumber": str(invoice_id + 15400),
        "client_id": client.halo_id,
        "client_name": client.halo_name,
        "sitenumber": 1000 + client.halo_id,
        "invoice_date": f"{day}T00:00:00",
        "duedate": f"{day[:8]}28T00:00:00",
        "currency_code": 1,
        "posted": False,
        "voided": False,
        "paymentstatus": 0,
        "reference": f"Ticket {invoice_id * 3}",
        "lines": [line | {"ihid": invoice_id} for line in lines],
        **extra,
    }


def _line(line_id: int, item_id: int, quantity: int) -> dict[str, Any]:
    price = _PRICES[item_id]
    return {
        "id": line_id,
        "_itemid": item_id,
        "item_shortdescription": _NAMES[item_id],
        "qty_order": quantity,
        "unit_price": price,
        "baseprice": price,
        "unit_cost": Decimal("0.00"),
        "net_amount": price * quantity,
        "tax_code": "3",
        "nominal_code": "4100",
    }
