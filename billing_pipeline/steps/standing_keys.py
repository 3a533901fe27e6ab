"""What in HaloPSA still bears the keys of a client's month, looked for by more routes than one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.halopsa_days import read_day
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.paging import HaloRows
from billing_pipeline.steps.changed_lines import is_like, net_amount
from billing_pipeline.steps.halo_documents import Row
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.halo_targets import is_closed
from billing_pipeline.steps.key_fields import document_key_of, line_key
from billing_pipeline.steps.others_lines import name_target
from billing_pipeline.steps.posted_ledger import PostedDocument, PostedLine
from billing_pipeline.steps.settle import look_since
from billing_pipeline.steps.stray_keys import Owner, places_of_keys, read_owners
from billing_pipeline.steps.work import Work

ROUTES = "a bulk read, a search by document key, the clients' own lists, the documents by id, all recurring invoices"


@dataclass(frozen=True)
class Standing:
    """A document or a line in HaloPSA that still bills what is to be released. `line_id` is None for the document."""

    halopsa_id: int
    line_id: int | None
    name: str
    key: str
    money: Decimal
    currency: str
    todo: str

    @property
    def told(self) -> str:
        """The whole of it in one text."""
        line = "" if self.line_id is None else f", line {self.line_id}"
        named = f" ({self.name})" if self.name else ""
        return (
            f"HaloPSA {name_target(self.halopsa_id)}{line}{named} over {show_amount(self.money, self.currency)} "
            f"{self.key}. {self.todo}"
        )


@dataclass(frozen=True)
class Found:
    """What HaloPSA has, by id, and how it was looked for. `listed` are the invoices of the bulk read alone, `gaps` say
    which lists do not prove complete."""

    rows: Mapping[int, Row]
    listed: Sequence[dict[str, object]]
    routes: str = ROUTES
    gaps: tuple[str, ...] = ()


def _look_everywhere(halo: HaloClient, documents: Sequence[PostedDocument], month: str) -> Found:
    """Everything that may bear the documents' keys: by a bulk read since well before `month` and their own dates, by
    a search for each document key, by the list of each client they are on, by their ids, and all recurring invoices.

    Where the list of a client does not show what must be in it, all invoices are read instead.
    """
    dated = [{"invoice_date": one.invoice_date.isoformat()} for one in documents if one.invoice_date is not None]
    listed = halo.invoices(since=look_since(dated, month))
    rows: dict[int, Row] = {}
    gaps: set[str] = set()

    def add(found: HaloRows) -> None:
        rows.update({int(row["id"]): row for row in found})
        gaps.update(() if found.gap is None else (found.gap,))

    add(listed)
    for document in documents:
        if document.is_ours:
            add(halo.invoices(search=document.document_key))
    own_lists = [halo.invoices(client_id=one) for one in sorted({one.halopsa_client_id for one in documents})]
    for own_list in own_lists:
        rows.update({int(row["id"]): row for row in own_list})
    if listed.is_filtered and any(own_list.gap is not None for own_list in own_lists):
        # A bulk read without a filter has shown all that a client's list could.
        add(halo.invoices())
    add(halo.recurring_invoices())
    for halopsa_id in sorted({document.halopsa_id for document in documents}):
        # By itself even where a list had it, or had not: a list may be of a moment ago.
        row = halo.recurring_invoice(halopsa_id) if halopsa_id < 0 else halo.invoice(halopsa_id)
        if row is not None:
            rows[halopsa_id] = row
    return Found(rows, listed, gaps=tuple(sorted(gaps)))


def look_for_standing(
    work: Work, halo: HaloClient, documents: Sequence[PostedDocument]
) -> tuple[Found, list[Standing]]:
    """What HaloPSA has by every route, and what of it still stands for these documents of the month."""
    fields = work.config.settings.halopsa_fields
    found = _look_everywhere(halo, documents, work.month)
    with work.warehouse.session("read whose lines HaloPSA has") as session:
        owners = read_owners(session, {key for key, _, _ in places_of_keys(found.rows.values(), fields)})
    return found, _find_standing(documents, found, fields, owners)


def _find_standing(
    documents: Sequence[PostedDocument],
    found: Found,
    fields: HaloPsaFields,
    owners: Mapping[str, Sequence[Owner]],
) -> list[Standing]:
    """What bears the keys of these documents, or is one of them without its keys; empty where nothing is left.

    A void document that bears a key counts: posting would take it for the document that it looks for. `owners` are
    where the keys in HaloPSA were posted: a document of ours may have lines of another client or month by now.
    """
    standing: list[Standing] = []
    for row_id, row in sorted(found.rows.items()):
        standing += _find_on(row_id, row, documents, fields, owners)
    return standing


def _find_on(
    row_id: int,
    row: Row,
    documents: Sequence[PostedDocument],
    fields: HaloPsaFields,
    owners: Mapping[str, Sequence[Owner]],
) -> Iterable[Standing]:
    keys = {one.document_key: one for one in documents if one.is_ours}
    key = document_key_of(row, fields)
    own = next((one for one in documents if one.is_ours and one.halopsa_id == row_id), None)
    document = keys.get(key, own)
    ours = {line.key for one in documents for line in one.lines}
    lines = row.get("lines") or ()
    others = [line for line in lines if not _is_of_documents(line, documents, ours, fields)]
    # Without its key and with lines of others alone it is theirs.
    are_alone = bool(others) and len(others) == len(lines)
    rewritten = [line for line in others if are_alone and not line_key(line, fields) and _is_like_any(line, documents)]
    is_theirs = key not in keys and are_alone and not rewritten
    if document is not None and (key in keys or not row.get("voided")) and not is_theirs:
        said = f"bears {key}" if key in keys else f"is {document.document_key}, without its key"
        total = sum((net_amount(line, document.currency) for line in lines), Decimal(0))
        todo = _delete_document(row)
        if rewritten and not row.get("voided") and not is_closed(row):
            named = ", ".join(str(line.get("id")) for line in rewritten)
            todo = (
                f"Line {named} may be ours, written anew without its key: delete what bills the same there, put what "
                "does not on an invoice of its own, then delete this one."
            )
        elif others and not row.get("voided") and not is_closed(row):
            todo = _leave_others(lines, others, document, key in keys, fields, owners)
        yield Standing(row_id, None, "", said, total, document.currency, todo)
        return
    ids = {one.halopsa_id for one in documents}
    is_near = row_id in ids or integer(row.get("recurring_invoice_id")) in ids
    for line in row.get("lines") or ():
        if not is_near and line_key(line, fields) not in ours:
            continue
        for document in documents:
            posted, said = _line_there(row_id, row, line, document, fields)
            if posted is not None:
                net = net_amount(line, document.currency)
                name = text(line.get("item_shortdescription"))
                todo = _delete_line(row_id, row, posted)
                yield Standing(row_id, integer(line.get("id")), name, said, net, document.currency, todo)
                break


def _is_of_documents(
    line: Row, documents: Sequence[PostedDocument], ours: Collection[str], fields: HaloPsaFields
) -> bool:
    """Whether a line of one of these documents, or of one that has its id, is ours; a key may have been taken out."""
    key, line_id = line_key(line, fields), integer(line.get("id"))
    if key:
        return key in ours
    return any(
        (line_id is not None and line_id == posted.line_id)
        or (integer(line.get("_itemid")) == posted.item_id and net_amount(line, document.currency) == posted.sell)
        for document in documents
        for posted in document.lines
    )


def _is_like_any(line: Row, documents: Sequence[PostedDocument]) -> bool:
    """Whether a line without a key may be one of ours that a person wrote anew."""
    return any(
        is_like(line, posted.item_id, posted.name, posted.sell, document.currency)
        for document in documents
        for posted in document.lines
    )


def _leave_others(
    lines: Sequence[Row],
    others: Sequence[Row],
    document: PostedDocument,
    has_key: bool,
    fields: HaloPsaFields,
    owners: Mapping[str, Sequence[Owner]],
) -> str:
    """What to do with a draft of ours that bills more than the month to release: what is not of it must stay billed."""
    named, commands = [], []
    for line in others:
        key = line_key(line, fields)
        owner = next(iter(owners.get(key, ())), None)
        whose = "not ours" if not key else f"of nobody that was posted ({key})"
        if owner is not None:
            whose = f"of {owner.client} for {owner.month}"
            commands.append(f"billing-pipeline release {owner.month} --client {owner.client}")
        money = show_amount(net_amount(line, document.currency), document.currency)
        named.append(f"line {line.get('id')} ({text(line.get('item_shortdescription'))}) over {money} is {whose}")
    ids = ", ".join(str(line.get("id")) for line in lines if line not in others)
    todo = [f"delete line{'s' if ',' in ids else ''} {ids}"] if ids else []
    todo += [f"take the key out of its {fields.document_key_field}"] if has_key else []
    said = f"Its {', '.join(named)}: leave the document, and only {' and '.join(todo)} there."
    if len(commands) == len(others):
        return f"{said} Or delete all of it, and release that as well: {'; '.join(dict.fromkeys(commands))}."
    return said


def _line_there(
    row_id: int, row: Row, line: Row, document: PostedDocument, fields: HaloPsaFields
) -> tuple[PostedLine | None, str]:
    """The posted line that a line of HaloPSA is, with the words that say so; (None, "") where it is none."""
    key, line_id = line_key(line, fields), integer(line.get("id"))
    for posted in document.lines:
        if posted.slot_key is None:
            if key == posted.charge_key:
                return posted, f"bears {key}"
        elif _is_of_this_month(row_id, row, document, posted, fields):
            if key == posted.slot_key:
                return posted, f"bears {key}{', inactive' if line.get('isinactive') else ''}"
            if not key and _looks_issued(row_id, row, line, document, posted):
                return posted, f"looks like the line of {posted.slot_key} that was issued, without its key"
        if (
            row_id == document.halopsa_id
            and line_id is not None
            and line_id == posted.line_id
            and posted.replaced_by is None
            and not row.get("voided")
            and not key
        ):
            return posted, f"is the line of {posted.key}, without its key"
    return None, ""


def _is_of_this_month(
    row_id: int, row: Row, document: PostedDocument, posted: PostedLine, fields: HaloPsaFields
) -> bool:
    """Whether a line with a slot is of the month to release: slots are the same every month.

    On a recurring invoice it is unless a later month wrote over it: one that ended bears no other month's key. On an
    invoice it is if that was issued from the lines as this month left them.
    """
    if row_id < 0:
        return posted.replaced_by is None or posted.is_ended
    if row.get("voided"):
        return False
    day = read_day(row.get("invoice_date"), fields.zone)
    if day is None:
        return True
    since = _next_issue(document.issue_mark, fields)
    until = _next_issue(posted.issue_until, fields) if posted.issue_until is not None else None
    return (since is None or day >= since) and (until is None or day < until)


def _looks_issued(row_id: int, row: Row, line: Row, document: PostedDocument, posted: PostedLine) -> bool:
    """Whether a line without a key is one that HaloPSA issued from ours: not every tenant need copy the key."""
    return (
        row_id > 0
        and integer(row.get("recurring_invoice_id")) == document.halopsa_id
        and posted.item_id is not None
        and integer(line.get("_itemid")) == posted.item_id
        and net_amount(line, document.currency) == posted.sell
    )


def _next_issue(mark: str, fields: HaloPsaFields) -> date | None:
    """The day of the next issue in a template's issue mark."""
    return read_day(mark.partition("|")[2], fields.zone)


def _delete_document(row: Row) -> str:
    if row.get("voided"):
        return "It is void; delete it there, or where HaloPSA keeps it, take the key out of it."
    if is_closed(row):
        return "It is no draft any more: what accounting or the client has is taken back with a credit, not released."
    return "Delete it there."


def _delete_line(row_id: int, row: Row, posted: PostedLine) -> str:
    if row_id > 0 and posted.slot_key is not None:
        return f"It was issued from the recurring invoice. {_delete_document(row)}"
    if row_id > 0 and row.get("voided"):
        return _delete_document(row)
    if row_id > 0 and is_closed(row):
        return _delete_document(row)
    return "Delete that line there."
