"""Exact numbers both ways."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.exact_json import read_exact_json, write_exact_json

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(), st.lists(st.one_of(DECIMALS, st.integers(), st.text(), st.none()))))
def test_what_was_written_reads_back_as_the_same_numbers(document: dict[str, list[object]]) -> None:
    assert read_exact_json(write_exact_json(document)) == document


@pytest.mark.parametrize("text", ["22.0", "22.00", "0.10", "28.72", "-12.40", "41.1154", "1E+2", "22"])
def test_the_digits_of_a_number_stay_as_they_are(text: str) -> None:
    assert write_exact_json(Decimal(text)) == text


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "", "{", "[1,]", "{'a': 1}", "1 2"])
def test_what_json_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_exact_json(text)


def test_a_float_is_named_by_its_place() -> None:
    with pytest.raises(TypeError, match=r"document\[0\].lines\[1\].price is a float \(0.1\)"):
        write_exact_json([{"lines": [{"price": 1}, {"price": 0.1}]}])
