"""A quantity is kept only where both unit prices multiply exactly to the rounded totals."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.money import round_amount
from billing_pipeline.billing.quantities import line_amounts


def amounts(sell: str, cost: str, quantity: str, currency: str = "USD", digits: int = 2) -> tuple[str, ...]:
    """Quantity, unit price, unit cost, sell and cost as texts, and whether the quantity is the true one."""
    line = line_amounts(Decimal(sell), Decimal(cost), Decimal(quantity), currency, digits)
    values = (line.quantity, line.unit_price, line.unit_cost, line.sell, line.cost)
    return (*(f"{value:f}" for value in values), "true" if line.true_quantity else "one")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("220.00", "176.00", "10"), ("10", "22.00", "17.60", "220.00", "176.00", "true")),
        (("14.67", "11.73", "2"), ("1", "14.67", "11.73", "14.67", "11.73", "one")),
        (("20.00", "11.73", "2"), ("1", "20.00", "11.73", "20.00", "11.73", "one")),
        (("14.67", "20.00", "2"), ("1", "14.67", "20.00", "14.67", "20.00", "one")),
        (("0.00", "15.00", "10"), ("10", "0.00", "1.50", "0.00", "15.00", "true")),
        (("-7.10", "-5.68", "-1"), ("1", "-7.10", "-5.68", "-7.10", "-5.68", "one")),
        (("-25.00", "-20.00", "1"), ("1", "-25.00", "-20.00", "-25.00", "-20.00", "true")),
        (("10.00", "5.00", "0"), ("1", "10.00", "5.00", "10.00", "5.00", "one")),
        (("10.00", "5.00", "2.5"), ("2.5", "4.00", "2.00", "10.00", "5.00", "true")),
        (("0.0044", "0.0040", "3"), ("3", "0.00", "0.00", "0.00", "0.00", "true")),
        (("28.7198", "26.1116", "1"), ("1", "28.72", "26.11", "28.72", "26.11", "true")),
    ],
)
def test_quantity_and_unit_prices(said: tuple[str, str, str], expected: tuple[str, ...]) -> None:
    assert amounts(*said) == expected


def test_more_decimals_of_unit_prices_keep_more_quantities() -> None:
    assert amounts("14.67", "11.73", "2", digits=3) == ("2", "7.335", "5.865", "14.67", "11.73", "true")


def test_a_currency_without_cents_has_whole_totals() -> None:
    assert amounts("1000.5", "900", "2", "JPY") == ("2", "500.50", "450.00", "1001", "900", "true")


@given(
    st.decimals(min_value=-(10**6), max_value=10**6, places=6),
    st.decimals(min_value=-(10**6), max_value=10**6, places=6),
    st.decimals(min_value=-1000, max_value=1000, places=3),
)
def test_quantity_times_unit_price_is_always_the_total(sell: Decimal, cost: Decimal, quantity: Decimal) -> None:
    line = line_amounts(sell, cost, quantity, "USD", 2)
    assert line.quantity * line.unit_price == line.sell == round_amount(sell, "USD")
    assert line.quantity * line.unit_cost == line.cost == round_amount(cost, "USD")
    assert line.quantity > 0
    assert line.quantity == (quantity if line.true_quantity else 1)
