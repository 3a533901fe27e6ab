"""What an invoice's status means for billing.

Source: statuses seen on Pax8's wire; its schema names none and new ones may come.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Standing = Literal["billable", "not_billed", "unknown"]
DecidedStanding = Literal["billed", "not_billed"]

_BILLABLE = frozenset({"unpaid", "paid", "carried", "nothing due"})
_NOT_BILLED = frozenset({"void", "credited"})


def standing(status: str | None, decided: Mapping[str, DecidedStanding] = MappingProxyType({})) -> Standing:
    """Whether the lines of an invoice with this status are billed, stand aside, or hold the month.

    `decided` says it of statuses that are not known here, as the settings have it.
    """
    known = fold_status(status)
    if known in _BILLABLE:
        return "billable"
    if known in _NOT_BILLED:
        return "not_billed"
    match next((meaning for name, meaning in decided.items() if fold_status(name) == known), None):
        case "billed":
            return "billable"
        case "not_billed":
            return "not_billed"
        case None:
            return "unknown"


def fold_status(status: str | None) -> str:
    """A status as statuses are compared."""
    return (status or "").strip().lower()
