"""What was posted before: the last closed month, documents of this month, and postings whose outcome is open."""

from collections.abc import Sequence
from decimal import Decimal

from billing_pipeline.billing.caps import ClientHistory, Totals
from billing_pipeline.billing.money import show_amount
from billing_pipeline.resources.warehouse import Session


def client_histories(session: Session, month: str, clients: Sequence[str]) -> dict[str, ClientHistory]:
    """What each of `clients` was billed in the last month before `month` that has postings, in `month`, and ever."""
    last = session.value("select max(month) from posted_lines where month < ?", [month])
    last_month, this_month = _posted_totals(session, last), _posted_totals(session, month)
    billed = {row["client"] for row in session.rows("select distinct client from posted_lines")}
    return {
        client: ClientHistory(
            last_month=None if last is None else last_month.get(client, {}),
            this_month=this_month.get(client, {}),
            was_billed=client in billed,
        )
        for client in clients
    }


def _posted_totals(session: Session, month: str | None) -> dict[str, Totals]:
    totals: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
    for row in session.rows(
        "select client, currency, sum(sell) as sell, sum(cost) as cost from posted_lines where month = ? group by all",
        [month],
    ):
        totals.setdefault(row["client"], {})[row["currency"]] = (row["sell"], row["cost"])
    return {client: dict(by_currency) for client, by_currency in totals.items()}


def posted_documents(session: Session, month: str) -> int:
    """How many documents of a month were posted."""
    return int(session.value("select count(*) from postings where month = ? and status = 'posted'", [month]))


def open_postings(session: Session, month: str) -> dict[str, str]:
    """By client, what is not known yet: postings that were sent and not settled."""
    rows = session.rows(
        "select client, document_key, currency, sell, sent_at from postings "
        "where month = ? and status in ('sending', 'unknown') order by client, document_key",
        [month],
    )
    return {
        row["client"]: (
            f"document {row['document_key']} over {show_amount(row['sell'], row['currency'])} was sent at "
            f"{row['sent_at']:%Y-%m-%d %H:%M} UTC and nobody knows yet whether HaloPSA has it; "
            "close --post looks for it, and never sends it twice"
        )
        for row in rows
    }
