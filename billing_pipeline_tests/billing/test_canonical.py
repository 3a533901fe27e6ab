"""The same content has the same text and the same hash, however it was written."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.canonical import canonical_json, content_hash, decimal_text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("22.00", "22"),
        ("22", "22"),
        ("-0.00", "0"),
        ("0E-10", "0"),
        ("1E+3", "1000"),
        ("0.0044", "0.0044"),
        ("-7.10", "-7.1"),
        ("100.0", "100"),
        ("1200e999999999", "12E1000000001"),
    ],
)
def test_equal_amounts_have_one_text(amount: str, text: str) -> None:
    assert decimal_text(Decimal(amount)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(min_value=0, max_value=20))
def test_trailing_zeros_change_no_text(amount: Decimal, zeros: int) -> None:
    sign, digits, exponent = amount.as_tuple()
    padded = Decimal((sign, (*digits, *(0,) * zeros), int(exponent) - zeros))
    assert decimal_text(padded) == decimal_text(amount)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans() | st.none()))
def test_the_order_of_keys_changes_no_hash(content: dict[str, object]) -> None:
    assert content_hash(dict(reversed(content.items()))) == content_hash(content)


def test_canonical_json_is_sorted_dense_and_without_floats() -> None:
    content = {"b": Decimal("1.50"), "a": [date(2026, 10, 1), True, None, "é"], "c": {"y": 1, "x": ()}}
    assert canonical_json(content) == '{"a":["2026-10-01",true,null,"é"],"b":"1.5","c":{"x":[],"y":1}}'


@pytest.mark.parametrize("other", [{"a": "1"}, {"a": 2}, {"b": 1}, {"a": 1, "b": None}])
def test_other_content_has_another_hash(other: dict[str, object]) -> None:
    assert content_hash(other) != content_hash({"a": 1})
