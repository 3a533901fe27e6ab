"""The products that current Pax8 subscriptions will be charged as, before the first invoice shows them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing_pipeline.billing.product_match import Product
from billing_pipeline.billing.settings import Modifiers
from billing_pipeline.billing.terms import normalise_term

Row = Mapping[str, Any]

INTEGRATION = "pax8"
COLLAPSED_AZURE = Product(INTEGRATION, "azure", "", "", "Microsoft Azure")
# What is over. Any other status, one that is not known too, can still be charged.
_ENDED = frozenset({"cancelled", "canceled", "converted"})
# As `sql/normalize_charges.sql` has it for the charges: a test holds the two together.
_NAMES_MICROSOFT = re.compile(r"(\[deprecated\] *)?(microsoft|azure)\b", re.ASCII)
_COMMITMENT = re.compile(r"reserved (vm )?instance|reserved capacity|reservation|savings plan")
_LICENCE_NAMED_AZURE = re.compile(
    r"azure (active directory|ad\b|information protection|rights management|advanced threat)", re.ASCII
)


@dataclass(frozen=True)
class SubscribedProduct:
    """A product of a company's current subscription; `vendor` as Pax8 names it."""

    company_id: str
    product: Product
    vendor: str


def current_products(subscriptions: Sequence[Row], products: Sequence[Row]) -> list[SubscribedProduct]:
    """Each company's product and term once, in a stable order; subscriptions that ended are left out."""
    catalogue = {_text(row.get("id")): row for row in products}
    found = {
        _subscribed(subscription, catalogue.get(_text(subscription.get("productId")), {}))
        for subscription in subscriptions
        if _text(subscription.get("status")).lower() not in _ENDED
    }
    return sorted(found, key=lambda one: (one.company_id, *vars(one.product).values()))


def product_charged(one: SubscribedProduct, modifiers: Modifiers) -> Product | None:
    """The product after the modifiers: the collapsed one for Azure that is collapsed, None for what is dropped."""
    if azure_class(one) not in modifiers.azure_classes:
        return one.product
    if modifiers.drop_azure:
        return None
    return COLLAPSED_AZURE if modifiers.collapse_azure else one.product


def _subscribed(subscription: Row, product: Row) -> SubscribedProduct:
    return SubscribedProduct(
        company_id=_text(subscription.get("companyId")),
        product=Product(
            integration=INTEGRATION,
            product_id=_text(subscription.get("productId")),
            sku=_text(product.get("sku")),
            term=normalise_term(_text(subscription.get("billingTerm"))),
            name=_text(product.get("name")) or _text(subscription.get("productName")),
        ),
        vendor=_text(product.get("vendorName")),
    )


def azure_class(one: SubscribedProduct) -> str | None:
    """The Azure class that the charges of a subscription will have, as far as the subscription tells."""
    sku, name = one.product.sku.upper(), one.product.name.lower()
    vendor = one.vendor.lower()
    is_microsoft = vendor.startswith("microsoft") if vendor else _NAMES_MICROSOFT.match(name) is not None
    names_azure = is_microsoft and "azure" in name
    if sku.startswith("MST-ARI") or (names_azure and _COMMITMENT.search(name)):
        return "azure_commitment"
    if sku.startswith(("MST-AZR", "AZR-ARR")):
        return "azure_consumption"
    if one.product.term != "arrears":
        return None
    return "azure_consumption" if names_azure and not _LICENCE_NAMED_AZURE.search(name) else "other_arrears"


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
