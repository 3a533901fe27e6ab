"""Look back at the posted invoices of earlier months: the distributor may have credited one since.

Source: an approved invoice that is wrong becomes `Credited` as a whole, and the invoice that takes its place may be
dated in a later month. Closing any month therefore asks what became of every invoice that was posted before.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from billing_pipeline.billing.errors import ServiceError
from billing_pipeline.billing.invoice_status import Standing, standing
from billing_pipeline.billing.months import month_range
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.warehouse import Session, read_sql

logger = logging.getLogger(__name__)

# An invoice that the list leaves out is asked for by id, at most so many a fetch: more than eight years of one a month.
MOST_READ_BY_ID = 100


@dataclass(frozen=True)
class InvoiceStatus:
    """What an invoice was when it was seen last; `listed` is False where Pax8 does not have it any more."""

    invoice_id: str
    month: str
    status: str
    listed: bool

    @property
    def standing(self) -> Standing:
        """What it means for billing; an invoice that is gone bills nothing."""
        return standing(self.status) if self.listed else "not_billed"

    @property
    def shown(self) -> str:
        """The status as texts name it."""
        return self.status if self.listed else "no longer listed"


def read_last_statuses(session: Session) -> dict[str, InvoiceStatus]:
    """By invoice, what it was when it was seen last, in the close of its own month or of a later one."""
    return {row["invoice_id"]: InvoiceStatus(**row) for row in session.rows(read_sql("last_statuses"))}


def read_posted_before(session: Session, month: str) -> dict[str, InvoiceStatus]:
    """The invoices of earlier months that something was posted for, or sent and not settled yet, with what is known of
    them, oldest first."""
    posted = session.rows("select distinct invoice_id from posted_source_lines where month < ?", [month])
    invoice_ids = {row["invoice_id"] for row in posted} | {one for _, one, _ in _read_open(session, month)}
    if not invoice_ids:
        return {}
    statuses = sorted(read_last_statuses(session).values(), key=lambda one: (one.month, one.invoice_id))
    return {one.invoice_id: one for one in statuses if one.invoice_id in invoice_ids and one.month < month}


def find_unknown_credited(session: Session, month: str) -> dict[str, str]:
    """By client, what is not known yet of a document of an earlier month for an invoice that is credited now: what
    takes the invoice's place must not be billed before that is known."""
    opened = _read_open(session, month)
    if not opened:
        return {}
    statuses = read_last_statuses(session)
    return {
        client: f"invoice {invoice_id} is {statuses[invoice_id].shown} now, and what was sent for it in {of} is not "
        f"known yet. billing-pipeline close {of} --client {client} --post looks for it, and never sends it twice"
        for client, invoice_id, of in opened
        if invoice_id in statuses and statuses[invoice_id].standing == "not_billed"
    }


def _read_open(session: Session, month: str) -> list[tuple[str, str, str]]:
    """Client, invoice and month of what was sent for earlier months and is not settled yet."""
    rows = session.rows(
        "select client, month, detail from postings where status in ('sending', 'unknown') and month < ? order by all",
        [month],
    )
    return [
        (row["client"], str(line["invoice_id"]), row["month"])
        for row in rows
        for line in json.loads(row["detail"])["document"]["lines"]
    ]


def first_day_of(earlier: Mapping[str, InvoiceStatus], month: str) -> date:
    """The first day of the oldest month that is looked back at, else of `month`."""
    return month_range(min([one.month for one in earlier.values()], default=month))[0]


def find_changed_statuses(
    pax8: Pax8Client, earlier: Mapping[str, InvoiceStatus], listed: Iterable[Mapping[str, Any]]
) -> list[InvoiceStatus]:
    """Which earlier invoices are not any more as they were seen last. `listed` are all that Pax8 lists of their months.

    One that the list leaves out is asked for by id before it counts as gone. An answer that cannot be had changes
    nothing: what is known of it stays.
    """
    seen = {str(row["id"]): str(row.get("status") or "") for row in listed}
    now = {
        invoice_id: InvoiceStatus(invoice_id, one.month, seen[invoice_id], True)
        for invoice_id, one in earlier.items()
        if invoice_id in seen
    }
    # The newest first: they are the likeliest to be replaced now. One that is known to be gone is not asked for again.
    left_out = [one for one in reversed(list(earlier.values())) if one.invoice_id not in seen and one.listed]
    if len(left_out) > MOST_READ_BY_ID:
        logger.warning(
            "%d invoices before %s are not in Pax8's list, and not asked for: whether one was credited is not known",
            len(left_out) - MOST_READ_BY_ID,
            left_out[MOST_READ_BY_ID - 1].month,
        )
    for one in left_out[:MOST_READ_BY_ID]:
        try:
            row = pax8.find_invoice(one.invoice_id)
        except ServiceError as error:
            logger.warning(
                "invoice %s of %s is not in the list and cannot be read: %s", one.invoice_id, one.month, error
            )
            continue
        status = one.status if row is None else str(row.get("status") or "")
        now[one.invoice_id] = InvoiceStatus(one.invoice_id, one.month, status, row is not None)
    return [one for invoice_id, one in now.items() if one != earlier[invoice_id]]


def store_statuses(session: Session, fetch_id: int, changed: Sequence[InvoiceStatus], now: datetime) -> None:
    """Append what became of earlier invoices, as seen by a fetch; `now` is naive UTC."""
    session.insert(
        "invoice_statuses",
        [
            {
                "fetch_id": fetch_id,
                "month": one.month,
                "invoice_id": one.invoice_id,
                "status": one.status,
                "listed": one.listed,
                "seen_at": now,
            }
            for one in changed
        ],
    )
