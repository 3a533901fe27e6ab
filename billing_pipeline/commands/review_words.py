"""What terminal, page and JSON call the same things of a review."""

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.credited_invoices import name_documents
from billing_pipeline.billing.document_changes import LineChange, LineState
from billing_pipeline.billing.money import show_amount
from billing_pipeline.commands.terminal import count
from billing_pipeline.steps.month_review import ClientReview, MonthReview
from billing_pipeline.steps.month_summary import ClientMonth
from billing_pipeline.steps.review_documents import DocumentReview

CHANGES = {
    "added": "added",
    "changed": "changed",
    "made_inactive": "made inactive",
    "unchanged": "written again, the same",
    "kept": "stays",
}
STAGES = {
    "to_approve": "to approve",
    "to_post": "to post",
    "held": "held",
    "unknown": "outcome unknown",
    "posted": "posted",
}
STATES = {
    "held": "held",
    "excluded": "excluded",
    "to_approve": "to approve",
    "partly": "partly posted",
    "planned": "to post",
    "posted": "posted",
    "reversed": "reversed",
    "nothing": "nothing",
}
_FIELDS = {
    "text": "text",
    "quantity": "quantity",
    "unit_price": "price",
    "sell": "amount",
    "cost": "cost",
    "item": "item",
    "tax": "tax",
    "account": "account",
    "inactive": "active again",
}


def name_state(month: ClientMonth) -> str:
    """Where a client's month stands in one currency, in one word."""
    if month.hold_reasons:
        return "held"
    if month.excluded:
        return "excluded"
    if month.awaits_approval:
        return "to_approve"
    if month.open_documents:
        return "partly" if month.posted_documents and not month.is_reversed else "planned"
    if month.posted_documents:
        return "reversed" if month.is_reversed else "posted"
    return "nothing"


def name_document(document: DocumentReview) -> str:
    """A document and what becomes of it: "New invoice of 2026-10-04", "Invoice 512 changes"."""
    done = document.stage == "posted"
    if document.action == "record":
        return "Correction without a difference: only our own ledger"
    if document.action == "create":
        what = f"Correction of {document.corrects}" if document.corrects else "New invoice"
        what = f"Credit that takes back {document.takes_back}:" if document.takes_back else what
        number = f" {document.halopsa_id}" if document.halopsa_id is not None else ""
        return f"{what}{number}, dated {document.invoice_date}"
    what = "Recurring invoice" if document.action == "update_recurring" else "Invoice"
    return f"{what} {document.halopsa_id} {'changed' if done else 'changes'}"


def name_stage(document: DocumentReview) -> str:
    """Where a document stands, in words; of a posted one also which credit reversed it."""
    reversed_by = f", reversed by {name_documents(document.reversed_by)}" if document.reversed_by else ""
    return STAGES[document.stage] + reversed_by


def name_changed(line: LineChange) -> str:
    """What becomes of a line, with the names of what differs."""
    if line.change != "changed":
        return CHANGES[line.change]
    return f"changed: {', '.join(_FIELDS[name] for name in line.changed)}"


def count_changes(document: DocumentReview) -> str:
    """ "3 lines added, 1 changed, 2 made inactive"; empty where no line of ours changes."""
    parts: list[str] = []
    for change in ("added", "changed", "made_inactive", "unchanged"):
        number = document.count(change)
        if number:
            noun = f"{count(number, 'line')} " if not parts else f"{number:,} "
            parts.append(f"{noun}{CHANGES[change]}")
    return ", ".join(parts)


def show_quantity(state: LineState) -> str:
    """A quantity as people write it."""
    return decimal_text(state.quantity)


def show_state(state: LineState, currency: str) -> str:
    """ "2 × 7.85 = 15.70 USD", with a word where the line is not billed."""
    billed = f"{show_quantity(state)} × {show_amount(state.unit_price)} = {show_amount(state.sell, currency)}"
    return f"{billed} (inactive)" if state.inactive else billed


def stale_text(client: ClientReview) -> str:
    """Why a client's plan would not be posted."""
    return f"The plan of {client.client} {client.stale}: it is not posted as it stands."


def prepare_command(review: MonthReview) -> str:
    """The command that plans anew."""
    return f"billing-pipeline close {review.summary.month}"
