"""`review --json`: the review of a month as one JSON document. Its shape is told in docs/review.md."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.document_changes import LineChange, LineState
from billing_pipeline.billing.reasons import describe_hold
from billing_pipeline.commands.correction_report import describe_earlier_credit
from billing_pipeline.commands.review_words import prepare_command, stale_text
from billing_pipeline.steps.approval_summary import PlanApproval
from billing_pipeline.steps.correction_summary import CorrectedClient
from billing_pipeline.steps.month_cents import split_cents
from billing_pipeline.steps.month_review import ClientReview, MonthReview
from billing_pipeline.steps.month_summary import Finding, HeldCause, MonthSummary
from billing_pipeline.steps.review_documents import DocumentReview

# Raised where a key goes, or means something else. A new key does not raise it.
VERSION = 1


def write_review_json(review: MonthReview) -> str:
    """The review as JSON text: amounts are exact decimals in text, times are UTC, nothing but ASCII."""
    return json.dumps(_plain(_month(review)), indent=1)


def _month(review: MonthReview) -> dict[str, Any]:
    summary = review.summary
    return {
        "version": VERSION,
        "month": summary.month,
        "previous_month": summary.previous_month,
        "fetched_at": review.fetched_at,
        "prepared": review.prepared,
        "explained": summary.explained,
        "invoices": summary.invoices,
        "not_billed_invoices": summary.not_billed_invoices,
        "source_lines": summary.lines,
        "totals": [vars(total) for total in summary.totals],
        "cents": [
            {"currency": total.currency, **vars(row), "label": row.label}
            for total in summary.totals
            for row in split_cents(summary, total)
        ],
        "history": [vars(month) for month in review.history],
        "unmapped": [vars(one) for one in summary.unmapped],
        "approvals": [_approval(one) for one in summary.approvals],
        "corrections": [_correction(one) for one in summary.corrections],
        "reversals": [vars(one) for one in summary.reversals],
        "findings": [vars(finding) for finding in (*_earlier_credits(summary), *summary.findings)],
        "month_findings": [vars(finding) for finding in summary.month_findings],
        "drift": [vars(finding) for finding in summary.drift],
        "differences": summary.differences,
        "refused": summary.refused,
        "settings_problem": review.settings_problem,
        "clients": [_client(client, review) for client in review.clients],
    }


def _client(client: ClientReview, review: MonthReview) -> dict[str, Any]:
    return {
        "client": client.client,
        "name": client.name,
        "plan_hash": client.plan_hash,
        "sealed_at": client.sealed_at,
        "stale": None if client.stale is None else {"text": stale_text(client), "next_step": prepare_command(review)},
        "by_currency": [{**vars(month), "change": month.change} for month in client.months],
        "documents": [_document(document, review) for document in client.documents],
        "new_items": [vars(item) for item in client.new_items],
        "holds": [_hold(cause, review.summary.month) for cause in client.holds],
        "source_lines": [vars(line) for line in client.source_lines],
    }


def _document(document: DocumentReview, review: MonthReview) -> dict[str, Any]:
    kept = {name: value for name, value in vars(document).items() if name not in ("client", "lines")}
    return {**kept, "lines": [_line(line, review) for line in document.lines]}


def _line(line: LineChange, review: MonthReview) -> dict[str, Any]:
    before = None if line.before is None else _state(line.before, review)
    return {**vars(line), "before": before, "after": _state(line.after, review)}


def _state(state: LineState, review: MonthReview) -> dict[str, Any]:
    name = None if state.item_id is None else review.item_names.get(state.item_id)
    return {**vars(state), "item_name": name}


def _hold(cause: HeldCause, month: str) -> dict[str, Any]:
    held = {name: value for name, value in vars(cause).items() if name != "client"}
    label, next_step = describe_hold(cause.reason, month, cause.client, (cause.detail,))
    return {**held, "label": label, "next_step": next_step}


def _approval(one: PlanApproval) -> dict[str, Any]:
    return {**vars(one), "totals": [vars(total) for total in one.totals]}


def _correction(one: CorrectedClient) -> dict[str, Any]:
    return {**vars(one), "difference": one.difference}


def _earlier_credits(summary: MonthSummary) -> list[Finding]:
    """What stands billed for credited invoices of earlier months, as findings of the month."""
    return [
        Finding("credited_earlier", None, describe_earlier_credit(credit, summary.month))
        for credit in summary.earlier_credits
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
