"""What an end customer reads on a line."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.billing.line_text import SHORT_LENGTH, long_description, short_description
from billing_pipeline_tests.billing.charges import charge

NAME = "Microsoft 365 Business Premium [New Commerce Experience]"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"product_name": NAME}, "Microsoft 365 Business Premium"),
        ({"product_name": "[Deprecated] Exchange  Online"}, "Exchange Online"),
        ({"product_name": "Exchange Online [Deprecated]"}, "Exchange Online"),
        ({"product_name": "", "description": "By hand"}, "By hand"),
        ({"product_name": "", "description": "", "sku": "SKU-9"}, "SKU-9"),
        ({"product_name": "", "description": "", "sku": ""}, "Charge"),
        ({"line_class": "prorate", "description": "Sep Partial: Premium"}, "Sep Partial: Premium"),
        ({"line_class": "credit", "description": "Credit for the outage"}, "Credit for the outage"),
        ({"line_class": "license", "description": "Other words"}, "Business Premium"),
        ({"row_kind": "collapsed"}, "Microsoft Azure consumption"),
        ({"product_name": "x" * 300}, "x" * SHORT_LENGTH),
    ],
)
def test_the_short_text_names_the_product(changes: dict[str, Any], text: str) -> None:
    assert short_description(charge(**changes)) == text


def test_the_long_text_gives_the_period_with_its_last_day() -> None:
    assert long_description(charge(), true_quantity=True) == "1 Oct 2026 to 31 Oct 2026"


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (date(2026, 10, 5), date(2026, 10, 6), "5 Oct 2026"),
        (date(2026, 10, 5), None, "5 Oct 2026"),
        (None, date(2026, 10, 6), ""),
        (date(2026, 9, 20), date(2026, 10, 1), "20 Sep 2026 to 30 Sep 2026"),
    ],
)
def test_periods_read_as_people_write_them(start: date | None, end: date | None, text: str) -> None:
    assert long_description(charge(period_start=start, period_end=end), true_quantity=True) == text


def test_a_quantity_that_could_not_be_kept_stands_in_the_text() -> None:
    one = charge(
        quantity=Decimal("2.0000000000"), price=Decimal("7.335"), line_class="prorate", description="Sep Partial"
    )
    assert long_description(one, true_quantity=False).splitlines() == [
        "Business Premium",
        "1 Oct 2026 to 31 Oct 2026",
        "Quantity 2 at 7.335 USD",
    ]
    assert "Quantity" not in long_description(one, true_quantity=True)


def test_without_a_price_the_quantity_stands_alone() -> None:
    text = long_description(charge(quantity=Decimal("-1"), price=None), true_quantity=False)
    assert text.splitlines()[-1] == "Quantity -1"


def test_a_purchase_order_is_told() -> None:
    text = long_description(charge(purchase_order="PO 4711"), true_quantity=True)
    assert text.splitlines()[-1] == "Purchase order PO 4711"
