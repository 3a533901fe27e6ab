"""Propose a HaloPSA item for every product that nobody has confirmed. A person confirms, nothing else does."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing_pipeline.billing.product_match import ConfirmedProduct, Product, ProductMatcher
from billing_pipeline.billing.product_proposals import ItemCandidate, ItemProposer, ProposedItem
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.settings.mapping_files import COLUMNS, PROPOSED_COLUMNS
from billing_pipeline.settings.proposal_files import candidate_cells, csv_text, money_cells, plain_cell, replace_file
from billing_pipeline.steps.halo_facts import item_of
from billing_pipeline.steps.products_in_use import ProductUse

FILE_NAME = "products.proposed.csv"
PROPOSAL_COLUMNS = (*COLUMNS["products.csv"], *PROPOSED_COLUMNS["products.csv"])


@dataclass(frozen=True)
class ProposedProduct:
    """One product with its candidates; `waiting` are the clients held until it is confirmed (mode `prompt`).

    `sell` is what the newest month has of it, exact, by currency.
    """

    proposed: ProposedItem
    clients: tuple[str, ...]
    waiting: tuple[str, ...]
    sell: Mapping[str, Decimal]


@dataclass(frozen=True)
class ProductProposals:
    """The file that was written, its rows (those that clients wait for first), and what else to know."""

    file: Path
    proposals: tuple[ProposedProduct, ...]
    notes: tuple[str, ...]


def propose_products(
    config: LoadedSettings,
    uses: Iterable[ProductUse],
    items: Sequence[Mapping[str, Any]],
    confirmed: Sequence[ConfirmedProduct],
) -> ProductProposals:
    """Write `products.proposed.csv` beside products.csv; `items` are HaloPSA's, `confirmed` all rows there are."""
    halopsa_items = [item_of(row) for row in items]
    matcher, proposer = ProductMatcher(halopsa_items, confirmed), ItemProposer(halopsa_items)
    by_row: dict[tuple[str, str, str, str], list[ProductUse]] = defaultdict(list)
    for use in uses:
        product = use.product
        by_row[product.integration, product.product_id, product.sku, product.term].append(use)
    proposals, nameless = [], 0
    for of_product in by_row.values():
        product = _most_used_name(of_product)
        if matcher.confirmed(product).item_ids:
            continue
        if not product.product_id and not product.sku:
            nameless += 1
            continue
        proposals.append(_propose(config, proposer, product, of_product))
    proposals.sort(key=_most_urgent)
    file = config.folder / FILE_NAME
    replace_file(file, csv_text(PROPOSAL_COLUMNS, map(_cells, proposals)).encode())
    notes = _notes_on_rows(confirmed, {item.id for item in halopsa_items})
    if nameless:
        notes.append(
            f"{nameless} products without product id and SKU are left out: they go by their exact name, else on the "
            "default item"
        )
    return ProductProposals(file, tuple(proposals), tuple(notes))


def _most_used_name(uses: Sequence[ProductUse]) -> Product:
    """The product by the name that most clients know it under: a confirmed row counts for every name of it."""
    times = Counter(use.product for use in uses)
    return min(times, key=lambda product: (-times[product], product.name))


def _propose(
    config: LoadedSettings, proposer: ItemProposer, product: Product, uses: Sequence[ProductUse]
) -> ProposedProduct:
    sell: dict[str, Decimal] = defaultdict(Decimal)
    for use in uses:
        for currency, amount in use.sell.items():
            sell[currency or ""] += amount
    clients = tuple(dict.fromkeys(use.client for use in uses))
    waiting = []
    for client in clients:
        lifecycle = config.resolve(client, product.integration).charge.product_lifecycle
        if lifecycle.enabled and lifecycle.mode == "prompt":
            waiting.append(client)
    return ProposedProduct(proposer.propose(product), clients, tuple(waiting), sell)


def _most_urgent(one: ProposedProduct) -> tuple[bool, Decimal, tuple[str, ...]]:
    product = one.proposed.product
    money = sum(map(abs, one.sell.values()), Decimal(0))
    return not one.waiting, -money, (product.integration, product.name, product.product_id, product.sku, product.term)


def _notes_on_rows(confirmed: Sequence[ConfirmedProduct], item_ids: set[int]) -> list[str]:
    return [
        f"products.csv ties {row.product_id or row.sku} to item {row.item_id}, which HaloPSA does not have: "
        "its lines are held until the row is corrected"
        for row in confirmed
        if row.by_person and row.item_id not in item_ids
    ]


def _cells(one: ProposedProduct) -> tuple[object, ...]:
    product, proposed = one.proposed.product, one.proposed
    return (
        product.integration,
        product.product_id,
        product.sku,
        product.term,
        proposed.item_id,
        plain_cell(product.name),
        *candidate_cells((_name(one), one.score) for one in proposed.candidates),
        proposed.why,
        len(one.waiting),
        *money_cells(one.sell),
    )


def _name(candidate: ItemCandidate) -> str:
    return plain_cell(f"{candidate.item.name} ({candidate.item.id})")
