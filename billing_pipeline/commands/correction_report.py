"""Invoices that the distributor credited after they were billed: who was billed what, and what is due."""

from collections.abc import Sequence
from itertools import groupby

from billing_pipeline.billing.money import show_amount
from billing_pipeline.commands.terminal import amount, count, head, new_table, say, say_wrapped, show
from billing_pipeline.steps.correction_summary import CorrectedClient
from billing_pipeline.steps.month_summary import MonthSummary
from billing_pipeline.steps.read_corrections import EarlierCredit

_STATES = {"proposed": "to decide", "planned": "planned", "posted": "posted"}


def print_corrections(summary: MonthSummary) -> None:
    """Write each credited invoice with the one that takes its place, and the difference client by client; then what
    stands billed for credited invoices of earlier months."""
    if not (summary.corrections or summary.earlier_credits):
        return
    head("Credited after it was billed")
    for _, shared in groupby(
        summary.corrections, key=lambda one: (one.month, one.credited_invoice_id, one.replacement_invoice_id)
    ):
        _print_pair(list(shared), summary.month)
    proposed = [one for one in summary.corrections if one.state == "proposed"]
    for month in sorted({one.month for one in proposed}):
        say(f"To bill the differences on invoices of their own: billing-pipeline close {month} --post --correct")
    if any(one.difference < 0 for one in proposed):
        say("An invoice below zero is posted only with --force-cap negative_invoice as well.")
    for credit in summary.earlier_credits:
        say_wrapped(describe_earlier_credit(credit, summary.month))


def describe_earlier_credit(credit: EarlierCredit, month: str) -> str:
    """What stands billed for a credited invoice of an earlier month, and how it is taken back."""
    return (
        f"Invoice {credit.invoice_id} of {credit.month} was posted and is {credit.status} now; no invoice of {month} "
        f"takes its place. {show_amount(credit.sell, credit.currency)} of it stand billed for "
        f"{count(credit.clients, 'client')}. Wait for the invoice that follows it, or take it back: billing-pipeline "
        f"close {credit.month} --post --correct --force-cap negative_invoice"
    )


def _print_pair(corrections: Sequence[CorrectedClient], month: str) -> None:
    first = corrections[0]
    credited = f"Invoice {first.credited_invoice_id}{_of(first.credited_month, month)}"
    follows = (
        f"invoice {first.replacement_invoice_id}{_of(first.month, month)} takes its place"
        if first.replacement_invoice_id
        else "no invoice follows it yet"
    )
    say(f"\n{credited} is {first.credited_status}; {follows}.")
    if first.month != month and any(one.state == "posted" for one in corrections):
        say(f"What {month} billed for it counts in {first.month} now, where it bills what took its place.")
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


def _of(month: str, shown: str) -> str:
    return "" if month == shown else f" of {month}"
