"""What a planned document changes in HaloPSA, line by line: before and after.

Pure: a document of a sealed plan (its JSON) and the lines that its target had when the plan was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

# `kept` is a line of ours or of others that the plan leaves as it is; `unchanged` is written again, and no different.
Change = Literal["added", "changed", "unchanged", "made_inactive", "kept"]


@dataclass(frozen=True)
class LineState:
    """A document line at one time. `sell` and `cost` are its totals before tax; an inactive line is not billed.

    An item that is still to be created has an `item_reference` instead of an `item_id`.
    """

    text: str
    long_text: str
    quantity: Decimal
    unit_price: Decimal
    sell: Decimal
    cost: Decimal
    inactive: bool
    item_id: int | None
    item_reference: str | None
    tax_id: int | None
    account: str | None


@dataclass(frozen=True)
class LineChange:
    """What becomes of one line of a document. `before` is None for a new line, `after` never is.

    `changed` names what differs: text, quantity, unit_price, sell, cost, item, tax, account, inactive. `ours` says
    whether the line bears a key of ours. `charge_key` and `line_keys` (the source lines that it bills) are of the plan.
    """

    change: Change
    ours: bool
    line_id: int | None
    before: LineState | None
    after: LineState
    changed: tuple[str, ...] = ()
    charge_key: str | None = None
    slot_key: str | None = None
    collapsed: bool = False
    line_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class StandingLine:
    """A line that stands on an existing document."""

    line_id: int
    ours: bool
    state: LineState


def find_line_changes(document: Mapping[str, Any], standing: Sequence[StandingLine]) -> tuple[LineChange, ...]:
    """What becomes of each line: ours first, in the order of the plan, then those that end, then all others.

    `standing` are the lines of the document that is changed, in their order; empty for a new one.
    """
    there = {line.line_id: line for line in standing}
    planned = [_plan_line(line, there) for line in document["lines"]]
    ended = [_end_line(there.get(line_id), line_id) for line_id in document["deactivate"]]
    touched = {line["target_line_id"] for line in document["lines"]} | set(document["deactivate"])
    kept = [
        LineChange("kept", line.ours, line.line_id, line.state, line.state)
        for line in standing
        if line.line_id not in touched
    ]
    return (*planned, *ended, *kept)


def total_of(states: Sequence[LineState]) -> Decimal:
    """Σ of the lines that are billed, before tax."""
    return sum((state.sell for state in states if not state.inactive), Decimal(0))


def _plan_line(line: Mapping[str, Any], there: Mapping[int, StandingLine]) -> LineChange:
    replaced = there.get(line["target_line_id"])
    after = LineState(
        text=line["short_description"],
        long_text=line["long_description"],
        quantity=Decimal(line["quantity"]),
        unit_price=Decimal(line["unit_price"]),
        sell=Decimal(line["sell"]),
        cost=Decimal(line["cost"]),
        inactive=False,
        item_id=line["item_id"],
        item_reference=line["item_reference"],
        tax_id=line["tax_id"],
        # What is left out of a write stays as it was.
        account=line["income_account"] or (replaced.state.account if replaced is not None else None),
    )
    changed = () if replaced is None else find_differences(replaced.state, after)
    change: Change = "changed" if changed else "unchanged"
    return LineChange(
        change="added" if line["target_line_id"] is None else change,
        ours=True,
        line_id=line["target_line_id"],
        before=None if replaced is None else replaced.state,
        after=after,
        changed=changed,
        charge_key=line["charge_key"],
        slot_key=line["slot_key"],
        collapsed=line["collapse_group"] is not None,
        line_keys=tuple(line["line_keys"]),
    )


def _end_line(line: StandingLine | None, line_id: int) -> LineChange:
    if line is None:
        unknown = LineState("", "", Decimal(0), Decimal(0), Decimal(0), Decimal(0), True, None, None, None, None)
        return LineChange("made_inactive", True, line_id, None, unknown, ("inactive",))
    after = LineState(**{**vars(line.state), "inactive": True})
    return LineChange("made_inactive", True, line_id, line.state, after, ("inactive",))


_COMPARED = {
    "text": ("text", "long_text"),
    "quantity": ("quantity",),
    "unit_price": ("unit_price",),
    "sell": ("sell",),
    "cost": ("cost",),
    "item": ("item_id", "item_reference"),
    "tax": ("tax_id",),
    "account": ("account",),
    "inactive": ("inactive",),
}


def find_differences(before: LineState, after: LineState) -> tuple[str, ...]:
    """The names of what differs between two states of a line."""
    return tuple(
        name
        for name, fields in _COMPARED.items()
        if any(getattr(before, field) != getattr(after, field) for field in fields)
    )
