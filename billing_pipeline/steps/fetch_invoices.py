"""Fetch what the distributor charges for a month, to the byte, and prove that it is whole.

The distributor's documents say that an invoice never changes once approved: one that does stops the month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.errors import IncompleteInvoice, NotReleasedYet, SourceMutated
from billing_pipeline.billing.exact_json import read_exact_json, write_exact_json
from billing_pipeline.billing.invoice_changes import describe_other_changes, hash_billed_content
from billing_pipeline.billing.invoice_status import DecidedStanding, standing
from billing_pipeline.billing.money import as_stored, parse_amount, show_amount
from billing_pipeline.billing.months import month_range
from billing_pipeline.billing.pax8_items import AMOUNT_FIELDS, RawItem, invoice_content_hash, read_items
from billing_pipeline.billing.source_dates import read_day
from billing_pipeline.billing.source_ids import own_id
from billing_pipeline.resources.pax8 import InvoiceItems, Pax8Client
from billing_pipeline.resources.warehouse import Session, Warehouse

Row = Mapping[str, Any]


@dataclass(frozen=True)
class FetchedInvoice:
    """One invoice of the month as it was fetched; `new` where this version was not seen before."""

    invoice_id: str
    status: str
    currency: str
    total: Decimal | None
    lines: int
    total_elements: int
    new: bool


def fetch_invoices(
    warehouse: Warehouse, pax8: Pax8Client, month: str, source: str, now: datetime
) -> list[FetchedInvoice]:
    """Fetch and store the month's invoices; nothing is stored unless all of them are whole.

    `source` is Pax8's address, `now` naive UTC. Raises NotReleasedYet where Pax8 lists no invoice for the
    month (which is not "nothing to bill"), IncompleteInvoice, SourceMutated, or what the Pax8 client raises.
    """
    invoices = pax8.invoices(*month_range(month))
    if not invoices:
        with warehouse.session(f"look for invoices of {month} that were there before") as session:
            _refuse_vanished(session, month, set())
        raise NotReleasedYet(
            f"Pax8 lists no invoice for {month} yet. That is not the same as nothing to bill: "
            "it is usually released on the 4th or 5th. Nothing was changed; run "
            f"billing-pipeline close {month} again later."
        )
    items = {str(invoice["id"]): pax8.invoice_items(str(invoice["id"])) for invoice in invoices}
    with warehouse.session(f"store the Pax8 invoices of {month}") as session:
        _refuse_vanished(session, month, set(items))
        changes = [_find_changes(session, month, invoice, items[str(invoice["id"])].rows) for invoice in invoices]
        fetched = [_store_invoice(session, month, invoice, items[str(invoice["id"])], now) for invoice in invoices]
        _store_fetch(session, month, source, [version for _, version in fetched], now)
        _store_control_totals(session, month, invoices, items)
        session.insert("findings", [change for change in changes if change is not None])
    return [invoice for invoice, _ in fetched]


def _refuse_vanished(session: Session, month: str, listed: set[str]) -> None:
    known = session.rows(
        "select distinct invoice_id from raw_invoices where integration = 'pax8' and month = ? order by all",
        [month],
    )
    vanished = [row["invoice_id"] for row in known if row["invoice_id"] not in listed]
    if vanished:
        raise SourceMutated(
            f"Pax8 no longer lists invoice {', '.join(vanished)} of {month}, which it listed before. "
            "Ask Pax8 what became of it; nothing was changed here."
        )


def _store_invoice(
    session: Session, month: str, invoice: Row, items: InvoiceItems, now: datetime
) -> tuple[FetchedInvoice, int]:
    invoice_id = str(invoice["id"])
    if len(items.rows) != items.total_elements:
        raise IncompleteInvoice(
            f"Invoice {invoice_id} of {month}: {len(items.rows)} lines came, Pax8 counts {items.total_elements}. "
            "Nothing was stored; run this again."
        )
    content_hash = invoice_content_hash(invoice, items.rows)
    if not session.value(
        "select count(*) from raw_invoices where invoice_id = ? and content_hash = ?",
        [invoice_id, content_hash],
    ):
        _store_items(session, invoice_id, content_hash, items)
    else:
        _read_amounts_anew(session, invoice_id, content_hash, items)
    status = str(invoice.get("status") or "")
    payload = write_exact_json(dict(invoice))
    version = session.value(
        "select version_id from raw_invoices where invoice_id = ? and content_hash = ? and payload = ? and month = ?",
        [invoice_id, content_hash, payload, month],
    )
    new = version is None
    if version is None:
        version = int(session.value("select coalesce(max(version_id), 0) + 1 from raw_invoices"))
        columns = _invoice_columns(invoice)
        session.insert(
            "raw_invoices",
            [
                {
                    "version_id": version,
                    "integration": "pax8",
                    "month": month,
                    "invoice_id": invoice_id,
                    "content_hash": content_hash,
                    "status": status,
                    "item_count": len(items.rows),
                    "total_elements": items.total_elements,
                    "payload": payload,
                    "first_seen_at": now,
                    **columns,
                }
            ],
        )
    fetched = FetchedInvoice(
        invoice_id=invoice_id,
        status=status,
        currency=str(invoice.get("currencyCode") or ""),
        total=parse_amount(invoice.get("total")),
        lines=len(items.rows),
        total_elements=items.total_elements,
        new=new,
    )
    return fetched, int(version)


def _find_changes(session: Session, month: str, invoice: Row, items: Sequence[Row]) -> dict[str, Any] | None:
    """A finding of what changed since the invoice was first fetched. Raises SourceMutated where its charges did."""
    invoice_id = str(invoice["id"])
    first = session.rows(
        "select content_hash, item_count, total_text, payload from raw_invoices where invoice_id = ? "
        "order by version_id limit 1",
        [invoice_id],
    )
    if not first or first[0]["content_hash"] == invoice_content_hash(invoice, items):
        return None
    stored = session.rows(
        "select payload from raw_invoice_items where invoice_id = ? and content_hash = ? order by line_no",
        [invoice_id, first[0]["content_hash"]],
    )
    before = [read_exact_json(row["payload"]) for row in stored]
    if hash_billed_content(invoice, items) != hash_billed_content(read_exact_json(first[0]["payload"]), before):
        raise SourceMutated(
            f"SOURCE_MUTATED: invoice {invoice_id} of {month} has other content than when it was fetched before "
            f"({first[0]['item_count']} lines, total {first[0]['total_text']}). Pax8 says that an approved invoice "
            "never changes. Nothing was changed here; ask Pax8, and bill by hand what differs."
        )
    return {
        "month": month,
        "integration": "pax8",
        "step": "fetch",
        "kind": "source_details_changed",
        "currency": invoice.get("currencyCode"),
        "detail": f"Invoice {invoice_id} was changed since it was first fetched, in what no charge is made of: "
        f"{describe_other_changes(before, items)}",
    }


def _invoice_columns(invoice: Row) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "invoice_date": read_day(invoice.get("invoiceDate")),
        "due_date": read_day(invoice.get("dueDate")),
        "currency": invoice.get("currencyCode"),
        "partner_name": invoice.get("partnerName"),
        "company_id": own_id(invoice.get("companyId")),
        "external_id": invoice.get("externalId"),
    }
    for column, name in (("total", "total"), ("balance", "balance"), ("carried_balance", "carriedBalance")):
        amount = parse_amount(invoice.get(name))
        columns[column] = None if amount is None else as_stored(amount)
        columns[f"{column}_text"] = None if invoice.get(name) is None else str(invoice.get(name))
    return columns


def _store_items(session: Session, invoice_id: str, content_hash: str, items: InvoiceItems) -> None:
    session.insert(
        "raw_invoice_pages",
        [
            {
                "invoice_id": invoice_id,
                "content_hash": content_hash,
                "page_no": number,
                "body": body,
                "body_hash": sha256(body.encode()).hexdigest(),
            }
            for number, body in enumerate(items.pages)
        ],
    )
    read = read_items(invoice_id, items.rows)
    session.insert(
        "raw_invoice_items",
        [
            {
                **item.columns,
                "content_hash": content_hash,
                "too_precise": [],
                "unreadable": list(item.unreadable),
                "payload": write_exact_json(dict(row)),
            }
            for item, row in zip(read, items.rows, strict=True)
        ],
    )


def _read_amounts_anew(session: Session, invoice_id: str, content_hash: str, items: InvoiceItems) -> None:
    """Fill in amounts that an earlier version of the pipeline did not keep, for they have more than ten decimals.

    What the distributor sent is what it was: the texts beside them, and the pages.
    """
    left_out = "invoice_id = ? and content_hash = ? and len(too_precise) > 0"
    lines = session.rows(
        f"select source_line_id from raw_invoice_items where {left_out}",  # noqa: S608
        [invoice_id, content_hash],
    )
    if not lines:
        return
    wanted = {row["source_line_id"] for row in lines}
    read = [item.columns for item in read_items(invoice_id, items.rows) if item.columns["source_line_id"] in wanted]
    schema = {"source_line_id": "VARCHAR", **dict.fromkeys(AMOUNT_FIELDS, "DECIMAL(38,18)")}
    session.frame("amounts_anew", schema, [{name: columns[name] for name in schema} for columns in read])
    amounts = ", ".join(f"{column} = amounts_anew.{column}" for column in AMOUNT_FIELDS)
    session.execute(
        f"update raw_invoice_items set {amounts}, too_precise = [] from amounts_anew "  # noqa: S608
        "where amounts_anew.source_line_id = raw_invoice_items.source_line_id "
        "and raw_invoice_items.invoice_id = ? and raw_invoice_items.content_hash = ?",
        [invoice_id, content_hash],
    )


def _store_fetch(session: Session, month: str, source: str, versions: list[int], now: datetime) -> None:
    session.insert(
        "raw_fetches",
        [
            {
                "fetch_id": int(session.value("select coalesce(max(fetch_id), 0) + 1 from raw_fetches")),
                "integration": "pax8",
                "month": month,
                "source": source,
                "invoice_versions": versions,
                "fetched_at": now,
            }
        ],
    )


def _store_control_totals(
    session: Session, month: str, invoices: list[dict[str, Any]], items: Mapping[str, InvoiceItems]
) -> None:
    """Record which of the invoice's own totals Σ(cost + sales tax) of its lines equals; none is a finding."""
    session.execute("delete from findings where month = ? and step = 'fetch'", [month])
    rows: list[dict[str, Any]] = []
    for invoice in invoices:
        invoice_id = str(invoice["id"])
        read = read_items(invoice_id, items[invoice_id].rows)
        spent = sum((_cost_with_tax(item) for item in read), Decimal(0))
        equal = [name for name, total in _control_totals(invoice).items() if total is not None and total == spent]
        said = ", ".join(
            f"{name} {'missing' if total is None else show_amount(total)}"
            for name, total in _control_totals(invoice).items()
        )
        verdict = f"equals {', '.join(equal)}" if equal else f"equals none of {said}"
        finding = {
            "month": month,
            "integration": "pax8",
            "step": "fetch",
            "currency": invoice.get("currencyCode"),
        }
        rows.append(
            {
                **finding,
                "kind": "control_total" if equal else "control_total_differs",
                "detail": f"Invoice {invoice_id}: Σ(cost + sales tax) {show_amount(spent)} {verdict}",
                "cost": as_stored(spent),
            }
        )
        rows += [
            {
                **finding,
                "kind": "unreadable_amount",
                "source_line_id": item.columns["source_line_id"],
                "detail": f"Invoice {invoice_id}, line {item.columns['line_no']}: {_describe_unread(item, row)}",
            }
            for item, row in zip(read, items[invoice_id].rows, strict=True)
            if item.too_large or item.unreadable
        ]
        rows += [
            {
                **finding,
                "kind": "amount_cut",
                "source_line_id": item.columns["source_line_id"],
                "detail": f"Invoice {invoice_id}, line {item.columns['line_no']}: {_describe_cut(item)}",
            }
            for item in read
            if item.cut
        ]
        rows += [
            {
                **finding,
                "kind": "unread_day",
                "source_line_id": item.columns["source_line_id"],
                "detail": _describe_days(invoice_id, item, row),
            }
            for item, row in zip(read, items[invoice_id].rows, strict=True)
            if item.unread_days
        ]
    session.insert("findings", rows)


