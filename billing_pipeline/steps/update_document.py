"""Change a document that exists, touching nothing of others: read whole, compare, send every line, compare again.

The first change of a run is read again before the second; of the others the answer is compared whole. One bulk read at
the end proves all. Decision: docs/decisions/0016-requests.md.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from billing_pipeline.billing.errors import NotWritten, OutcomeUnknown, ServiceError
from billing_pipeline.billing.finding_kinds import CLOSED_MEANWHILE
from billing_pipeline.billing.plan_types import Hold
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.doubtful_change import read_our_lines
from billing_pipeline.steps.full_window import is_full
from billing_pipeline.steps.halo_documents import FoundDocument, Row, differences, read_document, to_halo_update
from billing_pipeline.steps.halo_facts import integer
from billing_pipeline.steps.halo_targets import header_content, is_closed, issue_mark, observed_hash, read_target
from billing_pipeline.steps.others_lines import (
    Damage,
    describe_damage,
    find_damage,
    name_target,
    other_lines,
    read_target_row,
    write_damage,
)
from billing_pipeline.steps.posting_gates import SealedPlan
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
    write_finding,
    write_intent,
    write_status,
)
from billing_pipeline.steps.read_back import write_hold

_UPDATES = ("update_invoice", "update_recurring")


@dataclass(frozen=True)
class _Change:
    """A document as it was read right before its change, the lines of others on it, and HaloPSA's answer."""

    before: Row
    others: Sequence[Row]
    answer: Row


def changes_existing(document: Row) -> bool:
    """Whether a planned document changes one that HaloPSA has."""
    return document["action"] in _UPDATES


def uncertain_targets(session: Session) -> set[int]:
    """Existing documents that were sent a change, for any month and client, whose outcome is not known.

    One that is sent every line while an earlier change may still arrive would lose what that one adds.
    """
    return set(_uncertain_changes(session))


def _uncertain_changes(session: Session) -> dict[int, tuple[str, str]]:
    """Month and client of each change of an existing document whose outcome is not known, by the document's id."""
    changes = {}
    for row in session.rows(
        "select month, client, detail from postings where status in ('sending', 'unknown') order by month, client"
    ):
        target_id = json.loads(row["detail"])["document"]["target_id"]
        if target_id is not None:
            changes[int(target_id)] = (str(row["month"]), str(row["client"]))
    return changes


def update_document(
    posting: Posting,
    plan: SealedPlan,
    document: dict[str, Any],
    item_ids: Mapping[str, int],
    outcomes: Outcomes,
    result: PostingResult,
) -> Callable[[Session], None]:
    """Carry out one planned change and return what is to be written about its outcome.

    A target that changed since the plan holds the client. A line that is not ours and changed, vanished or was
    doubled stops the run: a tenant that adds lines instead of replacing them is found on its first document.
    """
    key, plan_hash = document["document_key"], plan.plan_hash
    if document["target_id"] in result.uncertain:
        result.refused.append(key)
        return partial(_write_uncertain, posting, document)
    try:
        before = read_target_row(posting.halo, document["target_id"])
    except ServiceError as error:
        result.refused.append(key)
        result.stopped = f"{name_target(document['target_id'])} could not be read before its change: {error}"
        return lambda _: None
    if before is None or not _is_as_planned(before, document, posting, result):
        result.refused.append(key)
        return partial(_write_changed, posting, document, gone=before is None)
    others = other_lines(before, document, posting.fields)
    body = to_halo_update(before, document, item_ids, posting.fields)
    with posting.work.warehouse.session("write the intent to post") as session:
        outcomes.write(session)
        write_intent(
            session, posting, document, plan_hash, body, others, read_our_lines(before, document, posting.fields)
        )
    update_invoice = document["action"] == "update_invoice"
    send = posting.halo.update_invoice if update_invoice else posting.halo.update_recurring_invoice
    try:
        answer = send(body)
    except NotWritten as error:
        if is_full(error):
            result.full = error
            return partial(write_not_taken, posting, document, plan_hash, str(error))
        result.refused.append(key)
        if error.status in STOPS_THE_RUN:
            result.stopped = str(error)
        elif _has_changed(posting, before):
            return partial(_write_overtaken, posting, document, plan_hash, str(error))
        return partial(write_refused, posting, document, plan_hash, str(error))
    except OutcomeUnknown as error:
        result.unknown.append(key)
        result.uncertain.add(document["target_id"])
        return partial(write_unknown, posting, document, plan_hash, str(error))
    return _prove_update(posting, plan_hash, document, _Change(before, others, answer), result)


