"""Carry the sealed plans out, exactly once.

Settle what is unknown, ask the gates again, look for every key before creating, write the intent, send one
document, compare the answer, write the outcome; at the end one bulk read proves all. Where HaloPSA takes no more
requests, the run waits, looks again, and goes on with the same document.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import Any

from billing_pipeline.billing.errors import NotWritten, OutcomeUnknown, PostingRefused, ServiceError
from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import Hold
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.paging import HaloRows
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.changed_clients import pass_changed_clients
from billing_pipeline.steps.full_window import Patience, describe_failed_look, is_full, look_for_document
from billing_pipeline.steps.halo_documents import (
    Row,
    differences,
    index_by_key,
    read_document,
    to_halo,
)
from billing_pipeline.steps.halo_targets import is_closed
from billing_pipeline.steps.key_fields import document_key_of
from billing_pipeline.steps.lost_journal import adopt_recurring
from billing_pipeline.steps.new_items import ItemProblem, ensure_items
from billing_pipeline.steps.others_lines import find_unrepaired, name_target
from billing_pipeline.steps.posting_gates import SealedPlan, open_gates
from billing_pipeline.steps.posting_outcomes import (
    STOPS_THE_RUN,
    Outcomes,
    PostingResult,
    write_answer,
    write_not_taken,
    write_refused,
    write_unknown,
)
from billing_pipeline.steps.posting_state import (
    Posting,
    describe_document,
    document_totals,
    make_writer,
    record_correction,
    write_finding,
    write_intent,
)
from billing_pipeline.steps.read_back import forget_settled_holds, read_back, unread_postings, write_hold
from billing_pipeline.steps.record_reversals import is_reversal
from billing_pipeline.steps.settle import OpenPosting, adopt, look_since, read_open_postings, settle, settled_keys
from billing_pipeline.steps.update_document import (
    changes_existing,
    hold_for_target,
    uncertain_targets,
    update_document,
)
from billing_pipeline.steps.work import Work, finish_step


def post(work: Work, halo: HaloClient) -> PostingResult:
    """Post the month's sealed plans of `work.clients`; running it again posts nothing twice.

    Raises PostingRefused where a gate is shut for the whole month, WarehouseLocked where another process posts,
    and what the HaloPSA client raises for reads. A document that HaloPSA refuses is told in the result; what
    would stop every further one (no connection, no right, the request limit) ends the run after it is written down.
    """
    posting = Posting(work, halo, make_writer(halo, work.run_id))
    started = monotonic()
    result = PostingResult()
    with work.warehouse.posting_lock(f"post {work.month} to HaloPSA"), work.warehouse.kept_open():
        with work.warehouse.session("read the sealed plans") as session:
            opened = read_open_postings(session, posting)
            plans = open_gates(session, posting, {one.client for one in opened})
            unread = unread_postings(session, posting)
            is_first = not journal.knows_posted(session, work.month)
        if opened or plans:
            # A database that is new, or was lost, must not post again what HaloPSA has: then all of it is looked into.
            invoices = halo.invoices(since=None if is_first else _first_date(work, plans, opened))
            clients = halo.clients() if plans else []
            still_open = settle(posting, opened, invoices)
            result.settled = settled_keys(opened, still_open)
            unchanged = pass_changed_clients(posting, plans, clients, result)
            result.stopped = why_not_to_send(invoices) if unchanged else None
            if result.stopped is None:
                left = adopt_recurring(posting, _pass_damaged(posting, unchanged, result), invoices, result)
                carry_out(posting, left, invoices, result)
        else:
            find_unrepaired(posting)
        if result.posted or result.adopted or result.unknown or opened or unread:
            prove_posted(posting, result, _first_date(work, plans, opened, unread))
        with work.warehouse.session("finish posting") as session:
            forget_settled_holds(session, work)
            finish_step(session, work, "posted_halopsa_invoices", started, len(result.posted), {})
            result.head = journal.read_head(session)
        journal.write_head(result.head, work.warehouse.published / journal.HEAD_FILE)
    return result


def _pass_damaged(posting: Posting, plans: Sequence[SealedPlan], result: PostingResult) -> list[SealedPlan]:
    """The plans that may be carried out: none that changes an existing document which waits until what an earlier
    change of ours did is repaired."""
    unrepaired = find_unrepaired(posting)
    with posting.work.warehouse.session("read which documents are uncertain") as session:
        result.uncertain = uncertain_targets(session)
    passed = []
    for plan in plans:
        changing = [document for document in plan.documents if changes_existing(document)]
        waiting = [(document, unrepaired.why_not(document["target_id"])) for document in changing]
        if not any(why for _, why in waiting):
            passed.append(plan)
            continue
        with posting.work.warehouse.session("hold a client whose document is not changed") as session:
            for document, why in waiting:
                if why is None:
                    continue
                what = "no existing document" if unrepaired.everywhere else name_target(document["target_id"])
                detail = (
                    f"{describe_document(document)} was not sent: {what} is {'' if unrepaired.everywhere else 'not '}"
                    f"changed before this is repaired in HaloPSA: {why}. Then run "
                    f"{_close_command(posting, plan.client)}"
                )
                hold_for_target(posting, document, detail, session)
        result.refused += [document["document_key"] for document in plan.documents]
    return passed


def _first_date(
    work: Work, plans: Sequence[SealedPlan], opened: Sequence[OpenPosting], unread: Sequence[dict[str, Any]] = ()
) -> date:
    documents = [one.document for one in opened] + [doc for plan in plans for doc in plan.documents]
    documents += [json.loads(row["detail"])["document"] for row in unread]
    return look_since(documents, work.month)


def why_not_to_send(invoices: HaloRows) -> str | None:
    """Why nothing may be sent: what is looked for by its keys may be there all the same; None where it may not."""
    if invoices.gap is None:
        return None
    return (
        f"HaloPSA's list of invoices comes out different each time ({invoices.gap}), so that what is not in it may be "
        "there all the same: nothing was sent. Try again when nobody creates or deletes invoices there."
    )


def carry_out(posting: Posting, plans: Sequence[SealedPlan], invoices: Sequence[Row], result: PostingResult) -> None:
    """Send what the plans hold and HaloPSA does not have; `invoices` are HaloPSA's, read in bulk just now.

    Posting must be locked. What becomes of each document is written down, and told in `result`.
    """
    patience = Patience(posting.halo)
    item_ids, item_problems = ensure_items(posting, plans, patience)
    if patience.gave_up is not None:
        result.stopped = f"{patience.gave_up} {_describe_left(plans, set())}"
        return
    by_key, done = index_by_key(invoices, posting.fields), set[str]()
    targets = Counter(document["target_id"] for plan in plans for document in plan.documents)
    result.shared = {target_id for target_id, count in targets.items() if target_id is not None and count > 1}
    outcomes = Outcomes(posting)
    try:
        for plan in plans:
            new_items = (item["reference"] for item in plan.content["new_items"])
            missing = [item_problems[reference] for reference in new_items if reference in item_problems]
            if missing:
                _hold_for_items(posting, plan, missing)
                result.refused += [document["document_key"] for document in plan.documents]
                done.update(document["document_key"] for document in plan.documents)
                continue
            for document in plan.documents:
                bearing = {int(row["id"]): row for key in _keys(document) for row in by_key.get(key, ())}
                _carry_out_document(
                    posting, plan, document, list(bearing.values()), item_ids, outcomes, patience, result
                )
                if patience.gave_up is not None:
                    result.stopped = f"{patience.gave_up} {_describe_left(plans, done)}"
                if result.stopped is not None:
                    return
                done.add(document["document_key"])
    finally:
        outcomes.write()


def _carry_out_document(
    posting: Posting,
    plan: SealedPlan,
    document: dict[str, Any],
    bearing: list[Row],
    item_ids: dict[str, int],
    outcomes: Outcomes,
    patience: Patience,
    result: PostingResult,
) -> None:
    """Carry one document out, unless invoices are `bearing` its keys already. Where HaloPSA's window is full, it waits,
    looks for the keys again, and goes on with the same document."""
    carry_out = _send if document["action"] == "create" else update_document
    while True:
        if bearing:
            _meet_existing(posting, plan, document, bearing, result)
            return
        if document["action"] == "record":
            record_correction(posting, document, plan.plan_hash)
            return
        result.full = None
        outcomes.keep(carry_out(posting, plan, document, item_ids, outcomes, result))
        if result.full is None:
            patience.went_through()
            return
        # Written down before the wait: whoever stops it there leaves no outcome open.
        outcomes.write()
        if not patience.wait(result.full, f"{describe_document(document)} is looked for, then sent"):
            result.refused.append(document["document_key"])
            with posting.work.warehouse.session("write what was refused") as session:
                write_finding(session, posting, "refused", document, f"it was refused: {result.full}")
            return
        try:
            bearing = look_for_document(posting, document)
        except ServiceError as error:
            result.refused.append(document["document_key"])
            result.stopped = describe_failed_look(describe_document(document), error)
            return


def _describe_left(plans: Sequence[SealedPlan], done: set[str]) -> str:
    """What of the plans was not sent, with its money."""
    left = [document for plan in plans for document in plan.documents if document["document_key"] not in done]
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for document in left:
        totals[document["currency"]] += document_totals(document)[0]
    money = ", ".join(show_amount(sell, currency) for currency, sell in sorted(totals.items()))
    clients = sorted({document["client"] for document in left})
    named = ", ".join(clients[:3]) + (f" and {len(clients) - 3} more clients" if len(clients) > 3 else "")
    return f"Still to send: {len(left)} document{'s' if len(left) != 1 else ''} over {money} of {named}."


def _keys(document: dict[str, Any]) -> list[str]:
    return [document["document_key"], *(line["charge_key"] for line in document["lines"])]


def _send(
    posting: Posting,
    plan: SealedPlan,
    document: dict[str, Any],
    item_ids: dict[str, int],
    outcomes: Outcomes,
    result: PostingResult,
) -> Callable[[Session], None]:
    """Write the intent, send the document, and return what is to be written about its outcome."""
    body = to_halo(document, item_ids, posting.fields)
    key, plan_hash = document["document_key"], plan.plan_hash
    with posting.work.warehouse.session("write the intent to post") as session:
        outcomes.write(session)
        write_intent(session, posting, document, plan_hash, body)
    try:
        answer = posting.halo.create_invoice(body)
    except NotWritten as error:
        if is_full(error):
            result.full = error
            return partial(write_not_taken, posting, document, plan_hash, str(error))
        result.refused.append(key)
        if error.status in STOPS_THE_RUN:
            result.stopped = str(error)
        return partial(write_refused, posting, document, plan_hash, str(error))
    except OutcomeUnknown as error:
        result.unknown.append(key)
        return partial(write_unknown, posting, document, plan_hash, str(error))
    found = read_document(answer, document, posting.fields)
    if found.document_key != key and not found.lines:
        # Whatever this answers, it is not what was sent: looking by key tells.
        result.unknown.append(key)
        said = f"HaloPSA answered with invoice {found.invoice_id}, which bears none of its keys"
        return partial(write_unknown, posting, document, plan_hash, said)
    result.posted.append(key)
    return partial(write_answer, posting, document, plan_hash, found)


def _meet_existing(
    posting: Posting, plan: SealedPlan, document: dict[str, Any], rows: list[Row], result: PostingResult
) -> None:
    """HaloPSA bears our keys already though the journal does not know: never create another."""
    key = document["document_key"]
    if len(rows) == 1 and is_closed(rows[0]) and document["action"] == "create":
        # A database that was lost: its charges went to an invoice of others, which takes no more since.
        added = {**document, "action": "update_invoice", "target_id": int(rows[0]["id"])}
        document = added if _stands_on(rows[0], added, posting) else document
    with posting.work.warehouse.session("write what was found before posting") as session:
        found = [read_document(row, document, posting.fields) for row in rows]
        if len(rows) == 1 and (found[0].document_key == key or found[0].invoice_id == document["target_id"]):
            write_intent(session, posting, document, plan.plan_hash, {"found": found[0].invoice_id})
            adopt(session, posting, "adopted", document, plan.plan_hash, rows[0])
            result.adopted.append(key)
            return
        ids = ", ".join(str(one.invoice_id) for one in found)
        bear = f"invoice {ids} bears" if len(found) == 1 else f"invoices {ids} bear"
        detail = (
            f"{describe_document(document)} was not sent: HaloPSA {bear} keys of its charges already, "
            "but not as this document. If this database is not the newest, put the newest whole one in its place; else "
            f"take what bears them off there. Then run {_close_command(posting, plan.client)}"
        )
        sell, cost = document_totals(document)
        hold = Hold("held", "target_changed", detail, document["currency"], sell, cost)
        write_hold(session, posting, plan.client, hold)
    result.refused.append(key)


def _stands_on(row: Row, document: dict[str, Any], posting: Posting) -> bool:
    """Whether an invoice of others bears a document's lines, to the cent and nothing else of ours."""
    found = read_document(row, document, posting.fields)
    return not is_ours(document_key_of(row, posting.fields)) and not differences(document, found)


