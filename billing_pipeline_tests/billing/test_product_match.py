"""Products find their items in a fixed order, and the term counts."""

import pytest

from billing_pipeline.billing.product_match import ConfirmedProduct, Item, Match, Product, ProductMatcher


def product(product_id: str = "P", sku: str = "S", term: str = "monthly", name: str = "Premium") -> Product:
    return Product("pax8", product_id, sku, term, name)


def item(number: int, name: str = "", sku: str = "", internal: str = "", external: str = "") -> Item:
    return Item(number, name, sku, internal, external)


def row(
    product_id: str = "", sku: str = "", term: str = "", item_id: int = 1, by_person: bool = True
) -> ConfirmedProduct:
    return ConfirmedProduct("pax8", product_id, sku, term, item_id, by_person)


BY_NAME, BY_ID, BY_SKU = item(1, name="Premium"), item(2, internal="P"), item(3, sku="S")
CONFIRMED = [row("P", item_id=4)]
ALL = [BY_NAME, BY_ID, BY_SKU, item(4)]


@pytest.mark.parametrize(
    ("items", "confirmed", "match"),
    [
        (ALL, CONFIRMED, Match((4,), "confirmed")),
        (ALL, [], Match((3,), "sku")),
        ([BY_NAME, BY_ID], [], Match((2,), "product_id")),
        ([BY_NAME], [], Match((1,), "name")),
        ([], [], Match((), None)),
    ],
)
def test_a_confirmed_row_then_sku_then_product_id_then_name(
    items: list[Item], confirmed: list[ConfirmedProduct], match: Match
) -> None:
    assert ProductMatcher(items, confirmed).match(product()) == match


def test_the_order_of_items_changes_nothing() -> None:
    twins = [item(7, sku="S"), item(5, sku="s")]
    assert ProductMatcher(twins, []).match(product()) == ProductMatcher(twins[::-1], []).match(product())
    assert ProductMatcher(twins, []).match(product()).item_ids == (5, 7)


@pytest.mark.parametrize(
    "confirmed", [row("P"), row(sku="s"), row("P", "S"), row("P", "S", "monthly"), row("P", "", "monthly")]
)
def test_empty_cells_of_a_confirmed_row_match_anything(confirmed: ConfirmedProduct) -> None:
    assert ProductMatcher([item(1)], [confirmed]).confirmed(product()).item_ids == (1,)


@pytest.mark.parametrize(
    "confirmed",
    [
        row("Q"),
        row(sku="T"),
        row("P", "T"),
        row("P", "", "annual"),
        row("", "", "monthly"),
        row("", "", ""),
        ConfirmedProduct("halopsa_contracts", "P", "S", "", 1),
    ],
)
def test_a_cell_that_differs_is_no_match(confirmed: ConfirmedProduct) -> None:
    assert ProductMatcher([item(1)], [confirmed]).confirmed(product()).item_ids == ()


def test_the_row_that_says_more_wins() -> None:
    rows = [row("P", item_id=1), row("P", "", "monthly", item_id=2), row("P", "", "annual", item_id=3)]
    matcher = ProductMatcher([item(1), item(2), item(3)], rows)
    assert matcher.match(product()).item_ids == (2,)
    assert matcher.match(product(term="annual")).item_ids == (3,)
    assert matcher.match(product(term="3-year")).item_ids == (1,)


def test_two_rows_that_say_as_much_are_ambiguous() -> None:
    rows = [row("P", "", "monthly", item_id=1), row("", "S", "monthly", item_id=2)]
    assert ProductMatcher([item(1), item(2)], rows).match(product()) == Match((1, 2), "confirmed")


def test_a_person_wins_over_the_pipeline_even_where_the_pipeline_says_more() -> None:
    rows = [row("P", "S", "monthly", item_id=1, by_person=False), row("P", item_id=2)]
    matcher = ProductMatcher([item(1), item(2)], rows)
    assert matcher.match(product()) == Match((2,), "confirmed")
    assert matcher.confirmed(product()) == Match((2,), "confirmed")


def test_an_item_that_the_pipeline_made_is_no_persons_word() -> None:
    matcher = ProductMatcher([item(1)], [row("P", by_person=False)])
    assert matcher.confirmed(product()).item_ids == ()
    assert matcher.match(product()) == Match((1,), "confirmed")


def test_a_confirmed_item_that_is_gone_is_not_replaced_by_a_guess() -> None:
    matcher = ProductMatcher([BY_SKU], [row("P", item_id=99)])
    assert matcher.match(product()) == Match((99,), "confirmed")


def test_a_created_item_that_is_gone_is_forgotten() -> None:
    assert ProductMatcher([BY_SKU], [row("P", item_id=99, by_person=False)]).match(product()).item_ids == (3,)


def test_monthly_and_annual_items_of_one_sku_never_block_each_other() -> None:
    items = [
        item(1, "Premium", "S", external="pax8:P:monthly"),
        item(2, "Premium", "S", external="pax8:P:annual"),
    ]
    matcher = ProductMatcher(items, [])
    assert matcher.match(product()).item_ids == (1,)
    assert matcher.match(product(term="annual")).item_ids == (2,)
    assert matcher.match(product(term="3-year")).item_ids == ()


def test_an_item_of_another_integration_keeps_its_own_reference() -> None:
    assert ProductMatcher([item(1, sku="S", external="csp:P")], []).match(product()).item_ids == (1,)


def test_a_name_must_be_the_same_to_the_letter() -> None:
    items = [item(1, name="premium"), item(2, name="Premium Plus"), item(3, name=" Premium ")]
    assert ProductMatcher(items, []).match(product("", "")).item_ids == (3,)


def test_a_product_without_id_and_sku_is_found_again_by_its_name() -> None:
    nameless = product("", "", "one-time", "Service credit")
    assert nameless.reference == "pax8:Service credit:one-time"
    created = item(5, external=nameless.reference)
    assert ProductMatcher([created], []).match(nameless) == Match((5,), "product_id")


def test_nothing_matches_nothing() -> None:
    assert ProductMatcher([item(1), item(2)], []).match(product("", "", "", "")).item_ids == ()


@pytest.mark.parametrize(
    ("known", "reference"),
    [(product(), "pax8:P:monthly"), (product(""), "pax8:S:monthly"), (product("", "", "", "N"), "pax8:N:")],
)
def test_the_reference_of_a_created_item_names_product_and_term(known: Product, reference: str) -> None:
    assert known.reference == reference
