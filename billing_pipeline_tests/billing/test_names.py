"""Names that are equal to the eye are one name; ids hold nothing that nobody sees."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.names import find_hidden_character, is_same_name, normal_name
from billing_pipeline.billing.people import is_same_person
from billing_pipeline.billing.product_match import ConfirmedProduct, Item, Product, ProductMatcher

SAME = [
    ("Café Société", "Cafe\u0301 Socie\u0301te\u0301"),
    ("Müller GmbH", "Mu\u0308ller GmbH"),
    ("Office 365", "Office\u00a0365"),
    ("Office 365", "  Office\u2009\t365\u3000"),
    ("Smith & Sons", "Smith &amp; Sons"),
    ("Smith & Sons", "Smith &amp;amp; Sons"),
    ("Smith & Sons", "SMITH &#38; SONS"),
    ("O'Neill", "O&#x27;Neill"),
    ("Acme", "Ac\u200bme\ufeff"),
    ("Acme Dental", "Acme\u00ad Dental\u200e"),
    ("Ａｃｍｅ", "Acme"),
    ("STRASSE", "Straße"),
    ("ﬁrewall", "Firewall"),
    ("Acme", "A\u034fcme\ufe0f"),
]
DIFFERENT = [
    ("Acme Dental", "Acme Rental"),
    ("Cafe", "Café"),
    ("A & B", "A and B"),
    ("AT&T", "AT T"),
    ("Müller", "Muller"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_that_look_the_same_are_the_same(one: str, other: str) -> None:
    assert is_same_name(one, other)
    assert normal_name(one) == normal_name(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_that_look_different_are_different(one: str, other: str) -> None:
    assert not is_same_name(one, other)


@given(st.text())
def test_the_normal_form_changes_nothing_more(name: str) -> None:
    once = normal_name(name)
    assert normal_name(once) == once
    assert is_same_name(name, once)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x17F)))
def test_composed_and_decomposed_are_one(name: str) -> None:
    assert is_same_name(unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))


@pytest.mark.parametrize(
    ("identifier", "hidden"),
    [
        ("p-1\u200b", "zero width space"),
        ("\ufeffp-1", "zero width no-break space"),
        ("p\u00a01", "no-break space"),
        ("p\t1", "character u+0009"),
        ("p\u202e1", "right-to-left override"),
        ("MS BP 1", None),
        ("Ä-1", None),
    ],
)
def test_what_no_id_may_hold_is_named(identifier: str, hidden: str | None) -> None:
    assert find_hidden_character(identifier) == hidden


def item(item_id: int, name: str, **fields: str) -> Item:
    return Item(
        item_id, name, **{"supplier_part_code": "", "internal_reference": "", "external_reference": "", **fields}
    )


def test_a_product_finds_the_item_that_is_called_the_same_to_the_eye() -> None:
    matcher = ProductMatcher([item(1, "Cafe\u0301 &amp; Bar\u00a0Plan"), item(2, "Other")], [])
    found = matcher.match(Product("pax8", "p-1", "", "monthly", "Café & bar plan"))
    assert (found.item_ids, found.rule) == ((1,), "name")


def test_of_items_called_the_same_the_one_that_is_written_like_the_product_is_meant() -> None:
    matcher = ProductMatcher([item(1, "OneDrive"), item(2, "Onedrive")], [])
    assert matcher.match(Product("pax8", "p-1", "", "monthly", "Onedrive")).item_ids == (2,)
    assert matcher.match(Product("pax8", "p-1", "", "monthly", "ONEDRIVE")).item_ids == (1, 2)


def test_a_sku_is_compared_as_names_are() -> None:
    matcher = ProductMatcher([item(1, "Plan", supplier_part_code="ms-bp\u00a01")], [])
    assert matcher.match(Product("pax8", "p-1", "MS-BP 1", "monthly", "Else")).rule == "sku"
    row = ConfirmedProduct("pax8", "", "MS-BP 1", "", 9)
    assert ProductMatcher([], [row]).confirmed(Product("pax8", "p", "ms-bp 1", "", "")).item_ids == (9,)


def test_a_product_with_nothing_but_a_name_has_one_reference() -> None:
    composed, decomposed = (Product("pax8", "", "", "monthly", name) for name in ("Café", "Cafe\u0301"))
    assert composed.reference == decomposed.reference
    # An item that bears the name as it was written is still that product's.
    matcher = ProductMatcher([item(5, "Café (ours)", external_reference="pax8:Cafe\u0301:monthly")], [])
    assert matcher.match(composed).item_ids == (5,)


def test_one_person_is_one_person_however_the_name_is_written() -> None:
    assert is_same_person(["José Núñez"], ["Jose\u0301 Nu\u0301n\u0303ez"])
