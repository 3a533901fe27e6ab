"""Where each cent of the distributor's charges went, in one currency: the rows that terminal, page and JSON show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from billing_pipeline.billing.reasons import reason_of
from billing_pipeline.steps.month_summary import CurrencyTotals, Fate, MonthSummary

Kind = Literal[
    "source",
    "decided",
    "posted",
    "reversed",
    "to_approve",
    "planned",
    "dropped",
    "excluded",
    "blocked",
    "held",
    "rounding",
    "gap",
]

_ZERO = Decimal(0)
_BILLED = ("posted", "planned", "collapsed")
_NOT_BILLED: tuple[Kind, ...] = ("dropped", "excluded", "held", "blocked")


@dataclass(frozen=True)
class CentRow:
    """One place where money of a currency went; `lines` is None where it is not counted in lines.

    The first row is the source, and a row `decided` after it what persons decided less what was sent; all others add
    up to the two, and the last one is what is not explained.
    """

    kind: Kind
    reason: str | None
    lines: int | None
    sell: Decimal
    cost: Decimal

    @property
    def label(self) -> str:
        """The reason in words; empty where there is none."""
        return reason_of(self.reason).label if self.reason else ""

    def plus(self, other: "CentRow") -> "CentRow":
        """This row with the lines and money of another."""
        return replace(
            self, lines=(self.lines or 0) + (other.lines or 0), sell=self.sell + other.sell, cost=self.cost + other.cost
        )


def split_cents(summary: MonthSummary, totals: CurrencyTotals) -> list[CentRow]:
    """The rows of one currency of a month."""
    fates = [fate for fate in summary.fates if fate.currency == totals.currency]
    rows = [CentRow("source", None, _lines(fates), totals.source_sell, totals.source_cost)]
    if totals.decided_sell or totals.decided_cost:
        rows.append(CentRow("decided", None, None, totals.decided_sell, totals.decided_cost))
    undone = _lines([fate for fate in fates if fate.is_reversed])
    billed_fates = [fate for fate in fates if fate.disposition in _BILLED and not fate.is_reversed]
    waiting = _lines([fate for fate in billed_fates if fate.reason is not None])
    billed: int | None = _lines(billed_fates) - waiting
    if totals.posted_sell or totals.posted_cost:
        rows.append(CentRow("posted", None, billed, totals.posted_sell, totals.posted_cost))
        billed = None
    if totals.reversed_sell or totals.reversed_cost or undone:
        rows.append(CentRow("reversed", None, undone, totals.reversed_sell, totals.reversed_cost))
    if totals.to_approve_sell or totals.to_approve_cost or waiting:
        rows.append(CentRow("to_approve", None, waiting, totals.to_approve_sell, totals.to_approve_cost))
    if totals.to_post_sell or totals.to_post_cost or billed:
        rows.append(CentRow("planned", None, billed, totals.to_post_sell, totals.to_post_cost))
    for kind in _NOT_BILLED:
        for reason in dict.fromkeys(fate.reason for fate in fates if fate.disposition == kind):
            shared = [fate for fate in fates if fate.disposition == kind and fate.reason == reason]
            rows.append(CentRow(kind, reason, _lines(shared), _sum(shared, "sell"), _sum(shared, "cost")))
    rows.append(CentRow("rounding", None, None, totals.residual_sell, totals.residual_cost))
    rows.append(CentRow("gap", None, None, totals.sell_gap, totals.cost_gap))
    return rows


def _lines(fates: Sequence[Fate]) -> int:
    return sum(fate.lines for fate in fates)


def _sum(fates: Sequence[Fate], name: str) -> Decimal:
    return sum((getattr(fate, name) for fate in fates), _ZERO)
