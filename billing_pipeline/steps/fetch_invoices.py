"""Fetch what the distributor charges for a month, to the byte, and prove that it is whole.

The distributor's documents say that an invoice never changes once approved: one that does stops the month.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.errors import IncompleteInvoice, NotReleasedYet, ServiceError, SourceMutated
from billing_pipeline.billing.exact_json import read_exact_json, write_exact_json
from billing_pipeline.billing.invoice_changes import describe_other_changes, hash_billed_content, match_lines
from billing_pipeline.billing.invoice_status import DecidedStanding, standing
from billing_pipeline.billing.money import as_stored, parse_amount, show_amount
from billing_pipeline.billing.months import month_range
from billing_pipeline.billing.pax8_items import AMOUNT_FIELDS, RawItem, invoice_content_hash, read_items
from billing_pipeline.billing.source_dates import read_day
from billing_pipeline.billing.source_ids import own_id
from billing_pipeline.resources.pax8 import InvoiceItems, Pax8Client
from billing_pipeline.resources.warehouse import Session, Warehouse
from billing_pipeline.steps.look_back import (
    InvoiceStatus,
    find_changed_statuses,
    first_day_of,
    read_last_statuses,
    read_posted_before,
    store_statuses,
)

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


@dataclass(frozen=True)
class _Read:
    """An invoice with its lines; without them where it bills nothing and they could not be read."""

    head: Row
    items: InvoiceItems | None
    problem: str = ""

    @property
    def invoice_id(self) -> str:
        return str(self.head["id"])

    @property
    def is_billed(self) -> bool:
        """Whether its lines may be billed; of a status that nobody knows they may."""
        return standing(self.head.get("status")) != "not_billed"


def fetch_invoices(
    warehouse: Warehouse, pax8: Pax8Client, month: str, source: str, now: datetime
) -> list[FetchedInvoice]:
    """Fetch and store the month's invoices; nothing is stored unless all that may be billed are whole.

    The same list says what became of the invoices of earlier months that were posted (`look_back`).
    `source` is Pax8's address, `now` naive UTC. Raises NotReleasedYet where Pax8 lists no invoice for the
    month (which is not "nothing to bill"), IncompleteInvoice, SourceMutated, or what the Pax8 client raises.
    """
    first, last = month_range(month)
    with warehouse.session(f"list the invoices that were there before {month} is fetched") as session:
        earlier = read_posted_before(session, month)
        known = _read_known(session, month)
    listed = pax8.invoices(first_day_of(earlier, month), last)
    heads: list[Row] = [invoice for invoice in listed if (read_day(invoice["invoiceDate"]) or first) >= first]
    heads += _find_vanished(pax8, month, known, {str(invoice["id"]) for invoice in heads})
    if not heads:
        raise NotReleasedYet(
            f"Pax8 lists no invoice for {month} yet. That is not the same as nothing to bill: "
            "it is usually released on the 4th or 5th. Nothing was changed; run "
            f"billing-pipeline close {month} again later."
        )
    changed = find_changed_statuses(pax8, earlier, listed)
    read = [_read_invoice(pax8, head) for head in heads]
    with warehouse.session(f"store the Pax8 invoices of {month}") as session:
        session.execute("delete from findings where month = ? and step = 'fetch'", [month])
        fetched = [_store_invoice(session, month, invoice, now) for invoice in read]
        fetch_id = _store_fetch(session, month, source, [version for _, version in fetched], now)
        store_statuses(session, fetch_id, changed, now)
        _store_control_totals(session, month, read)
        session.insert("findings", [_finding(month, "invoice_without_date", note) for note in listed.notes])
    return [invoice for invoice, _ in fetched]


def _read_known(session: Session, month: str) -> dict[str, tuple[InvoiceStatus, Row]]:
    """By invoice of the month that was fetched before: what it was when it was seen last, and its newest head."""
    rows = session.rows(
        "select invoice_id, max_by(payload, version_id) as payload from raw_invoices "
        "where integration = 'pax8' and month = ? group by invoice_id order by invoice_id",
        [month],
    )
    statuses = read_last_statuses(session) if rows else {}
    return {
        row["invoice_id"]: (statuses[row["invoice_id"]], read_exact_json(row["payload"]))
        for row in rows
        if row["invoice_id"] in statuses
    }


def _find_vanished(
    pax8: Pax8Client, month: str, known: Mapping[str, tuple[InvoiceStatus, Row]], listed: Collection[str]
) -> list[Row]:
    """The heads of invoices that were there before and are not in the list: Pax8 is asked for each.

    One that bills nothing stays as it was known. Raises SourceMutated where one that may be billed is gone.
    """
    heads: list[Row] = []
    gone = []
    for invoice_id in sorted(known.keys() - listed):
        last, head = known[invoice_id]
        found = pax8.find_invoice(invoice_id) if last.standing != "not_billed" else None
        if last.standing == "not_billed":
            heads.append({**head, "status": last.status if standing(last.status) == "not_billed" else "Credited"})
        elif found is not None and standing(str(found.get("status") or "")) == "not_billed":
            heads.append({**head, "status": found["status"]})
        else:
            gone.append(invoice_id)
    if gone:
        raise SourceMutated(
            f"Pax8 no longer lists invoice {', '.join(gone)} of {month}, which it listed before. "
            "Ask Pax8 what became of it; nothing was changed here."
        )
    return heads


def _read_invoice(pax8: Pax8Client, head: Row) -> _Read:
    """An invoice with its lines. Lines of one that is not billed may be beyond reach (Pax8 answers 404 for them at
    times): that stops nobody."""
    bare = _Read(head, None)
    try:
        return replace(bare, items=pax8.invoice_items(bare.invoice_id))
    except ServiceError as error:
        if bare.is_billed:
            raise
        return replace(bare, problem=str(error))


def _store_invoice(session: Session, month: str, invoice: _Read, now: datetime) -> tuple[FetchedInvoice, int]:
    """Store a version of an invoice that was not seen before, and tell what changed; what it is, and its version.

    Raises IncompleteInvoice, and SourceMutated where an invoice that may be billed has other charges than before.
    """
    invoice_id, items = invoice.invoice_id, invoice.items
    if items is not None and len(items.rows) != items.total_elements:
        raise IncompleteInvoice(
            f"Invoice {invoice_id} of {month}: {len(items.rows)} lines came, Pax8 counts {items.total_elements}. "
            "Nothing was stored; run this again."
        )
    before = _read_first_version(session, invoice_id)
    content_hash = _keep_lines(session, month, invoice, before)
    status = str(invoice.head.get("status") or "")
    payload = write_exact_json(dict(invoice.head))
    version = session.value(
        "select version_id from raw_invoices where invoice_id = ? and content_hash = ? and payload = ? and month = ?",
        [invoice_id, content_hash, payload, month],
    )
    kept = before is not None and content_hash == before.content_hash
    lines = len(before.items) if before is not None and kept else 0 if items is None else len(items.rows)
    total = lines if items is not None or kept else None
    new = version is None
    if version is None:
        version = int(session.value("select coalesce(max(version_id), 0) + 1 from raw_invoices"))
        columns = _invoice_columns(invoice.head)
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
                    "item_count": lines,
                    "total_elements": total,
                    "payload": payload,
                    "first_seen_at": now,
                    **columns,
                }
            ],
        )
    fetched = FetchedInvoice(
        invoice_id=invoice_id,
        status=status,
        currency=str(invoice.head.get("currencyCode") or ""),
        total=parse_amount(invoice.head.get("total")),
        lines=lines,
        total_elements=lines,
        new=new,
    )
    return fetched, int(version)


@dataclass(frozen=True)
class _Version:
    """An invoice as it was first read whole: its head, its lines and the ids that they have here."""

    content_hash: str
    head: Row
    total_text: str | None
    items: tuple[Row, ...]
    line_ids: tuple[str, ...]


def _read_first_version(session: Session, invoice_id: str) -> _Version | None:
    first = session.rows(
        "select content_hash, total_text, payload from raw_invoices "
        "where invoice_id = ? and total_elements is not null order by version_id limit 1",
        [invoice_id],
    )
    if not first:
        return None
    stored = session.rows(
        "select payload, source_line_id from raw_invoice_items where invoice_id = ? and content_hash = ? "
        "order by line_no",
        [invoice_id, first[0]["content_hash"]],
    )
    return _Version(
        content_hash=first[0]["content_hash"],
        head=read_exact_json(first[0]["payload"]),
        total_text=first[0]["total_text"],
        items=tuple(read_exact_json(row["payload"]) for row in stored),
        line_ids=tuple(row["source_line_id"] for row in stored),
    )


def _keep_lines(session: Session, month: str, invoice: _Read, before: _Version | None) -> str:
    """Store the lines of an invoice if they were not seen so before; which content is in force.

    An invoice that is not billed keeps the lines that were read first, whatever Pax8 says of them now.
    """
    invoice_id, items = invoice.invoice_id, invoice.items
    if items is None:
        left = "its lines of before stay" if before is not None else "none of its lines are known"
        status = invoice.head.get("status")
        detail = f"Invoice {invoice_id} is {status} and bills nothing; its lines could not be read, {left}: "
        session.insert("findings", [_finding(month, "lines_not_read", f"{detail}{invoice.problem}")])
        return invoice_content_hash(invoice.head, ()) if before is None else before.content_hash
    content_hash = invoice_content_hash(invoice.head, items.rows)
    if before is None or before.content_hash == content_hash:
        known_ids = None
    elif hash_billed_content(invoice.head, items.rows) == hash_billed_content(before.head, before.items):
        places = match_lines(before.items, items.rows)
        known_ids = [None if place is None else before.line_ids[place] for place in places]
        detail = (
            f"Invoice {invoice_id} was changed since it was first fetched, in what no charge is made of: "
            f"{describe_other_changes(before.items, items.rows)}"
        )
        session.insert("findings", [_finding(month, "source_details_changed", detail, invoice.head)])
    elif invoice.is_billed:
        raise SourceMutated(
            f"SOURCE_MUTATED: invoice {invoice_id} of {month} has other content than when it was fetched before "
            f"({len(before.items)} lines, total {before.total_text}). Pax8 says that an approved invoice "
            "never changes. Nothing was changed here; ask Pax8, and bill by hand what differs."
        )
    else:
        detail = (
            f"Invoice {invoice_id} is {invoice.head.get('status')} and bills nothing; it has other content than when "
            f"it was first fetched ({len(before.items)} lines, total {before.total_text}), which stays here"
        )
        session.insert("findings", [_finding(month, "source_details_changed", detail, invoice.head)])
        return before.content_hash
    if not session.value(
        "select count(*) from raw_invoices where invoice_id = ? and content_hash = ?",
        [invoice_id, content_hash],
    ):
        _store_items(session, invoice_id, content_hash, items, known_ids)
    else:
        _read_amounts_anew(session, invoice_id, content_hash, items, known_ids)
    return content_hash


def _finding(month: str, kind: str, detail: str, head: Row | None = None) -> dict[str, Any]:
    return {
        "month": month,
        "integration": "pax8",
        "step": "fetch",
        "kind": kind,
        "currency": None if head is None else head.get("currencyCode"),
        "detail": detail,
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


def _store_items(
    session: Session,
    invoice_id: str,
    content_hash: str,
    items: InvoiceItems,
    known_ids: Sequence[str | None] | None,
) -> None:
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
    read = read_items(invoice_id, items.rows, known_ids)
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


def _read_amounts_anew(
    session: Session,
    invoice_id: str,
    content_hash: str,
    items: InvoiceItems,
    known_ids: Sequence[str | None] | None,
) -> None:
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
    read = [item.columns for item in read_items(invoice_id, items.rows, known_ids)]
    schema = {"source_line_id": "VARCHAR", **dict.fromkeys(AMOUNT_FIELDS, "DECIMAL(38,18)")}
    session.frame(
        "amounts_anew",
        schema,
        [{name: columns[name] for name in schema} for columns in read if columns["source_line_id"] in wanted],
    )
    amounts = ", ".join(f"{column} = amounts_anew.{column}" for column in AMOUNT_FIELDS)
    session.execute(
        f"update raw_invoice_items set {amounts}, too_precise = [] from amounts_anew "  # noqa: S608
        "where amounts_anew.source_line_id = raw_invoice_items.source_line_id "
        "and raw_invoice_items.invoice_id = ? and raw_invoice_items.content_hash = ?",
        [invoice_id, content_hash],
    )


def _store_fetch(session: Session, month: str, source: str, versions: list[int], now: datetime) -> int:
    fetch_id = int(session.value("select coalesce(max(fetch_id), 0) + 1 from raw_fetches"))
    session.insert(
        "raw_fetches",
        [
            {
                "fetch_id": fetch_id,
                "integration": "pax8",
                "month": month,
                "source": source,
                "invoice_versions": versions,
                "fetched_at": now,
            }
        ],
    )
    return fetch_id


def _store_control_totals(session: Session, month: str, invoices: Iterable[_Read]) -> None:
    """Record which of the invoice's own totals Σ(cost + sales tax) of its lines equals; none is a finding.

    An invoice whose lines could not be read has nothing to compare.
    """
    rows: list[dict[str, Any]] = []
    for invoice in invoices:
        if invoice.items is None:
            continue
        invoice_id, lines = invoice.invoice_id, invoice.items.rows
        read = read_items(invoice_id, lines)
        spent = sum((_cost_with_tax(item) for item in read), Decimal(0))
        totals = _control_totals(invoice.head)
        equal = [name for name, total in totals.items() if total is not None and total == spent]
        said = ", ".join(
            f"{name} {'missing' if total is None else show_amount(total)}" for name, total in totals.items()
        )
        verdict = f"equals {', '.join(equal)}" if equal else f"equals none of {said}"
        detail = f"Invoice {invoice_id}: Σ(cost + sales tax) {show_amount(spent)} {verdict}"
        kind = "control_total" if equal else "control_total_differs"
        rows.append({**_finding(month, kind, detail, invoice.head), "cost": as_stored(spent)})
        rows += [
            {
                **_finding(
                    month,
                    "unreadable_amount",
                    f"Invoice {invoice_id}, line {item.columns['line_no']}: {_describe_unread(item, row)}",
                    invoice.head,
                ),
                "source_line_id": item.columns["source_line_id"],
            }
            for item, row in zip(read, lines, strict=True)
            if item.too_large or item.unreadable
        ]
        rows += [
            {
                **_finding(
                    month,
                    "amount_cut",
                    f"Invoice {invoice_id}, line {item.columns['line_no']}: {_describe_cut(item)}",
                    invoice.head,
                ),
                "source_line_id": item.columns["source_line_id"],
            }
            for item in read
            if item.cut
        ]
        rows += [
            {
                **_finding(month, "unread_day", _describe_days(invoice_id, item, row), invoice.head),
                "source_line_id": item.columns["source_line_id"],
            }
            for item, row in zip(read, lines, strict=True)
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
