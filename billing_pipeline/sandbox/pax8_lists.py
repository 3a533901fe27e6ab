"""The filters of Pax8's lists: which rows a query asks for."""

from collections.abc import Mapping
from typing import Any

from billing_pipeline.sandbox.pax8_errors import Pax8Error
from billing_pipeline.sandbox.pax8_query import read_date, read_flag, read_number, sort_rows
from billing_pipeline.sandbox.pax8_state import Pax8State

Query = Mapping[str, str]
Row = dict[str, Any]

COMPANY_SORTS = ("name", "city", "country", "stateOrProvince", "postalCode")
PRODUCT_SORTS = ("name", "vendor")
SUBSCRIPTION_SORTS = ("quantity", "startDate", "endDate", "createdDate", "billingStart", "price")
INVOICE_SORTS = ("invoiceDate", "dueDate", "status", "partnerName", "total", "balance", "carriedBalance")


def list_companies(state: Pax8State, query: Query) -> list[Row]:
    """Companies by status, place and flags."""
    rows = _with_text(state.rows("companies"), query, ("status",))
    for name in ("city", "country", "stateOrProvince", "postalCode"):
        if (wanted := query.get(name)) is not None:
            rows = [row for row in rows if (row.get("address") or {}).get(name) == wanted]
    for name in ("selfServiceAllowed", "billOnBehalfOfEnabled", "orderApprovalRequired"):
        if (flag := read_flag(query, name)) is not None:
            rows = [row for row in rows if row.get(name) is flag]
    rows = sort_rows(rows, query, COMPANY_SORTS)
    return [*rows[-1:], *rows] if state.switches.repeat_company else rows


def list_products(state: Pax8State, query: Query) -> list[Row]:
    """Products by vendor, or by a word in name, vendor, SKU or id; without the detail's long description."""
    rows = _with_text(state.rows("products"), query, ("vendorName",))
    if word := query.get("search", "").lower():
        searched = ("name", "vendorName", "sku", "vendorSku", "id")
        rows = [row for row in rows if any(word in str(row.get(name) or "").lower() for name in searched)]
    rows = sort_rows(rows, query, PRODUCT_SORTS)
    return [{name: value for name, value in row.items() if name != "description"} for row in rows]


def list_subscriptions(state: Pax8State, query: Query) -> list[Row]:
    """Subscriptions by company (403 if unknown), product, status and billing term."""
    if (company_id := query.get("companyId")) is not None and not state.knows_company(company_id):
        raise Pax8Error(403, "Invalid companyId")
    rows = _with_text(state.rows("subscriptions"), query, ("companyId", "productId", "status", "billingTerm"))
    return sort_rows(rows, query, SUBSCRIPTION_SORTS)


def list_invoices(state: Pax8State, query: Query) -> list[Row]:
    """Released invoices by status, dates (a range includes its end), amounts and company (404 if unknown)."""
    if (company_id := query.get("companyId")) is not None and not state.knows_company(company_id):
        raise Pax8Error(404, "Invalid companyId")
    rows = _with_text([entry["invoice"] for entry in state.released()], query, ("status", "companyId"))
    for name in ("invoiceDate", "dueDate"):
        if (day := read_date(query, name)) is not None:
            rows = [row for row in rows if row.get(name) == day]
    undated = state.switches.undated_invoices == "list"
    if (first := read_date(query, "invoiceDateRangeStart")) is not None:
        rows = [row for row in rows if (row["invoiceDate"] >= first if row.get("invoiceDate") else undated)]
    if (last := read_date(query, "invoiceDateRangeEnd")) is not None:
        rows = [row for row in rows if (row["invoiceDate"] <= last if row.get("invoiceDate") else undated)]
    for name in ("total", "balance", "carriedBalance"):
        if (amount := read_number(query, name)) is not None:
            rows = [row for row in rows if row.get(name) == amount]
    return sort_rows(rows, query, INVOICE_SORTS)


def list_draft_items(state: Pax8State, query: Query) -> list[Row]:
    """The forecast of `monthOffset` 0 or 1 (default 1), for all companies or one (404 if unknown)."""
    offset = query.get("monthOffset", "1")
    if offset not in ("0", "1"):
        raise Pax8Error(422, "monthOffset must be 0 or 1")
    if (company_id := query.get("companyId")) is not None and not state.knows_company(company_id):
        raise Pax8Error(404, "Company not found")
    return _with_text(state.draft_items(int(offset)), query, ("companyId",))


def _with_text(rows: list[Row], query: Query, names: tuple[str, ...]) -> list[Row]:
    for name in names:
        if (wanted := query.get(name)) is not None:
            rows = [row for row in rows if row.get(name) == wanted]
    return rows
