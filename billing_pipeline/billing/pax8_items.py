"""One Pax8 invoice item as typed columns, beside the text it came as.

Source: Pax8's Partner API, `InvoiceItem`; every field may be null or missing, `id` included.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

from billing_pipeline.billing.canonical import canonical_json, content_hash
from billing_pipeline.billing.keys import charge_key
from billing_pipeline.billing.money import STORED_DIGITS, STORED_SCALE, as_stored, parse_amount
from billing_pipeline.billing.source_dates import find_order, read_day
from billing_pipeline.billing.source_ids import own_id

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
DAY_FIELDS = {"start_period": "startPeriod", "end_period": "endPeriod"}
# Those of the texts that name a record of Pax8.
ID_COLUMNS = ("company_id", "product_id", "subscription_id")


@dataclass(frozen=True)
class RawItem:
    """One line of an invoice: `columns` are those of `raw_invoice_items` (amounts Decimal or None, dates, texts).

    `unreadable` names the Pax8 fields whose value is no number, `too_large` those that DECIMAL(38,18) cannot hold; both
    are None in `columns`. `cut` names those of which digits past the 18th decimal are cut, `unread_days` those that are
    no day, or one of two. The raw text is kept of all.
    """

    columns: Mapping[str, Any]
    unreadable: tuple[str, ...]
    too_large: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    unread_days: tuple[str, ...] = ()


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    # A NUL stands in no text that anybody can read, and other systems cut a text there.
    return text.replace("\x00", "").strip() or None


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
        own = own_id(item.get("id"))
        if own is not None:
            ids.append(own)
            continue
        content = {field: value for field, value in item.items() if field != "id"}
        digest = sha256(canonical_json(plain_content(content)).encode()).hexdigest()[:24]
        seen[digest] += 1
        ids.append(f"content-{digest}-{seen[digest]}")
    return ids


def read_item(
    invoice_id: str, line_no: int, source_line_id: str, item: Mapping[str, Any], month_first: bool | None = None
) -> RawItem:
    """Type one item; nothing is refused here, what cannot be read is None and named.

    `month_first` says how days as 10/01/2026 are to be read; None where nothing tells.
    """
    columns: dict[str, Any] = {
        "invoice_id": invoice_id,
        "line_no": line_no,
        "source_line_id": source_line_id,
        "line_key": charge_key(INTEGRATION, invoice_id, source_line_id),
    }
    columns.update({column: _text(item.get(field)) for column, field in TEXT_FIELDS.items()})
    columns.update({column: own_id(item.get(TEXT_FIELDS[column])) for column in ID_COLUMNS})
    columns.update({column: read_day(item.get(field), month_first) for column, field in DAY_FIELDS.items()})
    unread_days = tuple(
        field for column, field in DAY_FIELDS.items() if columns[column] is None and _text(item.get(field)) is not None
    )
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
    return RawItem(columns, tuple(unreadable), tuple(too_large), tuple(cut), unread_days)


def read_items(
    invoice_id: str, items: Sequence[Mapping[str, Any]], known_ids: Sequence[str | None] | None = None
) -> list[RawItem]:
    """All items of an invoice, typed, in Pax8's order; `line_no` counts from 1.

    `known_ids` are those that the lines got when the invoice was first read, None for a line that is new.
    """
    ids = line_ids(items)
    if known_ids is not None:
        ids = [known or own for known, own in zip(known_ids, ids, strict=True)]
    # One system writes all days of an invoice: those that can be read one way only say how the others are meant.
    month_first = find_order(item.get(field) for item in items for field in DAY_FIELDS.values())
    read = [
        read_item(invoice_id, number, ids[number - 1], item, month_first) for number, item in enumerate(items, start=1)
    ]
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
