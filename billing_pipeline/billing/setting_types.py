"""The kinds of value a setting can have, and what is said when a value is of another kind."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from billing_pipeline.billing.line_template import read_template
from billing_pipeline.billing.names import find_hidden_character

Level: TypeAlias = Literal["built_in", "global", "integration", "client", "client_integration"]
IntegrationName: TypeAlias = Literal["pax8", "halopsa_contracts"]
INTEGRATIONS: tuple[IntegrationName, ...] = get_args(IntegrationName)

CLIENT_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_CURRENCY = re.compile(r"[A-Z]{3}")


def check_client_key(key: str) -> str:
    """Return `key`, or raise ValueError with the reason why it cannot name a client."""
    if not CLIENT_KEY.fullmatch(key):
        raise ValueError(
            f"{key!r} is no client key: use small letters, digits and hyphens, at most 63, "
            "and begin with a letter or a digit"
        )
    if key.startswith("pax8-") or key == "unassigned":
        raise ValueError(
            f"{key!r} is a key that the pipeline itself gives to companies without a client: choose another"
        )
    return key


def _check_month(text: str) -> str:
    if not _MONTH.fullmatch(text):
        raise ValueError(f"{text!r} is no month: write YYYY-MM, as in 2026-01")
    return text


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone: write a name of the IANA list, as in America/Denver") from None
    return name


def _check_currency(code: str) -> str:
    if not _CURRENCY.fullmatch(code):
        raise ValueError(f"{code!r} is no currency code: write three capitals (ISO 4217), as in USD")
    return code


def _exact_number(value: Any) -> Any:
    """Take whole numbers for decimals; floats never, for they are not what was written."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _code_text(value: Any) -> Any:
    """Take an unquoted number as the text that was written: the YAML reader keeps every digit of it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    return f"{value:f}" if isinstance(value, Decimal) else value


def _check_code(code: str) -> str:
    if not code.strip():
        raise ValueError("the code is empty: write a code, or null for none")
    return _check_seen(code.strip())


def _check_seen(identifier: str) -> str:
    hidden = find_hidden_character(identifier)
    if hidden is not None:
        raise ValueError(f"{identifier!a} holds a character that cannot be seen ({hidden}): type it anew")
    return identifier


def _check_item_group(name: str) -> str:
    rest = name.replace("{integration}", "")
    if not name.strip():
        raise ValueError("the name of the product group is empty")
    if "{" in rest or "}" in rest:
        raise ValueError(f"{name!r}: {{integration}} is the only placeholder that a product group may hold")
    return name


def _check_template(template: str) -> str:
    read_template(template)
    return template


def _check_short_template(template: str) -> str:
    if not template.strip():
        raise ValueError("the template is empty: HaloPSA needs a text on every line, as in {title}")
    return _check_template(template)


def _id_or_name(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.strip():
        return _check_seen(value.strip())
    raise ValueError(f"a HaloPSA id (a whole number) or a name expected, not {value!r}")


Month = Annotated[str, AfterValidator(_check_month)]
TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
Currency = Annotated[str, AfterValidator(_check_currency)]
ClientKey = Annotated[str, AfterValidator(check_client_key)]
Amount = Annotated[Decimal, BeforeValidator(_exact_number), Field(ge=0, allow_inf_nan=False)]
AccountCode = Annotated[str, BeforeValidator(_code_text), AfterValidator(_check_code)]
ItemGroup = Annotated[str, AfterValidator(_check_item_group)]
ShortTemplate = Annotated[str, AfterValidator(_check_short_template)]
LongTemplate = Annotated[str, AfterValidator(_check_template)]
IdOrName = Annotated[int | str, PlainValidator(_id_or_name)]
