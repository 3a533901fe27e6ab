"""Confirm matches of products from a file that a person brings: all of its rows, or none."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.mapping_rows import ProductRow
from billing_pipeline.billing.names import normal_name
from billing_pipeline.billing.product_imports import find_ambiguous, same_product
from billing_pipeline.billing.product_match import Product
from billing_pipeline.settings.csv_files import CsvRow, read_rows
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.settings.mapping_files import COLUMNS, read_products
from billing_pipeline.settings.problems import Problem, raise_problems
from billing_pipeline.settings.proposal_files import csv_text, replace_file
from billing_pipeline.steps.propose_products import PROPOSAL_COLUMNS

_FILE = "products.csv"
_COLUMNS = COLUMNS[_FILE]


@dataclass(frozen=True)
class ImportedProducts:
    """The rows that products.csv has gained, how many of the file it had already, and what else to know."""

    file: Path
    added: tuple[ProductRow, ...]
    known: int
    notes: tuple[str, ...]


def import_products(
    config: LoadedSettings, file: Path, items: Mapping[int, str], products: Sequence[Product]
) -> ImportedProducts:
    """Add the file's rows to products.csv, after those that are there, which stay as they are.

    The file has the columns of products.csv, or those of products.proposed.csv. `items` are the names of HaloPSA's
    items, `products` those that were ever charged. Raises SettingsError with every problem of every row, one a line:
    products.csv is then as it was.
    """
    problems: list[Problem] = []
    rows = _read(file, problems)
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
        _append(config, added)
    return ImportedProducts(config.folder / _FILE, tuple(added), known, tuple(_notes(added, products)))


def _read(file: Path, problems: list[Problem]) -> list[CsvRow]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror or error}. Nothing was imported.") from error
    first = content.decode("utf-8-sig", errors="replace").lstrip().partition("\n")[0]
    header = {cell.strip() for cell in next(csv.reader([first]), [])}
    columns = PROPOSAL_COLUMNS if "candidate" in header else _COLUMNS
    rows = read_rows(str(file), content, columns, problems)
    raise_problems(problems)
    if not rows:
        raise SettingsError(f"{file}: has no rows: there is nothing to import.")
    return rows


def _check(
    row: CsvRow, items: Mapping[int, str], before: Mapping[tuple[str, str, str, str], ProductRow]
) -> ProductRow | None:
    if row.text("halopsa_item_id") is None:
        row.complain("halopsa_item_id", "is empty: write the id of its item, or take the row out")
        return None
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


def _append(config: LoadedSettings, added: Sequence[ProductRow]) -> None:
    """Write products.csv with the new rows at its end, in its own columns, line ends and encoding mark."""
    path = config.folder / _FILE
    try:
        old = path.read_bytes()
    except FileNotFoundError:
        old = b""
    if old and sha256(old).hexdigest() != config.digests.get(_FILE):
        raise SettingsError(f"{path} was changed while the rows were checked. Nothing was imported; run this again.")
    text = old.decode("utf-8-sig")
    header = next((row for row in csv.reader(StringIO(text, newline="")) if any(cell.strip() for cell in row)), None)
    columns = tuple(cell.strip() for cell in header) if header is not None else _COLUMNS
    end = "\r\n" if "\r\n" in text else "\n"
    new = csv_text(columns, ([_cell(row, column) for column in columns] for row in added))
    # A file that is there has its header already.
    lines = new.splitlines()[1:] if header is not None else new.splitlines()
    glue = "" if not text or text.endswith("\n") else end
    content = old + (glue + end.join(lines) + end).encode()
    problems: list[Problem] = []
    read_products(read_rows(str(path), content, _COLUMNS, problems))
    raise_problems(problems)
    replace_file(path, content)


def _cell(row: ProductRow, column: str) -> object:
    return getattr(row, column)


def _describe(product: Product) -> str:
    cells = {"product": product.product_id, "SKU": product.sku, "term": product.term}
    told = ", ".join(f"{name} {cell or 'none'}" for name, cell in cells.items())
    return f'"{product.name}" ({told})'


def _notes(added: Sequence[ProductRow], products: Sequence[Product]) -> list[str]:
    """Rows that confirm nothing yet, which a slip of the pen looks like."""
    known = {normal_name(cell) for product in products for cell in (product.product_id, product.sku) if cell}
    return [
        f"no charge and no subscription has product {json.dumps(row.product_id or row.sku)} yet: is it written right?"
        for row in added
        if not {normal_name(cell) for cell in (row.product_id, row.sku) if cell} & known
    ]
