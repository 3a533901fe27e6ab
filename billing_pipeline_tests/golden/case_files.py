"""A golden case as its folder says it: a clerk writes the files, and nothing here changes what they say."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from billing_pipeline.sandbox.world import World

FOLDER = Path(__file__).parent
USUAL = FOLDER / "usual"
MONTH = "2026-10"
_AMOUNTS = ("quantity", "price", "subTotal", "total", "cost", "costTotal", "salesTax")
_SHORT_NAMES = {"sell": "total", "cost": "costTotal"}
_CREDENTIALS = {"client_id": "golden", "client_secret": "golden-secret"}
_EMPTY_CSV = {
    "products.csv": "integration,product_id,sku,term,halopsa_item_id\n",
    "line_decisions.csv": "integration,invoice_id,source_line_id,decision,value,by,why\n",
}

Row = dict[str, Any]


class _ExactLoader(yaml.CSafeLoader):
    """Amounts stay the decimals that were written, dates stay texts."""


_ExactLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_ExactLoader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: Decimal(str(node.value)))


def read_yaml(file: Path) -> Any:
    """The content of a YAML file with exact amounts."""
    return yaml.load(file.read_text(encoding="utf-8"), _ExactLoader)


@dataclass(frozen=True)
class Case:
    """One case, by its folder. `expected` is expected.yaml, `config` the files of the settings folder by name."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def expected(self) -> Mapping[str, Any]:
        content: Mapping[str, Any] = read_yaml(self.folder / "expected.yaml")
        return content

    @property
    def story(self) -> Sequence[Mapping[str, Any]]:
        """What happens, step by step, with what must come of it; a case that tells no story is one close."""
        story: Sequence[Mapping[str, Any]] = self.expected.get("story") or [{"close": MONTH, **self.expected}]
        return story

    @property
    def config(self) -> dict[str, str]:
        return {
            "billing.yaml": self._text("settings.yaml"),
            "clients.csv": self._text("clients.csv"),
            "products.csv": self._text("products.csv"),
            "line_decisions.csv": self._line_decisions(),
        }

    def _line_decisions(self) -> str:
        """What was decided for lines, which the case calls by their names."""
        names = {name: str(line["id"]) for name, line in self.lines.items() if line.get("id")}
        rows = list(csv.reader(self._text("line_decisions.csv").splitlines()))
        place = rows[0].index("source_line_id")
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [[names.get(cell, cell) if column == place else cell for column, cell in enumerate(row)] for row in rows]
        )
        return text.getvalue()

    def _text(self, name: str) -> str:
        for folder in (self.folder, USUAL):
            if (folder / name).exists():
                return (folder / name).read_text(encoding="utf-8")
        return _EMPTY_CSV[name]

    @cached_property
    def lines(self) -> dict[str, Row]:
        """The invoice lines as Pax8 sends them, by what the case calls them."""
        if (self.folder / "items.json").exists():
            rows = json.loads((self.folder / "items.json").read_text(encoding="utf-8"), parse_float=Decimal)
            return {f"L{number}": row for number, row in enumerate(rows, start=1)}
        with (self.folder / "items.csv").open(encoding="utf-8", newline="") as file:
            written = list(csv.DictReader(file))
        return {row["line"]: expand_line(number, row) for number, row in enumerate(written, start=1)}

    @cached_property
    def world(self) -> World:
        """Pax8 with the invoices that it has when the case begins, and its HaloPSA."""
        own = read_yaml(self.folder / "halopsa.yaml") if (self.folder / "halopsa.yaml").exists() else {}
        later = {step["pax8_releases"] for step in self.story if "pax8_releases" in step}
        return make_world([one for one in self.invoices if one["invoice"]["id"] not in later], own)

    @cached_property
    def invoices(self) -> Sequence[Row]:
        """Every invoice of the case, those among them that Pax8 releases in its course."""
        heads: list[Row] = [{}]
        if (self.folder / "invoices.yaml").exists():
            heads = read_yaml(self.folder / "invoices.yaml")
        elif (self.folder / "invoice.json").exists():
            heads = [json.loads((self.folder / "invoice.json").read_text(encoding="utf-8"), parse_float=Decimal)]
        lines = list(self.lines.values())
        invoices = []
        for head in heads:
            items = [line for line in lines if line.get("invoice", head.get("id")) == head.get("id")]
            items = [{name: value for name, value in line.items() if name != "invoice"} for line in items]
            invoices.append(make_invoice(items, head))
        return invoices


def make_world(invoices: list[Row], halopsa: Mapping[str, Any] | None = None) -> World:
    """The usual world with these invoices; tables of `halopsa` stand instead of the usual ones."""
    return World(
        pax8={
            "companies": [{"id": company, "name": name, "status": "Active"} for name, company in companies().items()],
            "products": [],
            "subscriptions": [],
            "invoices": invoices,
            "credentials": dict(_CREDENTIALS),
        },
        halopsa={
            "tenant": "golden",
            "credentials": dict(_CREDENTIALS),
            "permissions": ["all"],
            **read_yaml(USUAL / "halopsa.yaml"),
            **(halopsa or {}),
        },
    )


def make_invoice(items: Sequence[Row], head: Mapping[str, Any] | None = None) -> Row:
    """An invoice with these lines, released, with the usual head but for what `head` says."""
    return {"invoice": {**read_yaml(USUAL / "invoice.yaml"), **(head or {})}, "items": list(items), "release_at": None}


def read_cases() -> Iterator[Case]:
    """Every case, in the order of names."""
    for file in sorted(FOLDER.glob("*/expected.yaml")):
        yield Case(file.parent)


@cache
def companies() -> dict[str, str]:
    """Pax8's id of each company that cases name."""
    with (USUAL / "companies.csv").open(encoding="utf-8", newline="") as file:
        return {row["companyName"]: row["companyId"] for row in csv.DictReader(file)}


@cache
def _usual_lines() -> dict[str, dict[str, str]]:
    with (USUAL / "lines.csv").open(encoding="utf-8", newline="") as file:
        return {row.pop("like"): row for row in csv.DictReader(file)}


def expand_line(number: int, written: Mapping[str, str]) -> Row:
    """A line of items.csv as Pax8 sends it: empty cells are as in usual/lines.csv, `null` is null."""
    given = {
        _SHORT_NAMES.get(name, name): cell for name, cell in written.items() if cell and name not in ("line", "like")
    }
    texts = {**_usual_lines()[written.get("like") or "licence"], **given}
    row: Row = {"id": f"00000000-0000-4000-8000-{number:012d}", "salesTax": 0}
    for name, cell in texts.items():
        row[name] = None if cell in ("", "null") else Decimal(cell) if name in _AMOUNTS else cell
    name = row.setdefault("companyName", "Acme Dental")
    row.setdefault("companyId", None if name is None else companies()[name])
    if "price" not in row and row["quantity"] == 1:
        row["price"] = row["total"]
    return row
