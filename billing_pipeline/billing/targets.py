"""Existing HaloPSA documents that charges can land on, as they were observed: invoices and recurring invoices.

Source: HaloPSA's own rules for what may still be edited (never a document that is posted, voided, sent, synced or
part-paid), and what a person awaiting approval has been shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class TargetLine:
    """A line of an existing document; `key` is ours or empty, `net` is HaloPSA's net amount, before tax.

    `automatic` lines are driven by HaloPSA's own Pax8 or CSP sync: their quantity is never written. `sync_sign` says by
    which of its fields that shows, and `is_imported_usage` whether the sync imports usage there. After `ends` HaloPSA
    bills the line no more.
    """

    line_id: int
    item_id: int | None
    key: str
    net: Decimal
    inactive: bool
    automatic: bool
    ends: date | None = None
    name: str = ""
    sync_sign: str = ""
    is_imported_usage: bool = False

    def bills(self, today: date) -> bool:
        """Whether HaloPSA bills the line still."""
        return not self.inactive and (self.ends is None or self.ends >= today)


@dataclass(frozen=True)
class Target:
    """An existing invoice or recurring invoice as it was observed.

    `currency_id` is HaloPSA's, and the only one there is where the document names none. `closed` says in words why
    it may no longer be edited; empty when it may. `original_client_id` is the client that HaloPSA redirected it
    from. `period`, `disabled`, `ends`, `next_issue` and `issue_mark` are a template's. `observed_hash` is over all
    that we saw.
    """

    target_id: int
    client_id: int | None
    currency_id: int | None
    invoice_date: date | None
    closed: tuple[str, ...]
    lines: tuple[TargetLine, ...]
    observed_hash: str
    original_client_id: int | None = None
    period: int | None = None
    disabled: bool = False
    ends: date | None = None
    next_issue: date | None = None
    issue_mark: str = ""

    @property
    def net(self) -> Decimal:
        """Σ of the lines that count, before tax."""
        return sum((line.net for line in self.lines if not line.inactive), Decimal(0))

    def is_live(self, today: date) -> bool:
        """Whether HaloPSA goes on issuing it, where it is a recurring invoice."""
        return not self.disabled and (self.ends is None or self.ends >= today)


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
