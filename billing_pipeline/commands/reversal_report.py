"""What is to be taken back of a month with `reverse`, and what was: a line for each client, currency and credit."""

from collections.abc import Sequence

from billing_pipeline.billing.credited_invoices import name_documents
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import PlannedDocument
from billing_pipeline.commands.terminal import amount, count, head, new_table, say, say_wrapped, show
from billing_pipeline.steps.month_summary import MonthSummary
from billing_pipeline.steps.reversal_summary import TakenBack
from billing_pipeline.steps.reverse import Reversal


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


def print_credits(reversal: Reversal) -> None:
    """Write the credits that are planned, line by line, and the hash of their plan."""
    for document in reversal.plan.documents:
        _print_document(document)
    print_notes(reversal)
    say(f"\nPlan {reversal.plan.plan_hash}")


def _print_document(document: PlannedDocument) -> None:
    say(
        f"\nA credit for HaloPSA client {document.billed_client_id} in {document.currency}, dated "
        f"{document.invoice_date}:"
    )
    columns = ("Takes back", "Line", "Quantity", "Sell", "Cost")
    table = new_table(*columns, amounts=columns[3:], counts=columns[2:3])
    for line, undone in zip(document.lines, document.reverses, strict=True):
        table.add_row(
            name_documents([undone.reversed_halopsa_invoice_id]),
            line.short_description,
            f"{line.quantity.normalize():f}",
            show_amount(line.sell),
            show_amount(line.cost),
        )
    table.add_section()
    lines = count(len(document.lines), "line")
    table.add_row("Total", lines, "", show_amount(document.sell), show_amount(document.cost), style="bold")
    show(table)


def print_notes(reversal: Reversal) -> None:
    """Write what is told beside a reversal."""
    for note in reversal.notes:
        say_wrapped(note, bullet="- ")
