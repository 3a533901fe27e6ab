"""Why a line is not billed, in the order in which a held client's first cause is chosen."""

from dataclasses import dataclass
from typing import Literal

Fate = Literal["dropped", "excluded", "blocked", "held"]


@dataclass(frozen=True)
class Reason:
    """One reason: its code, what fate it gives a line, and what a clerk should read and do.

    `held_label` and `held_next_step` are for a hold, where the code means another thing there than for a line.
    """

    code: str
    fate: Fate
    label: str
    next_step: str
    held_label: str = ""
    held_next_step: str = ""

    def as_hold(self) -> tuple[str, str]:
        """What a clerk should read and do where it holds a client."""
        return self.held_label or self.label, self.held_next_step or self.next_step


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
        "invoice_status",
        "excluded",
        "The invoice's status says that it is not billed",
        "See raw_invoices.",
        "An invoice of the month cannot be billed as it stands",
        "Ask Pax8 what it means, then close again; a new status needs its rule written, and totals that differ are "
        "let through with control_total: report.",
    ),
    Reason(
        "inactive_client",
        "held",
        "The HaloPSA client is inactive",
        "Activate it in HaloPSA or exclude the client.",
    ),
    Reason(
        "unmapped_client",
        "blocked",
        "The company has no client",
        "Add its row to clients.csv, then close again.",
    ),
    Reason("no_company", "blocked", "The line names no company", "Ask Pax8 which company it belongs to."),
    Reason(
        "unknown_type",
        "blocked",
        "The line's type is not known",
        "A new kind of charge: have its rule written.",
    ),
    Reason(
        "unknown_term",
        "blocked",
        "The line's term is not known",
        "A new billing term: have its rule written.",
    ),
    Reason("missing_amount", "blocked", "Total, cost or currency is missing", "Ask Pax8 for the amount."),
    Reason("too_precise", "blocked", "An amount has more digits than are kept", "Ask Pax8 for the amount."),
    Reason(
        "no_item",
        "blocked",
        "The product has no HaloPSA item, or its tax or account is not there",
        "Add its row to products.csv, or correct the code that the text names, then close again.",
    ),
    Reason("ambiguous_item", "blocked", "Several HaloPSA items match", "Name the right one in products.csv."),
    Reason(
        "currency",
        "held",
        "The currency is not the client's own",
        "Correct the client's currency in HaloPSA.",
    ),
    Reason(
        "negative_total",
        "held",
        "The invoice would be negative",
        "Credit it by hand, or close with --force-cap negative_invoice.",
    ),
    Reason("double_billing", "held", "HaloPSA bills the product already", "Remove one of the two."),
    Reason(
        "no_latest_invoice",
        "held",
        "No open invoice to add to",
        "Set behaviour.target to new, or make the invoice.",
    ),
    Reason(
        "no_recurring_invoice",
        "held",
        "No recurring invoice to write to",
        "Set behaviour.target to new, or map one.",
    ),
    Reason("not_issued", "held", "The last lines were not issued yet", "Issue the recurring invoice in HaloPSA."),
    Reason(
        "correction", "held", "A credited invoice was posted before", "See review, then close with --post --correct."
    ),
    Reason("target_changed", "held", "HaloPSA's document changed since the plan", "Close again to plan anew."),
    Reason(
        "unknown_outcome",
        "held",
        "Nobody knows yet whether HaloPSA has it",
        "Run close --post again: it looks, and never sends twice.",
    ),
    Reason("cap", "held", "A safety cap was passed", "Check the figures, then close with --force-cap."),
    Reason(
        "awaiting_approval",
        "held",
        "The plan is not approved yet",
        "Look at it, then approve it, or have it approved, with billing-pipeline approve.",
    ),
)

_BY_CODE = {reason.code: (rank, reason) for rank, reason in enumerate(REASONS)}


def reason_of(code: str) -> Reason:
    """The reason of a code; `cap:<name>` is the reason `cap`."""
    return _BY_CODE[code.partition(":")[0]][1]


def reason_rank(code: str) -> int:
    """The place of a reason in the order; the lowest of a client's causes is the one its held lines bear."""
    return _BY_CODE[code.partition(":")[0]][0]
