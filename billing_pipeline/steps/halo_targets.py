"""Existing HaloPSA documents as the rules need them, and the hash of what we saw of one."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.canonical import content_hash, decimal_text
from billing_pipeline.billing.halopsa_days import is_set_date, read_day
from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.money import parse_amount
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.billing.targets import Target, TargetLine
from billing_pipeline.billing.templates import make_issue_mark
from billing_pipeline.steps.halo_facts import integer, is_given, text
from billing_pipeline.steps.key_fields import line_key

Row = Mapping[str, Any]

_HEADER_NUMBERS = ("id", "client_id", "currency_code", "period")
_HEADER_DAYS = ("invoice_date", "startdate", "enddate")
_LINE_NUMBERS = ("_itemid", "recurring_invoice_quantity_type", "contract_id", "site", "group_id")
_LINE_AMOUNTS = ("qty_order", "unit_price", "unit_cost", "net_amount", "discount_perc")
_LINE_FLAGS = ("isinactive", "isgroupdesc", "onetimecharge")
_LINE_DAYS = ("startdate", "enddate")
_LINE_TEXTS = (
    "item_code",
    "item_shortdescription",
    "item_longdescription",
    "nominal_code",
    "comment_1",
    "comment_2",
)
# Lines that HaloPSA imports usage on bear one of these.
_USAGE_SIGNS = ("consumption_line_type", "csp_invoice_id")
_SECONDS = len("2026-10-01T00:00:00")
# The one value of `emailstatus` that is known; what others mean, `datesent` has to say.
_EMAILED = 2
_LEAST_PAID = Decimal("0.005")
_SENT, _POSTED, _SYNCED, _PAID = "sent", "posted to accounting", "synced to accounting", "paid in part or whole"


def sync_sign(line: Row) -> str:
    """By which of its fields a line shows that HaloPSA's own Pax8 or CSP sync drives it; empty where none does."""
    if quantity_type := integer(line.get("recurring_invoice_quantity_type")):
        return f"recurring_invoice_quantity_type {quantity_type}"
    for name in ("quantity_licences", "quantity_subscriptions"):
        if line.get(name):
            return name
    return next((f"{name} {text(line.get(name))}" for name in _USAGE_SIGNS if is_given(line.get(name))), "")


def is_closed(row: Row) -> bool:
    """Whether an invoice may no longer be edited."""
    return bool(_why_closed(row))


def was_sent(row: Row) -> bool:
    """Whether HaloPSA sent an invoice to the client."""
    return _SENT in _why_closed(row)


def why_in_accounting(row: Row) -> list[str]:
    """Why an invoice is in accounting already, in words; empty where it is not."""
    return [said for said in _why_closed(row) if said in (_POSTED, _SYNCED, _PAID)]


def issue_mark(row: Row, fields: HaloPsaFields) -> str:
    """What changes with every issue of a recurring invoice: the moment of the last one, and the day of the next."""
    next_issue = read_day(row.get("nextcreationdate"), fields.zone)
    next_text = "" if next_issue is None else f"{next_issue}T00:00:00"
    return make_issue_mark(_set_time(row.get("lastcreated")), next_text)


def read_target(row: Row, fields: HaloPsaFields, only_currency: int | None = None) -> Target:
    """An invoice or recurring invoice with its lines as a target.

    `only_currency` is HaloPSA's currency where it has a single one: that of documents which name none.
    """
    return Target(
        target_id=int(row["id"]),
        client_id=integer(row.get("client_id")),
        currency_id=integer(row.get("currency_code")) or only_currency,
        invoice_date=read_day(row.get("invoice_date"), fields.zone),
        closed=tuple(_why_closed(row)),
        lines=tuple(_read_line(line, fields) for line in row.get("lines") or ()),
        observed_hash=observed_hash(row, fields),
        original_client_id=integer(row.get("original_client_id")),
        period=integer(row.get("period")),
        disabled=bool(row.get("disabled")),
        ends=read_day(row.get("enddate"), fields.zone),
        next_issue=read_day(row.get("nextcreationdate"), fields.zone),
        issue_mark=issue_mark(row, fields),
    )


