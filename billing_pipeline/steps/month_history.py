"""What was posted before: the last closed month, documents of this month, and postings whose outcome is open."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.caps import ClientHistory, Totals
from billing_pipeline.billing.money import show_amount
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.record_corrections import claimed_keys
from billing_pipeline.steps.record_reversals import is_reversal


def client_histories(session: Session, month: str, clients: Sequence[str]) -> dict[str, ClientHistory]:
    """What each of `clients` was billed in the last month before `month` that has postings, in `month`, and ever.

    What was taken back does not count for `month`. For the month before it does where nothing was billed in its
    place: a month that was undone is no month without charges.
    """
    last = session.value("select max(month) from posted_lines where month < ?", [month])
    last_month, this_month = _posted_totals(session, last), _standing_totals(session, month)
    billed = {row["client"] for row in session.rows("select distinct client from posted_lines")}
    return {
        client: ClientHistory(
            last_month=None if last is None else last_month.get(client, {}),
            this_month=this_month.get(client, {}),
            was_billed=client in billed,
            closed_month=last or "",
        )
        for client in clients
    }


def _posted_totals(session: Session, month: str | None) -> dict[str, Totals]:
    return _by_client(session.rows("select client, currency, sell, cost from billed_months where month = ?", [month]))


def _standing_totals(session: Session, month: str) -> dict[str, Totals]:
    return _by_client(
        session.rows(
            "select client, currency, standing_sell as sell, standing_cost as cost from billed_months where month = ?",
            [month],
        )
    )


def _by_client(rows: Iterable[Mapping[str, Any]]) -> dict[str, Totals]:
    totals: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
    for row in rows:
        totals.setdefault(row["client"], {})[row["currency"]] = (row["sell"], row["cost"])
    return {client: dict(by_currency) for client, by_currency in totals.items()}


def sent_documents(session: Session, month: str) -> set[str]:
    """The keys of a month's documents that HaloPSA has, or may have: posted, or sent with an outcome not known yet.

    Credits that take some back are no invoices of the month.
    """
    rows = session.rows(
        "select document_key from postings where month = ? and status = 'posted' "
        "and document_key not in (select document_key from reversals)",
        [month],
    )
    # What a credit takes back is written down once HaloPSA is known to have it.
    rows += [
        row
        for row in _open_rows(session)
        if row["month"] == month and not is_reversal(json.loads(row["detail"])["document"])
    ]
    return {row["document_key"] for row in rows}


def open_postings(session: Session, month: str) -> dict[str, str]:
    """By client, what is not known yet: postings that were sent and not settled."""
    return {row["client"]: _describe_open(row) for row in _open_rows(session) if row["month"] == month}


def lines_in_flight(session: Session) -> dict[str, str]:
    """By the key of a source line, what is not known yet of the document that it was sent on.

    A line may have been mapped to another client since: that one has to wait for it too.
    """
    return {
        key: f"{row['client']}: {_describe_open(row)}"
        for row in _open_rows(session)
        for key in claimed_keys(json.loads(row["detail"])["document"])
    }


def _open_rows(session: Session) -> list[dict[str, Any]]:
    return session.rows(
        "select * from postings where status in ('sending', 'unknown') order by month, client, document_key"
    )


def _describe_open(row: Mapping[str, Any]) -> str:
    undoing = is_reversal(json.loads(row["detail"])["document"])
    command = "reverse" if undoing else "close"
    looking = f"billing-pipeline {command} {row['month']} --client {row['client']} --post"
    return (
        f"document {row['document_key']} over {show_amount(row['sell'], row['currency'])} was sent at "
        f"{row['sent_at']:%Y-%m-%d %H:%M} UTC and nobody knows yet whether HaloPSA has it; "
        f"{looking} looks for it, and never sends it twice"
    )
