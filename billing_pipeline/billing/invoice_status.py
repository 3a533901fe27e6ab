"""What an invoice's status means for billing.

Source: statuses seen on Pax8's wire; its schema names none and new ones may come.
"""

from typing import Literal

Standing = Literal["billable", "not_billed", "unknown"]

_BILLABLE = frozenset({"unpaid", "paid", "carried", "nothing due"})
_NOT_BILLED = frozenset({"void", "credited"})


def standing(status: str | None) -> Standing:
    """Whether the lines of an invoice with this status are billed, stand aside, or hold the month."""
    known = (status or "").strip().lower()
    if known in _BILLABLE:
        return "billable"
    return "not_billed" if known in _NOT_BILLED else "unknown"
