"""The demo tenant's HaloPSA: clients, sites, items, product groups, taxes, currencies and contracts."""

from decimal import Decimal
from typing import Any

from billing_pipeline.sandbox import demo_clients as who
from billing_pipeline.sandbox.demo_catalog import Product, seat_products
from billing_pipeline.sandbox.demo_clients import DemoClient, demo_clients
from billing_pipeline.sandbox.demo_halopsa_documents import people_invoices, recurring_invoices
from billing_pipeline.sandbox.demo_random import to_places

TENANT = "demo-msp"
CREDENTIALS = {"client_id": "demo-halopsa-client", "client_secret": "demo-halopsa-not-a-secret"}
USD, CAD, EUR = 1, 2, 3
CITY_TAX, STATE_TAX, NO_TAX, GST = 1, 2, 3, 4
DEFAULT_ITEM, AZURE_ITEM, FIRST_PRODUCT_ITEM = 900, 930, 901
INCOME, EXPENSE = "4192", "5001"
_CLOUD, _LABOUR, _HARDWARE = 31, 32, 33
_TAX_BY_CLIENT = {"okafor-tax-advisors": CITY_TAX, "copperline-electric": STATE_TAX, who.CANADIAN: GST}
_NOT_TAXABLE = {"good-harvest-food-bank", "riverbend-charter-school", "saint-brigid-parish"}


def demo_halopsa() -> dict[str, Any]:
    """The HaloPSA half of the demo world."""
    return halopsa_catalogue() | {
        "clients": halopsa_clients(),
        "sites": halopsa_sites(),
        "contracts": _contracts(),
        "recurring_invoices": recurring_invoices(),
        "invoices": people_invoices(),
    }


def halopsa_catalogue() -> dict[str, Any]:
    """A tenant without clients and documents: items, groups, taxes, currencies, credentials, rights."""
    return {
        "items": halopsa_items(),
        "asset_groups": [
            _group(_CLOUD, "Cloud subscriptions", INCOME, EXPENSE),
            _group(_LABOUR, "Managed services", "4100", EXPENSE),
            _group(_HARDWARE, "Hardware", "4300", "5300"),
        ],
        "taxes": [
            {"id": CITY_TAX, "name": "Denver combined sales tax", "code": "DEN", "value": Decimal("8.81")},
            {"id": STATE_TAX, "name": "Colorado state sales tax", "code": "CO", "value": Decimal("2.9")},
            {"id": NO_TAX, "name": "No tax", "code": "NONE", "value": Decimal("0.0")},
            {"id": GST, "name": "GST", "code": "GST", "value": Decimal("5.0")},
        ],
        "currencies": [
            _currency(USD, "US Dollar", "$", "USD", "1.0"),
            _currency(CAD, "Canadian Dollar", "CA$", "CAD", "1.37"),
            _currency(EUR, "Euro", "€", "EUR", "0.86"),
        ],
        "clients": [],
        "sites": [],
        "contracts": [],
        "recurring_invoices": [],
        "invoices": [],
        "tenant": TENANT,
        "credentials": dict(CREDENTIALS),
        "permissions": ["all"],
    }


def halopsa_clients() -> list[dict[str, Any]]:
    """Every HaloPSA client: our clients, a parent that is billed for one of them, and a lookalike."""
    return [
        *(_client(client) for client in demo_clients()),
        plain_client(who.HALO_PARENT_ID, "Timberline Dental Partners"),
        plain_client(who.HALO_LOOKALIKE_ID, "Alder Creek Rentals & Events"),
    ]


def halopsa_sites() -> list[dict[str, Any]]:
    """A main site for each client, with the address that it gets its goods at."""
    sites = [
        {
            "id": _site_id(client.halo_id),
            "name": "Main",
            "client_id": client.halo_id,
            "client_name": client.halo_name,
            "inactive": False,
            "isinvoicesite": True,
            "delivery_address": {
                "line1": f"{client.halo_id * 7} {('Larimer St', 'Main St', 'Pearl St')[client.halo_id % 3]}",
                "line2": "",
                "line3": client.city,
                "line4": client.state,
                "postcode": client.postcode,
            },
        }
        for client in demo_clients()
    ]
    return sites + [
        {
            "id": _site_id(halo_id),
            "name": "Main",
            "client_id": halo_id,
            "inactive": False,
            "isinvoicesite": True,
        }
        for halo_id in (who.HALO_PARENT_ID, who.HALO_LOOKALIKE_ID)
    ]


