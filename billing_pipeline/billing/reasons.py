"""Why a line is not billed, or not yet, in the order in which a held client's first cause is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from billing_pipeline.billing.line_decisions import LINE_CLASSES

Fate = Literal["dropped", "excluded", "blocked", "held", "planned"]


@dataclass(frozen=True)
class Reason:
    """One reason: its code, what fate it gives a line, and what a clerk should read and do.

    `held_label` and `held_next_step` are for a hold, where the code means another thing there than for a line. In next
    steps {month}, {client_month} (`2026-10 --client acme`), {cap} and {lines_of} (the command that lists the client's
    lines) stand for those of the hold, {correct} for the option that a correction needs.
    """

    code: str
    fate: Fate
    label: str
    next_step: str
    held_label: str = ""
    held_next_step: str = ""


# The text of each such line ends in its own command.
_DECIDE = (
    "Run the command that the text names with what you decide, or with --exclude in the place of it to bill the line "
    "to nobody; then run billing-pipeline close {client_month}."
)
_CLASSES = ", ".join(LINE_CLASSES)

REASONS: tuple[Reason, ...] = (
    Reason(
        "drop_azure",
        "dropped",
        "Azure is not billed for this client",
        "Set modifiers.drop_azure to false to bill it.",
    ),
    Reason(
        "favorable_prorata",
        "dropped",
        "A prorate in the client's favour is withheld",
        "See withheld_credits.",
    ),
    Reason("zero", "dropped", "The line is zero", "Nothing to do."),
    Reason("excluded_client", "excluded", "The client is excluded in clients.csv", "Nothing to do."),
    Reason(
        "excluded_line",
        "excluded",
        "A person excluded the line",
        "Take its row out of line_decisions.csv to bill it.",
    ),
    Reason(
        "invoice_status",
        "excluded",
        "The invoice's status says that it is not billed",
        "See raw_invoices.",
        "An invoice of the month cannot be billed as it stands",
        "Say in billing.yaml what counts: a new status under integrations: pax8: invoice_statuses, as the text has it; "
        "totals that differ are let through with control_total: report there. Then run billing-pipeline close {month}.",
    ),
    Reason(
        "inactive_client",
        "held",
        "The HaloPSA client is inactive, or billed through nobody",
        "Activate it in HaloPSA, correct whom it is billed through, or write true under excluded in its rows of "
        "clients.csv, then run billing-pipeline close {client_month}.",
    ),
    Reason(
        "unmapped_client",
        "blocked",
        "The company has no client",
        "Add its row to clients.csv, or correct it (billing-pipeline clients propose suggests rows), then run "
        "billing-pipeline close {month}.",
    ),
    Reason(
        "no_company",
        "blocked",
        "The line names no company",
        "Say whose each line is with billing-pipeline decide {month} --line ID --client KEY --by NAME --why TEXT, or "
        "that it is nobody's with --exclude in the place of --client KEY. Or set integrations: pax8: unassigned: "
        "report in billing.yaml: such lines are then shown, and hold nobody. Then run billing-pipeline close {month}.",
    ),
    Reason("unknown_type", "blocked", "The line's type is not known", f"{_DECIDE} CLASS is one of {_CLASSES}."),
    Reason("unknown_term", "blocked", "The line's term is not known", f"{_DECIDE} CLASS is one of {_CLASSES}."),
    Reason("missing_amount", "blocked", "Total, cost or currency is missing", _DECIDE),
    Reason(
        "rule_failed",
        "blocked",
        "A rule failed on the data of the line",
        "Leave lines out with billing-pipeline decide {month} --line ID --exclude --by NAME --why TEXT ({lines_of} "
        "lists them), or decide what their text says in the same way, or write true under excluded in the client's "
        "rows of clients.csv; then run billing-pipeline close {client_month}. The log has the details for support.",
    ),
    Reason(
        "no_item",
        "blocked",
        "The product has no HaloPSA item, or its tax or account is not there",
        "Add its row to products.csv (billing-pipeline products propose suggests rows), or correct the code that the "
        "text names, then run billing-pipeline close {client_month}.",
    ),
    Reason(
        "ambiguous_item",
        "blocked",
        "Several HaloPSA items match",
        "Name the right one in products.csv, then run billing-pipeline close {client_month}.",
    ),
    Reason(
        "currency",
        "held",
        "The currency is not the client's own",
        "Correct the client's currency in HaloPSA, or what the text says of it, or say of single lines that they are "
        "in another one with billing-pipeline decide {month} --line ID --currency CODE --by NAME --why TEXT "
        "({lines_of} lists them), then run billing-pipeline close {client_month}.",
    ),
    Reason(
        "negative_total",
        "held",
        "The invoice would be negative",
        "To post it all the same, run billing-pipeline close {client_month} --post{correct} --force-cap "
        "negative_invoice. To leave lines out of it, run billing-pipeline decide {month} --line ID --exclude --by NAME "
        "--why TEXT ({lines_of} lists them), then billing-pipeline close {client_month}.",
    ),
    Reason(
        "double_billing",
        "held",
        "HaloPSA bills the product already",
        "Remove in HaloPSA what the text names, or leave our lines out with billing-pipeline decide {month} --line ID "
        "--exclude --by NAME --why TEXT ({lines_of} lists them), then run billing-pipeline close {client_month}.",
    ),
    Reason(
        "no_latest_invoice",
        "held",
        "No open invoice to add to",
        "Set behaviour.target to new, or make the invoice, then run billing-pipeline close {client_month}.",
    ),
    Reason(
        "no_recurring_invoice",
        "held",
        "No recurring invoice to write to",
        "Set behaviour.target to new, or write the id of one that can take it under recurring_invoice_id in "
        "clients.csv, then run billing-pipeline close {client_month}.",
    ),
    Reason(
        "not_issued",
        "held",
        "The last lines were not issued yet",
        "Issue the recurring invoice in HaloPSA, then run billing-pipeline close {client_month}.",
    ),
    Reason(
        "correction",
        "held",
        "A credited invoice was posted before",
        "See billing-pipeline review {client_month}, then run billing-pipeline close {client_month} --post --correct.",
    ),
    Reason(
        "target_changed",
        "held",
        "HaloPSA's document changed since the plan",
        "Run billing-pipeline close {client_month} --post: it plans anew.",
    ),
    Reason(
        "unknown_outcome",
        "held",
        "Nobody knows yet whether HaloPSA has it",
        "Run billing-pipeline close {client_month} --post again: it looks, and never sends twice.",
    ),
    Reason(
        "cap",
        "held",
        "A safety cap was passed",
        "Check the figures, then run billing-pipeline close {client_month} --post --force-cap {cap}.",
    ),
    Reason(
        "awaiting_approval",
        "planned",
        "The plan is not approved yet",
        "Look at it, then approve it, or have it approved, with billing-pipeline approve {client_month} --by NAME.",
    ),
)

# Of months that earlier versions prepared: given to no line any more.
RETIRED: tuple[Reason, ...] = (
    Reason(
        "too_precise",
        "blocked",
        "An amount had more digits than were kept",
        "They are kept now: run billing-pipeline close {client_month}.",
    ),
)

_BY_CODE = {reason.code: (rank, reason) for rank, reason in enumerate(REASONS + RETIRED)}


def reason_of(code: str) -> Reason:
    """The reason of a code; `cap:<name>` is the reason `cap`."""
    return _BY_CODE[code.partition(":")[0]][1]


def describe_hold(code: str, month: str, client: str | None, details: Sequence[str] = ()) -> tuple[str, str]:
    """What a clerk should read, and do next, with the command that goes on, where the reason holds a client's month.

    `client` None is for several clients: the command is then for the whole month. `details` are the texts of the holds:
    a correction below zero needs another command than an invoice, and its text and its next step name the same one.
    """
    reason = reason_of(code)
    client_month = month if client is None else f"{month} --client {client}"
    next_step = reason.held_next_step or reason.next_step
    told = next_step.format(
        month=month,
        client_month=client_month,
        cap=code.partition(":")[2],
        lines_of=f"billing-pipeline decide {month}" + ("" if client is None else f" --of {client}"),
        correct=" --correct" if details and all(" --correct" in detail for detail in details) else "",
    )
    return reason.held_label or reason.label, told


def reason_rank(code: str) -> int:
    """The place of a reason in the order; the lowest of a client's causes is the one its held lines bear."""
    return _BY_CODE[code.partition(":")[0]][0]
