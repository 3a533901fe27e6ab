"""The content of the sandbox's Pax8: what a partner sees, and the changes that only Pax8 could make."""

from copy import deepcopy
from threading import RLock
from typing import Any

from billing_pipeline.sandbox.clock import Clock, parse_time
from billing_pipeline.sandbox.pax8_errors import Pax8Error
from billing_pipeline.sandbox.pax8_switches import Pax8Switches
from billing_pipeline.sandbox.pax8_tokens import TokenBook

Row = dict[str, Any]
LISTS = ("companies", "products", "subscriptions", "invoices")


class Pax8State:
    """Companies, products, subscriptions and invoices of one partner. Hold `lock` around a longer look."""

    def __init__(self, content: dict[str, Any], clock: Clock) -> None:
        self.lock = RLock()
        self.clock = clock
        self.switches = Pax8Switches()
        self.tokens = TokenBook()
        self.changed = 0
        self._content: dict[str, Any] = {}
        self.load(content)

    def dump(self) -> dict[str, Any]:
        """A copy of the whole content, in the shape of `World.pax8`."""
        with self.lock:
            return deepcopy(self._content)

    def load(self, content: dict[str, Any]) -> None:
        """Replace the whole content. ValueError where it has not the shape of `World.pax8`."""
        fresh = deepcopy(content)
        for key in LISTS:
            if not isinstance(fresh.setdefault(key, []), list):
                raise ValueError(f"pax8.{key} must be a list")
        credentials = fresh.get("credentials")
        if not isinstance(credentials, dict) or not {"client_id", "client_secret"} <= credentials.keys():
            raise ValueError("pax8.credentials needs client_id and client_secret")
        for entry in fresh["invoices"]:
            _check_entry(entry)
        with self.lock:
            self._content = fresh
            self.changed += 1

    # what a partner sees

    @property
    def credentials(self) -> dict[str, str]:
        """`client_id`, `client_secret` and at will `audience`."""
        credentials: dict[str, str] = self._content["credentials"]
        return credentials

    def rows(self, name: str) -> list[Row]:
        """The `companies`, `products` or `subscriptions`."""
        rows: list[Row] = self._content[name]
        return rows

    def row(self, name: str, row_id: str) -> Row:
        """One of `rows`; a 404 where there is none."""
        return _one(self.rows(name), row_id, name.removesuffix("s").replace("companie", "company"))

    def released(self) -> list[Row]:
        """The entries of the invoices that are out by the sandbox clock; the others do not exist yet."""
        now = self.clock.now()
        return [
            entry
            for entry in self._content["invoices"]
            if entry.get("release_at") is None or parse_time(entry["release_at"]) <= now
        ]

    def released_entry(self, invoice_id: str) -> Row:
        """`{"invoice", "items", "release_at"}` of an invoice that is out; a 404 otherwise."""
        for entry in self.released():
            if entry["invoice"].get("id") == invoice_id:
                return entry
        raise Pax8Error(404, f"Invoice {invoice_id} was not found")

    def draft_items(self, month_offset: int) -> list[Row]:
        """The forecast for this month (0) or the next (1)."""
        items: list[Row] = self._content.get("draft_items", {}).get(str(month_offset), [])
        return items

    def pricing(self, product_id: str) -> list[Row]:
        """The prices of a product, none where the world gives none."""
        prices: list[Row] = self._content.get("pricing", {}).get(product_id, [])
        return prices

    def history(self, subscription: Row) -> list[Row]:
        """The changes of a subscription, latest first; without any, the subscription as it is."""
        changes: list[Row] = self._content.get("histories", {}).get(subscription["id"], [subscription])
        return changes

    def knows_company(self, company_id: str) -> bool:
        """Whether the id is that of a client company or of a partner on an invoice."""
        partners = (entry["invoice"].get("companyId") for entry in self._content["invoices"])
        return any(row.get("id") == company_id for row in self.rows("companies")) or company_id in partners

    # what only Pax8 could change

    def add_invoice(self, entry: Row) -> Row:
        """Add `{"invoice", "items", "release_at"}`. ValueError where it has no id of its own."""
        fresh = {"items": [], "release_at": None, **deepcopy(entry)}
        _check_entry(fresh)
        invoice_id = fresh["invoice"].get("id")
        with self.lock:
            if invoice_id is None or any(held["invoice"].get("id") == invoice_id for held in self._content["invoices"]):
                raise ValueError(f"an invoice needs an id of its own; got {invoice_id!r}")
            self._content["invoices"].append(fresh)
            self.changed += 1
        return fresh

    def release(self, invoice_id: str, release_at: str | None) -> Row:
        """Move the moment from which an invoice is seen; None: it always was."""
        if release_at is not None:
            parse_time(release_at)
        with self.lock:
            entry = self._entry(invoice_id)
            entry["release_at"] = release_at
        return entry

    def edit_invoice(self, invoice_id: str, changes: Row) -> Row:
        """Change fields of an invoice; returns the invoice."""
        with self.lock:
            invoice: Row = self._entry(invoice_id)["invoice"]
            invoice.update(deepcopy(changes))
        return invoice

    def delete_invoice(self, invoice_id: str) -> None:
        """Take an invoice away with its items."""
        with self.lock:
            self._content["invoices"].remove(self._entry(invoice_id))

    def add_item(self, invoice_id: str, item: Row) -> Row:
        """Put a line at the end of an invoice."""
        if not isinstance(item, dict):
            raise ValueError("an item is a JSON object")
        with self.lock:
            self._entry(invoice_id)["items"].append(deepcopy(item))
        return item

    def edit_item(self, invoice_id: str, item_key: str, changes: Row) -> Row:
        """Change fields of a line, found by its id, or by its place from 0 where lines have none."""
        with self.lock:
            items = self._entry(invoice_id)["items"]
            item: Row = items[_place(items, item_key)]
            item.update(deepcopy(changes))
        return item

    def delete_item(self, invoice_id: str, item_key: str) -> None:
        """Take a line away, found as in `edit_item`."""
        with self.lock:
            items = self._entry(invoice_id)["items"]
            del items[_place(items, item_key)]

    def _entry(self, invoice_id: str) -> Row:
        """The entry of an invoice that is about to be changed."""
        for entry in self._content["invoices"]:
            if entry["invoice"].get("id") == invoice_id:
                found: Row = entry
                self.changed += 1
                return found
        raise ValueError(f"no invoice {invoice_id!r}")


def _one(rows: list[Row], row_id: str, kind: str) -> Row:
    for row in rows:
        if row.get("id") == row_id:
            return row
    raise Pax8Error(404, f"{kind.capitalize()} {row_id} was not found")


def _place(items: list[Row], item_key: str) -> int:
    for place, item in enumerate(items):
        if item.get("id") == item_key:
            return place
    if item_key.isdecimal() and int(item_key) < len(items):
        return int(item_key)
    raise ValueError(f"no item {item_key!r}")


def _check_entry(entry: Any) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("invoice"), dict):
        raise ValueError('an invoice is {"invoice": {...}, "items": [...], "release_at": "...Z" or null}')
    if not isinstance(entry.get("items", []), list):
        raise ValueError("the items of an invoice are a list")
    entry.setdefault("items", [])
    if entry.get("release_at") is not None:
        parse_time(entry["release_at"])
