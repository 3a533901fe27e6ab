"""JSON in and out with exact numbers: a Decimal on the way in, the same digits on the way out."""

import json
import re
from decimal import Decimal
from typing import Any

import simplejson
from starlette.requests import Request
from starlette.responses import Response


def read_json(text: str | bytes) -> Any:
    """The value in `text`; decimals as Decimal, integers as int. ValueError where it is no JSON."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def write_json(value: Any, *, indent: int | None = None) -> str:
    """`value` as JSON; a Decimal keeps its digits (22.0 stays 22.0)."""
    text: str = simplejson.dumps(value, use_decimal=True, ensure_ascii=False, allow_nan=False, indent=indent)
    # Half of a surrogate pair, which no UTF-8 holds, goes out as JSON writes it.
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


_SURROGATE = re.compile("[\ud800-\udfff]")


class ExactJSONResponse(Response):
    """An answer whose Decimals go out as JSON numbers, to the digit."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return write_json(content).encode()


async def read_body(request: Request) -> Any:
    """The JSON body of `request`. ValueError where it is no JSON."""
    return read_json(await request.body())


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
