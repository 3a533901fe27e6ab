"""What a month's own books must say before HaloPSA is asked: every source line explained, every table as journalled."""

import json
from collections.abc import Sequence

from billing_pipeline.billing.money import show_amount
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.month_checks import find_conservation_gaps, find_incomplete_invoices
from billing_pipeline.steps.posted_ledger import POSTED_EVENTS, RELEASED_EVENTS, PostedDocument
from billing_pipeline.steps.work import Work


def find_unexplained(session: Session, work: Work) -> list[str]:
    """Where the distributor's invoice and the charges that came of it differ; each a sentence."""
    month = work.month
    again = f"Close it again: billing-pipeline close {month}."
    said = [
        f"invoice {row['invoice_id']}: Pax8 counts {row['pax8_counts']} lines, stored are {row['stored_lines']}. "
        f"{again}"
        for row in find_incomplete_invoices(session, month)
    ]
    said += [
        f"{row['source_lines']} invoice lines and {row['explained_lines']} explained in "
        f"{row['currency'] or 'no currency'}: {show_amount(row['sell_gap'])} of sell and "
        f"{show_amount(row['cost_gap'])} of cost apart. {again}"
        for row in find_conservation_gaps(session, month, work.config)
    ]
    lines = session.value("select count(*) from dispositions where month = ? and disposition is null", [month])
    if lines:
        said.append(f"invoice lines without a fate: {lines}. {again}")
    # What was read back once is of then: HaloPSA is read again.
    said += [
        f"{row['client']}: {show_amount(row['sell'], row['currency'])} of sell and "
        f"{show_amount(row['cost'], row['currency'])} of cost are neither billed nor explained. {again}"
        for row in session.rows(
            "select client, coalesce(currency, '') as currency, "
            "source_sell - not_billed_sell - residual_sell - planned_sell as sell, "
            "source_cost - not_billed_cost - residual_cost - planned_cost as cost "
            "from three_way where month = ? and (source_sell - not_billed_sell - residual_sell - planned_sell <> 0 "
            "or source_cost - not_billed_cost - residual_cost - planned_cost <> 0) order by all",
            [month],
        )
    ]
    return said


def find_unjournalled(session: Session, month: str, documents: Sequence[PostedDocument]) -> list[str]:
    """Where the tables of what was posted and the journal, which is the truth, differ; each a sentence."""
    posted = {document.document_key: document for document in documents}
    in_journal: dict[str, int] = {}
    clients: dict[str, str] = {}
    for row in session.rows(
        "select event, client, document_key, halopsa_invoice_id, detail from posting_journal "
        "where month = ? and event in (select unnest(?::text[])) order by seq",
        [month, [*POSTED_EVENTS, *RELEASED_EVENTS]],
    ):
        if row["event"] in RELEASED_EVENTS:
            for key in json.loads(row["detail"])["document_keys"]:
                in_journal.pop(key, None)
        else:
            in_journal[row["document_key"]] = row["halopsa_invoice_id"]
            clients[row["document_key"]] = row["client"]
    restore = "Put the newest whole database in its place, a backup or the published copy, and keep the old one."
    said = [
        f"{clients[key]}: the journal has document {key} as posted (HaloPSA {halopsa_id}), the table postings has not. "
        f"{restore}"
        for key, halopsa_id in sorted(in_journal.items())
        if key not in posted
    ]
    said += [
        f"{document.client}: the table postings has document {key} as HaloPSA {document.halopsa_id}, the journal "
        f"{f'as HaloPSA {in_journal[key]}' if key in in_journal else 'has not'}. {restore}"
        for key, document in sorted(posted.items())
        if in_journal.get(key) != document.halopsa_id
    ]
    for row in session.rows(
        "select postings.client, postings.document_key, postings.currency, postings.sell, "
        "coalesce(sum(document_lines.sell), 0) as lines_sell "
        "from postings left join document_lines using (document_key) "
        "where postings.month = ? and postings.status = 'posted' group by all "
        "having postings.sell <> coalesce(sum(document_lines.sell), 0) "
        "or any_value(postings.cost) <> coalesce(sum(document_lines.cost), 0) "
        "or any_value(postings.lines) <> count(document_lines.charge_key) order by all",
        [month],
    ):
        said.append(
            f"{row['client']}: document {row['document_key']} was posted over "
            f"{show_amount(row['sell'], row['currency'])}, its lines come to "
            f"{show_amount(row['lines_sell'], row['currency'])}. {restore}"
        )
    return said
