"""Change a document that exists, touching nothing of others: read whole, compare, send every line, read again."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from billing_pipeline.billing.errors import NotWritten, OutcomeUnknown, ServiceError
from billing_pipeline.billing.plan_types import Hold
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.halo_documents import FoundDocument, Row, read_document, to_halo_update
from billing_pipeline.steps.halo_targets import line_content, observed_hash
from billing_pipeline.steps.posting_gates import SealedPlan
from billing_pipeline.steps.posting_outcomes import (
    STOPS_THE_RUN,
    Outcomes,
    PostingResult,
    describe_document,
    write_answer,
    write_refused,
    write_unknown,
)
from billing_pipeline.steps.posting_state import Posting, document_totals, write_finding, write_intent
from billing_pipeline.steps.read_back import write_hold


def update_document(
    posting: Posting,
    plan: SealedPlan,
    document: dict[str, Any],
    item_ids: Mapping[str, int],
    outcomes: Outcomes,
    result: PostingResult,
) -> Callable[[Session], None]:
    """Carry out one planned change and return what is to be written about its outcome.

    A target that changed since the plan holds the client. A line that is not ours and changed, vanished or appeared
    stops the run: a tenant that adds lines instead of replacing them is found on its first document.
    """
    before = _read(posting, document)
    if before is None or observed_hash(before) != document["target_hash"]:
        result.refused.append(document["document_key"])
        return partial(_write_changed, posting, document, gone=before is None)
    body = to_halo_update(before, document, item_ids, posting.fields)
    with posting.work.warehouse.session("write the intent to post") as session:
        outcomes.write(session)
        write_intent(session, posting, document, plan.plan_hash, body)
    send = (
        posting.halo.update_invoice if document["action"] == "update_invoice" else posting.halo.update_recurring_invoice
    )
    try:
        send(body)
    except NotWritten as error:
        result.refused.append(document["document_key"])
        if error.status in STOPS_THE_RUN:
            result.stopped = str(error)
        return partial(write_refused, posting, document, plan.plan_hash, str(error))
    except OutcomeUnknown as error:
        result.unknown.append(document["document_key"])
        return partial(write_unknown, posting, document, plan.plan_hash, str(error))
    return _prove_update(posting, plan, document, before, result)


def _prove_update(
    posting: Posting, plan: SealedPlan, document: dict[str, Any], before: Row, result: PostingResult
) -> Callable[[Session], None]:
    try:
        after = _read(posting, document)
    except ServiceError as error:
        result.unknown.append(document["document_key"])
        result.stopped = f"{describe_document(document)} was sent and could not be read again: {error}"
        return partial(write_unknown, posting, document, plan.plan_hash, str(error))
    if after is None:
        result.unknown.append(document["document_key"])
        result.stopped = f"{describe_document(document)} was sent, and HaloPSA no longer has its target"
        return partial(write_unknown, posting, document, plan.plan_hash, result.stopped)
    found = read_document(after, document, posting.fields)
    damage = find_damage(before, after, document, found)
    if damage:
        result.stopped = (
            f"after the change of {'recurring invoice' if document['target_id'] < 0 else 'invoice'} "
            f"{document['target_id']} of {document['client']}, lines that are not ours differ: {'; '.join(damage)}. "
            "Correct them in HaloPSA before anything else is posted."
        )
    result.posted.append(document["document_key"])
    return partial(_write_update, posting, document, plan.plan_hash, found, tuple(damage))


def find_damage(before: Row, after: Row, document: Row, found: FoundDocument) -> list[str]:
    """How lines that are not ours to change differ between two reads: changed, vanished or new."""
    ours = {line["target_line_id"] for line in document["lines"]} | set(document["deactivate"])
    ours |= {line.line_id for line in found.lines}
    old = {line["id"]: line_content(line) for line in before.get("lines") or () if line["id"] not in ours}
    new = {line["id"]: line_content(line) for line in after.get("lines") or () if line["id"] not in ours}
    said = [f"line {line_id} vanished" for line_id in sorted(old.keys() - new.keys())]
    said += [f"line {line_id} appeared" for line_id in sorted(new.keys() - old.keys())]
    said += [f"line {line_id} changed" for line_id in sorted(old.keys() & new.keys()) if old[line_id] != new[line_id]]
    return said


def _read(posting: Posting, document: Row) -> Row | None:
    if document["action"] == "update_invoice":
        return posting.halo.invoice(document["target_id"])
    return posting.halo.recurring_invoice(document["target_id"])


def _write_update(
    posting: Posting,
    document: Row,
    plan_hash: str,
    found: FoundDocument,
    damage: Sequence[str],
    session: Session,
) -> None:
    write_answer(posting, document, plan_hash, found, session)
    for said in damage:
        write_finding(session, posting, "others_changed", document, f"document {document['target_id']}: {said}")


def _write_changed(posting: Posting, document: Row, session: Session, *, gone: bool) -> None:
    sell, cost = document_totals(document)
    kind = "recurring invoice" if document["target_id"] < 0 else "invoice"
    detail = (
        f"{kind} {document['target_id']} {'is gone' if gone else 'was changed'} since the plan was made; "
        f"{describe_document(document)} was not sent. Close again: it plans on what HaloPSA has now"
    )
    write_hold(
        session, posting, document["client"], Hold("held", "target_changed", detail, document["currency"], sell, cost)
    )
