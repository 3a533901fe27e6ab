"""JSON with exact numbers: Decimal in, Decimal out, and no float on the way."""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import simplejson

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_exact_json(text: str) -> Any:
    """The JSON value of `text`: numbers with a point or an exponent are Decimal, others int.

    NaN and Infinity, which JSON does not have but Python's reader takes, are refused. Half of a surrogate pair, as a
    text cut in the middle of an emoji has, becomes U+FFFD: such a text can be stored and sent nowhere.
    Raises ValueError on all that is not JSON.
    """
    try:
        value = json.loads(text.removeprefix("\ufeff"), parse_float=Decimal, parse_constant=_refuse_constant)
        return _mend_texts(value) if _ESCAPED_SURROGATE.search(text) else value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def write_exact_json(document: Any) -> str:
    """`document` as JSON text; each Decimal becomes a number with just its digits.

    Raises TypeError on a float and ValueError on a Decimal that is NaN or infinite.
    """
    _refuse_inexact(document, "document")
    return simplejson.dumps(document, use_decimal=True, allow_nan=False, separators=(",", ":"))


def _mend_texts(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_mend_texts(key): _mend_texts(inner) for key, inner in value.items()}
    return [_mend_texts(inner) for inner in value] if isinstance(value, list) else value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _refuse_inexact(value: Any, place: str) -> None:
    if isinstance(value, float):
        raise TypeError(f"{place} is a float ({value!r}): amounts are Decimal, counts and ids are int")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"{place} is {value}: not a number that JSON can hold")
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_inexact(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _refuse_inexact(inner, f"{place}[{index}]")
