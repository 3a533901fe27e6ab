"""Existing HaloPSA documents that charges can land on: the latest invoice, and the recurring invoice.

Source: HaloPSA's own rules for what may still be edited (never a document that is posted, voided, sent, synced or
part-paid), and what a person awaiting approval has been shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.keys import is_slot
from billing_pipeline.billing.plan_types import ChargeToPlan

# Months that a charge of a term is for, and months between two issues of a template's `period`.
_TERM_MONTHS = {"monthly": 1, "trial": 1, "annual": 12, "2-year": 24, "3-year": 36}
_PERIOD_MONTHS = {1: 0, 2: 1, 3: 12, 4: 3, 5: 6}
_ONE_TIME_CLASSES = frozenset({"prorate", "credit", "one_time", "azure_consumption", "other_arrears"})


@dataclass(frozen=True)
class TargetLine:
    """A line of an existing document; `key` is ours or empty, `net` in the currency's minor unit.

    `automatic` lines are driven by HaloPSA's own Pax8 or CSP sync: their quantity is never written.
    """

    line_id: int
    item_id: int | None
    key: str
    net: Decimal
    inactive: bool
    automatic: bool


@dataclass(frozen=True)
class Target:
    """An existing invoice or recurring invoice as it was observed.

    `closed` says in words why it may no longer be edited; empty when it may. `period`, `disabled`, `starts`, `ends`
    and `issue_mark` (which changes with every issue) are a template's. `observed_hash` is over all that we saw.
    """

    target_id: int
    client_id: int | None
    currency_id: int | None
    invoice_date: date | None
    closed: tuple[str, ...]
    lines: tuple[TargetLine, ...]
    observed_hash: str
    period: int | None = None
    disabled: bool = False
    ends: date | None = None
    issue_mark: str = ""

    @property
    def net(self) -> Decimal:
        """Σ of the lines that count, before tax."""
        return sum((line.net for line in self.lines if not line.inactive), Decimal(0))


def choose_latest(targets: Iterable[Target], client_id: int, currency_id: int, month: str) -> Target | None:
    """The newest open invoice of the client in the currency, dated in the month; by invoice date, then id."""
    open_targets = [
        target
        for target in targets
        if target.client_id == client_id
        and target.currency_id == currency_id
        and target.invoice_date is not None
        and f"{target.invoice_date:%Y-%m}" == month
        and not target.closed
    ]
    return max(open_targets, key=lambda target: (target.invoice_date, target.target_id), default=None)


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
    return None


def term_months(charge: ChargeToPlan) -> int:
    """How many months a charge of this term is for; terms that say nothing of it count as a month."""
    return _TERM_MONTHS.get(charge.term, 1)


def period_months(target: Target) -> int:
    """Months between two issues of a template; 0 for a weekly one."""
    return _PERIOD_MONTHS.get(target.period or 2, 1)


def is_one_time(charge: ChargeToPlan, target: Target) -> bool:
    """Whether the charge would repeat wrongly on a template: one-time kinds, and terms longer than its period."""
    return charge.line_class in _ONE_TIME_CLASSES or term_months(charge) > period_months(target)


def runs_longer(charge: ChargeToPlan, target: Target) -> bool:
    """Whether the template is issued more seldom than the charge comes."""
    return period_months(target) > term_months(charge)


def our_lines(target: Target) -> dict[str, TargetLine]:
    """Our lines on a template by slot key."""
    return {line.key: line for line in target.lines if is_slot(line.key)}


def find_double_billing(charges: Iterable[ChargeToPlan], templates: Iterable[Target]) -> list[ChargeToPlan]:
    """Charges whose item also stands on an active auto-quantity line of the client's recurring invoices."""
    automatic = {
        line.item_id
        for template in templates
        if not template.disabled
        for line in template.lines
        if line.automatic and not line.inactive and line.item_id is not None
    }
    return [charge for charge in charges if charge.item_id in automatic]