def _describe_unread(item: RawItem, row: Row) -> str:
    parts = [f"{name} {row.get(name)} is more than can be kept" for name in item.too_large]
    parts += [f"{name} {row.get(name)!r} is no number" for name in item.unreadable]
    return "; ".join(parts)


def _describe_days(invoice_id: str, item: RawItem, row: Row) -> str:
    days = " and ".join(f"{field} {row.get(field)!r}" for field in item.unread_days)
    company, product = row.get("companyName") or "no company", row.get("productName") or row.get("description") or ""
    return (
        f"Invoice {invoice_id}, line {item.columns['line_no']} ({company}, {product}): {days} cannot be read as one "
        "day. The line is billed, and its text names no whole period: look up the period in Pax8"
    )


def _describe_cut(item: RawItem) -> str:
    told = {field: column for column, field in AMOUNT_FIELDS.items()}
    parts = [
        f"{name} {item.columns[told[name] + '_text']} is kept as {decimal_text(item.columns[told[name]])}"
        for name in item.cut
    ]
    return f"{'; '.join(parts)}: digits past the 18th decimal are cut"


def _cost_with_tax(item: RawItem) -> Decimal:
    return (item.columns["cost_total"] or Decimal(0)) + (item.columns["sales_tax"] or Decimal(0))


