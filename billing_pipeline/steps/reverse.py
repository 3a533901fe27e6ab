"""Take a client's posted month back: the opposite of each posted line, on a credit of its own, exactly once.

The protocol is that of posting: its lock, its gates on tenant and journal, the intent before the request, an unknown
outcome settled only by looking, and one bulk read at the end. Decision: docs/decisions/0010-reversals.md.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import ClientPlan
from billing_pipeline.billing.reversals import plan_reversal
from billing_pipeline.billing.stored_plan import sum_documents
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.nearest import suggest
from billing_pipeline.steps import journal
from billing_pipeline.steps.approvals import read_approvals, short
from billing_pipeline.steps.gone_credits import (
    find_gone_credits,
    forget_gone_credits,
    name_credits,
)
from billing_pipeline.steps.halo_documents import Row, index_by_key, read_document
from billing_pipeline.steps.post import carry_out, prove_posted, why_not_to_send
from billing_pipeline.steps.posted_ledger import PostedDocument as LedgerDocument
from billing_pipeline.steps.posting_gates import SealedPlan, refuse_untold_past
from billing_pipeline.steps.posting_outcomes import PostingResult
from billing_pipeline.steps.posting_state import Posting, describe_document, make_writer
from billing_pipeline.steps.read_back import forget_settled_holds, unread_postings
from billing_pipeline.steps.read_reversible import PostedDocument, not_taken_back, read_reversible
from billing_pipeline.steps.record_corrections import refuse_corrected_later
from billing_pipeline.steps.record_reversals import is_reversal
from billing_pipeline.steps.settle import OpenPosting, look_since, read_open_postings, settle, settled_keys
from billing_pipeline.steps.work import Work, finish_step


class AwaitsApproval(PostingRefused):
    """Nobody approved this credit yet, and the settings ask for it: nothing was posted."""

    exit_code = 3


@dataclass(frozen=True)
class Reversal:
    """What is, or was, to be taken back; without documents nothing is left. `notes` are told beside it."""

    plan: ClientPlan
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReversalResult:
    """What taking back came to. `reversal` is what this run planned, None where an earlier request is still unknown."""

    reversal: Reversal | None
    posting: PostingResult = field(default_factory=PostingResult)


def plan_to_reverse(work: Work, halo: HaloClient) -> Reversal:
    """What would be taken back of the month of the one client of `work`. HaloPSA is read and nothing is written.

    Raises PostingRefused where it cannot be taken back from here, with what to do, and what HaloPSA raises for reads.
    """
    posting = Posting(work, halo, make_writer(halo, work.run_id))
    with work.warehouse.session("read what was posted") as session:
        refuse_untold_past(session, posting, _again(work))
        _refuse_open(posting, read_open_postings(session, posting))
        _read_documents(session, work)
    gone = find_gone_credits(posting)
    with work.warehouse.session("read what was posted") as session:
        documents = _read_documents(session, work, gone)
    reversal, _ = _plan(posting, documents, gone)
    return reversal


def reverse(work: Work, halo: HaloClient) -> ReversalResult:
    """Post the credits that take the month of the one client of `work` back; again posts nothing twice.

    Raises PostingRefused where it cannot be taken back from here, AwaitsApproval where the settings ask for an approval
    that this very credit does not have, WarehouseLocked where another process posts, and what HaloPSA raises for
    reads. What HaloPSA refuses is told in the result.
    """
    posting = Posting(work, halo, make_writer(halo, work.run_id))
    started = monotonic()
    result = PostingResult()
    with work.warehouse.posting_lock():
        with work.warehouse.session("read what was posted") as session:
            refuse_untold_past(session, posting, _again(work))
            opened = read_open_postings(session, posting)
            _refuse_open(posting, [one for one in opened if not is_reversal(one.document)])
            documents = _read_documents(session, work)
            unread = unread_postings(session, posting)
        dated = [*(one.document for one in documents), *(one.document for one in opened)]
        dated += [json.loads(row["detail"])["document"] for row in unread]
        since = look_since(dated, work.month)
        reversal = None
        if not _settle(posting, opened, result):
            gone = find_gone_credits(posting)
            with work.warehouse.session("read what was posted") as session:
                documents = _read_documents(session, work, gone)
            reversal, invoices = _plan(posting, documents, gone)
            if reversal.plan.documents:
                if gone:
                    with work.warehouse.session("write that a credit is gone") as session:
                        forget_gone_credits(session, posting, gone)
                        result.head = journal.read_head(session)
                    journal.write_head(result.head, work.warehouse.published / journal.HEAD_FILE)
                _refuse_unapproved(work, reversal.plan)
                sealed = SealedPlan(work.clients[0], reversal.plan.plan_hash, json.loads(reversal.plan.as_json()))
                carry_out(posting, [sealed], invoices, result)
        if opened or unread or result.posted or result.adopted or result.unknown:
            prove_posted(posting, result, since)
        with work.warehouse.session("finish taking back") as session:
            forget_settled_holds(session, work)
            finish_step(session, work, "reversals", started, len(result.posted), {})
            result.head = journal.read_head(session)
        journal.write_head(result.head, work.warehouse.published / journal.HEAD_FILE)
    return ReversalResult(reversal, result)


def _refuse_unapproved(work: Work, plan: ClientPlan) -> None:
    if work.config.settings.approval != "required":
        return
    with work.warehouse.session("read who approved") as session:
        approvals = read_approvals(session, work.month)
    content = json.loads(plan.as_json())
    if approvals.covering(plan.client, plan.plan_hash, content):
        return
    totals = sum_documents(content["documents"]).values()
    money = " and ".join(show_amount(one.sell, one.currency) for one in totals)
    raise AwaitsApproval(
        f"{plan.month} of {plan.client} was not taken back: the credit over {money} (plan {short(plan.plan_hash)}) "
        f"waits for an approval. billing-pipeline approve {plan.month} --client {plan.client} --reversal --by NAME "
        f"shows it and records who approved it; then billing-pipeline reverse {plan.month} --client {plan.client} "
        "--post."
    )


def _again(work: Work) -> str:
    return f"run billing-pipeline reverse {work.month} --client {work.clients[0]} again"


def _read_documents(session: Session, work: Work, gone: Sequence[LedgerDocument] = ()) -> list[PostedDocument]:
    """The client's posted documents of the month with lines which were not taken back yet, or by credits that are
    `gone`."""
    client = work.clients[0]
    refuse_corrected_later(session, work.month, client, "reverse")
    rows = session.rows(
        "select halopsa_invoice_id, detail from postings where month = ? and client = ? and status = 'posted' "
        "and document_key not in (select document_key from reversals) order by abs(halopsa_invoice_id), document_key",
        [work.month, client],
    )
    if not rows:
        raise PostingRefused(_nothing_posted(session, work))
    undone = {
        row["reversed_charge_key"]
        for row in session.rows(
            "select reversed_charge_key from reversals where month = ? and client = ? "
            "and document_key not in (select unnest(?::text[]))",
            [work.month, client, [one.document_key for one in gone]],
        )
    }
    documents = []
    for row in rows:
        document = json.loads(row["detail"])["document"]
        lines = tuple(line for line in document["lines"] if line["charge_key"] not in undone)
        if lines:
            documents.append(PostedDocument(document, lines, int(row["halopsa_invoice_id"])))
    return documents


def _nothing_posted(session: Session, work: Work) -> str:
    client = work.clients[0]
    said = f"Nothing was posted for {client} in {work.month}, so there is nothing to take back"
    posted = session.rows(
        "select distinct client from postings where month = ? and status = 'posted' order by client", [work.month]
    )
    others = f"; of the clients with something posted, {suggest(client, [row['client'] for row in posted])}"
    return f"{said}{others if posted else ''}. See billing-pipeline review {work.month}."


def _refuse_open(posting: Posting, opened: Sequence[OpenPosting]) -> None:
    """Raise PostingRefused where it is not known yet what HaloPSA has of this client's month."""
    if not opened:
        return
    month, client = posting.work.month, posting.work.clients[0]
    named = "; ".join(describe_document(one.document) for one in opened)
    command = "reverse" if all(is_reversal(one.document) for one in opened) else "close"
    raise PostingRefused(
        f"{month} of {client} was not taken back: {named} was sent and nobody knows yet whether HaloPSA has it. Run "
        f"billing-pipeline {command} {month} --client {client} --post first: it looks, and never sends twice."
    )


