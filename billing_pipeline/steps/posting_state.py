"""What posting needs at hand, and how an outcome is written down: journal and tables in one transaction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.finding_kinds import SEEN
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.halo_documents import FoundDocument, key_in_halo
from billing_pipeline.steps.line_decisions import remember_decisions
from billing_pipeline.steps.record_corrections import claimed_keys, record_posted_corrections
from billing_pipeline.steps.record_reversals import is_reversal, record_reversed_lines, said_of
from billing_pipeline.steps.system_user import system_user
from billing_pipeline.steps.work import Work

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Posting:
    """One run of the posting step."""

    work: Work
    halo: HaloClient
    writer: journal.Writer

    @property
    def fields(self) -> HaloPsaFields:
        """Where our keys stand in HaloPSA, and the grace for unknown outcomes."""
        return self.work.config.settings.halopsa_fields

    @property
    def now(self) -> datetime:
        """The time at this very moment, naive UTC: the grace counts from when a document was sent, not from when the
        run began."""
        return self.work.moment_utc


def make_writer(halo: HaloClient, run_id: str) -> journal.Writer:
    """Who writes: this run, this system user, this version, at this HaloPSA."""
    return journal.Writer(run_id, system_user(), version("billing-pipeline"), halo.address, halo.tenant)


def document_totals(document: Document) -> tuple[Decimal, Decimal]:
    """Σ of the planned lines, sell and cost."""
    sells = (Decimal(line["sell"]) for line in document["lines"])
    costs = (Decimal(line["cost"]) for line in document["lines"])
    return sum(sells, Decimal(0)), sum(costs, Decimal(0))


def describe_document(document: Document) -> str:
    """A document by key, client and money, as texts name it."""
    sell, _ = document_totals(document)
    return f"document {document['document_key']} of {document['client']} over {show_amount(sell, document['currency'])}"


def write_intent(
    session: Session,
    posting: Posting,
    document: Document,
    plan_hash: str,
    body: object,
    others: Sequence[Mapping[str, Any]] = (),
    ours: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write `sending` before the request: from here on the outcome is unknown until it is known.

    `others` are the lines of others on a document that is changed, as they were, `ours` those that it rewrites or ends.
    """
    sell, cost = document_totals(document)
    ended = _read_ended(session, document["document_key"])
    session.execute(
        "delete from postings where document_key = ? and status in ('not_written', 'absent', 'released')",
        [document["document_key"]],
    )
    session.insert(
        "postings",
        [
            {
                "month": posting.work.month,
                "client": document["client"],
                "document_key": document["document_key"],
                "currency": document["currency"],
                "halopsa_client_id": document["billed_client_id"],
                "status": "sending",
                "plan_hash": plan_hash,
                "lines": len(document["lines"]),
                "sell": sell,
                "cost": cost,
                "detail": json.dumps(
                    {
                        "document": dict(document),
                        "others": list(others),
                        "ours": list(ours),
                        "ended_before": ended,
                    }
                ),
                "run_id": posting.work.run_id,
                "sent_at": posting.now,
                "fetch_id": session.value(
                    "select max(fetch_id) from raw_fetches where month = ?", [posting.work.month]
                ),
            }
        ],
    )
    undone = sorted({pair["reversed_halopsa_invoice_id"] for pair in document.get("reverses", ())})
    detail = {"takes_back": undone} if undone else None
    record(session, posting, "sending", document, plan_hash, request_digest=content_hash(body), detail=detail)


def _read_ended(session: Session, document_key: str) -> list[int]:
    """The ids of the lines that the document ended before it was released: they are inactive there still, so that
    nobody plans to end them again, and only this row can tell why."""
    ended: set[int] = set()
    for row in session.rows(
        "select status, detail from postings where document_key = ? "
        "and status in ('not_written', 'absent', 'released')",
        [document_key],
    ):
        detail = json.loads(row["detail"])
        ended.update(detail.get("ended_before", ()))
        if row["status"] == "released":
            ended.update(detail["document"]["deactivate"])
    return sorted(ended)


def write_posted(
    session: Session,
    posting: Posting,
    event: str,
    document: Document,
    plan_hash: str,
    found: FoundDocument,
    differs: Sequence[str],
) -> None:
    """Write that HaloPSA has the document: its id, each of our lines, and how its answer differs if it does."""
    session.execute(
        "update postings set status = 'posted', halopsa_invoice_id = ?, answered_sell = ?, answered_tax = ?, "
        "settled_at = ?, run_id = ? where document_key = ?",
        [found.invoice_id, found.sell, found.tax, posting.now, posting.work.run_id, document["document_key"]],
    )
    # What HaloPSA once refused, it has taken now; what it had twice, it has once.
    session.execute(
        "delete from findings where kind in ('refused', 'found_twice') and document_key = ?",
        [document["document_key"]],
    )
    if is_reversal(document):
        record_reversed_lines(session, posting.work.month, document, found, posting.now)
    else:
        _write_posted_lines(session, posting, document, found)
        record_posted_corrections(session, posting.work.month, document, posting.now)
        remember_decisions(session, posting.work.month, document["client"], claimed_keys(document))
    outcome = "as planned" if not differs else "; ".join(differs)
    record(session, posting, event, document, plan_hash, halopsa_invoice_id=found.invoice_id, outcome=outcome)
    _write_findings(session, posting, "answer_differs", document, differs)


