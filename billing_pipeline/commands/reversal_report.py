"""What was taken back of a month with `reverse`: a line for each client, currency and credit."""

from collections.abc import Sequence

from billing_pipeline.billing.credited_invoices import name_documents
from billing_pipeline.commands.terminal import amount, head, say, say_wrapped
from billing_pipeline.steps.month_summary import MonthSummary
from billing_pipeline.steps.reversal_summary import TakenBack


def print_reversals(summary: MonthSummary) -> None:
    """Write what was taken back on credits; the posted figures of the month stay as they were billed."""
    if not summary.reversals:
        return
    head("Taken back after it was posted")
    for one in summary.reversals:
        say_wrapped(describe_credit(one), bullet="- ")


def describe_credit(one: TakenBack) -> str:
    """A credit in a line: whose, how much, which documents it takes back, and what is left of them."""
    said = (
        f"{one.client}: {amount(one.sell, one.currency)} on HaloPSA invoice {one.halopsa_invoice_id} takes back "
        f"{name_documents(one.reversed_halopsa_invoice_ids)}"
    )
    if one.standing_sell is None:
        return f"{said}; it was not read back yet"
    return f"{said}; together they come to {amount(one.standing_sell, one.currency)}"


def print_how_to_bill_again(month: str, client: str, done: Sequence[TakenBack]) -> None:
    """Write what has to go from HaloPSA before charges that were taken back are billed again, and the command."""
    ours = name_documents(
        number
        for one in done
        for number in (one.halopsa_invoice_id, *one.reversed_halopsa_invoice_ids)
        if number not in one.shared_halopsa_invoice_ids
    )
    shared = name_documents(number for one in done for number in one.shared_halopsa_invoice_ids)
    if ours:
        lines = f", and our lines on {shared} (release names them)" if shared else ""
        say(f"To bill them again, delete {ours} in HaloPSA{lines}, then:")
        say(f"    billing-pipeline release {month} --client {client}")
