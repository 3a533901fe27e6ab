"""The two charts of the page as shapes: the month beside earlier ones, and where each cent went. Figures stay exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from billing_pipeline.billing.money import round_half_up
from billing_pipeline.billing.months import every_month
from billing_pipeline.commands.month_report import name_cents
from billing_pipeline.steps.month_cents import CentRow, split_cents
from billing_pipeline.steps.month_review import MonthReview, MonthTotals

BAR_WIDTH, BAR_GAP, HEIGHT, HEADROOM, FOOT = 44, 16, 150, 18, 34
CENT_WIDTH = 240
_SHORTEST = Decimal(1)
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Shape:
    """A rectangle, in units of the picture, as texts that SVG takes. `kind` is its class."""

    kind: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class MonthBar:
    """One month: what it comes to, and its rectangles. `totals` is None for a month without any charge."""

    month: str
    totals: MonthTotals | None
    shapes: tuple[Shape, ...]
    center: str
    top: str
    short: str

    @property
    def sell(self) -> Decimal:
        """What the month comes to, posted or not."""
        return _ZERO if self.totals is None else self.totals.posted_sell + self.totals.open_sell


@dataclass(frozen=True)
class MonthChart:
    """The months of one currency, oldest first."""

    currency: str
    bars: tuple[MonthBar, ...]
    width: int
    height: int
    baseline: str


@dataclass(frozen=True)
class CentBar:
    """One place where money went, with its bar."""

    row: CentRow
    name: str
    shape: Shape
    middle: str


@dataclass(frozen=True)
class CentChart:
    """Where the money of one currency went: the source first, then what adds up to it."""

    currency: str
    bars: tuple[CentBar, ...]

    @property
    def has_decisions(self) -> bool:
        """Whether something was decided for single lines, which adds to the source."""
        return any(bar.row.kind == "decided" for bar in self.bars)


def chart_months(review: MonthReview) -> list[MonthChart]:
    """A chart for each currency that the month itself or an earlier one has."""
    currencies = dict.fromkeys(total.currency for total in review.summary.totals if total.currency)
    currencies.update(dict.fromkeys(one.currency for one in review.history if one.currency))
    return [_chart_months(review, currency) for currency in currencies]


def _chart_months(review: MonthReview, currency: str) -> MonthChart:
    by_month = {one.month: one for one in review.history if one.currency == currency}
    months = every_month(min((*by_month, review.summary.month)), review.summary.month)
    sums = [one.posted_sell + one.open_sell for one in by_month.values()]
    parts = [part for one in by_month.values() for part in (one.posted_sell, one.open_sell)]
    highest, lowest = max([*sums, *parts, _ZERO]), min([*sums, *parts, _ZERO])
    scale = Decimal(HEIGHT) / ((highest - lowest) or Decimal(1))
    zero = HEADROOM + highest * scale
    bars = []
    for place, month in enumerate(months):
        totals = by_month.get(month)
        x = Decimal(BAR_GAP + place * (BAR_WIDTH + BAR_GAP))
        edges = [_ZERO]
        if totals is not None:
            edges += [totals.posted_sell, totals.posted_sell + totals.open_sell]
        tops = [zero - edge * scale for edge in edges]
        shapes = tuple(
            Shape(kind, _text(x), _text(min(pair)), str(BAR_WIDTH), _text(abs(pair[0] - pair[1])))
            for kind, pair in zip(("posted", "planned"), pairwise(tops), strict=False)
            if pair[0] != pair[1]
        )
        center = _text(x + Decimal(BAR_WIDTH) / 2)
        short = "" if totals is None else f"{round_half_up(edges[-1], 0):,f}"
        bars.append(MonthBar(month, totals, shapes, center, _text(min(tops) - 5), short))
    width = BAR_GAP + len(months) * (BAR_WIDTH + BAR_GAP)
    return MonthChart(currency, tuple(bars), width, HEADROOM + HEIGHT + FOOT, _text(zero))


def chart_cents(review: MonthReview) -> list[CentChart]:
    """A chart for each currency of the month."""
    return [_chart_cents(total.currency, split_cents(review.summary, total)) for total in review.summary.totals]


def _chart_cents(currency: str, rows: Sequence[CentRow]) -> CentChart:
    highest, lowest = max(_ZERO, *(row.sell for row in rows)), min(_ZERO, *(row.sell for row in rows))
    scale = Decimal(CENT_WIDTH) / ((highest - lowest) or Decimal(1))
    zero = -lowest * scale
    bars = []
    for row in rows:
        length = row.sell * scale
        if row.sell and abs(length) < _SHORTEST:
            length = _SHORTEST.copy_sign(length)
        shape = Shape(row.kind, _text(min(zero, zero + length)), "3", _text(abs(length)), "12")
        bars.append(CentBar(row, name_cents(row), shape, _text(zero)))
    return CentChart(currency, tuple(bars))


def _text(value: Decimal) -> str:
    return f"{round_half_up(value, 2):f}"
