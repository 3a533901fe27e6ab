"""Reads what was posted as HaloPSA does: by declared type, strict about integers, blind to unknown fields."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from billing_pipeline.sandbox.exact_json import read_json
from billing_pipeline.sandbox.halopsa_errors import unreadable
from billing_pipeline.sandbox.halopsa_fields import FieldKind, Fields

Doc: TypeAlias = dict[str, Any]
LAST_SENTINEL_YEAR = 1900  # unset dates come back as 1900, 1899 or 0001


def read_array(body: bytes) -> list[Any]:
    """The elements of a posted JSON array. HaloError 400 for anything else."""
    try:
        sent = read_json(body)
    except ValueError:
        raise unreadable("The request body is not valid JSON.") from None
    if not isinstance(sent, list):
        raise unreadable("Cannot deserialize the current JSON object: the type requires a JSON array.")
    if not sent:
        raise unreadable("The array is empty.")
    return sent


def read_document(sent: Any, fields: Fields, where: str) -> Doc:
    """The known fields of one posted document that are not null. HaloError 400 names a wrong one."""
    if not isinstance(sent, dict):
        raise unreadable(f"Error converting value to type object. Path '{where}'.")
    return {
        name: _read_value(value, fields[name], f"{where}.{name}")
        for name, value in sent.items()
        if name in fields and value is not None
    }


def _read_value(value: Any, kind: FieldKind, path: str) -> Any:
    if kind == "integer" and (isinstance(value, bool) or not isinstance(value, int)):
        raise unreadable(f"Input string '{value}' is not a valid integer. Path '{path}'.")
    if kind == "number" and (isinstance(value, bool) or not isinstance(value, int | Decimal)):
        raise unreadable(f"Could not convert to double: {value!r}. Path '{path}'.")
    if kind == "boolean" and not isinstance(value, bool):
        raise unreadable(f"Could not convert to boolean: {value!r}. Path '{path}'.")
    if (kind == "many" and not isinstance(value, list)) or (kind == "one" and not isinstance(value, dict)):
        raise unreadable(f"Cannot deserialize the value at '{path}'.")
    if kind == "date":
        return _read_date(value, path)
    if kind == "text":
        return _read_text(value, path)
    return value


def _read_text(value: Any, path: str) -> str:
    if isinstance(value, list | dict):
        raise unreadable(f"Error reading string. Path '{path}'.")
    return value if isinstance(value, str) else str(value)


def _read_date(value: Any, path: str) -> str | None:
    """A date without zone, as HaloPSA keeps it in UTC; None for the years that mean unset."""
    if value == "":
        return None
    moment = parse_date(value)
    if moment is None:
        raise unreadable(f"Could not convert string to DateTime: {value!r}. Path '{path}'.")
    return None if moment.year <= LAST_SENTINEL_YEAR else write_date(moment)


def parse_date(value: Any) -> datetime | None:
    """The moment that an ISO 8601 text means, naive in UTC; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    offset = moment.utcoffset()
    return (moment - offset if offset else moment).replace(tzinfo=None)


def write_date(moment: datetime) -> str:
    """A date as HaloPSA writes it: no zone, whole seconds."""
    return moment.replace(tzinfo=None, microsecond=0).isoformat()
