"""What a file of confirmed products would mean beside those that are confirmed already."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing_pipeline.billing.mapping_rows import ProductRow
from billing_pipeline.billing.names import normal_name
from billing_pipeline.billing.product_match import ConfirmedProduct, Product, ProductMatcher
from billing_pipeline.billing.terms import normalise_term


@dataclass(frozen=True)
class AmbiguousProduct:
    """A product that two rows of the same precision would give different items."""

    product: Product
    item_ids: tuple[int, ...]


def as_confirmed(row: ProductRow) -> ConfirmedProduct:
    """The row as products are matched with it."""
    return ConfirmedProduct(
        row.integration, row.product_id or "", row.sku or "", normalise_term(row.term), row.halopsa_item_id
    )


def same_product(row: ProductRow) -> tuple[str, str, str, str]:
    """What two rows have in common that are about the same product."""
    confirmed = as_confirmed(row)
    return confirmed.integration, confirmed.product_id.casefold(), normal_name(confirmed.sku), confirmed.term


def find_ambiguous(
    before: Sequence[ProductRow], added: Sequence[ProductRow], products: Iterable[Product]
) -> list[AmbiguousProduct]:
    """Known products that are ambiguous with the added rows and were not before them."""
    old = ProductMatcher((), map(as_confirmed, before))
    new = ProductMatcher((), map(as_confirmed, (*before, *added)))
    found = []
    for product in products:
        item_ids = new.confirmed(product).item_ids
        if len(item_ids) > 1 and len(old.confirmed(product).item_ids) < 2:
            found.append(AmbiguousProduct(product, item_ids))
    return found
