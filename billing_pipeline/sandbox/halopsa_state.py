"""The content of the local HaloPSA: documents by table and id, new ids, edits that wait for a read."""

import copy
import dataclasses
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from threading import RLock
from typing import Any, Protocol

from billing_pipeline.sandbox.halopsa_errors import not_found
from billing_pipeline.sandbox.halopsa_invoices import name_header
from billing_pipeline.sandbox.halopsa_lines import complete_lines
from billing_pipeline.sandbox.halopsa_reading import Doc
from billing_pipeline.sandbox.halopsa_switches import HaloSwitches
from billing_pipeline.sandbox.halopsa_tokens import TokenBook
from billing_pipeline.sandbox.halopsa_totals import complete_totals

TABLES = (
    "clients",
    "sites",
    "items",
    "asset_groups",
    "taxes",
    "currencies",
    "contracts",
    "suppliers",
    "licences",
    "recurring_invoices",
    "invoices",
)
BARE = ("lookups", "fields")
FIRST_INVOICE_NUMBER = 1001


class HaloClock(Protocol):
    """Says what time it is."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class HaloState:
    """One HaloPSA tenant. Whoever reads or changes it holds `lock`; `changed` counts changes."""

    def __init__(self, content: dict[str, Any], clock: HaloClock) -> None:
        self.lock = RLock()
        self.clock = clock
        self.switches = HaloSwitches()
        self.tokens = TokenBook()
        self.changed = 0
        self.load(content)

    def load(self, content: dict[str, Any]) -> None:
        """Replace the whole content by a world's, or by what `dump` gave.

        Lines without id get one, totals that are missing are computed; what is there stays as it is. Switches
        stay unless `content` has its own. Tokens given so far are forgotten.
        """
        with self.lock:
            content = _exact(copy.deepcopy(content))
            self.tenant: str = content.get("tenant", "")
            self.credentials: dict[str, str] = content.get("credentials", {})
            self.permissions: list[str] = content.get("permissions", ["all"])
            self.bare: dict[str, list[Doc]] = {name: content.get(name, []) for name in BARE}
            self.tables: dict[str, dict[int, Doc]] = {
                name: {int(doc["id"]): {"change_seq": 1, **doc} for doc in content.get(name, [])} for name in TABLES
            }
            self.scheduled_edits: list[dict[str, Any]] = content.get("scheduled_edits", [])
            self.edits_made: list[dict[str, Any]] = content.get("edits_made", [])
            self.reads_of: dict[int, int] = {int(key): reads for key, reads in content.get("reads_of", {}).items()}
            self.next_ids: dict[str, int] = self._first_free_ids() | content.get("next_ids", {})
            if "switches" in content:
                self.switches = HaloSwitches(**content["switches"])
            self.tokens = TokenBook()
            for table in ("invoices", "recurring_invoices"):
                for doc in self.tables[table].values():
                    name_header(self, doc)
                    complete_lines(self, doc)
                    complete_totals(self, doc)
            self.changed += 1

    def dump(self) -> dict[str, Any]:
        """The whole content, as `load` takes it, and the switches."""
        with self.lock:
            return copy.deepcopy(
                {
                    **{name: list(table.values()) for name, table in self.tables.items()},
                    **self.bare,
                    "tenant": self.tenant,
                    "credentials": self.credentials,
                    "permissions": self.permissions,
                    "next_ids": self.next_ids,
                    "scheduled_edits": self.scheduled_edits,
                    "edits_made": self.edits_made,
                    "reads_of": {str(key): reads for key, reads in self.reads_of.items()},
                    "switches": dataclasses.asdict(self.switches),
                }
            )

    def table(self, name: str) -> dict[int, Doc]:
        """The documents of one table by id."""
        return self.tables[name]

    def find(self, table: str, document_id: int | None) -> Doc | None:
        """One document, or None; an id of 0 or None is none."""
        return self.tables[table].get(document_id) if document_id else None

    def get(self, table: str, document_id: int) -> Doc:
        """One document. HaloError 404 when there is none."""
        doc = self.tables[table].get(document_id)
        if doc is None:
            raise not_found(table, document_id)
        return doc

    def new_id(self, counter: str) -> int:
        """The next id of a table, `lines`, `prorata` or `invoicenumber`; recurring ids count down."""
        new = self.next_ids[counter]
        self.next_ids[counter] = new - 1 if counter == "recurring_invoices" else new + 1
        return new

    def put(self, table: str, doc: Doc) -> None:
        """Store a document as changed."""
        doc["change_seq"] = doc.get("change_seq", 0) + 1
        self.tables[table][doc["id"]] = doc
        self.changed += 1

    def remove(self, table: str, document_id: int) -> Doc:
        """Delete a document and return it. HaloError 404 when there is none."""
        doc = self.get(table, document_id)
        del self.tables[table][document_id]
        self.changed += 1
        return doc

    def lines(self) -> Iterator[Doc]:
        """Every line of every invoice and recurring invoice."""
        for table in ("invoices", "recurring_invoices"):
            for doc in self.tables[table].values():
                yield from doc.get("lines") or []

    def _first_free_ids(self) -> dict[str, int]:
        free = {name: max(table, default=0) + 1 for name, table in self.tables.items()}
        free["recurring_invoices"] = min([0, *self.tables["recurring_invoices"]]) - 1
        free["lines"] = max((int(line.get("id") or 0) for line in self.lines()), default=0) + 1
        free["prorata"] = 1
        numbers = [str(doc.get("invoicenumber", "")) for doc in self.tables["invoices"].values()]
        free["invoicenumber"] = max(
            (int(number) + 1 for number in numbers if number.isdigit()), default=FIRST_INVOICE_NUMBER
        )
        return free


def _exact(value: Any) -> Any:
    """`value` with floats, which only hand-written content holds, as the Decimals they show."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {key: _exact(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(entry) for entry in value]
    return value
