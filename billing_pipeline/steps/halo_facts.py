"""HaloPSA's records as the rules need them: ids, codes and flags, with HaloPSA's "unset" values taken out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from billing_pipeline.billing.plan_types import BilledClient
from billing_pipeline.billing.product_match import Item

Row = Mapping[str, Any]

_MOST_IDS = 2**63


@dataclass(frozen=True)
class Currency:
    """A currency of HaloPSA; `code` is in capitals (ISO 4217), empty where HaloPSA has none."""

    currency_id: int
    code: str
    name: str


def integer(value: Any) -> int | None:
    """An id or code as int; None for what is missing, zero or no whole number (0 is no answer in HaloPSA).

    None too for one that no column of 64 bits holds: HaloPSA has no such ids.
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = int(str(value).strip())
    except ValueError:
        return None
    return number if number and abs(number) < _MOST_IDS else None


def is_given(value: Any) -> bool:
    """Whether an id or code of another system is set: HaloPSA and its syncs write 0, -1, zeros or nothing where not."""
    if isinstance(value, bool):
        return False
    written = text(value)
    if not written.strip("0-"):
        return False
    try:
        return Decimal(written) > 0
    except InvalidOperation:
        return True


def text(value: Any) -> str:
    """A text, stripped; empty where it is missing."""
    return "" if value is None else str(value).strip()


def currency_codes(currencies: Iterable[Row]) -> dict[int, str]:
    """Currency code (ISO 4217, upper case) by HaloPSA's Currency id."""
    return {
        currency_id: text(row.get("code")).upper()
        for row in currencies
        if (currency_id := integer(row.get("id"))) is not None and text(row.get("code"))
    }


def rows_by_id(rows: Iterable[Row]) -> dict[int, Row]:
    """Rows by their id; those without one are left out."""
    return {int(row["id"]): row for row in rows if integer(row.get("id")) is not None}


def currencies_by_id(rows: Iterable[Row]) -> dict[int, Currency]:
    """HaloPSA's currencies by id, those without a code too."""
    return {
        currency_id: Currency(currency_id, text(row.get("code")).upper(), text(row.get("name")))
        for row in rows
        if (currency_id := integer(row.get("id"))) is not None
    }


def own_currency(client: Row, currencies: Mapping[int, Currency]) -> tuple[str | None, str]:
    """The code of a client's currency, or of HaloPSA's only one where it has none; else None, and why."""
    currency_id = integer(client.get("default_currency_code")) or integer(client.get("currency"))
    if currency_id is None and len(currencies) != 1:
        return None, "no default currency: choose one on the client in HaloPSA"
    currency = next(iter(currencies.values())) if currency_id is None else currencies.get(currency_id)
    if currency is None:
        return None, f"currency {currency_id}, which HaloPSA does not list: choose another on the client in HaloPSA"
    if not currency.code:
        name = f"currency {currency.currency_id}" + (f" ({currency.name})" if currency.name else "")
        return None, f"{name}, which has no code in HaloPSA: enter its code there, as in USD"
    return currency.code, ""


def paying_client(row: Row, rows: Mapping[int, Row]) -> Row:
    """The client whom HaloPSA invoices for a client: itself, or the one it is billed through if HaloPSA lists that."""
    target_id = _redirected_to(row, "client_to_invoice")
    return row if target_id is None else rows.get(target_id, row)


def recurring_client_id(row: Row) -> int:
    """The id of the client on whom a client's recurring invoices stand."""
    return _redirected_to(row, "client_to_invoice_recurring") or int(row["id"])


def _redirected_to(row: Row, name: str) -> int | None:
    """The client that another is billed through; None where none is named: ids of clients are positive."""
    target_id = integer(row.get(name))
    return target_id if target_id is not None and target_id > 0 else None


def billed_client(client: str, row: Row, rows: Mapping[int, Row], currencies: Mapping[int, Currency]) -> BilledClient:
    """The HaloPSA client that a client's documents are made on: itself, or the one HaloPSA bills it through."""
    target = paying_client(row, rows)
    currency, why_none = own_currency(target, currencies)
    return BilledClient(
        client=client,
        name=text(row.get("name")),
        halopsa_client_id=int(row["id"]),
        billed_client_id=int(target["id"]),
        billed_client_name=text(target.get("name")),
        recurring_client_id=recurring_client_id(row),
        fault=_find_fault(row, target),
        currency=currency,
        why_no_currency=why_none,
    )


def _find_fault(row: Row, target: Row) -> str | None:
    for one in (row, target):
        if one.get("inactive"):
            return f"HaloPSA client {one['id']} ({text(one.get('name'))}) is inactive"
    target_id = _redirected_to(row, "client_to_invoice")
    if target_id not in (None, target["id"]):
        return (
            f"HaloPSA client {row['id']} ({text(row.get('name'))}) is billed through client {target_id}, which HaloPSA "
            "does not list"
        )
    return None


def item_of(row: Row) -> Item:
    """The part of an item that products are matched by."""
    return Item(
        id=int(row["id"]),
        name=text(row.get("name")),
        supplier_part_code=text(row.get("supplier_part_code")),
        internal_reference=text(row.get("internalreference")),
        external_reference=text(row.get("externalreference")),
    )
