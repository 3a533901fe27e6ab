"""How a product finds its HaloPSA item: confirmed row, vendor SKU, product id, then exact name.

A product is known by integration, product id, SKU and term: monthly and annual are different products.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from billing_pipeline.billing.names import clean_name, is_same_name, normal_name

MatchRule = Literal["confirmed", "sku", "product_id", "name"]


@dataclass(frozen=True)
class Product:
    """A product as charged; the texts are empty where the source gives none, `term` is normalised."""

    integration: str
    product_id: str
    sku: str
    term: str
    name: str

    @property
    def reference(self) -> str:
        """The `externalreference` of the item that is created for this product."""
        return f"{self.integration}:{self.product_id or self.sku or clean_name(self.name)}:{self.term}"


@dataclass(frozen=True)
class ConfirmedProduct:
    """A confirmed row: empty cells match anything.

    Rows that a person confirmed win over those kept for an item that the pipeline created, which confirm nothing
    to a client that asks for a person's word (`prompt`).
    """

    integration: str
    product_id: str
    sku: str
    term: str
    item_id: int
    by_person: bool = True

    def matches(self, product: Product) -> bool:
        """Whether every cell that is filled agrees with the product."""
        return (
            self.integration == product.integration
            and bool(self.product_id or self.sku)
            and self.product_id in ("", product.product_id)
            and normal_name(self.sku) in ("", normal_name(product.sku))
            and self.term in ("", product.term)
        )

    @property
    def precision(self) -> int:
        """How many cells are filled: the row that says more wins."""
        return sum(bool(cell) for cell in (self.product_id, self.sku, self.term))


@dataclass(frozen=True)
class Item:
    """The part of a HaloPSA item that products are matched by."""

    id: int
    name: str
    supplier_part_code: str
    internal_reference: str
    external_reference: str


@dataclass(frozen=True)
class Match:
    """The items that a product matches, and by which rule; more than one is ambiguous, none is no match."""

    item_ids: tuple[int, ...]
    rule: MatchRule | None


@dataclass(frozen=True)
class _Index:
    by_sku: Mapping[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    by_reference: Mapping[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    by_name: Mapping[str, list[Item]] = field(default_factory=lambda: defaultdict(list))


class ProductMatcher:
    """Matches products against the items of one snapshot and the confirmed rows."""

    def __init__(self, items: Iterable[Item], confirmed: Iterable[ConfirmedProduct]) -> None:
        self._index = _Index()
        self._item_ids = set()
        for item in items:
            self._item_ids.add(item.id)
            if item.supplier_part_code:
                self._index.by_sku[normal_name(item.supplier_part_code)].append(item)
            for reference in {normal_name(item.external_reference), normal_name(item.internal_reference)} - {""}:
                self._index.by_reference[reference].append(item)
            if item.name:
                self._index.by_name[normal_name(item.name)].append(item)
        self._confirmed: Mapping[str, list[ConfirmedProduct]] = defaultdict(list)
        for row in confirmed:
            for cell in {row.product_id, normal_name(row.sku)} - {""}:
                self._confirmed[cell].append(row)

    def confirmed(self, product: Product) -> Match:
        """By the rows that a person confirmed, alone, even where HaloPSA no longer has the item: never a guess."""
        return self._best([row for row in self._rows_of(product) if row.by_person])

    def _rows_of(self, product: Product) -> set[ConfirmedProduct]:
        return {
            row
            for cell in {product.product_id, normal_name(product.sku)} - {""}
            for row in self._confirmed.get(cell, ())
            if row.matches(product) and (row.by_person or row.item_id in self._item_ids)
        }

    def _best(self, rows: Iterable[ConfirmedProduct]) -> Match:
        rows = list(rows)
        best = max((row.precision for row in rows), default=0)
        return _match({row.item_id for row in rows if row.precision == best}, "confirmed")

    def by_name(self, product: Product) -> Match:
        """By the name alone, as names are compared; of several items those that are written like the product."""
        items = self._index.by_name.get(normal_name(product.name), []) if product.name else []
        own = [item for item in items if not _another_term(item, product)]
        same = [item for item in own if item.name.strip() == product.name.strip()]
        return _match({item.id for item in same or own}, "name")

    def match(self, product: Product) -> Match:
        """By the first rule that finds any item."""
        for found in (self.confirmed(product), self._best(self._rows_of(product))):
            if found.item_ids:
                return found
        stages: tuple[tuple[MatchRule, list[Item]], ...] = (
            ("sku", self._index.by_sku.get(normal_name(product.sku), []) if product.sku else []),
            ("product_id", self._with_product_id(product)),
        )
        for rule, items in stages:
            found = _match({item.id for item in items if not _another_term(item, product)}, rule)
            if found.item_ids:
                return found
        return self.by_name(product)

    def _with_product_id(self, product: Product) -> list[Item]:
        if not product.product_id:
            return self._index.by_reference.get(normal_name(product.reference), [])
        return self._index.by_reference.get(normal_name(product.reference), []) + self._index.by_reference.get(
            normal_name(product.product_id), []
        )


def _match(item_ids: set[int], rule: MatchRule) -> Match:
    return Match(tuple(sorted(item_ids)), rule if item_ids else None)


def _another_term(item: Item, product: Product) -> bool:
    """Whether the item was created for the same integration's product of another term."""
    integration, _, rest = item.external_reference.partition(":")
    if integration != product.integration or not rest:
        return False
    return not is_same_name(item.external_reference, product.reference)