def halopsa_items() -> list[dict[str, Any]]:
    """The default item, products that HaloPSA knows by SKU, Azure, and three services."""
    listed = [product for product in seat_products() if product.halo_item]
    return [
        _item(DEFAULT_ITEM, "Cloud services", "CLOUD", _CLOUD),
        *(_product_item(FIRST_PRODUCT_ITEM + place, product) for place, product in enumerate(listed)),
        _item(AZURE_ITEM, "Azure consumption", "AZURE", _CLOUD),
        _item(940, "Managed workstation", "MSP-WS", _LABOUR, price="65.00", nominal="4100"),
        _item(941, "Managed server", "MSP-SRV", _LABOUR, price="145.00", nominal="4100"),
        _item(942, "Onsite labour, hour", "LAB-ON", _LABOUR, price="165.00", nominal="4110"),
    ]


def plain_client(halo_id: int, name: str) -> dict[str, Any]:
    """An active client in US dollars, with a main site."""
    return {
        "id": halo_id,
        "name": name,
        "inactive": False,
        "client_to_invoice": 0,
        "default_currency_code": USD,
        "main_site_id": _site_id(halo_id),
        "main_site_name": "Main",
        "taxable": True,
        "item_tax_code": 0,
        "sales_tax_code": 0,
        "paymentterms": 30,
        "startbalance": Decimal("0.0"),
    }


def item_ids_by_sku() -> dict[str, int]:
    """The HaloPSA item of each SKU that HaloPSA knows."""
    return {
        str(item["supplier_part_code"]): int(item["id"]) for item in halopsa_items() if "supplier_part_code" in item
    }


def _client(client: DemoClient) -> dict[str, Any]:
    return plain_client(client.halo_id, client.halo_name) | {
        "inactive": client.key == who.INACTIVE,
        "client_to_invoice": who.HALO_PARENT_ID if client.key == who.REDIRECTED else 0,
        "default_currency_code": CAD if client.key == who.CANADIAN else USD,
        "taxable": client.key not in _NOT_TAXABLE,
        "item_tax_code": _TAX_BY_CLIENT.get(client.key, 0),
        "paymentterms": (14, 30, 30)[client.halo_id % 3],
    }


def _item(
    item_id: int, name: str, accounts_id: str, group: int, *, price: str = "0.00", nominal: str = INCOME
) -> dict[str, Any]:
    return {
        "id": item_id,
        "name": name,
        "accountsid": accounts_id,
        "assetgroup_id": group,
        "baseprice": Decimal(price),
        "costprice": Decimal("0.00"),
        "isrecurringitem": group != _HARDWARE,
        "recurringprice": Decimal(price),
        "recurringcost": Decimal("0.00"),
        "taxcode": NO_TAX,
        "taxcodeother": NO_TAX,
        "nominalcode": nominal,
        "purchasenominalcode": EXPENSE,
    }


def _product_item(item_id: int, product: Product) -> dict[str, Any]:
    name = product.name.removesuffix(" [New Commerce Experience]")
    price = to_places(product.cost * Decimal("1.2"), 2)
    item = _item(item_id, name, f"CL{item_id}", _CLOUD) | {
        "supplier_part_code": product.sku,
        "costprice": product.cost,
        "recurringcost": product.cost,
        "baseprice": price,
        "recurringprice": price,
    }
    if item_id % 4 == 1:
        item["externalreference"] = f"pax8:{product.id}:monthly"
    return item


def _contracts() -> list[dict[str, Any]]:
    return [
        {
            "id": 700 + place,
            "ref": f"MS-{client.halo_id}",
            "client_id": client.halo_id,
            "client_name": client.halo_name,
            "site_id": _site_id(client.halo_id),
            "contracttype": 3,
            "contracttype_name": "Managed Services",
            "contract_status": "Active",
            "active": True,
            "start_date": "2025-01-01T00:00:00",
            "end_date": "2027-12-31T00:00:00",
            "billingperiod": 2,
        }
        for place, client in enumerate(demo_clients()[:8])
    ]


def _group(group_id: int, name: str, income: str, expense: str) -> dict[str, Any]:
    return {"id": group_id, "name": name, "nominalcode": income, "nominalcodepurchase": expense}


def _currency(currency_id: int, name: str, symbol: str, code: str, rate: str) -> dict[str, Any]:
    return {"id": currency_id, "name": name, "symbol": symbol, "code": code, "conversion_rate": Decimal(rate)}


def _site_id(halo_id: int) -> int:
    return 1000 + halo_id