def _write_posted_lines(session: Session, posting: Posting, document: Document, found: FoundDocument) -> None:
    line_ids = {line.charge_key: line.line_id for line in found.lines}
    created = _created_items(session, document)
    shared = {
        "month": posting.work.month,
        "client": document["client"],
        "document_key": document["document_key"],
        "currency": document["currency"],
    }
    session.insert(
        "posted_lines",
        [
            {
                **shared,
                "integration": line["integration"],
                "invoice_id": line["invoice_id"],
                "charge_key": line["charge_key"],
                "slot_key": line["slot_key"],
                "halopsa_invoice_id": found.invoice_id,
                "halopsa_line_id": line_ids.get(key_in_halo(line)),
                "halopsa_item_id": line["item_id"] or created.get(line["item_reference"]),
                "short_description": line["short_description"],
                **said_of(line),
                "quantity": Decimal(line["quantity"]),
                "unit_price": Decimal(line["unit_price"]),
                "sell": Decimal(line["sell"]),
                "cost": Decimal(line["cost"]),
                "source_sell": Decimal(line["source_sell"]),
                "source_cost": Decimal(line["source_cost"]),
                "posted_at": posting.now,
            }
            for line in document["lines"]
        ],
    )
    session.insert(
        "posted_source_lines",
        [
            {
                "line_key": line_key,
                "charge_key": line["charge_key"],
                "month": posting.work.month,
                "client": document["client"],
                "currency": document["currency"],
                "invoice_id": line["invoice_id"],
                "row_kind": "line" if line["collapse_group"] is None else "collapsed",
                "collapse_group": line["collapse_group"],
                "setting_level": line["setting_level"],
            }
            for line in document["lines"]
            for line_key in line["line_keys"]
        ],
    )


def _created_items(session: Session, document: Document) -> dict[str, int]:
    """The ids of the items that were created for the document's lines, by reference."""
    references = [line["item_reference"] for line in document["lines"] if line["item_id"] is None]
    rows = session.rows(
        "select item_reference, halopsa_item_id from confirmed_products "
        "where item_reference in (select unnest(?::text[]))",
        [references],
    )
    return {row["item_reference"]: row["halopsa_item_id"] for row in rows}


def record_correction(posting: Posting, document: Document, plan_hash: str) -> None:
    """Write that a correction in which no amount differs is done: nothing is sent to HaloPSA."""
    with posting.work.warehouse.session("write a correction without difference") as session:
        record_posted_corrections(session, posting.work.month, document, posting.now)
        remember_decisions(session, posting.work.month, document["client"], claimed_keys(document))
        record(session, posting, "corrected", document, plan_hash, outcome="no amount differs; nothing was sent")


def write_status(
    session: Session, posting: Posting, status: str, document: Document, plan_hash: str, outcome: str
) -> None:
    """Write that a document is `unknown`, `not_written` or, once looked for long enough, `absent`."""
    session.execute(
        "update postings set status = ?, settled_at = ?, run_id = ? where document_key = ? and status <> 'posted'",
        [status, None if status == "unknown" else posting.now, posting.work.run_id, document["document_key"]],
    )
    record(session, posting, status, document, plan_hash, outcome=outcome)


def record(session: Session, posting: Posting, event: str, document: Document, plan_hash: str, **columns: Any) -> None:
    """Append a journal row about a document."""
    journal.append(
        session,
        posting.writer,
        event,
        posting.now,
        month=posting.work.month,
        client=document["client"],
        document_key=document["document_key"],
        plan_hash=plan_hash,
        **columns,
    )


def _write_findings(session: Session, posting: Posting, kind: str, document: Document, differs: Sequence[str]) -> None:
    month, then = posting.work.month, _next_step(posting.work.month, document, kind)
    session.insert(
        "findings",
        [
            {
                "month": month,
                "client": document["client"],
                "document_key": document["document_key"],
                "step": "post",
                "kind": kind,
                "detail": f"{describe_document(document)} for {month}: {said}{then}",
                "currency": document["currency"],
            }
            for said in differs
        ],
    )


def _next_step(month: str, document: Document, kind: str) -> str:
    """The command that goes on from what was found, where one does."""
    own = f"{month} --client {document['client']} --post"
    if kind == "refused":
        return f". Put that right, then run billing-pipeline {'reverse' if is_reversal(document) else 'close'} {own}"
    if kind in SEEN:
        return f". See billing-pipeline verify {month}; once it is put right, billing-pipeline close {own} looks again"
    return ""


def write_finding(session: Session, posting: Posting, kind: str, document: Document, said: str) -> None:
    """Note something about a document that a person should look at."""
    _write_findings(session, posting, kind, document, [said])
