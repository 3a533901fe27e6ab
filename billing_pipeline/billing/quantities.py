"""Quantity and unit prices of a line as HaloPSA gets them."""

from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.billing.money import exact_unit_price, round_amount


@dataclass(frozen=True)
class LineAmounts:
    """What a document line says: quantity, unit prices and their products, in the currency's minor unit.

    `true_quantity` says whether the source's own quantity could be kept.
    """

    quantity: Decimal
    unit_price: Decimal
    unit_cost: Decimal
    sell: Decimal
    cost: Decimal
    true_quantity: bool


def line_amounts(
    sell: Decimal, cost: Decimal, quantity: Decimal, currency: str, unit_price_decimals: int
) -> LineAmounts:
    """Round a line once, then keep its quantity if both unit prices multiply exactly to the rounded totals.

    Otherwise quantity 1 at the rounded totals; the true quantity belongs in the line's text.
    """
    rounded_sell, rounded_cost = round_amount(sell, currency), round_amount(cost, currency)
    unit_price = exact_unit_price(rounded_sell, quantity, unit_price_decimals)
    unit_cost = exact_unit_price(rounded_cost, quantity, unit_price_decimals)
    if unit_price is not None and unit_cost is not None:
        return LineAmounts(quantity, unit_price, unit_cost, rounded_sell, rounded_cost, true_quantity=True)
    return LineAmounts(Decimal(1), rounded_sell, rounded_cost, rounded_sell, rounded_cost, true_quantity=False)
