"""One Pax8 invoice item as typed columns, beside the text it came as.

Source: Pax8's Partner API, `InvoiceItem`; every field may be null or missing, `id` included.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

from billing_pipeline.billing.canonical import canonical_json, content_hash
from billing_pipeline.billing.keys import charge_key
from billing_pipeline.billing.money import STORED_DIGITS, STORED_SCALE, as_stored, parse_amount

INTEGRATION = "pax8"

# What the database sums over lines, and where those sums end.
_SUMMED = ("sub_total", "total", "cost_total", "sales_tax")
_SUMS_END = Decimal(10) ** (STORED_DIGITS - STORED_SCALE)

# Column of the warehouse -> field of Pax8.
AMOUNT_FIELDS = {
    "quantity": "quantity",
    "price": "price",
    "sub_total": "subTotal",
    "total": "total",
    "cost": "cost",
    "cost_total": "costTotal",
    "sales_tax": "salesTax",
    "amount_due": "amountDue",
}
TEXT_FIELDS = {
    "type": "type",
    "term": "term",
    "company_id": "companyId",
    "company_name": "companyName",
    "external_id": "externalId",
    "purchase_order": "purchaseOrderNumber",
    "sku": "sku",
    "description": "description",
    "details": "details",
    "product_id": "productId",
    "product_name": "productName",
    "vendor_name": "vendorName",
    "subscription_id": "subscriptionId",
    "unit_of_measure": "unitOfMeasure",
    "rate_type": "rateType",
    "charge_type": "chargeType",
    "currency": "currencyCode",
}


@dataclass(frozen=True)
class RawItem:
    """One line of an invoice: `columns` are those of `raw_invoice_items` (amounts Decimal or None, dates, texts).

    `unreadable` names the Pax8 fields whose value is no number, `too_large` those that DECIMAL(38,18) cannot hold; both
    are None in `columns`. `cut` names those of which digits past the 18th decimal are cut. The raw text is kept of all.
    """

    columns: Mapping[str, Any]
    unreadable: tuple[str, ...]
    too_large: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.strip() or None


def _day(value: Any) -> date | None:
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value.strip()[:10])
    except ValueError:
        return None


def _raw_text(value: Any) -> str | None:
    if value is None:
        return None
    return (
        str(value)
        if isinstance(value, Decimal | int | str) and not isinstance(value, bool)
        else json.dumps(value, default=str)
    )


def plain_content(value: Any) -> Any:
    """What an answer says, however it was written: 22 is 22.0, and a null is as good as a field left out."""
    if isinstance(value, Mapping):
        return {name: plain_content(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [plain_content(inner) for inner in value]
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def line_ids(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The id of each line in order: Pax8's own, else one made from the content and the ordinal among equal lines."""
    seen: Counter[str] = Counter()
    ids = []
    for item in items:
        own = item.get("id")
        if isinstance(own, str) and own.strip():
            ids.append(own.strip())
            continue
        digest = sha256(canonical_json(plain_content(item)).encode()).hexdigest()[:24]
        seen[digest] += 1
        ids.append(f"content-{digest}-{seen[digest]}")
    return ids


def read_item(invoice_id: str, line_no: int, source_line_id: str, item: Mapping[str, Any]) -> RawItem:
    """Type one item; nothing is refused here, what cannot be read is None and named."""
    columns: dict[str, Any] = {
        "invoice_id": invoice_id,
        "line_no": line_no,
        "source_line_id": source_line_id,
        "line_key": charge_key(INTEGRATION, invoice_id, source_line_id),
    }
    columns.update({column: _text(item.get(field)) for column, field in TEXT_FIELDS.items()})
    columns["start_period"] = _day(item.get("startPeriod"))
    columns["end_period"] = _day(item.get("endPeriod"))
    unreadable, too_large, cut = [], [], []
    for column, field in AMOUNT_FIELDS.items():
        value = item.get(field)
        amount = parse_amount(value)
        stored = None if amount is None else as_stored(amount)
        if amount is None and value is not None:
            unreadable.append(field)
        elif amount is not None and stored is None:
            too_large.append(field)
        elif stored is not None and stored != amount:
            cut.append(field)
        columns[column] = stored
        columns[f"{column}_text"] = _raw_text(value)
    return RawItem(columns, tuple(unreadable), tuple(too_large), tuple(cut))


def read_items(invoice_id: str, items: Sequence[Mapping[str, Any]]) -> list[RawItem]:
    """All items of an invoice, typed, in Pax8's order; `line_no` counts from 1."""
    ids = line_ids(items)
    read = [read_item(invoice_id, number, ids[number - 1], item) for number, item in enumerate(items, start=1)]
    for column in _SUMMED:
        _leave_out_what_no_sum_holds(read, column)
    return read


def _leave_out_what_no_sum_holds(items: list[RawItem], column: str) -> None:
    """Take the largest amounts out of a column whose sum would overflow: one absurd line must not stop everybody's."""
    known = [(abs(item.columns[column]), place) for place, item in enumerate(items) if item.columns[column] is not None]
    total = sum((amount for amount, _ in known), Decimal(0))
    for amount, place in sorted(known, reverse=True):
        if total < _SUMS_END:
            return
        total -= amount
        item = items[place]
        columns, too_large = {**item.columns, column: None}, (*item.too_large, AMOUNT_FIELDS[column])
        items[place] = replace(item, columns=columns, too_large=too_large)


def invoice_content_hash(invoice: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> str:
    """The hash of all that an invoice says, which names one version of it: date, currency, total and the lines.

    The lines count as a multiset. Status and balance move when the invoice is paid, which is no change of content;
    what may change without stopping the month is in `invoice_changes`.
    """
    fixed = {field: invoice.get(field) for field in ("id", "invoiceDate", "currencyCode", "total")}
    lines = sorted(canonical_json(plain_content(item)) for item in items)
    return content_hash({"invoice": plain_content(fixed), "items": lines})
