"""Whether an invoice that was fetched before still bills the same, and what else of it changed.

Pax8 says that an approved invoice never changes. What its charges are made of may not, or the month stops. What only
names things (a company, product or vendor that was renamed), an amount due that was paid or a field that Pax8 adds is
told, no more.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from billing_pipeline.billing.canonical import canonical_json, content_hash
from billing_pipeline.billing.exact_json import write_exact_json
from billing_pipeline.billing.pax8_items import plain_content
from billing_pipeline.billing.source_ids import own_id

Row = Mapping[str, Any]

BILLED_FIELDS = frozenset(
    {
        "id",  # the key under which a charge is posted once
        "type",  # the class of the line, and whether it is known
        "term",
        "companyId",  # the client
        "productId",  # the product and its item, the slot of a recurring line
        "sku",
        "subscriptionId",
        "description",  # the class, the Azure subscription, and the text on the invoice
        "purchaseOrderNumber",  # the document
        "startPeriod",  # the text, and how Azure is collapsed
        "endPeriod",
        "quantity",  # the amounts, and those that control totals and texts are made of
        "price",
        "subTotal",
        "total",
        "cost",
        "costTotal",
        "salesTax",
        "currencyCode",
    }
)
BILLED_HEAD_FIELDS = ("id", "invoiceDate", "currencyCode", "total")
_MOST_CHARACTERS = 60


def hash_billed_content(invoice: Row, items: Sequence[Row]) -> str:
    """The hash of all that the charges of an invoice are made of; the order of its lines is nothing."""
    head = {field: invoice.get(field) for field in BILLED_HEAD_FIELDS}
    return content_hash({"invoice": plain_content(head), "items": sorted(_billed(item) for item in items)})


def match_lines(before: Sequence[Row], now: Sequence[Row]) -> list[int | None]:
    """For each line of an invoice the place of the same line in an earlier read, None where there is none.

    Lines are the same if all that a charge is made of is; lines that are equal in that find each other in their order.
    A line without an id is known by nothing else, and keeps the id that was made for it when it was first read.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, item in enumerate(before):
        places[_billed(item)].append(place)
    found: list[int | None] = []
    for item in now:
        waiting = places[_billed(item)]
        found.append(waiting.pop(0) if waiting else None)
    return found


def describe_other_changes(before: Sequence[Row], now: Sequence[Row]) -> str:
    """The fields in which two versions of the same lines differ: of how many lines, and how in the first of them."""
    changes: dict[str, list[str]] = defaultdict(list)
    for number, (place, item) in enumerate(zip(match_lines(before, now), now, strict=True), start=1):
        was, here = {} if place is None else plain_content(before[place]), plain_content(item)
        for field in sorted({*was, *here}):
            if was.get(field) != here.get(field):
                changes[field].append(f"line {number}: {_show(was.get(field))} is now {_show(here.get(field))}")
    return "; ".join(
        f"{field} of {len(said)} {'line' if len(said) == 1 else 'lines'} ({said[0]})"
        for field, said in sorted(changes.items())
    )


def _billed(item: Row) -> str:
    content = {field: value for field, value in item.items() if field in BILLED_FIELDS}
    # However a missing id is written.
    return canonical_json(plain_content({**content, "id": own_id(item.get("id"))}))


def _show(value: Any) -> str:
    if value is None:
        return "nothing"
    text = f'"{value}"' if isinstance(value, str) else write_exact_json(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
