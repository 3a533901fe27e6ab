"""Settle postings whose outcome nobody knows: by looking, never by trying again."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from billing_pipeline.billing.money import parse_amount
from billing_pipeline.billing.months import month_range
from billing_pipeline.billing.names import is_same_name
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.paging import HaloRows
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.doubtful_change import find_doubt
from billing_pipeline.steps.halo_documents import (
    Row,
    differences,
    index_by_key,
    key_in_halo,
    plain_differences,
    read_document,
)
from billing_pipeline.steps.halo_facts import text
from billing_pipeline.steps.key_fields import line_key
from billing_pipeline.steps.others_lines import find_damage, write_damage
from billing_pipeline.steps.posting_state import Posting, write_finding, write_posted, write_status
from billing_pipeline.steps.shared_invoices import read_own_part


@dataclass(frozen=True)
class OpenPosting:
    """A posting that was sent and not settled; `document` is the planned document.

    `others` are the lines of others as they were, on a document that is changed, `ours` those that it rewrites or ends,
    None where nobody wrote them down. `doubt` is why looking did not prove that it never arrived.
    """

    client: str
    plan_hash: str
    document: Mapping[str, Any]
    waited_seconds: float
    others: tuple[Mapping[str, Any], ...] = ()
    ours: tuple[Mapping[str, Any], ...] | None = None
    doubt: str | None = None


def read_open_postings(session: Session, posting: Posting) -> list[OpenPosting]:
    """The open postings of the run's month and clients."""
    rows = session.rows(
        "select * from postings where month = ? and status in ('sending', 'unknown') order by client, document_key",
        [posting.work.month],
    )
    opened = []
    for row in rows:
        if row["client"] in posting.work.clients:
            detail = json.loads(row["detail"])
            waited = (posting.now - row["sent_at"]).total_seconds()
            others = tuple(detail.get("others", ()))
            ours = tuple(detail["ours"]) if "ours" in detail else None
            opened.append(OpenPosting(row["client"], row["plan_hash"], detail["document"], waited, others, ours))
    return opened


def settle(posting: Posting, opened: Sequence[OpenPosting], invoices: HaloRows) -> list[OpenPosting]:
    """Settle what can be settled; what stays open is returned.

    `invoices` are HaloPSA's, read in bulk just now. Found by key: posted. Not found: open, until the grace has
    passed and a second look by another route finds nothing either; then it is `absent` and planned again. Where
    looking leaves a doubt, as a list that lacks rows does, it stays open however long it is.
    """
    by_key = index_by_key(invoices, posting.fields)
    everything = Everything(posting.halo)
    still_open = []
    for one in opened:
        document = one.document
        rows = _find(posting, by_key, document)
        looks, doubt = "a bulk read", None
        if not rows and one.waited_seconds >= posting.fields.unknown_grace_seconds:
            looks = "a bulk read and a search by its key"
            rows, doubt = _look_again(posting, one, invoices, everything)
            if not rows and doubt is None:
                with posting.work.warehouse.session("settle an unknown posting") as session:
                    write_status(session, posting, "absent", document, one.plan_hash, f"not found by {looks}")
                continue
        with posting.work.warehouse.session("settle an unknown posting") as session:
            if len(rows) == 1:
                adopt(session, posting, "settled", document, one.plan_hash, rows[0], one.others)
                continue
            if len(rows) > 1:
                ids = ", ".join(str(row["id"]) for row in rows)
                session.execute(
                    "delete from findings where kind = 'found_twice' and document_key = ?", [document["document_key"]]
                )
                write_finding(
                    session,
                    posting,
                    "found_twice",
                    document,
                    f"HaloPSA invoices {ids} bear its keys: delete all but one there",
                )
            outcome = f"found {len(rows)} times by {looks}"
            outcome = outcome if doubt is None else f"{outcome}: {doubt}"
            write_status(session, posting, "unknown", document, one.plan_hash, outcome)
        still_open.append(replace(one, doubt=doubt))
    return still_open


def settled_keys(opened: Sequence[OpenPosting], still_open: Sequence[OpenPosting]) -> list[str]:
    """The keys of the documents that are open no more."""
    left = {one.document["document_key"] for one in still_open}
    return [key for key in (one.document["document_key"] for one in opened) if key not in left]


