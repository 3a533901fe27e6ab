"""The ledger of corrections: what is proposed or planned for a client's month, and what was carried out."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from billing_pipeline.billing.errors import PostingRefused
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


def replacing_key(old_charge_key: str) -> str:
    """Under which key a document claims to take the place of a charge: that gives way once, in whatever month."""
    return f"replaces {old_charge_key}"


def claimed_keys(document: Mapping[str, Any]) -> list[str]:
    """What a planned document (its JSON) bills, once, ever: source lines, charges that it only takes back, and those
    that it takes the place of."""
    keys = [key for line in document["lines"] for key in line["line_keys"] or [line["charge_key"]]]
    pairs = document.get("corrects", ())
    keys += [key for pair in pairs if pair["charge_key"] is None for key in pair["new_line_keys"]]
    return [*keys, *(replacing_key(pair["old_charge_key"]) for pair in pairs if pair["old_charge_key"] is not None)]


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


def refuse_corrected_later(session: Session, month: str, client: str, command: Literal["release", "reverse"]) -> None:
    """Raise PostingRefused where a later month put charges in the place of what was posted for the client's month.

    What a later month made is undone there first, with the same command. A credit has nothing to take back of a pair in
    which nothing differs, nor of differences that were taken back already.
    """
    standing = "" if command == "release" else _WITH_STANDING_LINE
    later = session.rows(
        f"select distinct later.month from corrections as later join ({_CHARGES_OF_MONTH}) as own "  # noqa: S608
        f"on own.charge_key = later.old_charge_key where later.state = 'posted' and later.month > $month {standing} "
        "order by all",
        {"month": month, "client": client},
    )
    if not later:
        return
    months = [row["month"] for row in later]
    raise PostingRefused(
        f"What was posted for {client} in {month} bills charges of {' and '.join(months)} now: its invoice was "
        f"credited, and corrected there. Nothing was changed. Undo that first: billing-pipeline {command} {months[-1]} "
        f"--client {client}."
    )


_CHARGES_OF_MONTH = """
    select charge_key from posted_lines where month = $month and client = $client
    union
    select new_charge_key from corrections where state = 'posted' and month = $month and client = $client
"""
_WITH_STANDING_LINE = (
    "and later.charge_key is not null and later.charge_key not in (select reversed_charge_key from reversals)"
)
