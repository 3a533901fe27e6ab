"""Names, and how alike they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.name_similarity import SAME, differing_words, normalise_name, score_names

NAMES = st.text(max_size=40) | st.lists(
    st.sampled_from(
        ["The", "Acme", "Dental", "&", "and", "L.L.C.", "Inc.", "Ltd", "Co.", "O'Brien", "Été", "-", "P.C."]
    ),
    max_size=6,
).map(" ".join)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Dental, LLC", "ACME DENTAL"),
        ("Acme Dental L.L.C.", "acme dental inc."),
        ("Smith & Sons", "Smith and Sons"),
        ("Smith & Co.", "Smith"),
        ("The Dental Practice, P.C.", "Dental Practice"),
        ("Café Zürich GmbH", "Cafe Zurich"),
        ("O'Brien's Garage", "OBriens Garage"),
        ("O’Brien's  Garage", "O'Brien’s Garage"),
        ("J. Smith Roofing", "J Smith Roofing"),
        ("Kestrel-Law Group", "Kestrel Law Group"),
    ],
)
def test_names_that_say_the_same_are_the_same(one: str, other: str) -> None:
    assert normalise_name(one) == normalise_name(other)


@pytest.mark.parametrize(("name", "kept"), [("The Co.", "co"), ("LLC", "llc"), ("Serenity Spa", "serenity spa")])
def test_a_name_is_never_stripped_to_nothing(name: str, kept: str) -> None:
    assert normalise_name(name) == kept


def test_a_dental_practice_is_ninety_percent_a_rental_shop() -> None:
    one, other = normalise_name("ABC Dental"), normalise_name("ABC Rental")
    assert score_names(one, other) == 90
    assert differing_words(one, other) == ("dental", "rental")


def test_a_part_of_a_name_is_not_the_name() -> None:
    assert score_names("alder", "alder creek dental") < 60


def test_words_in_another_order_are_almost_the_same() -> None:
    assert score_names("acme dental", "dental acme") == 99


@given(NAMES)
def test_normalising_twice_changes_nothing_more(name: str) -> None:
    once = normalise_name(name)
    assert normalise_name(once) == once


@given(NAMES)
def test_case_and_ends_do_not_matter(name: str) -> None:
    assert normalise_name(f"  {name}, LLC ") in (normalise_name(name), "llc")
    assert normalise_name(name.upper().lower()) == normalise_name(name.lower().upper().lower())


@given(NAMES, NAMES)
def test_a_score_is_a_percentage_the_same_both_ways_and_100_only_for_equal_names(one: str, other: str) -> None:
    one, other = normalise_name(one), normalise_name(other)
    score = score_names(one, other)
    assert 0 <= score <= SAME
    assert score == score_names(other, one)
    assert (score == SAME) == (one == other != "")
