"""Invoices that the distributor credited after they were billed: who was billed what, and what is due."""

from collections.abc import Sequence
from itertools import groupby

from billing_pipeline.commands.terminal import amount, head, new_table, say, show
from billing_pipeline.steps.correction_summary import CorrectedClient
from billing_pipeline.steps.month_summary import MonthSummary

_STATES = {"proposed": "to decide", "planned": "planned", "posted": "posted"}


def print_corrections(summary: MonthSummary) -> None:
    """Write each credited invoice with the one that takes its place, and the difference client by client."""
    if not summary.corrections:
        return
    head("Credited after it was billed")
    for _, shared in groupby(
        summary.corrections, key=lambda one: (one.credited_invoice_id, one.replacement_invoice_id)
    ):
        _print_pair(list(shared))
    proposed = [one for one in summary.corrections if one.state == "proposed"]
    if proposed:
        say(
            f"To bill the differences on invoices of their own: billing-pipeline close {summary.month} --post --correct"
        )
    if any(one.difference < 0 for one in proposed):
        say("An invoice below zero is posted only with --force-cap negative_invoice as well.")


def _print_pair(corrections: Sequence[CorrectedClient]) -> None:
    first = corrections[0]
    follows = f"invoice {first.replacement_invoice_id} takes its place" if first.replacement_invoice_id else ""
    say(f"\nInvoice {first.credited_invoice_id} is {first.credited_status}; {follows or 'no invoice follows it yet'}.")
    columns = ("Client", "State", "Billed", "Due", "Difference", "Changed", "Same")
    table = new_table(*columns, amounts=columns[2:5], counts=columns[5:])
    for one in corrections:
        table.add_row(
            one.client,
            _STATES[one.state],
            amount(one.billed_sell, one.currency),
            amount(one.due_sell, one.currency),
            amount(one.difference, one.currency),
            f"{one.differing:,}",
            f"{one.unchanged:,}",
        )
    show(table)
