"""Changes of recurring invoices that HaloPSA has and the journal knows nothing of: a database that was lost.

Keys of charges stand on invoices, and are looked for there. On a recurring invoice the same keys stand every month, so
that only what the lines say tells whether this month is there, and only what was issued whether it is billed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from billing_pipeline.billing.halopsa_days import read_day
from billing_pipeline.billing.names import is_same_name
from billing_pipeline.billing.plan_types import Hold
from billing_pipeline.billing.templates import make_issue_mark
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.halo_documents import Row, key_in_halo
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.key_fields import line_key
from billing_pipeline.steps.others_lines import name_target
from billing_pipeline.steps.posting_gates import SealedPlan
from billing_pipeline.steps.posting_outcomes import PostingResult
from billing_pipeline.steps.posting_state import Posting, describe_document, document_totals, write_intent
from billing_pipeline.steps.read_back import write_hold
from billing_pipeline.steps.settle import adopt, is_carried_out

Document = Mapping[str, Any]


def adopt_recurring(
    posting: Posting, plans: Sequence[SealedPlan], invoices: Sequence[Row], result: PostingResult
) -> list[SealedPlan]:
    """The plans without the changes that HaloPSA has already, which are adopted, and without the clients held here.

    `invoices` are HaloPSA's, read in bulk. HaloPSA is asked only where our lines stand on a recurring invoice that the
    journal knows nothing of.
    """
    with posting.work.warehouse.session("read which recurring invoices were changed") as session:
        known = _read_known(session, posting.work.month)
    if not any(_is_strange(document, known) for plan in plans for document in plan.documents):
        return list(plans)
    rows = {int(row["id"]): row for row in posting.halo.recurring_invoices()}
    left = []
    for plan in plans:
        strange = [document for document in plan.documents if _is_strange(document, known)]
        adopted, is_held = set(), False
        for document in strange:
            row = rows.get(document["target_id"])
            billed = _find_billed(posting, document, invoices)
            if row is not None and is_carried_out(row, document, posting.fields):
                _adopt(posting, plan, document, row, billed)
                adopted.add(document["document_key"])
            elif billed is not None:
                _hold(posting, plan.client, document, billed)
                is_held = True
        result.adopted += sorted(adopted)
        if is_held:
            result.refused += [one["document_key"] for one in plan.documents if one["document_key"] not in adopted]
            continue
        documents = [document for document in plan.documents if document["document_key"] not in adopted]
        left.append(replace(plan, content={**plan.content, "documents": documents}))
    return left


def _read_known(session: Session, month: str) -> set[int]:
    """The recurring invoices that the journal's postings were sent to until `month`. What was sent there for a later
    month tells nothing of this one."""
    rows = session.rows(
        "select distinct coalesce(halopsa_invoice_id, json_extract_string(detail, '$.document.target_id')::bigint) "
        "as id from postings where status in ('posted', 'sending', 'unknown', 'released') and month <= ?",
        [month],
    )
    return {int(row["id"]) for row in rows if row["id"] is not None}


def _is_strange(document: Document, known: set[int]) -> bool:
    """Whether a change meets our own lines where we never wrote any."""
    return (
        document["action"] == "update_recurring"
        and document["target_id"] not in known
        and any(line["target_line_id"] is not None for line in document["lines"])
    )


def _find_billed(posting: Posting, document: Document, invoices: Sequence[Row]) -> Row | None:
    """The invoice that HaloPSA issued with these very lines. One that was issued before the charges were there is of
    another month, whatever its texts say."""
    since = date.fromisoformat(document["invoice_date"])
    for row in invoices:
        day = read_day(row.get("invoice_date"), posting.fields.zone)
        is_issued = integer(row.get("recurring_invoice_id")) == document["target_id"] and not row.get("voided")
        if is_issued and day is not None and day > since and _has_its_lines(posting, row, document):
            return row
    return None


def _has_its_lines(posting: Posting, row: Row, document: Document) -> bool:
    """Whether an invoice has a line with the key and the texts of a planned one."""
    there = {line_key(line, posting.fields): line for line in row.get("lines") or ()}
    return any(
        is_same_name(planned["short_description"], text(line.get("item_shortdescription")))
        and is_same_name(planned["long_description"], text(line.get("item_longdescription")))
        for planned in document["lines"]
        if (line := there.get(key_in_halo(planned))) is not None
    )


def _adopt(posting: Posting, plan: SealedPlan, document: Document, row: Row, billed: Row | None) -> None:
    if billed is not None:
        # It was issued since: the mark is that of before, so that the next month may take its place.
        mark = make_issue_mark("", f"{read_day(billed['invoice_date'], posting.fields.zone)}T00:00:00")
        document = {**document, "issue_mark": mark}
    with posting.work.warehouse.session("write what was found before posting") as session:
        write_intent(session, posting, document, plan.plan_hash, {"found": row["id"]})
        adopt(session, posting, "adopted", document, plan.plan_hash, row)


def _hold(posting: Posting, client: str, document: Document, billed: Row) -> None:
    sell, cost = document_totals(document)
    month = posting.work.month
    detail = (
        f"{describe_document(document)} was not sent: invoice {billed['id']} that HaloPSA issued from "
        f"{name_target(document['target_id'])} bills its lines already, and this database knows nothing of it. Put the "
        f"newest whole database in its place; or, if that invoice is wrong, void it in HaloPSA. Then run "
        f"billing-pipeline close {month} --client {client} --post"
    )
    with posting.work.warehouse.session("write what was found before posting") as session:
        hold = Hold("held", "target_changed", detail, document["currency"], sell, cost)
        write_hold(session, posting, client, hold)
