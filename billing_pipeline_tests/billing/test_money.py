"""Money is exact until it is rounded once, half up, in one place."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.money import (
    as_stored,
    decimal_places,
    exact_unit_price,
    margin_is_off,
    minor_unit_digits,
    parse_amount,
    round_amount,
    round_half_up,
    show_amount,
    show_change,
)

amounts = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=10)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("0.0049999999", "0.00"),
        ("2.675", "2.68"),
        ("-2.675", "-2.68"),
        ("1.005", "1.01"),
        ("28.7198", "28.72"),
        ("26.1116", "26.11"),
        ("999999999999999999.995", "1000000000000000000.00"),
    ],
)
def test_halves_go_away_from_zero(amount: str, rounded: str) -> None:
    assert str(round_amount(Decimal(amount), "USD")) == rounded


def test_nothing_rounds_to_a_negative_zero() -> None:
    assert str(round_amount(Decimal("-0.004"), "USD")) == "0.00"


@pytest.mark.parametrize(
    ("currency", "rounded"), [("USD", "1.24"), ("JPY", "1"), ("KWD", "1.235"), ("usd", "1.24"), ("???", "1.24")]
)
def test_the_minor_unit_is_the_currencys_own(currency: str, rounded: str) -> None:
    assert str(round_amount(Decimal("1.2350"), currency)) == rounded


@given(amounts)
def test_rounding_moves_an_amount_by_half_a_cent_at_most(amount: Decimal) -> None:
    rounded = round_amount(amount, "USD")
    assert abs(rounded - amount) <= Decimal("0.005")
    assert round_amount(rounded, "USD") == rounded
    assert round_amount(-amount, "USD") == -rounded


@pytest.mark.parametrize(
    "text",
    [
        "0.000000000000000001",
        "99999999999999999999.999999999999999999",
        "-99999999999999999999.999999999999999999",
        "1.50000000000000000000",
        "1E+5",
        "0E+40",
        "0E-40",
    ],
)
def test_what_storage_holds_is_kept_to_the_last_digit(text: str) -> None:
    stored = as_stored(Decimal(text))
    assert stored is not None
    assert stored == Decimal(text)
    assert stored.as_tuple().exponent == -18


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0.1234567890123456789", "0.123456789012345678"),
        ("-0.1234567890123456789", "-0.123456789012345678"),
        ("4.1265358E-14", "0.000000000000041265"),
        ("0.0000000000000000009", "0"),
        ("-0.0000000000000000009", "0"),
        ("1e-999999999", "0"),
        ("1." + "9" * 200, "1." + "9" * 18),
        ("99999999999999999999.9999999999999999999", "99999999999999999999.999999999999999999"),
    ],
)
def test_digits_past_the_eighteenth_are_cut_and_never_rounded(text: str, kept: str) -> None:
    stored = as_stored(Decimal(text))
    assert stored == Decimal(kept)
    assert not str(stored).startswith("-0E")


@pytest.mark.parametrize("text", ["100000000000000000000", "-1e20", "1e999999999", "NaN", "Infinity"])
def test_more_than_twenty_digits_before_the_point_are_not_stored(text: str) -> None:
    assert as_stored(Decimal(text)) is None


def test_sums_and_products_of_stored_amounts_lose_no_digit_in_any_thread() -> None:
    largest, smallest = Decimal("99999999999999999999.999999999999999999"), Decimal("0.000000000000000001")

    def add_and_multiply() -> tuple[Decimal, Decimal]:
        return largest + smallest, largest * largest

    with ThreadPoolExecutor(1) as pool:
        for sums in (add_and_multiply(), pool.submit(add_and_multiply).result()):
            assert sums == (Decimal(10) ** 20, Decimal(("9" * 37) + "8" + ("0" * 37) + "1").scaleb(-36))


@pytest.mark.parametrize(
    ("sell", "cost", "is_off"),
    [
        ("110", "100", False),
        ("110.50", "100", False),
        ("110.51", "100", True),
        ("-110", "-100", False),
        ("0", "5", True),
    ],
)
def test_a_margin_is_off_where_it_differs_by_more_than_the_tolerance(sell: str, cost: str, is_off: bool) -> None:
    assert margin_is_off(Decimal(sell), Decimal(cost), Decimal(10), Decimal("0.5")) is is_off


@pytest.mark.parametrize(
    ("value", "amount"),
    [(22, "22"), (Decimal("22.0"), "22"), (" 12.50 ", "12.5"), ("-0.5", "-0.5"), ("1e2", "100"), (".5", "0.5")],
)
def test_numbers_and_numbers_in_text_are_amounts(value: object, amount: str) -> None:
    assert parse_amount(value) == Decimal(amount)


@pytest.mark.parametrize(
    "value", [None, True, "", "abc", "1,000.00", "1_000", "١٢", "NaN", "Infinity", Decimal("NaN"), [1], {}, 1.5]
)
def test_nothing_else_is_an_amount(value: object) -> None:
    assert parse_amount(value) is None


@pytest.mark.parametrize(
    ("total", "quantity", "digits", "price"),
    [
        ("220.00", "10", 2, "22.00"),
        ("14.67", "2", 2, None),
        ("14.67", "2", 3, "7.335"),
        ("0.00", "10", 2, "0.00"),
        ("10.00", "2.5", 2, "4.00"),
        ("-25.00", "1", 2, "-25.00"),
        ("10.00", "3", 10, None),
        ("10.00", "0", 2, None),
        ("10.00", "-1", 2, None),
    ],
)
def test_a_unit_price_must_multiply_back_exactly(total: str, quantity: str, digits: int, price: str | None) -> None:
    found = exact_unit_price(Decimal(total), Decimal(quantity), digits)
    assert found == (None if price is None else Decimal(price))


@given(amounts, st.integers(min_value=1, max_value=10**6), st.integers(min_value=0, max_value=4))
def test_a_unit_price_that_is_given_is_exact(total: Decimal, quantity: int, digits: int) -> None:
    price = exact_unit_price(round_half_up(total, 2), Decimal(quantity), digits)
    if price is not None:
        assert price * quantity == round_half_up(total, 2)
        assert decimal_places(price) <= digits


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1234567.5", "USD", "1,234,567.50 USD"),
        ("-0.0044", "USD", "-0.0044 USD"),
        ("100", "JPY", "100 JPY"),
        ("0E-10", "USD", "0.00 USD"),
        ("1.2", "", "1.20"),
        ("1e999999999", "USD", "1E+999999999 USD"),
    ],
)
def test_an_amount_is_shown_with_every_digit_it_has(amount: str, currency: str, shown: str) -> None:
    assert show_amount(Decimal(amount), currency) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("1234.5", "", "+1,234.50"), ("-7.1", "USD", "-7.10 USD"), ("0", "USD", "0.00 USD"), ("500", "JPY", "+500 JPY")],
)
def test_a_change_says_which_way_it_went(amount: str, currency: str, shown: str) -> None:
    assert show_change(Decimal(amount), currency) == shown


def test_minor_units_are_those_of_iso_4217() -> None:
    assert [minor_unit_digits(code) for code in ("USD", "EUR", "JPY", "KRW", "CLP", "KWD", "TND")] == [
        2,
        2,
        0,
        0,
        0,
        3,
        3,
    ]
