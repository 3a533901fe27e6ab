"""The resources of the local HaloPSA: address, table, envelope key, rights, fields and filters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from billing_pipeline.sandbox import halopsa_fields as fields
from billing_pipeline.sandbox.halopsa_fields import Fields


@dataclass(frozen=True)
class Resource:
    """One resource. `envelope` None: its list is a bare array. `filters`: query parameter -> equal field."""

    name: str
    table: str
    kind: str
    fields: Fields
    envelope: str | None
    right: str | None = None  # "items": read:items and edit:items; None: a token is enough
    filters: Mapping[str, str] = field(default_factory=dict)
    searched: tuple[str, ...] = ("name",)
    writable: bool = True
    can_be_inactive: bool = False


_INVOICE_FILTERS = {"client_id": "client_id", "contract_id": "contract_id", "site_id": "sitenumber"}

INVOICE = Resource(
    name="Invoice",
    table="invoices",
    kind="INVOICE",
    fields=fields.INVOICE,
    envelope="invoices",
    right="invoices",
    filters={**_INVOICE_FILTERS, "recurringinvoice_id": "recurring_invoice_id"},
    searched=("invoicenumber", "thirdpartyinvoicenumber", "client_name"),
)
RECURRING_INVOICE = Resource(
    name="RecurringInvoice",
    table="recurring_invoices",
    kind="RECURRING",
    fields=fields.INVOICE,
    envelope="invoices",
    right="invoices",
    filters=_INVOICE_FILTERS,
    searched=("client_name",),
)
ITEM = Resource(
    name="Item",
    table="items",
    kind="ITEM",
    fields=fields.ITEM,
    envelope="items",
    right="items",
    filters={"assetgroup_id": "assetgroup_id", "supplier_id": "supplier_id"},
    searched=("name", "supplier_part_code", "internalreference", "externalreference"),
)
PRODUCT_GROUP = Resource(
    name="AssetGroup",
    table="asset_groups",
    kind="PRODUCT_GROUP",
    fields=fields.PRODUCT_GROUP,
    envelope=None,
    right="items",
)
CLIENT = Resource(
    name="Client",
    table="clients",
    kind="CLIENT",
    fields=fields.CLIENT,
    envelope="clients",
    right="customers",
    filters={"toplevel_id": "toplevel_id"},
    can_be_inactive=True,
)
SITE = Resource(
    name="Site",
    table="sites",
    kind="SITE",
    fields=fields.SITE,
    envelope="sites",
    right="customers",
    filters={"client_id": "client_id"},
    searched=("name", "client_name"),
    can_be_inactive=True,
)
CONTRACT = Resource(
    name="ClientContract",
    table="contracts",
    kind="CONTRACT",
    fields=fields.CONTRACT,
    envelope="contracts",
    right="contracts",
    filters={"client_id": "client_id", "site_id": "site_id"},
    searched=("ref", "client_name"),
    can_be_inactive=True,
)
TAX = Resource(name="Tax", table="taxes", kind="TAX", fields=fields.TAX, envelope=None)
CURRENCY = Resource(name="Currency", table="currencies", kind="CURRENCY", fields=fields.CURRENCY, envelope=None)
SUPPLIER = Resource(
    name="Supplier",
    table="suppliers",
    kind="SUPPLIER",
    fields=fields.CURRENCY,
    envelope="suppliers",
    right="suppliers",
    writable=False,
)
LICENCE = Resource(
    name="SoftwareLicence",
    table="licences",
    kind="LICENCE",
    fields=fields.CURRENCY,
    envelope="licences",
    right="software",
    writable=False,
)

RESOURCES = (
    INVOICE,
    RECURRING_INVOICE,
    ITEM,
    PRODUCT_GROUP,
    CLIENT,
    SITE,
    CONTRACT,
    TAX,
    CURRENCY,
    SUPPLIER,
    LICENCE,
)
