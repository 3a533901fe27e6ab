"""Templates of line texts: placeholders in braces, parts that may vanish in brackets."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from rapidfuzz import fuzz, process

# What each placeholder stands for. One that has nothing to say for a line is empty there.
PLACEHOLDERS: Mapping[str, str] = {
    "title": "what the line is called: the product, or what the distributor wrote where that says more",
    "product": "the product's name, without the distributor's marks around it",
    "description": "what the distributor wrote on the line",
    "sku": "the vendor's SKU",
    "period": "the days that the charge is for: 1 Oct 2026 to 31 Oct 2026",
    "period_start": "the first of them",
    "period_end": "the last of them",
    "month": "the month of the distributor's invoice: October 2026",
    "quantity": "the charged quantity",
    "unit_price": "the distributor's price for one, with its currency",
    "true_quantity": "the charged quantity, only where HaloPSA's line had to go with quantity 1",
    "true_unit_price": "the price for one, only there",
    "amount": "the line's amount before tax, with its currency",
    "currency": "the currency's code",
    "purchase_order": "the purchase order",
    "subscription": "the distributor's id of the subscription",
    "azure_subscription": "the name of the Azure subscription",
    "azure_category": "the kind of Azure use, as Storage",
}

Segment: TypeAlias = tuple[str, bool]
_TOKEN = re.compile(r"\{([^{}]*)\}")
_CLOSE_ENOUGH = 60


@dataclass(frozen=True)
class _Part:
    """Text and placeholders in order, as (text, is a placeholder)."""

    segments: tuple[Segment, ...]
    optional: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(text for text, is_name in self.segments if is_name)

    def fill(self, value_of: Callable[[str], str]) -> str:
        return "".join(value_of(text) if is_name else text for text, is_name in self.segments)


@dataclass(frozen=True)
class Template:
    """A template, read; `lines` are its lines, each a row of parts."""

    lines: tuple[tuple[_Part, ...], ...]

    def fill(self, value_of: Callable[[str], str]) -> list[str]:
        """The lines with what `value_of` says for each placeholder.

        A part in brackets vanishes where one of its placeholders is empty; a line where all of its placeholders are.
        """
        filled = []
        for parts in self.lines:
            names = [name for part in parts for name in part.names]
            if names and not any(value_of(name) for name in names):
                continue
            kept = [part for part in parts if not part.optional or all(value_of(name) for name in part.names)]
            text = " ".join("".join(part.fill(value_of) for part in kept).split())
            if text:
                filled.append(text)
        return filled


@cache
def read_template(template: str) -> Template:
    """Read a template. Raises ValueError for an unknown placeholder, naming the nearest, and for a stray bracket."""
    return Template(tuple(tuple(_read_parts(line)) for line in template.splitlines()))


def _read_parts(line: str) -> list[_Part]:
    parts = []
    for number, chunk in enumerate(re.split(r"(\[[^\[\]]*\])", line)):
        optional = number % 2 == 1
        text = chunk[1:-1] if optional else chunk
        if not optional and ("[" in text or "]" in text):
            raise ValueError(
                f"{line!r}: a bracket is not closed or stands in another; brackets hold a part that may vanish"
            )
        part = _Part(tuple(_read_segments(line, text)), optional)
        if optional and not part.names:
            raise ValueError(f"{line!r}: {chunk} holds no placeholder, so nothing says when it vanishes")
        parts.append(part)
    return parts


def _read_segments(line: str, text: str) -> list[Segment]:
    segments = []
    for number, piece in enumerate(_TOKEN.split(text)):
        is_name = number % 2 == 1
        if is_name and piece not in PLACEHOLDERS:
            raise ValueError(f"{{{piece}}} is no placeholder; {_suggest(piece)}")
        if not is_name and ("{" in piece or "}" in piece):
            raise ValueError(f"{line!r}: a brace is not closed; placeholders stand in braces, as in {{product}}")
        if piece:
            segments.append((piece, is_name))
    return segments


def _suggest(name: str) -> str:
    found = process.extractOne(name, list(PLACEHOLDERS), scorer=fuzz.ratio, processor=str.casefold)
    if found is not None and found[1] >= _CLOSE_ENOUGH:
        return f"the nearest known one is {{{found[0]}}}"
    return f"known are: {', '.join(PLACEHOLDERS)}"
