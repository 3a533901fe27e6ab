"""Recurring invoices: whether one can take a charge, what we wrote on it, and whether it was issued since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from billing_pipeline.billing.plan_types import ChargeToPlan
from billing_pipeline.billing.targets import Target

# Months that a charge of a term is for, and months between two issues of a template's `period`.
_TERM_MONTHS = {"monthly": 1, "trial": 1, "annual": 12, "2-year": 24, "3-year": 36}
_PERIOD_MONTHS = {1: 0, 2: 1, 3: 12, 4: 3, 5: 6}
_ONE_TIME_CLASSES = frozenset({"prorate", "credit", "one_time", "azure_consumption", "other_arrears"})
_DAYS_A_WEEK = 7


@dataclass(frozen=True)
class Written:
    """One change of ours on a recurring invoice: the month it was for, the slots that it wrote (none where lines
    only ended), and the issue mark that the recurring invoice bore then."""

    month: str
    issue_mark: str
    slots: frozenset[str]


def make_issue_mark(last_created: str, next_creation: str) -> str:
    """A text that changes with every issue; both are ISO 8601, or empty where HaloPSA has no date."""
    return f"{last_created}|{next_creation}"


def was_issued(before: str, now: str) -> bool:
    """Whether a template was issued between two issue marks.

    The day of the last issue decides. The day of the next one does only where HaloPSA names no last issue, for an
    agent may move it without issuing anything.
    """
    created_before, _, next_before = before.partition("|")
    created_now, _, next_now = now.partition("|")
    if created_before or created_now:
        return created_before != created_now
    if not next_before or not next_now:
        return next_now > next_before
    # A day more is the same day in another notation; no recurring invoice is issued every day.
    return (date.fromisoformat(next_now[:10]) - date.fromisoformat(next_before[:10])).days > 1


def count_issues(before: str, now: str, target: Target) -> int:
    """How often a template was issued between two issue marks, as far as its next days of issue tell."""
    if not was_issued(before, now):
        return 0
    days = [mark.partition("|")[2][:10] for mark in (before, now)]
    if not all(days):
        return 1
    try:
        first, last = (date.fromisoformat(day) for day in days)
    except ValueError:
        return 1
    months = period_months(target)
    if months:
        return max(1, ((last.year - first.year) * 12 + last.month - first.month) // months)
    return max(1, (last - first).days // _DAYS_A_WEEK)


def pending_months(target: Target, written: Sequence[Written]) -> list[str]:
    """Months whose lines stand on the template and were not issued since they were written, sorted.

    Lines that a person took off or made inactive meanwhile are theirs to answer for: they are waited for no more.
    """
    live = {line.key for line in target.lines if line.key and not line.inactive}
    return sorted(
        {one.month for one in written if one.slots & live and not was_issued(one.issue_mark, target.issue_mark)}
    )


def find_template_fault(
    target: Target | None, template_id: int | None, client_id: int, currency_id: int | None, today: date
) -> str | None:
    """Why a client's mapped recurring invoice cannot take its charges; None when it can."""
    if template_id is None:
        return "clients.csv names no recurring_invoice_id"
    if target is None:
        return f"HaloPSA has no recurring invoice {template_id}"
    if target.client_id != client_id:
        return f"recurring invoice {template_id} is of HaloPSA client {target.client_id}, not of {client_id}"
    if target.currency_id != currency_id:
        return f"recurring invoice {template_id} is in another currency"
    if target.disabled:
        return f"recurring invoice {template_id} is disabled"
    if target.ends is not None and target.ends < today:
        return f"recurring invoice {template_id} ended on {target.ends}"
    if target.ends is not None and target.next_issue is not None and target.ends < target.next_issue:
        return f"recurring invoice {template_id} ends on {target.ends}, before its next issue on {target.next_issue}"
    if target.period not in _PERIOD_MONTHS:
        return f"recurring invoice {template_id} has period {target.period}, which is not known"
    return None


def term_months(charge: ChargeToPlan) -> int:
    """How many months a charge of this term is for; terms that say nothing of it count as a month."""
    return _TERM_MONTHS.get(charge.term, 1)


def period_months(target: Target) -> int:
    """Months between two issues of a template; 0 for a weekly one."""
    return _PERIOD_MONTHS.get(target.period or 0, 1)


def is_one_time_kind(charge: ChargeToPlan) -> bool:
    """Whether the charge is of a kind that comes once: a prorate, a credit, a one-time charge, or in arrears."""
    return charge.line_class in _ONE_TIME_CLASSES


def is_one_time(charge: ChargeToPlan, target: Target) -> bool:
    """Whether the charge would repeat wrongly on a template: one-time kinds, and terms longer than its period."""
    return is_one_time_kind(charge) or term_months(charge) > period_months(target)


def runs_longer(charge: ChargeToPlan, target: Target) -> bool:
    """Whether the template is issued more seldom than the charge comes."""
    return period_months(target) > term_months(charge)