def _control_totals(invoice: Row) -> dict[str, Decimal | None]:
    total, carried = parse_amount(invoice.get("total")), parse_amount(invoice.get("carriedBalance"))
    return {
        "total": total,
        "balance": parse_amount(invoice.get("balance")),
        "total − carriedBalance": None if total is None or carried is None else total - carried,
    }


def month_invoices(
    session: Session, month: str, statuses: Mapping[str, DecidedStanding] = MappingProxyType({})
) -> tuple[int, list[dict[str, Any]]]:
    """The newest fetch of a month: its id, and its invoices with what their status means for billing.

    `statuses` are those of the settings, `integrations.pax8.invoice_statuses`.

    Raises NotReleasedYet where the month was never fetched.
    """
    [fetch] = session.rows(
        "select max(fetch_id) as fetch_id, max_by(invoice_versions, fetch_id) as invoice_versions "
        "from raw_fetches where integration = 'pax8' and month = ?",
        [month],
    )
    if fetch["fetch_id"] is None:
        raise NotReleasedYet(
            f"The Pax8 invoice of {month} was not fetched yet: run fetch_month, or billing-pipeline close {month}."
        )
    invoices = session.rows(
        "select invoice_id, content_hash, status, invoice_date from raw_invoices "
        "where list_contains(?::bigint[], version_id) order by version_id",
        [fetch["invoice_versions"]],
    )
    return int(fetch["fetch_id"]), [{**row, "standing": standing(row["status"], statuses)} for row in invoices]
