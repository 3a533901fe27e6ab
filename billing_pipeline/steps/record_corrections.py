"""The ledger of corrections: what is proposed or planned for a client's month, and what was carried out."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.plan_types import ClientPlan, CorrectedPair, PlannedDocument
from billing_pipeline.resources.warehouse import Session

_AMOUNTS = tuple(name for name in CorrectedPair.__dataclass_fields__ if name.endswith(("_sell", "_cost")))
_NOT_STORED = ("new_line_keys", "collapse_group", "setting_level")


def clear_open_corrections(session: Session, month: str) -> None:
    """Forget what was proposed or planned for the clients in the frame `scope_clients`; what was posted stays."""
    session.execute(
        "delete from corrections where month = ? and state <> 'posted' "
        "and client in (select client from scope_clients)",
        [month],
    )


def store_open_corrections(
    session: Session, month: str, plan: ClientPlan, documents: Iterable[PlannedDocument], now: datetime
) -> None:
    """Write what the documents would correct: `planned` if they stand in the client's plan, else `proposed`.

    `now` is naive UTC.
    """
    planned = {document.document_key for document in plan.documents}
    session.insert(
        "corrections",
        [
            _row(
                month,
                document.client,
                document.currency,
                "planned" if document.document_key in planned else "proposed",
                document.document_key,
                vars(pair),
                now,
            )
            for document in documents
            for pair in document.corrects
        ],
    )


def record_posted_corrections(session: Session, month: str, document: Mapping[str, Any], now: datetime) -> None:
    """Write that a document of a sealed plan (its JSON) was carried out, if it corrects anything.

    Source lines of pairs in which nothing differs are billed by the line that was posted before: they are final now.
    """
    pairs = document.get("corrects", ())
    if not pairs:
        return
    client, currency, key = document["client"], document["currency"], document["document_key"]
    session.execute("delete from corrections where document_key = ? and state <> 'posted'", [key])
    session.insert("corrections", [_row(month, client, currency, "posted", key, pair, now) for pair in pairs])
    session.insert(
        "posted_source_lines",
        [
            {
                "line_key": line_key,
                "charge_key": pair["new_charge_key"],
                "month": month,
                "client": client,
                "currency": currency,
                "invoice_id": pair["replacement_invoice_id"],
                "row_kind": "line" if pair["collapse_group"] is None else "collapsed",
                "collapse_group": pair["collapse_group"],
                "setting_level": pair["setting_level"],
            }
            for pair in pairs
            if pair["charge_key"] is None
            for line_key in pair["new_line_keys"]
        ],
    )


def claimed_keys(document: Mapping[str, Any]) -> list[str]:
    """What a planned document (its JSON) bills, once, ever: source lines, and charges that it only takes back."""
    keys = [key for line in document["lines"] for key in line["line_keys"] or [line["charge_key"]]]
    unchanged = (pair for pair in document.get("corrects", ()) if pair["charge_key"] is None)
    return [*keys, *(key for pair in unchanged for key in pair["new_line_keys"])]


def _row(
    month: str, client: str, currency: str, state: str, key: str, pair: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    columns = {name: value for name, value in pair.items() if name not in _NOT_STORED}
    columns.update({name: Decimal(columns[name]) for name in _AMOUNTS})
    return {
        "month": month,
        "client": client,
        "currency": currency,
        "state": state,
        "document_key": key,
        "recorded_at": now,
        **columns,
    }
