"""Recurring invoices: `process` issues real invoices from templates that are due."""

import calendar
import copy
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from billing_pipeline.sandbox.halopsa_errors import not_found
from billing_pipeline.sandbox.halopsa_invoices import compute_document, new_invoice
from billing_pipeline.sandbox.halopsa_reading import Doc, parse_date, write_date
from billing_pipeline.sandbox.halopsa_resources import INVOICE

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState

MONTHS_OF_PERIOD = {2: 1, 3: 12, 4: 3, 5: 6}  # period 1 is weekly
COPIED_HEADER = (
    "client_id",
    "sitenumber",
    "currency_code",
    "contract_id",
    "paymentterms",
    "reference",
    "notes_1",
    "notes_2",
    "notes_3",
)


def process_templates(state: "HaloState", ids: list[int]) -> list[Doc]:
    """Issue an invoice from each template of `ids` (none: all) that is due; the invoices. HaloError 404."""
    for template_id in ids:
        if state.find("recurring_invoices", template_id) is None:
            raise not_found("RecurringInvoice", template_id)
    chosen = ids or sorted(state.table("recurring_invoices"), reverse=True)
    templates = [state.table("recurring_invoices")[template_id] for template_id in chosen]
    return [_issue(state, template) for template in templates if _is_due(state, template)]


def next_date(day: datetime, period: int) -> datetime:
    """The next creation date; the end of a month stays within its month."""
    if period == 1:
        return day + timedelta(weeks=1)
    months = day.month - 1 + MONTHS_OF_PERIOD.get(period, 1)
    year, month = day.year + months // 12, months % 12 + 1
    return day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))


def _is_due(state: "HaloState", template: Doc) -> bool:
    due = parse_date(template.get("nextcreationdate"))
    end = parse_date(template.get("enddate"))
    now = state.clock.now().replace(tzinfo=None)
    return not template.get("disabled") and due is not None and due <= now and (end is None or due <= end)


def _issue(state: "HaloState", template: Doc) -> Doc:
    due = parse_date(template["nextcreationdate"])
    if due is None:
        raise ValueError(f"recurring invoice {template['id']} is not due")
    header = {name: template[name] for name in COPIED_HEADER if template.get(name) is not None}
    doc = new_invoice(
        state, INVOICE, {**header, "recurring_invoice_id": template["id"], "invoice_date": write_date(due)}
    )
    for line in template["lines"]:
        if _is_billed(line, due):
            doc["lines"].append(_issued_line(state, doc, template, line))
            if line.get("onetimecharge"):
                line["onetimechargeinvoiceid"] = doc["id"]
        for row in line.get("prorata_data") or []:
            if not row.get("isinvoiced"):
                doc["lines"].append(_prorata_line(state, doc, line, row))
                row["isinvoiced"] = True
    compute_document(state, doc)
    state.put("invoices", doc)
    template["lastcreated"] = write_date(state.clock.now())
    template["nextcreationdate"] = write_date(next_date(due, template.get("period", 2)))
    state.put("recurring_invoices", template)
    return doc


def _is_billed(line: Doc, due: datetime) -> bool:
    start, end = parse_date(line.get("startdate")), parse_date(line.get("enddate"))
    return (
        not line.get("isinactive")
        and not line.get("onetimechargeinvoiceid")
        and (start is None or start <= due)
        and (end is None or end >= due)
    )


def _issued_line(state: "HaloState", doc: Doc, template: Doc, line: Doc) -> Doc:
    return {
        **copy.deepcopy({name: value for name, value in line.items() if name != "prorata_data"}),
        "id": state.new_id("lines"),
        "ihid": doc["id"],
        "recurring_invoice_id": template["id"],
        "recurring_invoice_line_id": line["id"],
    }


def _prorata_line(state: "HaloState", doc: Doc, line: Doc, row: Doc) -> Doc:
    return {
        **{name: line[name] for name in ("_itemid", "nominal_code", "tax_code") if name in line},
        "id": state.new_id("lines"),
        "ihid": doc["id"],
        "item_shortdescription": row["shortdescription"],
        "qty_order": row["quantity"],
        "unit_price": row["unitprice"],
        "baseprice": row["unitprice"],
        "unit_cost": row.get("unitcost") or Decimal(0),
        "pro_rata_line_id": row["id"],
    }
