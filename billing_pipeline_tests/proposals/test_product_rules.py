"""Products of subscriptions, proposed items and imported rows: the rules without a service."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.mapping_rows import ProductRow
from billing_pipeline.billing.product_imports import same_product
from billing_pipeline.billing.product_match import Item, Product, ProductMatcher
from billing_pipeline.billing.product_proposals import ItemProposer
from billing_pipeline.billing.settings import Modifiers
from billing_pipeline.billing.subscription_products import (
    COLLAPSED_AZURE,
    SubscribedProduct,
    current_products,
    product_charged,
)
from billing_pipeline.settings.load import load_settings
from billing_pipeline.settings.proposal_files import csv_text
from billing_pipeline.steps.import_products import import_products
from billing_pipeline_tests.proposals.office import PRODUCTS_HEADER, product, subscription


def test_each_product_and_term_of_a_company_comes_once() -> None:
    subscriptions = [
        subscription(1, 1, "p"),
        subscription(2, 1, "p"),
        subscription(3, 1, "p", billingTerm="2-Year"),
        subscription(4, 1, "p", billingTerm=None, status="WaitingForDetails"),
        subscription(5, 1, "gone", status="Cancelled"),
        subscription(6, 1, "gone", status="Converted"),
        subscription(7, 1, "unlisted", productName="Unlisted"),
    ]
    found = [one.product for one in current_products(subscriptions, [product("p", "Premium", "SKU")])]
    assert found == [
        Product("pax8", "p", "SKU", "", "Premium"),
        Product("pax8", "p", "SKU", "2-year", "Premium"),
        Product("pax8", "p", "SKU", "monthly", "Premium"),
        Product("pax8", "unlisted", "", "monthly", "Unlisted"),
    ]


@pytest.mark.parametrize(
    ("name", "sku", "term", "vendor", "azure_class"),
    [
        ("Microsoft Azure Plan", "", "arrears", "Microsoft", "azure_consumption"),
        ("Microsoft Azure Plan", "", "arrears", "", "azure_consumption"),
        ("Anything", "MST-AZR-1", "monthly", "", "azure_consumption"),
        ("Anything", "azr-arr-1", "arrears", "", "azure_consumption"),
        ("Azure Reserved VM Instance", "", "annual", "Microsoft", "azure_commitment"),
        ("Azure savings plan", "MST-ARI-1", "3-year", "", "azure_commitment"),
        ("Azure Active Directory Premium P1", "", "monthly", "Microsoft", None),
        ("Azure Active Directory Premium P1", "", "arrears", "Microsoft", "other_arrears"),
        ("Backup for Azure", "", "arrears", "Acronis", "other_arrears"),
        ("Microsoft 365 Business Premium", "", "monthly", "Microsoft", None),
    ],
)
def test_azure_is_collapsed_or_dropped_as_its_charges_will_be(
    name: str, sku: str, term: str, vendor: str, azure_class: str | None
) -> None:
    one = SubscribedProduct("c", Product("pax8", "p", sku, term, name), vendor)
    for chosen in ("azure_consumption", "azure_commitment", "other_arrears"):
        dropped = Modifiers(drop_azure=True, collapse_azure=True, azure_classes=(chosen,))
        collapsed = Modifiers(collapse_azure=True, azure_classes=(chosen,))
        is_meant = chosen == azure_class
        assert product_charged(one, dropped) == (None if is_meant else one.product)
        assert product_charged(one, collapsed) == (COLLAPSED_AZURE if is_meant else one.product)
    assert product_charged(one, Modifiers()) == one.product


def item(item_id: int, name: str, sku: str = "", reference: str = "") -> Item:
    return Item(item_id, name, sku, "", reference)


def test_wrappers_of_names_do_not_count() -> None:
    proposed = ItemProposer([item(1, "Exchange Online (Plan 1)")]).propose(
        Product("pax8", "p", "", "annual", "[Deprecated] Exchange Online (Plan 1) [New Commerce Experience]")
    )
    assert (proposed.item_id, proposed.candidates[0].score) == (None, 99)


def test_plan_1_is_not_plan_2() -> None:
    proposed = ItemProposer([item(1, "Exchange Online (Plan 2)")]).propose(
        Product("pax8", "p", "", "annual", "Exchange Online (Plan 1)")
    )
    assert proposed.item_id is None
    assert '"1" is not "2"' in proposed.why


def test_an_item_that_was_created_for_another_term_is_no_candidate() -> None:
    made = item(1, "Premium", "SKU", "pax8:p:annual")
    assert ItemProposer([made]).propose(Product("pax8", "p", "SKU", "monthly", "Premium")).candidates == ()
    assert ItemProposer([made]).propose(Product("pax8", "p", "SKU", "annual", "Premium")).item_id == 1


CELLS = st.sampled_from(["", "p-1", "p-2", "SKU-1"])
TERMS = st.sampled_from(["", "monthly", "annual", "arrears"])
NAMES = st.sampled_from(["", "Premium", "Premium Plus", "Azure"])
ITEMS = st.lists(
    st.builds(Item, st.integers(1, 9), NAMES, CELLS, st.just(""), CELLS | st.just("pax8:p-1:annual")),
    unique_by=lambda one: one.id,
    max_size=5,
)
PRODUCTS = st.builds(Product, st.just("pax8"), CELLS, CELLS, TERMS, NAMES)


@given(ITEMS, PRODUCTS)
def test_an_item_is_filled_in_only_where_create_would_take_it_too(items: list[Item], wanted: Product) -> None:
    proposed = ItemProposer(items).propose(wanted)
    match = ProductMatcher(items, ()).match(wanted)
    assert proposed.item_id == (match.item_ids[0] if len(match.item_ids) == 1 else None)
    assert [one.item.id for one in proposed.candidates if one.score == 100] == list(match.item_ids)
    scores = [one.score for one in proposed.candidates]
    assert scores == sorted(scores, reverse=True)


ROWS = st.lists(
    st.tuples(st.sampled_from(["pax8", "halopsa_contracts"]), CELLS, CELLS, TERMS, st.integers(1, 4)), max_size=5
)
FORMS = st.sampled_from([("", "\n"), ("", "\r\n"), ("\ufeff", "\n"), ("\ufeff", "\r\n")])


@settings(deadline=None)
@given(ROWS, ROWS, FORMS, st.booleans(), st.lists(PRODUCTS, max_size=4))
def test_an_import_takes_all_rows_or_leaves_every_byte(
    there: list[tuple[object, ...]],
    brought: list[tuple[object, ...]],
    form: tuple[str, str],
    ends: bool,
    known: list[Product],
) -> None:
    mark, end = form
    columns = PRODUCTS_HEADER.strip().split(",")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "billing.yaml").write_text("")
        text = mark + csv_text(columns, there).replace("\n", end)
        old = (text if ends else text.removesuffix(end)).encode()
        (path / "products.csv").write_bytes(old)
        file = path / "brought.txt"
        file.write_text(csv_text(columns, brought))
        try:
            config = load_settings(path)
        except SettingsError:
            return
        try:
            result = import_products(config, file, {1: "One", 2: "Two", 3: "Three"}, known)
        except SettingsError:
            assert (path / "products.csv").read_bytes() == old
            return
        assert (path / "products.csv").read_bytes().startswith(old)
        after = {same_product(row): row.halopsa_item_id for row in load_settings(path).products}
        before = {same_product(row): row.halopsa_item_id for row in config.products}
        wanted = {same_product(_row(cells)): cells[4] for cells in brought}
        assert after == before | wanted
        assert len(result.added) == len(after) - len(before)


def _row(cells: tuple[object, ...]) -> ProductRow:
    integration, product_id, sku, term, item_id = cells
    return ProductRow(integration, product_id or None, sku or None, term or None, item_id)  # type: ignore[arg-type]