def _describe_overtaking(before: Row, answer: Row) -> str | None:
    """What to say where somebody else saved the document between our read and our write; None where nobody did.

    Where HaloPSA does not refuse that, ours has replaced every line, and theirs cannot be seen any more.
    """
    read, written = integer(before.get("change_seq")), integer(answer.get("change_seq"))
    if not read or not written or written <= read + 1:
        return None
    return (
        f"the change number of {name_target(before['id'])} went from {read} to {written} with our change: somebody "
        "else saved it in between, and lines that they changed may have been set back. Look at its history in HaloPSA"
    )


def _is_as_planned(before: Row, document: Row, posting: Posting, result: PostingResult) -> bool:
    """Whether the target is as the plan saw it, or as an update of ours in this run left it.

    Several clients may be billed through one: each adds to the same document.
    """
    seen = observed_hash(before, posting.fields)
    if seen == document["target_hash"]:
        return True
    if result.rewritten.get(document["target_id"]) != (document["target_hash"], seen):
        return False
    ours = {line["target_line_id"] for line in document["lines"]} | set(document["deactivate"])
    lines = read_target(before, posting.fields).lines
    others = sum((line.net for line in lines if not line.inactive and line.line_id not in ours), Decimal(0))
    sell, _ = document_totals(document)
    # Whether the total may be negative was asked of what the plan saw.
    return others + sell >= 0 or Decimal(document["other_sell"]) + sell < 0


def _has_changed(posting: Posting, before: Row) -> bool:
    try:
        now = read_target_row(posting.halo, before["id"])
    except ServiceError:
        return False
    return now is None or observed_hash(now, posting.fields) != observed_hash(before, posting.fields)


def _prove_update(
    posting: Posting, plan_hash: str, document: dict[str, Any], change: _Change, result: PostingResult
) -> Callable[[Session], None]:
    """Look what the change did: at the answer where that is enough, else at the document read again."""
    key, target_id = document["document_key"], document["target_id"]
    overtaken = _describe_overtaking(change.before, change.answer)
    after: Row | None = change.answer
    if overtaken is not None or not _is_enough(posting, document, change, result):
        try:
            after = read_target_row(posting.halo, target_id)
        except ServiceError as error:
            result.unknown.append(key)
            result.stopped = f"{describe_document(document)} was sent and could not be read again: {error}"
            return partial(write_unknown, posting, document, plan_hash, str(error))
    if after is None:
        result.unknown.append(key)
        result.stopped = f"{describe_document(document)} was sent, and HaloPSA no longer has its target"
        return partial(write_unknown, posting, document, plan_hash, result.stopped)
    damage = find_damage(change.others, after, document, posting.fields)
    if damage:
        result.stopped = describe_damage(document, damage, posting.work.month)
    elif change.before.get("lines"):
        # Without a line that was sent back, nothing tells a HaloPSA that adds lines from one that replaces them.
        result.replacing.add(document["action"])
    result.posted.append(key)
    planned_on, _ = result.rewritten.get(target_id, (document["target_hash"], ""))
    result.rewritten[target_id] = (planned_on, observed_hash(after, posting.fields))
    found = read_document(after, document, posting.fields)
    return partial(_write_update, posting, document, plan_hash, found, damage, after=after, overtaken=overtaken)


