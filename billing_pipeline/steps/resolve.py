"""Resolve a posting of unknown outcome by a person's word: HaloPSA has it as this invoice, or does not have it.

Looking settles most of them. This is for what looking cannot: the word is refused where any read contradicts it, and
the journal keeps who gave it. Nothing is sent to HaloPSA.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.nearest import suggest
from billing_pipeline.steps import journal
from billing_pipeline.steps.approve import read_name
from billing_pipeline.steps.doubtful_change import find_billing
from billing_pipeline.steps.halo_documents import Row, differences, index_by_key, key_in_halo, read_document
from billing_pipeline.steps.key_fields import keys_on
from billing_pipeline.steps.month_history import open_postings
from billing_pipeline.steps.others_lines import name_target, read_target_row
from billing_pipeline.steps.posting_state import Posting, describe_document, make_writer, record, write_status
from billing_pipeline.steps.read_back import forget_settled_holds
from billing_pipeline.steps.record_reversals import is_reversal
from billing_pipeline.steps.settle import OpenPosting, adopt, bearing, is_carried_out, name_gaps, read_open_postings
from billing_pipeline.steps.work import Work


@dataclass(frozen=True)
class Resolved:
    """What a person said of a client's open documents: HaloPSA has them as `halopsa_id`, None where it has none.

    `differences` are between what was planned and what is there, `command` is what goes on.
    """

    month: str
    client: str
    by: str
    documents: tuple[str, ...]
    halopsa_id: int | None
    differences: tuple[str, ...]
    command: str


def resolve(work: Work, halo: HaloClient, by: str, invoice_id: int | None) -> Resolved:
    """Write down what became of the open postings of the month of the one client of `work`, as the person `by` says.

    `invoice_id` is the HaloPSA document that has them, read by its id and accepted only with our key; None says that
    HaloPSA has none of them. That is refused within the grace, and where any read shows one.
    Raises SettingsError for a name that says nothing, PostingRefused where it is not accepted, WarehouseLocked where
    another process posts, and what HaloPSA raises for reads: then nothing was changed.
    """
    name = read_name(by, "says so")
    posting = Posting(work, halo, make_writer(halo, work.run_id))
    month, client = work.month, work.clients[0]
    with work.warehouse.posting_lock(f"resolve {month} of {client}"):
        with work.warehouse.session(f"read what is unknown of {client}") as session:
            said = f"Nothing was resolved of {client} for {month}."
            then = f"run billing-pipeline resolve {month} --client {client} again"
            journal.refuse_other_tenant(session, halo.address, halo.tenant, said, then)
            journal.refuse_broken(session, work.warehouse.published, said, then)
            opened = read_open_postings(session, posting)
            if not opened:
                raise PostingRefused(_nothing_open(session, work))
        if invoice_id is None:
            _refuse_within_grace(posting, opened)
            looked = _look(posting, opened)
            said_of, row = opened, None
        else:
            row = _read_accepted(posting, opened, invoice_id)
            said_of, looked = [one for one in opened if _bears(posting, row, one)], ""
        with work.warehouse.session(f"resolve {month} of {client}") as session:
            for one in said_of:
                _write(session, posting, one, row, name, looked)
            forget_settled_holds(session, work)
            head = journal.read_head(session)
        journal.write_head(head, work.warehouse.published / journal.HEAD_FILE)
    return Resolved(
        month,
        client,
        name,
        tuple(describe_document(one.document) for one in said_of),
        invoice_id,
        tuple(said for one in said_of for said in _differences(posting, one, row)),
        next_command(work, said_of[0]),
    )


def next_command(work: Work, one: OpenPosting) -> str:
    """The command that looks for a document, and posts it again once it is known to be absent."""
    command = "reverse" if is_reversal(one.document) else "close"
    return f"billing-pipeline {command} {work.month} --client {one.client} --post"


def _nothing_open(session: Session, work: Work) -> str:
    month, client = work.month, work.clients[0]
    known = sorted(open_postings(session, month))
    near = f" ({suggest(client, known)})" if known else ""
    return (
        f"Nothing of {client} in {month} has an unknown outcome{near}, so there is nothing to resolve. "
        f"billing-pipeline review {month} shows where each client stands."
    )


def _refuse_within_grace(posting: Posting, opened: Sequence[OpenPosting]) -> None:
    grace = posting.fields.unknown_grace_seconds
    waiting = [one for one in opened if one.waited_seconds < grace]
    if not waiting:
        return
    ends = posting.now + timedelta(seconds=max(grace - one.waited_seconds for one in waiting))
    raise PostingRefused(
        f"{describe_document(waiting[0].document)} may still arrive in HaloPSA: nobody can say before "
        f"{ends:%Y-%m-%d %H:%M} UTC (halopsa.unknown_grace_seconds: {grace}) that it is not there. Nothing was "
        f"changed. After that, {next_command(posting.work, waiting[0])} looks by itself."
    )


def _look(posting: Posting, opened: Sequence[OpenPosting]) -> str:
    """How HaloPSA was looked into for these documents. Raises PostingRefused where any read shows one."""
    halo, fields = posting.halo, posting.fields
    invoices = halo.invoices()
    recurring = halo.recurring_invoices()
    gap = name_gaps(invoices, recurring)
    for one in opened:
        document = one.document
        if document["action"] == "update_recurring":
            targets = [row for row in (read_target_row(halo, document["target_id"]), *recurring) if row is not None]
            shown = [
                row for row in targets if row["id"] == document["target_id"] and is_carried_out(row, document, fields)
            ] or find_billing(document, invoices, fields)
        else:
            own = halo.invoices(client_id=document["billed_client_id"])
            found = [*invoices, *halo.invoices(search=document["document_key"]), *own]
            if document["target_id"] is not None:
                target = read_target_row(halo, document["target_id"])
                found += [] if target is None else [target]
            shown = bearing(index_by_key(found, fields), document)
        if shown:
            raise PostingRefused(_shown(posting, one, shown))
    return f"all invoices, searches, clients' lists and targets were read{'' if gap is None else f'; {gap}'}"


def _shown(posting: Posting, one: OpenPosting, rows: Sequence[Row]) -> str:
    month, client = posting.work.month, one.client
    ids = sorted({int(row["id"]) for row in rows}, key=abs)
    named = " and ".join(name_target(row_id) for row_id in ids)
    bear = "bears" if len(ids) == 1 else "bear"
    there = f"{describe_document(one.document)} is not absent: HaloPSA {named} {bear} it. Nothing was changed."
    if len(ids) > 1:
        return f"{there} Delete all but one there, then run {next_command(posting.work, one)}."
    if one.document["target_id"] not in (None, ids[0]):
        return (
            f"{there} If the change arrived, billing-pipeline resolve {month} --client {client} --invoice "
            f"{one.document['target_id']} --by NAME says so; else void what bills it, then say so again."
        )
    return f"{there} billing-pipeline resolve {month} --client {client} --invoice {ids[0]} --by NAME accepts it."


def _read_accepted(posting: Posting, opened: Sequence[OpenPosting], invoice_id: int) -> Row:
    row = read_target_row(posting.halo, invoice_id)
    named = "; ".join(describe_document(one.document) for one in opened)
    if row is None:
        raise PostingRefused(f"HaloPSA has no {name_target(invoice_id)}: it is not {named}. Nothing was changed.")
    if not any(_bears(posting, row, one) for one in opened):
        fields = posting.fields
        raise PostingRefused(
            f"HaloPSA {name_target(invoice_id)} bears no key of {named}, neither in {fields.document_key_field} nor in "
            f"{fields.charge_key_field} of a line: it is not accepted, and nothing was changed. If it is the one, put "
            "the key there."
        )
    return row


def _bears(posting: Posting, row: Row, one: OpenPosting) -> bool:
    """Whether a HaloPSA document is the one that was sent: our keys are on it, and it is the one that was changed."""
    document = one.document
    if document["target_id"] not in (None, row["id"]):
        return False
    keys = set(keys_on(row, posting.fields))
    ours = {key_in_halo(line) for line in document["lines"]}
    if document["action"] == "update_recurring":
        # The same keys stand there every month: all of them must.
        return bool(ours) and ours <= keys
    return not keys.isdisjoint({document["document_key"], *ours})


def _differences(posting: Posting, one: OpenPosting, row: Row | None) -> list[str]:
    if row is None:
        return []
    return differences(one.document, read_document(row, one.document, posting.fields))


def _write(session: Session, posting: Posting, one: OpenPosting, row: Row | None, by: str, looked: str) -> None:
    document, plan_hash = one.document, one.plan_hash
    word = "HaloPSA does not have it" if row is None else f"HaloPSA has it as {name_target(int(row['id']))}"
    outcome = f"{word}, says {by}{f'; {looked}' if looked else ''}"
    record(session, posting, "resolved", document, plan_hash, outcome=outcome, detail={"by": by})
    if row is not None:
        adopt(session, posting, "settled", document, plan_hash, row, one.others)
        return
    write_status(session, posting, "absent", document, plan_hash, outcome)
    session.execute(
        "update holds set detail = ? where month = ? and client = ? and reason = 'unknown_outcome' "
        "and contains(detail, ?)",
        [
            f"{describe_document(document)} is not in HaloPSA, says {by}: run {next_command(posting.work, one)}, which "
            "plans and posts it again",
            posting.work.month,
            one.client,
            document["document_key"],
        ],
    )
