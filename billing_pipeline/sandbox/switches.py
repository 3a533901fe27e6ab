"""Switches of a service: a frozen dataclass of plain values, read and changed by name over HTTP."""

import dataclasses
from typing import Any, TypeVar

AnySwitches = TypeVar("AnySwitches")


def list_switches(switches: Any) -> dict[str, Any]:
    """Every switch by name."""
    return dataclasses.asdict(switches)


def change_switches(switches: AnySwitches, changes: Any) -> AnySwitches:
    """The switches with `changes` made; the others stay. ValueError names the one that is wrong."""
    if not isinstance(changes, dict):
        raise ValueError("switches are a JSON object")
    known = {field.name: field for field in dataclasses.fields(switches)}  # type: ignore[arg-type]
    if unknown := sorted(changes.keys() - known.keys()):
        raise ValueError(f"unknown switch {unknown[0]!r}; known: {', '.join(sorted(known))}")
    for name, value in changes.items():
        now = getattr(switches, name)
        if type(now) in (bool, int, str) and type(value) is not type(now):
            raise ValueError(f"switch {name!r} is {now!r} now and cannot become {value!r}")
    return dataclasses.replace(switches, **changes)  # type: ignore[type-var]