def _is_enough(posting: Posting, document: Row, change: _Change, result: PostingResult) -> bool:
    """Whether HaloPSA's answer alone shows that a change did what it should and nothing else.

    Not for the first of a kind in a run, for an answer may show what was sent while HaloPSA added the lines to those
    that were there. Not where another document changes the same one next, which compares it field by field. And not
    where the answer lacks or differs in anything: what is said to a person, a look at the document has shown.
    """
    if document["action"] not in result.replacing or document["target_id"] in result.shared:
        return False
    answer, fields = change.answer, posting.fields
    if not _is_whole(answer) or header_content(answer, fields) != header_content(change.before, fields):
        return False
    damage = find_damage(change.others, answer, document, fields)
    return not (damage or damage.strange or differences(document, read_document(answer, document, fields)))


def _is_whole(answer: Row) -> bool:
    """Whether an answer has lines, each with its number."""
    lines = answer.get("lines")
    return isinstance(lines, list) and all(isinstance(line, dict) and integer(line.get("id")) for line in lines)


def _write_update(
    posting: Posting,
    document: Row,
    plan_hash: str,
    found: FoundDocument,
    damage: Damage,
    session: Session,
    *,
    after: Row,
    overtaken: str | None,
) -> None:
    write_answer(posting, document, plan_hash, found, session)
    write_damage(session, posting, document, plan_hash, damage)
    name, month = name_target(document["target_id"]), posting.work.month
    if document["action"] == "update_recurring":
        if issue_mark(after, posting.fields) != document["issue_mark"]:
            said = (
                f"HaloPSA issued {name} while it was changed: look whether the invoice bills {month} already. "
                "It is taken for issued: if it does not, the next month will write over it. "
                f"billing-pipeline verify {month} tells no more of it once an invoice that HaloPSA issued has our lines"
            )
            write_finding(session, posting, CLOSED_MEANWHILE, document, said)
    elif is_closed(after):
        closed = ", ".join(read_target(after, posting.fields).closed)
        said = (
            f"{name} was closed ({closed}) while it was changed: look whether what left HaloPSA has our lines. "
            f"billing-pipeline verify {month} tells no more of it where they stand there as posted"
        )
        write_finding(session, posting, CLOSED_MEANWHILE, document, said)
    if overtaken is not None:
        write_finding(session, posting, "overtaken", document, overtaken)


def _write_uncertain(posting: Posting, document: Row, session: Session) -> None:
    sell, cost = document_totals(document)
    own = (posting.work.month, document["client"])
    month, client = _uncertain_changes(session).get(document["target_id"], own)
    detail = (
        f"an earlier change of {name_target(document['target_id'])} has an unknown outcome; "
        f"{describe_document(document)} waits until it is settled: run billing-pipeline close {month} "
        f"--client {client} --post, then this one again"
    )
    hold = Hold("held", "unknown_outcome", detail, document["currency"], sell, cost)
    write_hold(session, posting, document["client"], hold)


def _write_overtaken(posting: Posting, document: Row, plan_hash: str, said: str, session: Session) -> None:
    """HaloPSA refused the change because somebody else was faster."""
    write_status(session, posting, "not_written", document, plan_hash, said)
    _write_changed(posting, document, session, gone=False)


def _write_changed(posting: Posting, document: Row, session: Session, *, gone: bool) -> None:
    detail = (
        f"{name_target(document['target_id'])} {'is gone' if gone else 'was changed'} since the plan was made; "
        f"{describe_document(document)} was not sent. Run billing-pipeline close {posting.work.month} "
        f"--client {document['client']} --post: it plans on what HaloPSA has now"
    )
    hold_for_target(posting, document, detail, session)


def hold_for_target(posting: Posting, document: Row, detail: str, session: Session) -> None:
    """Hold a client whose existing document cannot be changed now."""
    sell, cost = document_totals(document)
    write_hold(
        session, posting, document["client"], Hold("held", "target_changed", detail, document["currency"], sell, cost)
    )