def _settle(posting: Posting, opened: Sequence[OpenPosting], result: PostingResult) -> list[OpenPosting]:
    """Look for credits that were sent before; those of which nothing is known yet are returned."""
    if not opened:
        return []
    since = look_since([one.document for one in opened], posting.work.month)
    still_open = settle(posting, opened, posting.halo.invoices(since=since))
    result.settled = settled_keys(opened, still_open)
    return still_open


def _plan(
    posting: Posting, documents: Sequence[PostedDocument], gone: Sequence[LedgerDocument]
) -> tuple[Reversal, Sequence[Row]]:
    """What is to be taken back now, and HaloPSA's invoices as they were read for it."""
    work = posting.work
    client = work.clients[0]
    if not documents:
        return Reversal(ClientPlan(work.month, client, (), ())), ()
    invoices = posting.halo.invoices(since=look_since([one.document for one in documents], work.month))
    unsure = why_not_to_send(invoices)
    if unsure is not None:
        raise PostingRefused(f"{work.month} of {client} was not taken back: {unsure} Then {_again(work)}.")
    found = read_reversible(posting, documents, invoices)
    if found.issued and not found.lines and not _is_begun(work):
        raise not_taken_back(work.month, client, found.issued)
    integrations = sorted({line.integration for line in found.lines})
    date_rule = work.config.resolve(client, integrations[0]).charge.behaviour.date if integrations else "source"
    plan = plan_reversal(work.month, client, found.lines, date_rule, work.today)
    _refuse_strange_credits(posting, plan, invoices)
    notes = (f"{name_credits(gone)} is gone from HaloPSA: that is taken back again",) if gone else ()
    return Reversal(plan, (*notes, *found.notes)), invoices


