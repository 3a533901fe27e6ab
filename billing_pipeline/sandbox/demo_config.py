"""The demo MSP's settings: billing.yaml, clients.csv and products.csv."""

import csv
from collections.abc import Iterable
from io import StringIO

from billing_pipeline.sandbox import demo_clients as who
from billing_pipeline.sandbox.demo_catalog import seat_products
from billing_pipeline.sandbox.demo_clients import demo_clients
from billing_pipeline.sandbox.demo_halopsa import (
    AZURE_ITEM,
    DEFAULT_ITEM,
    EXPENSE,
    INCOME,
    NO_TAX,
    item_ids_by_sku,
)

_BILLING_YAML = f"""\
# The demo MSP: Azure on one line, credits for returned seats withheld, nothing for nothing, one item for all.
time_zone: America/Denver
start_month: 2026-09
mode: manual
settings:
  modifiers: {{collapse_azure: true, drop_favorable_prorata: true, drop_zero: true}}
  product_lifecycle: {{mode: default_item}}
  codes: {{accounts: "{INCOME}", expense: "{EXPENSE}", tax: {NO_TAX}, item: {DEFAULT_ITEM}}}
integrations:
  pax8: {{expected_azure_margin_percent: 10}}
clients:
  # Every product must have been matched by a person; one has all of its rows, the other lacks one.
  {who.PROMPT_CONFIRMED}: {{settings: {{product_lifecycle: {{mode: prompt}}}}}}
  {who.PROMPT_UNMATCHED}: {{settings: {{product_lifecycle: {{mode: prompt}}}}}}
  # An item of its own for every product; what HaloPSA does not have is created.
  {who.CREATE_MATCHED}: {{settings: {{product_lifecycle: {{mode: create}}}}}}
  {who.CREATE_MISSING}: {{integrations: {{pax8: {{settings: {{product_lifecycle: {{mode: create}}}}}}}}}}
  # Forced off, though on for everyone else.
  {who.KEEPS_ZERO_LINES}: {{settings: {{modifiers: {{drop_zero: false}}}}}}
  {who.KEEPS_FAVORABLE_PRORATES}: {{settings: {{modifiers: {{drop_favorable_prorata: false}}}}}}
  {who.KEEPS_AZURE_APART}: {{integrations: {{pax8: {{settings: {{modifiers: {{collapse_azure: false}}}}}}}}}}
  # Pays Microsoft directly for Azure.
  {who.DROPS_AZURE}: {{integrations: {{pax8: {{settings: {{modifiers: {{drop_azure: true}}}}}}}}}}
  # Wants to see each Azure subscription, and each purchase order, apart.
  {who.AZURE_BY_SUBSCRIPTION}: {{settings: {{modifiers: {{collapse_by: azure_subscription}}}}}}
  {who.BY_PURCHASE_ORDER}: {{settings: {{behaviour: {{group_by: purchase_order}}}}}}
"""


def demo_config() -> dict[str, str]:
    """File name -> text, ready to be written to a settings folder."""
    return {"billing.yaml": _BILLING_YAML, "clients.csv": _clients_csv(), "products.csv": _products_csv()}


def write_csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A header and rows as the text of a CSV file."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


CLIENT_COLUMNS = (
    "client",
    "name",
    "halopsa_client_id",
    "pax8_company_id",
    "excluded",
    "recurring_invoice_id",
    "contract_id",
)


def _clients_csv() -> str:
    rows = []
    for place, client in enumerate(demo_clients()):
        excluded = "true" if client.key == who.INTERNAL else "false"
        recurring, contract = (-1 - place, 700 + place) if place in (1, 3) else ("", "")
        rows += [
            (client.key, client.halo_name, client.halo_id, company_id, excluded, recurring, contract)
            for company_id in [company.id for company in client.companies] or [""]
        ]
    return write_csv(CLIENT_COLUMNS, rows)


def _products_csv() -> str:
    """What people confirmed so far: collapsed Azure, and the monthly term of every product with an item."""
    items = item_ids_by_sku()
    confirmed = [product for product in seat_products() if product.sku in items]
    rows: list[tuple[object, ...]] = [("pax8", "azure", "", "", AZURE_ITEM)]
    rows += [("pax8", product.id, product.sku, "Monthly", items[product.sku]) for product in confirmed]
    return write_csv(("integration", "product_id", "sku", "term", "halopsa_item_id"), rows)