def adopt(
    session: Session,
    posting: Posting,
    event: str,
    document: Mapping[str, Any],
    plan_hash: str,
    row: Row,
    others: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Write that HaloPSA has the document, as found by looking, and what became of `others`' lines on it."""
    found = read_own_part(session, row, document, posting.fields)
    write_posted(session, posting, event, document, plan_hash, found, differences(document, found))
    if others is not None and document["target_id"] is not None:
        damage = find_damage(others, row, document, posting.fields)
        write_damage(session, posting, document, plan_hash, damage, is_seen_later=True)


def look_since(documents: Iterable[Mapping[str, Any]], month: str) -> date:
    """From which invoice date on to look: well before the month and the earliest of the documents, for HaloPSA may
    shift a date, and a database that was lost may have dated them earlier."""
    first, _ = month_range(month)
    earliest = min([first, *(date.fromisoformat(document["invoice_date"]) for document in documents)])
    return earliest - timedelta(days=7)


@dataclass
class Everything:
    """HaloPSA's invoices without any filter, read where a filtered list proves nothing, and once."""

    halo: HaloClient

    @cached_property
    def invoices(self) -> HaloRows:
        """All of them, of any date and client."""
        return self.halo.invoices()


def _find(posting: Posting, by_key: Mapping[str, list[Row]], document: Mapping[str, Any]) -> list[Row]:
    """The documents that bear what was planned. Slots stay from month to month, so a recurring invoice counts as
    written only when it is as planned, to the cent."""
    if document["action"] != "update_recurring":
        return bearing(by_key, document)
    row = posting.halo.recurring_invoice(document["target_id"])
    return [row] if row is not None and is_carried_out(row, document, posting.fields) else []


def is_carried_out(row: Row, document: Mapping[str, Any], fields: HaloPsaFields) -> bool:
    """Whether a recurring invoice is as planned: our lines to the cent and to the letter, those that ended inactive.

    The amounts alone would not tell: those of the month before are often the same.
    """
    if plain_differences(document, read_document(row, document, fields)):
        return False
    there = {line_key(line, fields): line for line in row.get("lines") or ()}
    return all(_is_written(there[key_in_halo(line)], line) for line in document["lines"])


def _is_written(there: Row, planned: Row) -> bool:
    texts = (("item_shortdescription", "short_description"), ("item_longdescription", "long_description"))
    amounts = (("qty_order", "quantity"), ("unit_price", "unit_price"))
    return all(is_same_name(text(there.get(name)), text(planned[ours])) for name, ours in texts) and all(
        parse_amount(there.get(name)) == parse_amount(planned[ours]) for name, ours in amounts
    )


def bearing(by_key: Mapping[str, list[Row]], document: Mapping[str, Any]) -> list[Row]:
    """The documents that bear the key of a planned one, or of one of its charges."""
    keys = [document["document_key"], *(line["charge_key"] for line in document["lines"])]
    rows = {int(row["id"]): row for key in keys for row in by_key.get(key, ())}
    return [rows[invoice_id] for invoice_id in sorted(rows)]


def _look_again(
    posting: Posting, one: OpenPosting, invoices: HaloRows, everything: Everything
) -> tuple[list[Row], str | None]:
    """Another route than the bulk read: HaloPSA's own search, the client's own list, and the target of a change.

    What is found, and why finding nothing does not prove that it never arrived.
    """
    document = one.document
    if document["action"] == "update_recurring":
        return _look_at_recurring(posting, one, invoices)
    searched = posting.halo.invoices(search=document["document_key"])
    listed = posting.halo.invoices(client_id=document["billed_client_id"])
    target = posting.halo.invoice(document["target_id"]) if document["action"] == "update_invoice" else None
    found = [*searched, *listed, *([] if target is None else [target])]
    rows = bearing(index_by_key(found, posting.fields), document)
    if rows or target is not None:
        # A target that is read by its id and does not have the lines proves more than any list.
        return rows, None
    second = listed
    if invoices.is_filtered and listed.gap is not None:
        second = everything.invoices
        rows = bearing(index_by_key(second, posting.fields), document)
    # Where the bulk read was without a filter, no filter can have hidden it.
    return rows, None if rows else name_gaps(*([invoices, second] if invoices.is_filtered else [invoices]))


def _look_at_recurring(posting: Posting, one: OpenPosting, invoices: HaloRows) -> tuple[list[Row], str | None]:
    document = one.document
    recurring = posting.halo.recurring_invoices()
    row = next((row for row in recurring if row["id"] == document["target_id"]), None)
    if row is None:
        row = posting.halo.recurring_invoice(document["target_id"])
    if row is not None and is_carried_out(row, document, posting.fields):
        return [row], None
    gap = name_gaps(recurring, invoices) if row is None else name_gaps(invoices)
    return [], gap or find_doubt(document, one.ours, one.others, row, invoices, posting.fields)


def name_gaps(*lists: HaloRows) -> str | None:
    """Why lists in which a document is not found do not prove that HaloPSA does not have it; None where they do."""
    gaps = sorted({rows.gap for rows in lists if rows.gap is not None})
    if not gaps:
        return None
    return f"HaloPSA's lists lack rows, so that what is not in them may be there all the same ({'; '.join(gaps)})"
