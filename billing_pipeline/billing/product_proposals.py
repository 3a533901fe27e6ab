"""Which HaloPSA item a product may be: candidates with scores for a person to confirm, never a decision."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from billing_pipeline.billing.name_similarity import AT_LEAST, SAME, differing_words, normalise_name, score_names
from billing_pipeline.billing.names import is_same_name
from billing_pipeline.billing.product_match import Item, Match, Product, ProductMatcher

_WRAPPERS = re.compile(r"[\[(](new commerce experience|nce|deprecated|legacy)[\])]", re.IGNORECASE)
_SAID = {
    "sku": "the item has this SKU",
    "product_id": "the item has this product as its reference",
    "name": "the item has this name",
}


@dataclass(frozen=True)
class ItemCandidate:
    """One HaloPSA item that a product may be; `score` is in whole percent."""

    item: Item
    score: int


@dataclass(frozen=True)
class ProposedItem:
    """The candidates of a product, the best first. `item_id` only where a rule found one item and no more."""

    product: Product
    item_id: int | None
    candidates: tuple[ItemCandidate, ...]
    why: str


class ItemProposer:
    """Proposes items of one snapshot. It knows no confirmed rows: it is asked where there is none."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = {item.id: item for item in items}
        self._matcher = ProductMatcher(self._items.values(), ())
        self._names = [(item, normalise_name(_bare(item.name))) for item in self._items.values()]

    def propose(self, product: Product) -> ProposedItem:
        """By the rules that `create` matches by; beside and after them by how alike the names are."""
        match = self._matcher.match(product)
        by_rule = [ItemCandidate(self._items[item_id], SAME) for item_id in match.item_ids]
        by_name = [one for one in self._alike(product) if one.item.id not in match.item_ids]
        sure = match.item_ids[0] if len(match.item_ids) == 1 else None
        return ProposedItem(product, sure, (*by_rule, *by_name), _explain(product, match, by_name))

    def _alike(self, product: Product) -> list[ItemCandidate]:
        wanted = normalise_name(_bare(product.name))
        # Equal names without the rule's exactness are no certainty: 100 is kept for what a rule found.
        scored = [ItemCandidate(item, min(score_names(wanted, name), SAME - 1)) for item, name in self._names]
        return sorted(
            (one for one in scored if one.score >= AT_LEAST and not _of_another_product(one.item, product)),
            key=lambda one: (-one.score, one.item.id),
        )


def _explain(product: Product, match: Match, by_name: list[ItemCandidate]) -> str:
    if match.rule is not None and len(match.item_ids) == 1:
        return _SAID[match.rule]
    if match.rule is not None:
        return f"doubtful: {_SAID[match.rule]}, and so have {len(match.item_ids) - 1} others: write the right one"
    if not by_name:
        return f"no item has a name at least {AT_LEAST} % alike: make one in HaloPSA"
    best = by_name[0]
    mine, theirs = differing_words(normalise_name(_bare(product.name)), normalise_name(_bare(best.item.name)))
    said = f"doubtful: the names are {best.score} % alike"
    if mine and theirs:
        said += f', but "{mine}" is not "{theirs}"'
    elif mine or theirs:
        said += f', but only one has "{mine or theirs}"'
    return f"{said}: if it is this one, write its id"


def _bare(name: str) -> str:
    return _WRAPPERS.sub(" ", name)


def _of_another_product(item: Item, product: Product) -> bool:
    """Whether the item was created for another product, or for another term of this one."""
    return item.external_reference.startswith(f"{product.integration}:") and not is_same_name(
        item.external_reference, product.reference
    )