def _hold_for_items(posting: Posting, plan: SealedPlan, missing: Sequence[ItemProblem]) -> None:
    command = _close_command(posting, plan.client)
    reason, then = "no_item", f"Create the item in HaloPSA, or correct what it refuses, then run {command} again"
    if any(problem.unknown for problem in missing):
        reason, then = "unknown_outcome", f"Run {command} again: it looks first"
    said = "; ".join(problem.said for problem in missing)
    with posting.work.warehouse.session("hold a client whose item is missing") as session:
        for document in plan.documents:
            sell, cost = document_totals(document)
            detail = f"{said}; {describe_document(document)} was not sent. {then}"
            write_hold(session, posting, plan.client, Hold("held", reason, detail, document["currency"], sell, cost))


def prove_posted(posting: Posting, result: PostingResult, since: date) -> None:
    """One bulk read after the last write: read back what was posted, and find what was unknown."""
    doubts: dict[str, str] = {}
    with posting.work.warehouse.session("read what is unknown") as session:
        opened = read_open_postings(session, posting)
    try:
        invoices = posting.halo.invoices(since=since)
        still_open = settle(posting, opened, invoices)
        doubts = {one.document["document_key"]: one.doubt for one in still_open if one.doubt is not None}
        result.read_back, damaged = read_back(posting, invoices)
        result.stopped = result.stopped or damaged
    except ServiceError as error:
        result.stopped = result.stopped or f"what was posted could not be read back: {error}"
    with posting.work.warehouse.session("hold what is unknown") as session:
        opened = read_open_postings(session, posting)
        for client in {one.client for one in opened}:
            session.execute(
                "delete from holds where month = ? and client = ? and reason = 'unknown_outcome'",
                [posting.work.month, client],
            )
        for one in opened:
            sell, cost = document_totals(one.document)
            doubt = doubts.get(one.document["document_key"])
            detail = (
                f"{describe_document(one.document)} was sent and nobody knows yet whether HaloPSA has it"
                f"{';' if doubt is None else f': {doubt}. Then'} "
                f"run {_next_command(posting, one)} again: it looks, and never sends twice"
                f"{'' if doubt is None else _name_last_word(posting, one)}"
            )
            write_hold(
                session,
                posting,
                one.client,
                Hold("held", "unknown_outcome", detail, one.document["currency"], sell, cost),
            )
    result.unknown = [one.document["document_key"] for one in opened]


def _next_command(posting: Posting, one: OpenPosting) -> str:
    if is_reversal(one.document):
        return f"billing-pipeline reverse {posting.work.month} --client {one.client} --post"
    return _close_command(posting, one.client)


def _name_last_word(posting: Posting, one: OpenPosting) -> str:
    """How a person says what looking may never tell."""
    return (
        ". Where it stays unknown, say what you see in HaloPSA: billing-pipeline resolve "
        f"{posting.work.month} --client {one.client} --absent --by NAME, or --invoice ID in the place of --absent"
    )


def _close_command(posting: Posting, client: str) -> str:
    return f"billing-pipeline close {posting.work.month} --client {client} --post"


def refuse_other_month(month: str, confirmed: str) -> None:
    """Raise PostingRefused unless the month that a person typed is the month about to be posted."""
    if confirmed != month:
        raise PostingRefused(
            f"confirm_month is {confirmed!r}, but the run is for {month}. Nothing was posted. "
            f"To post it, set confirm_month to {month}."
        )
