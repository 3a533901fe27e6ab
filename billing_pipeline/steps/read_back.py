"""Read back what was posted, in bulk, and compare it with the plan to the cent."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.finding_kinds import CLOSED_MEANWHILE, SEEN
from billing_pipeline.billing.plan_types import Hold
from billing_pipeline.billing.reasons import reason_rank
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.compare_tax import describe_tax_difference, expect_tax, tax_rates
from billing_pipeline.steps.halo_documents import FoundDocument, Row, differences, index_by_key
from billing_pipeline.steps.late_damage import find_late_damage, read_changed_documents
from billing_pipeline.steps.others_lines import describe_damage, write_damage
from billing_pipeline.steps.posting_state import Posting, record, write_finding
from billing_pipeline.steps.read_reversible import PostedDocument, find_changes
from billing_pipeline.steps.record_reversals import is_reversal, record_reversals_read_back
from billing_pipeline.steps.shared_invoices import read_own_part
from billing_pipeline.steps.work import Work


def unread_postings(session: Session, posting: Posting) -> list[dict[str, Any]]:
    """The posted documents of the run's month and clients that were never read back, or differed when they were.

    A recurring invoice that another month was sent to since says nothing of this month any more.
    """
    rows = session.rows(
        "with sent as (select client, month, sent_at, case when status = 'posted' then halopsa_invoice_id "
        "else json_extract_string(detail, '$.document.target_id')::bigint end as halopsa_invoice_id "
        "from postings where status in ('posted', 'sending', 'unknown')) "
        "select * from postings where month = $month and status = 'posted' and (read_back_at is null "
        "or document_key in (select document_key from findings where month = $month "
        "and (kind in (select unnest($kinds::text[])) or (kind = $closed and halopsa_invoice_id > 0))) "
        "and not exists (select 1 from sent where halopsa_invoice_id < 0 "
        "and sent.halopsa_invoice_id = postings.halopsa_invoice_id and sent.client = postings.client "
        "and sent.month <> $month and (sent.sent_at, sent.month) > (postings.sent_at, postings.month))) "
        "order by document_key",
        {"month": posting.work.month, "kinds": list(SEEN), "closed": CLOSED_MEANWHILE},
    )
    return [row for row in rows if row["client"] in posting.work.clients]


def read_back(posting: Posting, invoices: Sequence[Row]) -> tuple[int, str | None]:
    """Write what HaloPSA says of each posted document that was not read back yet, or differed; how many were read, and
    what must be repaired on one that we changed before another is.

    `invoices` are HaloPSA's, read in bulk after the last write.
    """
    by_id: dict[int, Row] = {int(row["id"]): row for row in invoices}
    by_key = index_by_key(invoices, posting.fields)
    with posting.work.warehouse.session("read what was posted") as session:
        rows = unread_postings(session, posting)
        undone = _read_undone(session, rows)
        changed_documents = read_changed_documents(session, rows)
    unread = {int(row["halopsa_invoice_id"]) for row in rows}
    if any(halopsa_id < 0 for halopsa_id in unread):
        by_id.update({int(row["id"]): row for row in posting.halo.recurring_invoices()})
    for halopsa_id in unread - by_id.keys():
        # An agent may have moved it to a date before those that were read.
        found_alone = posting.halo.invoice(halopsa_id) if halopsa_id > 0 else None
        if found_alone is not None:
            by_id[halopsa_id] = found_alone
    late, damaged = find_late_damage(posting, changed_documents, by_id), []
    changed = {key: find_changes(posting, documents) for key, documents in undone.items()}
    with posting.work.warehouse.session("write what was read back") as session:
        rows, rates, read = unread_postings(session, posting), tax_rates(session), 0
        for row in rows:
            document = json.loads(row["detail"])["document"]
            _forget_findings(session, posting, row)
            for said in changed.get(row["document_key"], ()):
                write_finding(session, posting, "read_back_differs", document, said)
            halo_row = by_id.get(row["halopsa_invoice_id"])
            if halo_row is None:
                said = f"HaloPSA invoice {row['halopsa_invoice_id']} was posted and is not there"
                write_finding(session, posting, "read_back_differs", document, said)
                record(session, posting, "not_there", document, row["plan_hash"], outcome=said)
                continue
            read += 1
            twins = _bearing_too(by_key, document, int(halo_row["id"]))
            if twins:
                said = f"HaloPSA invoices {', '.join(map(str, twins))} bear its keys too: delete them there"
                write_finding(session, posting, "found_twice", document, said)
            damage = late.get(row["document_key"])
            if damage is not None:
                write_damage(session, posting, document, row["plan_hash"], damage, is_seen_later=True)
                if damage and not damage.is_of_lines_alone:
                    damaged.append(describe_damage(document, damage, posting.work.month))
            found = read_own_part(session, halo_row, document, posting.fields)
            _write(session, posting, row, document, found, expect_tax(posting.work.config, document, rates))
    return read, "; ".join(damaged) or None


def _read_undone(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[PostedDocument]]:
    """By the key of each credit among `rows`, what it takes back: changed since, the two do not come to zero."""
    found = session.rows(
        "select reversals.document_key, postings.halopsa_invoice_id, postings.detail, "
        "list(reversals.reversed_charge_key) as charges from reversals "
        "join postings on postings.document_key = reversals.reversed_document_key and postings.status = 'posted' "
        "where reversals.document_key in (select unnest(?::text[])) group by all order by all",
        [[row["document_key"] for row in rows]],
    )
    undone: dict[str, list[PostedDocument]] = defaultdict(list)
    for one in found:
        document = json.loads(one["detail"])["document"]
        lines = tuple(line for line in document["lines"] if line["charge_key"] in one["charges"])
        undone[one["document_key"]].append(PostedDocument(document, lines, int(one["halopsa_invoice_id"])))
    return undone


def _bearing_too(by_key: Mapping[str, Sequence[Row]], document: Mapping[str, Any], halopsa_id: int) -> list[int]:
    """Other invoices with its keys: a request that was given up for lost, and carried out all the same."""
    keys = [document["document_key"], *(line["charge_key"] for line in document["lines"])]
    return sorted({int(row["id"]) for key in keys for row in by_key.get(key, ())} - {halopsa_id})


def _forget_findings(session: Session, posting: Posting, row: Mapping[str, Any]) -> None:
    """What an earlier look found of a document gives way to what this one finds. That an invoice was closed while it
    was changed is told by the run that changed it; what HaloPSA issued meanwhile, no look at the template tells."""
    kinds = [*SEEN, "tax_differs"]
    if row["halopsa_invoice_id"] > 0 and row["run_id"] != posting.work.run_id:
        kinds.append(CLOSED_MEANWHILE)
    session.execute(
        "delete from findings where kind in (select unnest(?::text[])) and document_key = ?",
        [kinds, row["document_key"]],
    )


def _write(
    session: Session,
    posting: Posting,
    row: Mapping[str, Any],
    document: Mapping[str, Any],
    found: FoundDocument,
    tax: Decimal | None,
) -> None:
    session.frame(
        "read_lines",
        {"charge_key": "VARCHAR", "line_id": "BIGINT", "sell": "DECIMAL(38,18)", "cost": "DECIMAL(38,18)"},
        [
            {"charge_key": line.charge_key, "line_id": line.line_id, "sell": line.sell, "cost": line.cost}
            for line in found.lines
        ],
    )
    session.execute(
        "update posted_lines set readback_sell = found.sell, readback_cost = found.cost, "
        "halopsa_line_id = coalesce(posted_lines.halopsa_line_id, found.line_id) "
        "from (select charge_key, min(line_id) as line_id, sum(sell) as sell, sum(cost) as cost from read_lines "
        "group by charge_key) as found "
        "where coalesce(posted_lines.slot_key, posted_lines.charge_key) = found.charge_key "
        "and posted_lines.document_key = ?",
        [row["document_key"]],
    )
    if is_reversal(document):
        record_reversals_read_back(session, row["document_key"])
    session.execute(
        "update postings set readback_sell = ?, readback_cost = ?, answered_tax = ?, "
        "expected_tax = ?, read_back_at = ? "
        "where document_key = ? and status = 'posted'",
        [found.sell, found.cost, found.tax, tax, posting.now, row["document_key"]],
    )
    said = differences(document, found)
    for difference in said:
        write_finding(session, posting, "read_back_differs", document, difference)
    tax_difference = describe_tax_difference(tax, found.tax, document["currency"])
    if tax_difference is not None:
        write_finding(session, posting, "tax_differs", document, tax_difference)
    outcome = "as planned" if not said else "; ".join(said)
    record(
        session,
        posting,
        "read_back",
        document,
        row["plan_hash"],
        halopsa_invoice_id=found.invoice_id,
        outcome=outcome,
    )


def write_hold(session: Session, posting: Posting, client: str, hold: Hold) -> None:
    """Hold a client because of what posting found."""
    session.insert(
        "holds",
        [
            {
                "month": posting.work.month,
                "client": client,
                "reason_rank": reason_rank(hold.reason),
                **vars(hold),
            }
        ],
    )


def forget_settled_holds(session: Session, work: Work) -> None:
    """Take away the holds for an unknown outcome that hold nothing any more; let the others say what goes on now.

    A plan that was made while another run posted holds the client whose document was under way; that run has ended.
    """
    waiting = session.rows(
        "select distinct client from holds where month = ? and reason = 'unknown_outcome' "
        "and client in (select unnest(?::text[]))",
        [work.month, list(work.clients)],
    )
    if not waiting:
        return
    session.execute(
        "delete from holds where month = ? and reason = 'unknown_outcome' and client in (select unnest(?::text[])) "
        "and client not in (select client from postings where month = ? and status in ('sending', 'unknown')) "
        "and client not in (select client from dispositions where month = ? and disposition in ('held', 'planned'))",
        [work.month, [row["client"] for row in waiting], work.month, work.month],
    )
    for row in session.rows(
        "select distinct holds.client, holds.detail, postings.document_key from holds join postings "
        "on postings.month = holds.month and postings.client = holds.client "
        "and contains(holds.detail, postings.document_key) where holds.month = ? and reason = 'unknown_outcome' "
        "and postings.status = 'posted' and holds.client in (select unnest(?::text[]))",
        [work.month, [row["client"] for row in waiting]],
    ):
        said = (
            f"document {row['document_key']} was settled since; billing-pipeline close {work.month} "
            f"--client {row['client']} plans what waited for it"
        )
        session.execute(
            "update holds set detail = ? where month = ? and client = ? and reason = 'unknown_outcome' and detail = ?",
            [said, work.month, row["client"], row["detail"]],
        )
