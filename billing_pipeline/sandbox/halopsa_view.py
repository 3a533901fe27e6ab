"""How documents look in answers: nulls left out, unset dates as sentinels, lists without details."""

from datetime import UTC, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from billing_pipeline.sandbox.halopsa_fields import LINE, Fields
from billing_pipeline.sandbox.halopsa_reading import Doc, parse_date, write_date
from billing_pipeline.sandbox.halopsa_switches import HaloSwitches

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_resources import Resource

NET_MINIMUM = "0001-01-01T00:00:00"
HALO_UNSET = "1900-01-01T00:00:00"
OLE_UNSET = "1899-12-30T00:00:00"
# dates that HaloPSA gives even where they are unset; three ages of its code, three ways to say so
SENTINELS = {
    "INVOICE": {
        "dateposted": HALO_UNSET,
        "datesent": HALO_UNSET,
        "datepaid": HALO_UNSET,
        "last_synced": NET_MINIMUM,
        "period_start_date": NET_MINIMUM,
        "period_end_date": NET_MINIMUM,
    },
    "RECURRING": {
        "startdate": HALO_UNSET,
        "enddate": HALO_UNSET,
        "lastcreated": OLE_UNSET,
        "nextcreationdate": HALO_UNSET,
        "dateposted": HALO_UNSET,
    },
    "LINE": {"startdate": HALO_UNSET, "enddate": HALO_UNSET, "auto_increase_last_date": NET_MINIMUM},
    "CONTRACT": {"start_date": HALO_UNSET, "end_date": OLE_UNSET},
    "CLIENT": {},
    "SITE": {},
    "ITEM": {"datecreated": NET_MINIMUM},
}
# numbers that are not nullable in HaloPSA's model, so that unset is 0
ZEROS = {
    "INVOICE": ("contract_id", "recurring_invoice_id", "qboid", "paymentstatus", "creditlinkedtoinvoiceid"),
    "RECURRING": ("contract_id", "recurring_invoice_id"),
    "LINE": ("_itemid", "contract_id", "recurring_invoice_quantity_type", "group_id"),
    "CLIENT": (
        "client_to_invoice",
        "client_to_invoice_recurring",
        "item_tax_code",
        "sales_tax_code",
        "pax8monthlyinvoice",
        "pax8annualinvoice",
    ),
    "ITEM": ("taxcode", "taxcodeother"),
    "SITE": ("site_item_tax_code",),
}
# Dates that mean a day; all others are moments.
DAYS = (
    "invoice_date",
    "duedate",
    "startdate",
    "enddate",
    "nextcreationdate",
    "period_start_date",
    "period_end_date",
    "start_date",
    "end_date",
)
# Codes of an invoice, whose 0 other tenants write -1.
CODES = ("paymentstatus", "emailstatus", "approval_status", "invoicetype")


def show(doc: Doc, resource: "Resource", switches: HaloSwitches, *, lines: bool, details: bool) -> Doc:
    """One document as it goes out. `details`: with custom fields and addresses, as the detail route."""
    shown = _dress(doc, resource.kind, resource.fields, switches)
    if not switches.change_seq:
        shown.pop("change_seq", None)
    if not details:
        for name in switches.detail_only:
            shown.pop(name, None)
    stored_lines = shown.pop("lines", None)
    if lines and stored_lines is not None:
        shown["lines"] = [_dress(line, "LINE", LINE, switches) for line in stored_lines]
    if resource.kind == "SITE" and "client_id" in shown:
        shown["client_id"] = Decimal(f"{int(shown['client_id'])}.0")  # declared as a double, unlike all other ids
    return shown


def show_date(name: str, value: Any, switches: HaloSwitches) -> Any:
    """A date as this tenant writes it: a day as its own midnight in UTC, where it does so."""
    moment = parse_date(value) if name in DAYS and switches.days == "local_midnight" else None
    if moment is None or moment.time() != time(0):
        return value
    return write_date(moment.replace(tzinfo=ZoneInfo(switches.time_zone)).astimezone(UTC))


def _dress(doc: Doc, kind: str, fields: Fields, switches: HaloSwitches) -> Doc:
    shown: dict[str, Any] = {name: show_date(name, value, switches) for name, value in doc.items() if value is not None}
    for name in ZEROS.get(kind, ()):
        shown.setdefault(name, 0)
    if kind == "INVOICE" and switches.unset_code:
        shown.update({name: switches.unset_code for name in CODES if not shown.get(name)})
    if switches.sentinel_dates:
        for name, sentinel in SENTINELS.get(kind, {}).items():
            shown.setdefault(name, sentinel)
    if switches.date_suffix:
        for name, kind_of_field in fields.items():
            if kind_of_field == "date" and isinstance(shown.get(name), str):
                shown[name] += switches.date_suffix
    if not switches.omit_nulls:
        for name in fields:
            shown.setdefault(name, None)
        shown["lines"] = shown.get("lines")
    return shown
