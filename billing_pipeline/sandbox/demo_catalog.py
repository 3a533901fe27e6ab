"""The demo distributor's price list: products with SKU, vendor, partner cost and terms."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from billing_pipeline.sandbox.demo_random import new_id, stream
from billing_pipeline.sandbox.demo_tables import read_table


@dataclass(frozen=True)
class Product:
    """One product. `cost` is what the partner pays for a unit and month, in the currency of the invoice.

    `end_inclusive`: this vendor's periods name their last day (…-31); the others the day after (…-01).
    `halo_item`: HaloPSA has an item with this SKU.
    """

    id: str
    name: str
    sku: str
    vendor: str
    unit: str
    cost: Decimal
    terms: tuple[str, ...]
    end_inclusive: bool
    halo_item: bool


def seat_products() -> tuple[Product, ...]:
    """Everything sold per seat, Microsoft's suites first."""
    return tuple(product for product in _products() if product.terms)


def other_product(sku: str) -> Product:
    """A product that is used, done or credited instead of subscribed. Raises KeyError for an unknown SKU."""
    return {product.sku: product for product in _products()}[sku]


def product_documents() -> list[dict[str, Any]]:
    """The whole catalogue as Pax8's `/products` rows."""
    return [
        {
            "id": product.id,
            "name": product.name,
            "vendorName": product.vendor,
            "shortDescription": f"{product.name} by {product.vendor}",
            "sku": product.sku,
            "vendorSku": product.sku.removesuffix("-C100").removesuffix("-A100"),
            "requiresCommitment": "Annual" in product.terms,
        }
        for product in _products()
    ]


@cache
def _products() -> tuple[Product, ...]:
    return tuple(
        Product(
            id=new_id(stream(f"product {row['sku']}")),
            name=row["name"],
            sku=row["sku"],
            vendor=row["vendor"],
            unit=row["unit"],
            cost=Decimal(row["cost"] or 0),
            terms=tuple(row["terms"].split("; ")) if row["terms"] else (),
            end_inclusive=row["period_end"] == "last",
            halo_item=row["halopsa_item"] == "yes",
        )
        for row in read_table("products")
    )
