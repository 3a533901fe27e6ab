"""What was taken back of a month as people want it: which credit took back how much of which documents."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.resources.warehouse import Session


@dataclass(frozen=True)
class TakenBack:
    """One credit: its HaloPSA invoice, the documents that it takes back from, and its money, below zero.

    `shared_halopsa_invoice_ids` are those of the documents that others made, with lines of ours. `standing_sell` is
    what the lines and their credit come to together, as read back; None where it was not.
    """

    client: str
    currency: str
    halopsa_invoice_id: int
    reversed_halopsa_invoice_ids: tuple[int, ...]
    shared_halopsa_invoice_ids: tuple[int, ...]
    lines: int
    sell: Decimal
    cost: Decimal
    standing_sell: Decimal | None
    standing_cost: Decimal | None


def summarize_reversals(session: Session, month: str, clients: Sequence[str] = ()) -> tuple[TakenBack, ...]:
    """The credits of a month that took posted lines back, by client; `clients` empty means all."""
    rows = session.rows(
        "select reversals.client, reversals.currency, reversals.halopsa_invoice_id, "
        "list(distinct reversed_halopsa_invoice_id order by reversed_halopsa_invoice_id) "
        "as reversed_halopsa_invoice_ids, count(*) as lines, "
        "sum(reversals.sell)::decimal(38, 18) as sell, sum(reversals.cost)::decimal(38, 18) as cost, "
        "case when bool_and(reversals.readback_sell is not null) "
        "then sum(posted.sell + reversals.readback_sell) end::decimal(38, 18) as standing_sell, "
        "case when bool_and(reversals.readback_cost is not null) "
        "then sum(posted.cost + reversals.readback_cost) end::decimal(38, 18) as standing_cost "
        "from reversals left join posted_lines as posted on posted.charge_key = reversals.reversed_charge_key "
        "where reversals.month = $month and ($everyone or reversals.client in (select unnest($clients::text[]))) "
        "group by all order by reversals.client, reversals.currency, reversals.halopsa_invoice_id",
        {"month": month, "clients": list(clients), "everyone": not clients},
    )
    shared = _shared_documents(session, month) if rows else frozenset()
    credited = []
    for row in rows:
        undone = tuple(row.pop("reversed_halopsa_invoice_ids"))
        credited.append(
            TakenBack(
                **row,
                reversed_halopsa_invoice_ids=undone,
                shared_halopsa_invoice_ids=tuple(number for number in undone if number in shared),
            )
        )
    return tuple(credited)


def _shared_documents(session: Session, month: str) -> frozenset[int]:
    """HaloPSA's ids of the month's documents of others that lines of ours were added to."""
    rows = session.rows(
        "select halopsa_invoice_id, detail from postings where status = 'posted' "
        "and document_key in (select reversed_document_key from reversals where month = ?)",
        [month],
    )
    return frozenset(
        row["halopsa_invoice_id"] for row in rows if json.loads(row["detail"])["document"]["action"] != "create"
    )
