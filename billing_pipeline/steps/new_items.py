"""Create the items that a sealed plan needs, each once, even over a crash: found again by `externalreference`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.errors import NotWritten, OutcomeUnknown, ServiceError
from billing_pipeline.billing.names import is_same_name, normal_name
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.full_window import Patience, describe_failed_look, is_full
from billing_pipeline.steps.halo_facts import text
from billing_pipeline.steps.posting_gates import SealedPlan
from billing_pipeline.steps.posting_state import Posting

NewItemRow = Mapping[str, Any]
Columns = Mapping[str, Any]


@dataclass(frozen=True)
class ItemProblem:
    """Why an item has no id: what HaloPSA said, and whether it may have created the item all the same."""

    said: str
    unknown: bool


@dataclass(frozen=True)
class NeededBy:
    """A client whose sealed plan needs an item."""

    client: str
    plan_hash: str


def ensure_items(
    posting: Posting, plans: Sequence[SealedPlan], patience: Patience
) -> tuple[dict[str, int], dict[str, ItemProblem]]:
    """The ids of the items that the plans need; see `create_items`."""
    needed: dict[str, list[NeededBy]] = defaultdict(list)
    for plan in plans:
        for item in plan.content["new_items"]:
            needed[item["reference"]].append(NeededBy(plan.client, plan.plan_hash))
    wanted = (item for plan in plans for item in plan.content["new_items"])
    return create_items(posting, wanted, needed, patience)


def create_items(
    posting: Posting,
    items: Iterable[NewItemRow],
    needed: Mapping[str, Sequence[NeededBy]] | None = None,
    patience: Patience | None = None,
) -> tuple[dict[str, int], dict[str, ItemProblem]]:
    """Item ids by reference, and for references that have none, why not.

    `items` have the fields of NewItem, `needed` says by reference whose plans need them, where plans do. Items that
    exist are used as they are and never modified. One whose creation has an unknown outcome is neither used nor created
    again before the grace has passed, or while a list lacks rows. Where HaloPSA's window is full, the run waits with
    its `patience`; once that is at its end, nothing more is created. Posting must be locked.
    """
    patience = patience or Patience(posting.halo)
    wanted = {item["reference"]: item for item in items}
    if not wanted:
        return {}, {}
    with posting.work.warehouse.session("look up created items") as session:
        waiting = _waiting(session, posting)
        sent_before = _sent_before(session)
    listed = posting.halo.items()
    # By their normal form: HaloPSA may write a reference that holds a name in its own way.
    known = {normal_name(text(row.get("externalreference"))): int(row["id"]) for row in listed}
    group_ids: dict[str, int] = {}
    ids: dict[str, int] = {}
    problems: dict[str, ItemProblem] = {}
    failed: dict[str, ItemProblem] = {}
    for reference in sorted(wanted):
        item, whose = wanted[reference], _name_clients((needed or {}).get(reference, ()))
        key = normal_name(reference)
        if key in known:
            ids[reference] = known[key]
        elif key in failed:
            problems[reference] = failed[key]
            continue
        elif key in waiting:
            problems[reference] = ItemProblem(f"item {item['name']!r} was sent to HaloPSA and is not there yet", True)
            continue
        elif key in sent_before and (left_out := _look_again(posting, item, sent_before[key])) is not None:
            ids[reference] = left_out
        elif listed.gap is not None:
            sent = "was sent to HaloPSA" if key in sent_before else "was looked for in HaloPSA"
            said = f"item {item['name']!r} {sent}, whose list of items lacks rows ({listed.gap})"
            problems[reference] = ItemProblem(said, True)
            continue
        elif patience.gave_up is not None:
            problems[reference] = ItemProblem(f"item {item['name']!r} was not sent: {patience.gave_up}", False)
            continue
        else:
            try:
                ids[reference] = known[key] = _create_in_group(posting, item, group_ids, waiting, whose, patience)
            except (NotWritten, OutcomeUnknown) as error:
                said = f"item {item['name']!r} could not be created: {error}"
                problems[reference] = failed[key] = ItemProblem(said, isinstance(error, OutcomeUnknown))
                continue
        with posting.work.warehouse.session("confirm a created item") as session:
            _confirm(session, posting, item, ids[reference], whose)
    return ids, problems


def _name_clients(needed: Sequence[NeededBy]) -> Columns:
    """The journal's columns that say who needs an item: one client in them, where there are several all in `detail`."""
    if not needed:
        return {}
    detail = {"needed_by": [vars(one) for one in needed]} if len(needed) > 1 else None
    return {**vars(needed[0]), "detail": detail}


def _waiting(session: Session, posting: Posting) -> set[str]:
    """References of items and names of groups, in their normal form, whose creation was sent within the grace, with no
    outcome since."""
    rows = session.rows(
        "select document_key as reference, arg_max(event, seq) as event, arg_max(recorded_at, seq) as sent_at "
        "from posting_journal where event like 'item~_%' escape '~' or event like 'group~_%' escape '~' group by all"
    )
    grace = posting.fields.unknown_grace_seconds
    return {
        normal_name(row["reference"])
        for row in rows
        if row["event"] in ("item_sending", "group_sending") and (posting.now - row["sent_at"]).total_seconds() < grace
    }


