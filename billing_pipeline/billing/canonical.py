"""Canonical JSON: the same content has the same text and the same hash, on any machine and in any order."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

_MOST_PLACES = 60


def decimal_text(amount: Decimal) -> str:
    """A decimal without exponent, trailing zeros or negative zero: 22.00 and 22 are the same amount."""
    if not amount:
        return "0"
    if abs(amount.adjusted()) > _MOST_PLACES:
        # Written out, 1e999999999 would fill the memory.
        sign, digits, exponent = amount.as_tuple()
        text = "".join(map(str, digits)).rstrip("0")
        return f"{'-' if sign else ''}{text}E{int(exponent) + len(digits) - len(text)}"
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def canonical_json(value: Any) -> str:
    """`value` as JSON with sorted keys, no spaces, decimals as text and dates in ISO 8601."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return sha256(canonical_json(value).encode()).hexdigest()
