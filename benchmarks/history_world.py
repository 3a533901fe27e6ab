"""A provider that is billed the same month after month: what a close takes must not grow with the months before it."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any

from billing_pipeline.billing.months import every_month, month_before, month_range
from billing_pipeline.sandbox.demo_random import new_id, stream
from billing_pipeline.sandbox.demo_scale import build_scaled_world
from billing_pipeline.sandbox.world import World

_FIRST = "2026-10"


@dataclass(frozen=True)
class History:
    """The services' content with an invoice for each of `months`, and the settings files by name."""

    world: World
    config: Mapping[str, str]
    months: Sequence[str]


def build_history(clients: int, lines: int, months: int) -> History:
    """`months` months of `clients` clients with `lines` lines each, the first of them October 2026."""
    world, config = build_scaled_world(clients, clients * lines)
    (first,) = world.pax8["invoices"]
    names = every_month(_FIRST, _later(_FIRST, months - 1))
    world.pax8["invoices"] = [first, *(_again(first, month) for month in names[1:])]
    return History(world, config, names)


def close_time(month: str) -> str:
    """When a month is closed: on the 6th."""
    return f"{month}-06T15:00:00Z"


def _again(entry: Mapping[str, Any], month: str) -> dict[str, Any]:
    """The first invoice once more, as of another month: its lines have other ids and periods."""
    again = deepcopy(dict(entry))
    rng = stream(f"history {month}")
    again["invoice"] = _moved({**again["invoice"], "id": new_id(rng)}, month)
    again["release_at"] = f"{month}-05T14:00:00Z"
    again["items"] = [_moved({**item, "id": new_id(rng)}, month) for item in again["items"]]
    return again


def _moved(row: dict[str, Any], month: str) -> dict[str, Any]:
    """The row with its October days in that month, and its September days in the one before."""
    return {name: _move(value, month) if _is_day(value) else value for name, value in row.items()}


def _is_day(value: object) -> bool:
    return isinstance(value, str) and value[:8] in ("2026-09-", "2026-10-", "2026-11-")


def _move(day: str, month: str) -> str:
    there = {"2026-09": month_before(month), "2026-10": month, "2026-11": _later(month, 1)}[day[:7]]
    _, last = month_range(there)
    wanted = int(day[8:10])
    moved = date(int(there[:4]), int(there[5:7]), min(wanted, last.day))
    return f"{moved.isoformat()}{day[10:]}"


def _later(month: str, months: int) -> str:
    year, place = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + months, 12)
    return f"{year:04d}-{place + 1:02d}"