def _sent_before(session: Session) -> dict[str, int | None]:
    """References of items that were ever sent, in their normal form, with the id of those known to have arrived."""
    rows = session.rows(
        "select sent.document_key as reference, max(confirmed.halopsa_item_id) as item_id from posting_journal as sent "
        "left join confirmed_products as confirmed on confirmed.item_reference = sent.document_key "
        "where sent.event = 'item_sending' group by all"
    )
    # Of references with one normal form, one that is known to have arrived says the most.
    rows.sort(key=lambda row: row["item_id"] is not None)
    return {normal_name(row["reference"]): row["item_id"] for row in rows}


def _look_again(posting: Posting, item: NewItemRow, item_id: int | None) -> int | None:
    """The id of an item that we sent and that the list leaves out: by its number, and by a search for its name.

    A list of HaloPSA may lack a page, and a second item of the same reference would be nobody's wish.
    """
    rows = posting.halo.items(search=item["name"])
    numbered = posting.halo.item(item_id) if item_id is not None else None
    for row in [*rows, *([numbered] if numbered is not None else [])]:
        if is_same_name(text(row.get("externalreference")), item["reference"]) and not row.get("inactive"):
            return int(row["id"])
    return None


def _create_in_group(
    posting: Posting,
    item: NewItemRow,
    group_ids: dict[str, int],
    waiting: set[str],
    whose: Columns,
    patience: Patience,
) -> int:
    while True:
        try:
            group_id = _ensure_group(posting, item["item_group"], group_ids, waiting, whose)
            item_id = _create(posting, item, group_id, whose)
        except NotWritten as error:
            if not is_full(error) or not patience.wait(error, f"item {item['name']!r} is looked for, then created"):
                raise
        else:
            patience.went_through()
            return item_id
        try:
            found = _look_again(posting, item, None)
        except ServiceError as error:
            raise NotWritten(None, describe_failed_look(f"item {item['name']!r}", error)) from error
        if found is not None:
            return found
        # The group, too, is looked for before it is created.
        group_ids.clear()


def _ensure_group(posting: Posting, name: str, group_ids: dict[str, int], waiting: set[str], whose: Columns) -> int:
    key = normal_name(name)
    if not group_ids:
        # Of several with one name to the eye, the one that is written like ours comes last.
        rows = sorted(posting.halo.product_groups(), key=lambda row: text(row.get("name")) == name)
        group_ids.update({normal_name(text(row.get("name"))): int(row["id"]) for row in rows})
    if key not in group_ids:
        if key in waiting:
            raise OutcomeUnknown(f"product group {name!r} was sent to HaloPSA and is not there yet")
        body = {"name": name}
        _note(posting, "group_sending", name, whose, request_digest=content_hash(body))
        waiting.add(key)
        try:
            answer = posting.halo.create_product_group(body)
        except NotWritten as error:
            _note(posting, "group_not_written", name, whose, outcome=str(error))
            waiting.discard(key)
            raise
        group_ids[key] = int(answer["id"])
        _note(posting, "group_created", name, whose, outcome=f"HaloPSA product group {answer['id']}")
    return group_ids[key]


def _create(posting: Posting, item: NewItemRow, group_id: int, whose: Columns) -> int:
    body: dict[str, Any] = {
        "name": item["name"],
        "assetgroup_id": group_id,
        "externalreference": item["reference"],
        "baseprice": Decimal(0),
        "costprice": Decimal(0),
        "isrecurringitem": item["term"] not in ("one-time", "activation"),
    }
    if item["sku"]:
        body["supplier_part_code"] = item["sku"]
    if item["income_account"] is not None:
        body["nominalcode"] = item["income_account"]
    if item["expense_account"] is not None:
        body["purchasenominalcode"] = item["expense_account"]
    if item["tax_id"] is not None:
        body["taxcode"] = item["tax_id"]
    _note(posting, "item_sending", item["reference"], whose, request_digest=content_hash(body))
    try:
        answer = posting.halo.create_item(body)
    except NotWritten as error:
        _note(posting, "item_not_written", item["reference"], whose, outcome=str(error))
        raise
    return int(answer["id"])


def _confirm(session: Session, posting: Posting, item: NewItemRow, item_id: int, whose: Columns) -> None:
    """Keep the match as a confirmed row, so that the next month finds the item without looking."""
    known = session.value("select count(*) from confirmed_products where item_reference = ?", [item["reference"]])
    if known:
        return
    session.insert(
        "confirmed_products",
        [
            {
                "integration": item["integration"],
                "product_id": item["product_id"],
                "sku": item["sku"],
                "term": item["term"],
                "halopsa_item_id": item_id,
                "item_reference": item["reference"],
                "origin": "created",
                "confirmed_at": posting.now,
            }
        ],
    )
    journal.append(
        session,
        posting.writer,
        "item_created",
        posting.now,
        month=posting.work.month,
        document_key=item["reference"],
        outcome=f"HaloPSA item {item_id}",
        **whose,
    )


def _note(posting: Posting, event: str, reference: str, whose: Columns, **columns: Any) -> None:
    with posting.work.warehouse.session(f"note {event}") as session:
        journal.append(
            session,
            posting.writer,
            event,
            posting.now,
            month=posting.work.month,
            document_key=reference,
            **whose,
            **columns,
        )
