"""Rows of the CSV files beside `billing.yaml`: what a person confirmed of clients, products and taxes."""

import re
from dataclasses import dataclass
from typing import Literal

from billing_pipeline.billing.setting_types import IntegrationName


@dataclass(frozen=True)
class ClientRow:
    """A client, and one Pax8 company of it if it has any. A client has a row for each of its companies.

    `halopsa_client_id` is None only where `excluded`. Ids of recurring invoices are negative in HaloPSA.
    """

    client: str
    name: str
    halopsa_client_id: int | None
    pax8_company_id: str | None = None
    excluded: bool = False
    recurring_invoice_id: int | None = None
    contract_id: int | None = None


@dataclass(frozen=True)
class ProductRow:
    """A confirmed match of a product with a HaloPSA item. At least one of `product_id` and `sku` is given.

    `term` is as it was written, one of `billing.terms`, or None for every term.
    """

    integration: IntegrationName
    product_id: str | None
    sku: str | None
    term: str | None
    halopsa_item_id: int


@dataclass(frozen=True)
class ProductTemplateRow:
    """What products of one HaloPSA item have in common; `tax_code` is a Tax.id."""

    halopsa_item_id: int
    name: str
    tax_code: int | None = None


@dataclass(frozen=True)
class LineDecisionRow:
    """What a person decided for one source line: `by` whom and `why`. `value` is empty for `exclude`.

    A line has at most one row for each decision.
    """

    integration: IntegrationName
    invoice_id: str
    source_line_id: str
    decision: Literal["exclude", "sell", "cost", "currency", "class", "client"]
    value: str
    by: str
    why: str


@dataclass(frozen=True)
class TaxLocationRow:
    """The tax of a place; `postcode_prefix` is in capitals without spaces, `tax_code` is a Tax.id."""

    postcode_prefix: str
    tax_code: int


def normalise_postcode(postcode: str) -> str:
    """Return a postcode in capitals without spaces and hyphens."""
    return re.sub(r"[\s-]", "", postcode).upper()
