"""Confirm matches of products from a file that a person brings: all of its rows, or none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from billing_pipeline.billing.mapping_rows import ProductRow
from billing_pipeline.billing.names import normal_name
from billing_pipeline.billing.product_imports import find_ambiguous, same_product
from billing_pipeline.billing.product_match import Product
from billing_pipeline.settings.brought_files import read_brought_file
from billing_pipeline.settings.csv_files import CsvRow
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.settings.mapping_files import COLUMNS, PROPOSED_COLUMNS, read_products
from billing_pipeline.settings.problems import Problem, raise_problems
from billing_pipeline.steps.confirmed_rows import append_rows

_FILE = "products.csv"
_COLUMNS, _PROPOSED = COLUMNS[_FILE], PROPOSED_COLUMNS[_FILE]


@dataclass(frozen=True)
class ImportedProducts:
    """The rows that products.csv has gained, how many of the file it had already, how many nobody filled in, and what
    else to know."""

    file: Path
    added: tuple[ProductRow, ...]
    known: int
    skipped: int
    notes: tuple[str, ...]


def import_products(
    config: LoadedSettings, file: Path, items: Mapping[int, str], products: Sequence[Product]
) -> ImportedProducts:
    """Add the file's rows to products.csv, after those that are there, which stay as they are.

    The file has the columns of products.csv, and may have those of products.proposed.csv. A row without an item is one
    that nobody filled in: it is skipped. `items` are the names of HaloPSA's
    items, `products` those that were ever charged. Raises SettingsError with every problem of every row, one a line:
    products.csv is then as it was.
    """
    problems: list[Problem] = []
    table = read_brought_file(file, _COLUMNS, _PROPOSED, problems)
    rows = [row for row in table.rows if row.text("halopsa_item_id") is not None]
    added, known = [], 0
    before = {same_product(row): row for row in config.products}
    for row in rows:
        product = _check(row, items, before)
        if product is not None and same_product(product) in before:
            known += before[same_product(product)].halopsa_item_id == product.halopsa_item_id
        elif product is not None:
            added.append(product)
            before[same_product(product)] = product
    for one in find_ambiguous(config.products, added, products):
        text = (
            f"with these rows and those of {_FILE}, {_describe(one.product)} would be the items "
            f"{', '.join(map(str, one.item_ids))}: keep the rows of one"
        )
        problems.append(Problem(str(file), None, "", text))
    raise_problems(problems)
    if added:
        append_rows(config, _FILE, added, read_products)
    notes = (*table.notes, *_notes(added, products, bool(table.columns & set(_PROPOSED))))
    return ImportedProducts(config.folder / _FILE, tuple(added), known, len(table.rows) - len(rows), notes)


def _check(
    row: CsvRow, items: Mapping[int, str], before: Mapping[tuple[str, str, str, str], ProductRow]
) -> ProductRow | None:
    found = read_products([row])
    if not found:
        return None
    product = found[0]
    if product.halopsa_item_id not in items:
        row.complain(
            "halopsa_item_id", f"HaloPSA has no item {product.halopsa_item_id}: billing-pipeline codes lists them"
        )
    other = before.get(same_product(product))
    if other is not None and other.halopsa_item_id != product.halopsa_item_id:
        row.complain(
            "halopsa_item_id",
            f"this product is item {other.halopsa_item_id} already, in {_FILE} or on a row above, and item "
            f"{product.halopsa_item_id} here: keep one of the two",
        )
    return product


def _describe(product: Product) -> str:
    cells = {"product": product.product_id, "SKU": product.sku, "term": product.term}
    told = ", ".join(f"{name} {cell or 'none'}" for name, cell in cells.items())
    return f'"{product.name}" ({told})'


def _notes(added: Sequence[ProductRow], products: Sequence[Product], proposed: bool) -> list[str]:
    """Rows that confirm nothing yet, which a slip of the pen looks like, or a spreadsheet that took zeros away.

    A row that was `proposed` may be of a subscription that no invoice had yet.
    """
    known = {normal_name(cell): cell for product in products for cell in (product.product_id, product.sku) if cell}
    without_zeros = {key.lstrip("0"): cell for key, cell in known.items()}
    notes = []
    for row in added:
        cells = [cell for cell in (row.product_id, row.sku) if cell]
        if any(normal_name(cell) in known for cell in cells):
            continue
        meant = next((without_zeros[one] for cell in cells if (one := normal_name(cell)) in without_zeros), None)
        hint = f"; {meant} is known, and a spreadsheet may have taken its zeros" if meant is not None else ""
        if meant is not None or not proposed:
            notes.append(f"no charge has product {json.dumps(cells[0])} yet: is it written right?{hint}")
    return notes