def observed_hash(row: Row, fields: HaloPsaFields) -> str:
    """The hash over all that matters of a document: whose it is, what state it is in, and every line."""
    lines = sorted((line_content(line, fields) for line in row.get("lines") or ()), key=lambda line: line["id"])
    return content_hash({**header_content(row, fields), "lines": lines})


def header_content(row: Row, fields: HaloPsaFields) -> dict[str, Any]:
    """All that matters of a document but its lines."""
    return {
        **{name: integer(row.get(name)) for name in _HEADER_NUMBERS},
        **{name: read_day(row.get(name), fields.zone) for name in _HEADER_DAYS},
        "disabled": bool(row.get("disabled")),
        "issued": issue_mark(row, fields),
        "closed": list(_why_closed(row)),
    }


def line_content(line: Row, fields: HaloPsaFields) -> dict[str, Any]:
    """What must stay as it is of a line that is not ours, as plain JSON; amounts are texts."""
    return {
        "id": int(line["id"]),
        **{name: integer(line.get(name)) for name in _LINE_NUMBERS},
        **{name: decimal_text(parse_amount(line.get(name)) or Decimal(0)) for name in _LINE_AMOUNTS},
        **{name: bool(line.get(name)) for name in _LINE_FLAGS},
        **{name: _day_text(line.get(name), fields) for name in _LINE_DAYS},
        **{name: text(line.get(name)) for name in _LINE_TEXTS},
        "tax_code": integer(line.get("tax_code")),
    }


def _read_line(line: Row, fields: HaloPsaFields) -> TargetLine:
    key = line_key(line, fields)
    net = parse_amount(line.get("net_amount"))
    if net is None:
        quantity = parse_amount(line.get("qty_order"))
        net = (parse_amount(line.get("unit_price")) or Decimal(0)) * (Decimal(1) if quantity is None else quantity)
    return TargetLine(
        line_id=int(line["id"]),
        item_id=integer(line.get("_itemid")),
        key=key if is_ours(key) else "",
        net=net,
        inactive=bool(line.get("isinactive")),
        automatic=bool(sync_sign(line)),
        ends=read_day(line.get("enddate"), fields.zone),
        name=text(line.get("item_shortdescription")),
        sync_sign=sync_sign(line),
        is_imported_usage=any(is_given(line.get(name)) for name in _USAGE_SIGNS),
    )


def _set_time(value: Any) -> str:
    return str(value)[:_SECONDS] if is_set_date(value) else ""


def _day_text(value: Any, fields: HaloPsaFields) -> str:
    day = read_day(value, fields.zone)
    return "" if day is None else day.isoformat()


def _why_closed(row: Row) -> list[str]:
    said = []
    if row.get("posted") or is_set_date(row.get("dateposted")):
        said.append(_POSTED)
    if is_set_date(row.get("datesent")) or integer(row.get("emailstatus")) == _EMAILED:
        said.append(_SENT)
    if row.get("voided"):
        said.append("voided")
    if any(is_given(row.get(name)) for name in ("xeroid", "qboid", "thirdpartyinvoicenumber")):
        said.append(_SYNCED)
    if _is_paid(row):
        said.append(_PAID)
    if row.get("requires_approval") or is_set_date(row.get("approvaldatetime")) or is_given(row.get("approval_status")):
        said.append("in approval")
    if is_given(row.get("creditlinkedtoinvoiceid")):
        said.append("a credit")
    if is_given(row.get("purchaseorder_id")):
        said.append("of a purchase order")
    if is_given(row.get("invoicetype")):
        said.append("no invoice by its type")
    return said


def _is_paid(row: Row) -> bool:
    """Whether an invoice is paid in part or whole, as its amounts and its date say.

    `paymentstatus` is an enumeration that nobody documents: unpaid invoices were seen with 0 and with -1.
    """
    if (parse_amount(row.get("amountpaid")) or Decimal(0)) != 0 or is_set_date(row.get("datepaid")):
        return True
    due, total = parse_amount(row.get("amountdue")), parse_amount(row.get("total"))
    # Doubles of HaloPSA's: a difference below the minor unit is none.
    return due is not None and total is not None and abs(total) - abs(due) >= _LEAST_PAID
