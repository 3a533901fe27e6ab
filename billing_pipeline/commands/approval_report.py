"""Approvals as a billing clerk reads them: what awaits one, who approved what, and the commands that go on."""

import shlex
from collections.abc import Sequence

from billing_pipeline.billing.money import show_amount
from billing_pipeline.commands.terminal import count, head, new_table, say, say_wrapped, show
from billing_pipeline.steps.approval_summary import PlanApproval
from billing_pipeline.steps.month_summary import MonthSummary

_AMOUNTS = ("Sell", "Cost")
_COUNTS = ("Inv.", "Lines")


def print_approvals(summary: MonthSummary, *, given: bool) -> None:
    """Write which plans await an approval, with the command that approves them; with `given` also the approvals."""
    awaiting = [one for one in summary.approvals if one.state == "awaits"]
    if given and len(awaiting) < len(summary.approvals):
        head("Approved")
        _print_given([one for one in summary.approvals if one.state != "awaits"])
    if not awaiting:
        return
    head(f"{count(len(awaiting), 'plan')} to approve, and not posted before")
    _print_table(awaiting)
    for one in awaiting:
        if one.fallen:
            say_wrapped(f"{one.client}: {one.fallen}", bullet="- ")
    one_alone = "" if summary.asked else "; --client KEY approves one"
    say(f"To approve all of them, after a look at each{one_alone}:")
    say(f"    {approve_command(summary)}")


def approve_command(summary: MonthSummary) -> str:
    """The command that approves all plans which the summary is of."""
    clients = [word for client in summary.asked for word in ("--client", client)]
    return shlex.join(["billing-pipeline", "approve", summary.month, *clients, "--by", "NAME"])


def _print_table(plans: Sequence[PlanApproval]) -> None:
    table = new_table("Client", "Plan", "Inv.", "Lines", "Sell", "Cost", "Cur", amounts=_AMOUNTS, counts=_COUNTS)
    for one in plans:
        for totals in one.totals:
            figures = (f"{totals.documents:,}", f"{totals.lines:,}", show_amount(totals.sell), show_amount(totals.cost))
            table.add_row(one.client, one.plan_hash[:12], *figures, totals.currency)
    show(table)


def _print_given(plans: Sequence[PlanApproval]) -> None:
    table = new_table("Client", "Plan", "Inv.", "Sell", "Cur", "State", "By", "On", amounts=_AMOUNTS, counts=_COUNTS)
    for one in plans:
        on = f"{one.approved_at:%Y-%m-%d}" if one.approved_at else ""
        for totals in one.totals:
            figures = (f"{totals.documents:,}", show_amount(totals.sell), totals.currency)
            table.add_row(one.client, one.plan_hash[:12], *figures, one.state, one.approver or "", on)
    show(table)
