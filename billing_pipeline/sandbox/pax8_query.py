"""Reads the query of a Pax8 list: page, size, sort and filters, each refused as Pax8 would refuse it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from billing_pipeline.sandbox.pax8_errors import Pax8Error

DEFAULT_SIZE = 10
MAXIMUM_SIZE = 200
MAXIMUM_PAGE = 2**31 - 1
Row = dict[str, Any]


@dataclass(frozen=True)
class PageRequest:
    """Which rows are wanted: `number` from 0, `size` at most 200."""

    number: int
    size: int


def read_page(query: Mapping[str, str], oversized: Literal["refuse", "cap"]) -> PageRequest:
    """`page` (default 0) and `size` (default 10, maximum 200) of a list request."""
    number = read_integer(query, "page", 0)
    size = read_integer(query, "size", DEFAULT_SIZE)
    if number > MAXIMUM_PAGE:
        raise Pax8Error(400, f"page must be at most {MAXIMUM_PAGE}")
    if size < 1 or (size > MAXIMUM_SIZE and oversized == "refuse"):
        raise Pax8Error(400, f"size must be from 1 to {MAXIMUM_SIZE}")
    return PageRequest(number, min(size, MAXIMUM_SIZE))


def read_integer(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number of at least 0."""
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Pax8Error(400, f"{name} must be a whole number of at least 0")
    return int(text)


def read_date(query: Mapping[str, str], name: str) -> str | None:
    """A date as YYYY-MM-DD, or None where it is not asked for."""
    text = query.get(name)
    if text is None:
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise Pax8Error(400, f"{name} must be a date written yyyy-MM-dd") from None
    return text


def read_number(query: Mapping[str, str], name: str) -> Decimal | None:
    """An amount, or None where it is not asked for."""
    text = query.get(name)
    if text is None:
        return None
    try:
        number = Decimal(text) if re.fullmatch(r"[0-9eE+.\-]+", text) else None
    except InvalidOperation:
        number = None
    if number is None:
        raise Pax8Error(400, f"{name} must be a number")
    return number


def read_flag(query: Mapping[str, str], name: str) -> bool | None:
    """true or false, or None where it is not asked for."""
    text = query.get(name)
    if text is None:
        return None
    if text not in ("true", "false"):
        raise Pax8Error(400, f"{name} must be true or false")
    return text == "true"


def sort_rows(rows: list[Row], query: Mapping[str, str], fields: Sequence[str]) -> list[Row]:
    """`rows` by `sort=field` or `sort=field,desc`; first those without it, equal ones in their order."""
    text = query.get("sort")
    if text is None:
        return rows
    name, _, direction = text.partition(",")
    if name not in fields or direction not in ("", "asc", "desc") or text.endswith(","):
        raise Pax8Error(400, f"sort must be one of {', '.join(fields)}, then at will ,asc or ,desc")

    def order(row: Row) -> tuple[int, Any]:
        value = row.get("vendorName" if name == "vendor" else name, (row.get("address") or {}).get(name))
        if value is None:
            return (0, "")
        return (1, value) if isinstance(value, int | Decimal) else (2, str(value))

    return sorted(rows, key=order, reverse=direction == "desc")
