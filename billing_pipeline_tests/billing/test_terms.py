"""Billing terms in one spelling."""

import pytest

from billing_pipeline.billing.terms import TERMS, normalise_term


@pytest.mark.parametrize(
    ("written", "term"),
    [
        ("Monthly", "monthly"),
        ("ANNUAL", "annual"),
        ("2 Year", "2-year"),
        ("3-Year", "3-year"),
        ("One-Time", "one-time"),
        ("One-time", "one-time"),
        ("1-Time", "one-time"),
        ("one time", "one-time"),
        (" Activation ", "activation"),
        ("Arrears", "arrears"),
        ("Trial", "trial"),
        ("Rebate", "rebate"),
        ("Quarterly ", "quarterly"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_term_has_one_spelling(written: str | None, term: str) -> None:
    assert normalise_term(written) == term


@pytest.mark.parametrize("term", sorted(set(TERMS.values())))
def test_the_one_spelling_stays_as_it_is(term: str) -> None:
    assert normalise_term(term) == term
