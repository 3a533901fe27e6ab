"""Reads a YAML file as exact values, and knows on which line every key stands.

Scalars are typed as in YAML 1.2's core, and less: only `true`, `false`, `null`, plain whole numbers and
plain decimals are anything but text. YAML 1.1 would read 2026-01-01 as a date, 0123 as octal 83, 12:30 as
750 and `no` as false, and so lose what was written.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from billing_pipeline.settings.problems import KeyPath, Problem

_TAG = "tag:yaml.org,2002:"
_MOST_NODES = 200_000


class _ExactLoader(yaml.SafeLoader):
    """PyYAML's reader without YAML 1.1's guesses."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  (PyYAML's name)


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"0|-?[1-9][0-9]*", list("-0123456789")),
    ("float", r"-?(0|[1-9][0-9]*)\.[0-9]+", list("-0123456789")),
    ("merge", r"<<", ["<"]),
):
    _ExactLoader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"(?:{_pattern})$"), _first)


@dataclass(frozen=True)
class YamlFile:
    """The values of a file, the line of every key (and list element) by its path, and what is wrong."""

    values: Any
    lines: dict[KeyPath, int]
    problems: tuple[Problem, ...]


def read_yaml(file: str, content: bytes) -> YamlFile:
    """Read `content`; `file` is its name in problems. Never raises: what is wrong is in `.problems`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _broken(file, line, "the file is not UTF-8 from here on: save it as UTF-8")
    loader = None
    try:
        loader = _ExactLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        return _broken(file, mark.line + 1 if mark else None, f"this is not YAML: {what}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _broken(file, line, f"a character that YAML does not allow (code {ord(text[error.position])})")
    except RecursionError:
        return _broken(file, None, "nested too deep to be settings")
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        return YamlFile({}, {}, ())
    reading = _Reading(file)
    values = reading.convert(node, ())
    return YamlFile(values, reading.lines, tuple(reading.problems))


def _broken(file: str, line: int | None, text: str) -> YamlFile:
    return YamlFile({}, {}, (Problem(file, line, "", text),))


@dataclass
class _Reading:
    file: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0
    open_nodes: set[int] = field(default_factory=set)

    def convert(self, node: yaml.Node, path: KeyPath) -> Any:
        self.nodes += 1
        if id(node) in self.open_nodes:
            return self.complain(node, path, "an anchor that holds itself")
        if self.nodes > _MOST_NODES:
            if self.nodes == _MOST_NODES + 1:
                self.complain(node, path, "the anchors of this file unfold to more than settings can be")
            return None
        self.open_nodes.add(id(node))
        try:
            match node:
                case yaml.MappingNode():
                    return self.convert_mapping(node, path)
                case yaml.SequenceNode():
                    return self.convert_sequence(node, path)
                case _:
                    return self.convert_scalar(node, path)
        finally:
            self.open_nodes.discard(id(node))

    def convert_mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        own: dict[str, Any] = {}
        seen: dict[str, int] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == f"{_TAG}null":
                self.complain(key_node, path, "a key must be plain text")
                continue
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in seen:
                self.complain(key_node, (*path, key), f"this key stands twice, first on line {seen[key]}")
                continue
            seen[key] = line
            self.lines[(*path, key)] = line
            own[key] = self.convert(value_node, (*path, key))
        return self.merge(merged, own, path)

    def merge(self, merged: list[yaml.Node], own: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        """Put the keys of `<<` beneath those of the mapping itself, the first of several on top."""
        values = dict(own)
        for node in merged:
            if not isinstance(node, yaml.MappingNode):
                self.complain(node, path, "<< takes an anchor of keys and values, or a list of such")
                continue
            under = _Reading(self.file, nodes=self.nodes, open_nodes=self.open_nodes)
            found = under.convert(node, path)
            self.nodes = under.nodes
            self.problems += under.problems
            for key, value in (found or {}).items():
                if key not in values:
                    values[key] = value
                    start = (*path, key)
                    self.lines |= {p: n for p, n in under.lines.items() if p[: len(start)] == start}
        return values

    def convert_sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        values = []
        for index, element in enumerate(node.value):
            self.lines[(*path, str(index))] = element.start_mark.line + 1
            values.append(self.convert(element, (*path, str(index))))
        return values

    def convert_scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        text = str(node.value)
        match node.tag.removeprefix(_TAG):
            case "str" | "merge":
                return text
            case "null":
                return None
            case "bool" if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case "int" if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text):
                return int(text)
            case "int" | "float" if re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", text):
                return Decimal(text)
            case _:
                return self.complain(node, path, f"{node.tag} is no tag for settings: write a plain value")

    def complain(self, node: yaml.Node, path: KeyPath, text: str) -> None:
        self.problems.append(Problem(self.file, node.start_mark.line + 1, ".".join(path), text))
