"""One Pax8 invoice item as typed columns, beside the text it came as.

Source: Pax8's Partner API, `InvoiceItem`; every field may be null or missing, `id` included.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

from billing_pipeline.billing.canonical import canonical_json, content_hash
from billing_pipeline.billing.keys import charge_key
from billing_pipeline.billing.money import as_stored, parse_amount
from billing_pipeline.billing.source_ids import own_id

INTEGRATION = "pax8"

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
# Those of them that name a record of Pax8.
ID_COLUMNS = ("company_id", "product_id", "subscription_id")


@dataclass(frozen=True)
class RawItem:
    """One line of an invoice: `columns` are those of `raw_invoice_items` (amounts Decimal or None, dates, texts).

    `unreadable` names the Pax8 fields whose value is no number, `too_precise` those with more digits than
    DECIMAL(28,10) keeps; both are None in `columns`, and their raw text is kept.
    """

    columns: Mapping[str, Any]
    unreadable: tuple[str, ...]
    too_precise: tuple[str, ...]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    # A NUL stands in no text that anybody can read, and other systems cut a text there.
    return text.replace("\x00", "").strip() or None


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
        own = own_id(item.get("id"))
        if own is not None:
            ids.append(own)
            continue
        content = {field: value for field, value in item.items() if field != "id"}
        digest = sha256(canonical_json(plain_content(content)).encode()).hexdigest()[:24]
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
    columns.update({column: own_id(item.get(TEXT_FIELDS[column])) for column in ID_COLUMNS})
    columns["start_period"] = _day(item.get("startPeriod"))
    columns["end_period"] = _day(item.get("endPeriod"))
    unreadable, too_precise = [], []
    for column, field in AMOUNT_FIELDS.items():
        value = item.get(field)
        amount = parse_amount(value)
        stored = None if amount is None else as_stored(amount)
        if amount is None and value is not None:
            unreadable.append(field)
        elif amount is not None and stored is None:
            too_precise.append(field)
        columns[column] = stored
        columns[f"{column}_text"] = _raw_text(value)
    return RawItem(columns, tuple(unreadable), tuple(too_precise))


def read_items(invoice_id: str, items: Sequence[Mapping[str, Any]]) -> list[RawItem]:
    """All items of an invoice, typed, in Pax8's order; `line_no` counts from 1."""
    ids = line_ids(items)
    return [read_item(invoice_id, number, ids[number - 1], item) for number, item in enumerate(items, start=1)]


def invoice_content_hash(invoice: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> str:
    """The hash of all that an invoice says, which names one version of it: date, currency, total and the lines.

    The lines count as a multiset. Status and balance move when the invoice is paid, which is no change of content;
    what may change without stopping the month is in `invoice_changes`.
    """
    fixed = {field: invoice.get(field) for field in ("id", "invoiceDate", "currencyCode", "total")}
    lines = sorted(canonical_json(plain_content(item)) for item in items)
    return content_hash({"invoice": plain_content(fixed), "items": lines})