def _is_begun(work: Work) -> bool:
    """Whether something of the client's month was taken back before: then to find nothing more is no refusal."""
    with work.warehouse.session("read what was taken back") as session:
        sql = "select count(*) from reversals where month = ? and client = ?"
        return bool(session.value(sql, [work.month, work.clients[0]]))


def _refuse_strange_credits(posting: Posting, plan: ClientPlan, invoices: Sequence[Row]) -> None:
    """Raise PostingRefused where HaloPSA has lines of a planned credit, but not as that credit."""
    by_key = index_by_key(invoices, posting.fields)
    documents: list[dict[str, Any]] = json.loads(plan.as_json())["documents"]
    for document in documents:
        keys = [document["document_key"], *(line["charge_key"] for line in document["lines"])]
        rows = {int(row["id"]): row for key in keys for row in by_key.get(key, ())}
        found = [read_document(row, document, posting.fields) for row in rows.values()]
        if not found or (len(found) == 1 and found[0].document_key == document["document_key"]):
            continue
        ids = ", ".join(str(one.invoice_id) for one in found)
        raise PostingRefused(
            f"{plan.month} of {plan.client} was not taken back: HaloPSA invoices {ids} bear keys of "
            f"{describe_document(document)} already, but not as that document. Delete them in HaloPSA, then run "
            f"billing-pipeline reverse {plan.month} --client {plan.client} again."
        )
