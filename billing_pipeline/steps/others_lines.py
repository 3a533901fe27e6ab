"""Lines that are not ours on documents that we change: whether they are as they were, and what waits until they are.

A tenant that adds every line it is sent, instead of replacing the lines, doubles an invoice with one update. That is
found on the first document, and until that document is repaired no other is changed. A line that merely changed holds
up its own document, and not even that where it was seen later, for a person may have changed it since.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing_pipeline.billing.errors import ServiceError
from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.halo_documents import Row, key_in_halo
from billing_pipeline.steps.halo_targets import is_closed, line_content
from billing_pipeline.steps.key_fields import line_key
from billing_pipeline.steps.posting_state import Posting, document_totals, record, write_finding

Content = Mapping[str, Any]

# HaloPSA takes these from a line's item or client where the line has none of its own, whoever saves the document.
_FILLED_IN = ("tax_code", "nominal_code", "item_code", "item_shortdescription")


@dataclass(frozen=True)
class Damage:
    """What an update did to lines of others: `lost` is how they were before they changed or vanished, `kept` are ids
    of those that did not, `changed` of those that are there and differ, `doubled` of lines that are copies of others.
    `strange` lines came with neither: an agent was there at the same time."""

    lost: tuple[Content, ...] = ()
    kept: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    doubled: tuple[int, ...] = ()
    strange: tuple[int, ...] = ()
    said: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled)

    @property
    def is_of_lines_alone(self) -> bool:
        """Whether lines merely changed: this HaloPSA does replace lines, so other documents are safe."""
        return bool(self) and not self.doubled and len(self.lost) == len(self.changed)


@dataclass(frozen=True)
class Unrepaired:
    """What is still damaged and can be repaired: what keeps every existing document from being changed, None where
    nothing does, and what keeps single ones from it, by their ids."""

    everywhere: str | None
    documents: Mapping[int, str]

    def why_not(self, target_id: int) -> str | None:
        """Why an existing document may not be changed; None where it may."""
        return self.everywhere or self.documents.get(target_id)


def read_target_row(halo: HaloClient, target_id: int) -> Row | None:
    """An invoice or a recurring invoice (whose ids are negative), whole; None where HaloPSA has none."""
    return halo.recurring_invoice(target_id) if target_id < 0 else halo.invoice(target_id)


def other_lines(row: Row, document: Row, fields: HaloPsaFields) -> list[Content]:
    """The lines of a document that a planned update leaves as they are."""
    ours = replaced_ids(document)
    return [line_content(line, fields) for line in row.get("lines") or () if line["id"] not in ours]


def find_damage(before: Sequence[Content], row: Row, document: Row, fields: HaloPsaFields) -> Damage:
    """How the lines of others on `row` differ from how they were `before` the planned update."""
    old = {content["id"]: content for content in before}
    ours = replaced_ids(document)
    awaited = {key_in_halo(line) for line in document["lines"] if line["target_line_id"] is None}
    now: dict[int, Content] = {}
    doubled: list[int] = []
    strange: list[int] = []
    billed = {_what_it_bills(content) for content in before}
    for line in sorted(row.get("lines") or (), key=lambda line: int(line["id"])):
        content, key = line_content(line, fields), line_key(line, fields)
        if content["id"] in old:
            now[content["id"]] = content
        elif key in awaited:
            awaited.discard(key)
        elif content["id"] not in ours:
            (doubled if is_ours(key) or _what_it_bills(content) in billed else strange).append(content["id"])
    said = [f"line {line_id} vanished" for line_id in sorted(old.keys() - now.keys())]
    kept = {line_id for line_id, content in now.items() if _is_as_it_was(old[line_id], content)}
    lost = tuple(content for line_id, content in sorted(old.items()) if line_id not in kept)
    changed = tuple(sorted(now.keys() - kept))
    said += [f"line {line_id} changed ({describe_changes(old[line_id], now[line_id])})" for line_id in changed]
    said += [f"line {line_id} is a copy" for line_id in doubled]
    return Damage(lost, tuple(sorted(kept)), changed, tuple(doubled), tuple(strange), tuple(said))


def write_damage(
    session: Session, posting: Posting, document: Row, plan_hash: str, damage: Damage, *, is_seen_later: bool = False
) -> None:
    """Write down what happened to lines of others, for what waits until it is repaired.

    Where it `is_seen_later`, not right after our change, a person may have changed a line since: that is told, and
    nothing waits.
    """
    if damage.strange:
        ids = ", ".join(map(str, damage.strange))
        said = f"lines {ids} came to document {document['target_id']} while it was changed, and not from us"
        write_finding(session, posting, "lines_appeared", document, said)
    if not damage:
        return
    is_told_alone = is_seen_later and damage.is_of_lines_alone
    for said in damage.said:
        if is_told_alone:
            said += (
                ". Nobody knows whether our change did that or a person since: look at its history in HaloPSA, and set "
                "the line back there if it is not meant"
            )
        kind = "others_edited" if is_told_alone else "others_changed"
        write_finding(session, posting, kind, document, f"{name_target(document['target_id'])}: {said}")
    holds_up = "nothing" if is_told_alone else "the document" if damage.is_of_lines_alone else "every document"
    detail = {
        "target_id": document["target_id"],
        "holds_up": holds_up,
        **{name: list(getattr(damage, name)) for name in ("lost", "kept", "doubled")},
    }
    record(session, posting, "others_changed", document, plan_hash, outcome="; ".join(damage.said), detail=detail)


def describe_damage(document: Row, damage: Damage, month: str) -> str:
    """What a person reads when the run stops."""
    sell, _ = document_totals(document)
    command = f"billing-pipeline close {month} --client {document['client']} --post"
    if damage.is_of_lines_alone:
        then = (
            f"until then this one is not changed again. Then run {command}; what is meant, make again after that. If "
            "this HaloPSA changes lines of others whenever one is written, set behaviour.target to new."
        )
    else:
        then = (
            f"until then no existing document is changed. Then run {command}. If this HaloPSA adds lines instead of "
            "replacing them, set behaviour.target to new."
        )
    return (
        f"after the change of {name_target(document['target_id'])} of {document['client']}, lines that are not ours "
        f"differ: {'; '.join(damage.said)}. Our lines over {show_amount(sell, document['currency'])} for {month} are "
        f"there. Repair the others in HaloPSA: {then}"
    )


def name_target(target_id: int) -> str:
    """An existing document as texts name it."""
    return f"{'recurring invoice' if target_id < 0 else 'invoice'} {target_id}"


def find_unrepaired(posting: Posting) -> Unrepaired:
    """What is still damaged by an earlier update of ours, of any month, and can be repaired.

    What was repaired since is written down, and its findings go. An invoice that was closed as it is holds nothing up,
    but stays told: what left HaloPSA bills too much or too little.
    """
    with posting.work.warehouse.session("look for damaged documents") as session:
        rows = session.rows(
            "select month, client, document_key, plan_hash, outcome, detail from posting_journal as damaged "
            "where event = 'others_changed' and not exists (select 1 from posting_journal as later "
            "where later.event = 'others_repaired' and later.document_key = damaged.document_key "
            "and later.seq > damaged.seq) order by seq"
        )
    everywhere: list[str] = []
    documents: dict[int, str] = {}

    def hold_up(detail: Mapping[str, Any], said: str) -> None:
        holds_up = detail.get("holds_up", "every document")
        if holds_up == "every document":
            everywhere.append(said)
        elif holds_up == "the document":
            documents[detail["target_id"]] = said

    for row in rows:
        detail = json.loads(row["detail"])
        name = f"{name_target(detail['target_id'])} of {row['client']} for {row['month']}"
        try:
            found = read_target_row(posting.halo, detail["target_id"])
        except ServiceError as error:
            hold_up(detail, f"{name} could not be read: {error}")
            continue
        became = _look_whether_repaired(found, detail, posting.fields)
        if became is None:
            if found is None or detail["target_id"] < 0 or not is_closed(found):
                hold_up(detail, f"{name}: {row['outcome']}")
            continue
        with posting.work.warehouse.session("write a repaired document") as session:
            named = {column: row[column] for column in ("month", "client", "document_key", "plan_hash")}
            journal.append(session, posting.writer, "others_repaired", posting.now, **named, outcome=became)
            session.execute(
                "delete from findings where kind in ('others_changed', 'others_edited') and document_key = ?",
                [row["document_key"]],
            )
    if len(documents) > 1:
        # One changed line may be a clerk's work; several are how this HaloPSA treats lines that it is sent back.
        everywhere += documents.values()
    return Unrepaired("; ".join(everywhere) or None, documents)


def _look_whether_repaired(row: Row | None, detail: Mapping[str, Any], fields: HaloPsaFields) -> str | None:
    """What made a document right, or away with it; None where it is neither."""
    if row is None:
        return "gone"
    if row.get("voided"):
        return "voided"
    return "as it was" if _is_repaired(row, detail, fields) else None


def _is_repaired(row: Row, detail: Mapping[str, Any], fields: HaloPsaFields) -> bool:
    """Whether copies are gone and what was lost is there again."""
    lines = [line_content(line, fields) for line in row.get("lines") or ()]
    if {line["id"] for line in lines} & set(detail["doubled"]):
        return False
    # One that stayed is not the one that vanished, however alike they are.
    left = [line for line in lines if line["id"] not in detail.get("kept", ())]
    # Those that say the most choose first among lines of which HaloPSA filled in what was not said.
    for content in sorted(detail["lost"], key=lambda content: sum(not content[name] for name in _FILLED_IN)):
        found = next((line for line in left if _is_as_it_was(content, line)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def replaced_ids(document: Row) -> set[int]:
    """The ids of the lines that a planned update rewrites or ends."""
    return {line["target_line_id"] for line in document["lines"] if line["target_line_id"] is not None} | set(
        document["deactivate"]
    )


def _is_as_it_was(old: Content, now: Content) -> bool:
    """Whether a line is as it was, whatever its id: a person may have written it anew."""
    return not _changed_fields(old, now)


def _changed_fields(old: Content, now: Content) -> list[str]:
    return [
        name for name, value in old.items() if name != "id" and now[name] != value and (value or name not in _FILLED_IN)
    ]


def describe_changes(old: Content, now: Content) -> str:
    """What a person needs to set a line back: each field that changed, with both values; empty where none did."""
    return ", ".join(f"{name} was {old[name]!r}, is {now[name]!r}" for name in _changed_fields(old, now))


def _what_it_bills(content: Content) -> tuple[Any, ...]:
    # HaloPSA may fill in texts and accounts of a copy.
    return tuple(content[name] for name in ("_itemid", "qty_order", "unit_price"))
