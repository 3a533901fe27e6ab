"""What becomes of a product under a client's product lifecycle: the item it takes, or why it takes none.

For products that nothing was charged for yet. The charges of a month are decided in `sql/reconcile_items.sql`, by the
same rules in the same order: a test holds the two together.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

from billing_pipeline.billing.plan_types import NewItem
from billing_pipeline.billing.product_match import Product, ProductMatcher
from billing_pipeline.billing.settings import ChargeSettings

Decision = Literal["default_item", "confirmed", "sku", "product_id", "name", "create", "block", "ambiguous"]


@dataclass(frozen=True)
class ItemDecision:
    """The rule that decided and the item that it found; `reason` and `said` where the product is blocked.

    `candidates` are the items of an ambiguous product.
    """

    decision: Decision
    item_id: int | None = None
    candidates: tuple[int, ...] = ()
    reason: str | None = None
    said: str = ""


def decide_item(
    product: Product, matcher: ProductMatcher, charge: ChargeSettings, item_ids: Container[int]
) -> ItemDecision:
    """Decide by the charge settings of one client; `item_ids` are those that HaloPSA has."""
    found = _decide(product, matcher, charge)
    if found.item_id is not None and found.item_id not in item_ids:
        where = "codes.item" if found.decision == "default_item" else "products.csv"
        said = f"HaloPSA has no item {found.item_id} ({where})"
        return ItemDecision(found.decision, found.item_id, reason="no_item", said=said)
    return found


def make_new_item(product: Product, charge: ChargeSettings) -> NewItem:
    """The item to create for a product, by the charge settings of a client for whom it is created."""
    return NewItem(
        reference=product.reference,
        name=product.name or product.sku or product.product_id,
        sku=product.sku,
        product_id=product.product_id,
        term=product.term,
        integration=product.integration,
        item_group=charge.product_lifecycle.item_group_name(product.integration),
        income_account=charge.codes.accounts,
        expense_account=charge.codes.expense,
        tax_id=charge.codes.tax or None,
    )


def _decide(product: Product, matcher: ProductMatcher, charge: ChargeSettings) -> ItemDecision:
    lifecycle, default_item = charge.product_lifecycle, charge.codes.item
    is_nameless = not product.product_id and not product.sku
    if not lifecycle.enabled or lifecycle.mode == "default_item":
        if default_item is None:
            return _blocked("no default item is set (codes.item)")
        return ItemDecision("default_item", default_item)
    match = matcher.match(product)
    if lifecycle.mode == "prompt":
        confirmed, named = matcher.confirmed(product), matcher.by_name(product)
        several = confirmed.item_ids if len(confirmed.item_ids) > 1 else match.item_ids if is_nameless else ()
        if len(several) > 1:
            return _ambiguous(several)
        if confirmed.item_ids:
            return ItemDecision("confirmed", confirmed.item_ids[0])
        if is_nameless and named.item_ids:
            return ItemDecision("name", named.item_ids[0])
        if is_nameless and default_item is not None:
            return ItemDecision("default_item", default_item)
        return _blocked("no confirmed row in products.csv")
    if len(match.item_ids) > 1:
        return _ambiguous(match.item_ids)
    if match.item_ids and match.rule is not None:
        return ItemDecision(match.rule, match.item_ids[0])
    if is_nameless and default_item is not None:
        return ItemDecision("default_item", default_item)
    if is_nameless and not product.name:
        return _blocked("no product, SKU or name to create an item of, and no default item is set (codes.item)")
    return ItemDecision("create")


def _blocked(said: str) -> ItemDecision:
    return ItemDecision("block", reason="no_item", said=said)


def _ambiguous(item_ids: tuple[int, ...]) -> ItemDecision:
    said = f"it matches the HaloPSA items {', '.join(map(str, item_ids))}: name the right one in products.csv"
    return ItemDecision("ambiguous", candidates=item_ids, reason="ambiguous_item", said=said)
