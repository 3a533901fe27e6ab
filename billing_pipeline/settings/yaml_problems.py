"""Tells a person what pydantic found wrong in a YAML file: place, key, what stands there, what to write."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from billing_pipeline.settings.nearest import find_nearest, suggest
from billing_pipeline.settings.problems import KeyPath, Problem


def describe(error: ValidationError, model: type[BaseModel], file: str, lines: Mapping[KeyPath, int]) -> list[Problem]:
    """Return one problem for each error, at the line of the key or of the nearest key around it."""
    problems = []
    for detail in error.errors(include_url=False):
        path = tuple(str(part) for part in detail["loc"] if part != "[key]")
        text = _explain(detail["type"], detail["msg"], detail["input"], detail.get("ctx", {}), path, model)
        problems.append(Problem(file, find_line(lines, path), ".".join(path), text))
    return problems


def find_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of a key, or of the nearest key around it, or None."""
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _explain(
    kind: str,
    message: str,
    given: Any,
    context: Mapping[str, Any],
    path: KeyPath,
    model: type[BaseModel],
) -> str:
    if kind == "extra_forbidden":
        # The value stays unsaid: a secret that was put here by mistake must not be shown.
        return f"unknown key here; {_suggest_key(path, model)}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "model_type" and given is None:
        return "a section cannot be null: give it keys, write {}, or remove it"
    if given is None:
        return "cannot be null here: remove the key to inherit it, or write a value"
    if kind == "literal_error":
        allowed = [value.strip("'") for value in str(context["expected"]).replace(" or ", ", ").split(", ")]
        if isinstance(given, list):
            return f"takes one value, not a list: choose one of {', '.join(allowed)}"
        nearest = find_nearest(given, allowed) if isinstance(given, str) else None
        hint = f" (nearest: {nearest})" if nearest and len(allowed) > 1 else ""
        return f"{_show(given)} is not one of {', '.join(allowed)}{hint}"
    if kind == "model_type":
        return f"a section of keys and values expected, not {_show(given)}"
    limit = next((context[name] for name in ("gt", "ge", "le") if name in context), "")
    expected = {
        "greater_than": f"a number above {limit} expected",
        "greater_than_equal": f"{limit} or more expected",
        "less_than_equal": f"{limit} or less expected",
        "bool_type": "true or false expected",
        "int_type": "a whole number expected",
        "string_type": "text expected",
        "tuple_type": "a list expected, as in [a, b]",
        "mapping_type": "keys and values expected",
        "dict_type": "keys and values expected",
        "is_instance_of": "a number expected",
        "decimal_type": "a number expected",
    }.get(kind, message[:1].lower() + message[1:])
    return f"{expected}, not {_show(given)}"


def _show(given: Any) -> str:
    match given:
        case bool():
            return str(given).lower()
        case str():
            return f"the text {given!r}" if len(given) <= 80 else f"the text {given[:80]!r}…"
        case list():
            return "a list"
        case dict():
            return "keys and values"
        case Decimal():
            return f"{given:f}"
        case None:
            return "null"
        case _:
            return str(given)


def _suggest_key(path: KeyPath, model: type[BaseModel]) -> str:
    parent = _find_section(model, path[:-1])
    if parent is None:
        return "remove it"
    elsewhere = sorted((key for key in _keys_below(parent) if key.endswith(f".{path[-1]}")), key=len)
    if elsewhere:
        return f"it is known at {' or '.join(elsewhere[:2])}"
    return suggest(path[-1], parent.model_fields)


def _find_section(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    place: Any = model
    for name in path:
        if isinstance(place, type) and issubclass(place, BaseModel):
            place = place.model_fields[name].annotation if name in place.model_fields else None
        elif get_origin(place) is Mapping:
            place = get_args(place)[1]
        else:
            return None
    return place if isinstance(place, type) and issubclass(place, BaseModel) else None


def _keys_below(model: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield before + name
        section = info.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from _keys_below(section, f"{before}{name}.")
