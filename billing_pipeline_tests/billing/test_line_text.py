"""What an end customer reads on a line."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.billing.line_text import SHORT_LENGTH, describe_line
from billing_pipeline.billing.plan_types import ChargeToPlan
from billing_pipeline.billing.settings import LineText
from billing_pipeline_tests.billing.charges import charge

NAME = "Microsoft 365 Business Premium [New Commerce Experience]"
GUID = "9f6e2a10-5c7b-4d3e-8a21-000000000001"


def short(one: ChargeToPlan, template: str = LineText().short) -> str:
    return describe_line(one, LineText(short=template), true_quantity=True).short


def long(one: ChargeToPlan, template: str = LineText().long, *, true_quantity: bool = True) -> str:
    return describe_line(one, LineText(long=template), true_quantity=true_quantity).long


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
    assert short(charge(**changes)) == text


def test_the_long_text_gives_the_period_with_its_last_day() -> None:
    assert long(charge()) == "1 Oct 2026 to 31 Oct 2026"


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
    assert long(charge(period_start=start, period_end=end)) == text


def test_a_quantity_that_could_not_be_kept_stands_in_the_text() -> None:
    one = charge(
        quantity=Decimal("2.0000000000"), price=Decimal("7.335"), line_class="prorate", description="Sep Partial"
    )
    assert long(one, true_quantity=False).splitlines() == [
        "Business Premium",
        "1 Oct 2026 to 31 Oct 2026",
        "Quantity 2 at 7.335 USD",
    ]
    assert "Quantity" not in long(one)


def test_without_a_price_the_quantity_stands_alone() -> None:
    text = long(charge(quantity=Decimal("-1"), price=None), true_quantity=False)
    assert text.splitlines()[-1] == "Quantity -1"


def test_a_purchase_order_is_told() -> None:
    assert long(charge(purchase_order="PO 4711")).splitlines()[-1] == "Purchase order PO 4711"


def test_a_product_that_the_short_text_names_already_is_not_repeated() -> None:
    one = charge(line_class="prorate", description="Sep Partial: Business Premium")
    assert long(one) == "1 Oct 2026 to 31 Oct 2026"


def test_a_number_is_never_taken_for_a_repetition() -> None:
    one = charge(product_name="Microsoft 365", quantity=Decimal(5))
    assert long(one, "{product}\n{quantity}") == "5"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"Microsoft Azure Plan - Arrears Charge - Prod - {GUID} - Storage", ["Storage", "Azure subscription Prod"]),
        (
            f"Microsoft Azure Plan - Arrears Charge - Acme - West - Prod - {GUID.upper()} - Bandwidth [options: a - b]",
            ["Bandwidth", "Azure subscription Acme - West - Prod"],
        ),
        (f"Microsoft Azure Plan - Arrears Charge - Prod - {GUID}", ["Azure subscription Prod"]),
        (f"Microsoft Azure Plan - Arrears Charge - {GUID} - Storage", ["Storage"]),
        ("Azure without any id", []),
    ],
)
def test_an_azure_charge_says_what_was_used_and_where(text: str, lines: list[str]) -> None:
    one = charge(line_class="azure_consumption", product_name="Microsoft Azure Plan", azure_text=text)
    assert long(one).splitlines() == [*lines, "1 Oct 2026 to 31 Oct 2026"]


def test_a_collapsed_line_names_its_subscription_and_nobodys_quantity() -> None:
    text = f"Microsoft Azure Plan - Arrears Charge - Prod - {GUID} - Storage"
    one = charge(row_kind="collapsed", product_name="Microsoft Azure", azure_text=text, quantity=Decimal(1))
    assert long(one).splitlines() == ["Azure subscription Prod", "1 Oct 2026 to 31 Oct 2026"]
    assert long(one, "{product}{description}{quantity}{unit_price}{azure_category}") == ""


def test_a_template_of_ones_own_replaces_both_texts() -> None:
    one = charge(quantity=Decimal(10), price=Decimal("22.00"), sell="220.00", purchase_order="PO 7")
    assert short(one, "{product}, {month}") == "Business Premium, October 2026"
    assert long(one, "{quantity} × {unit_price} = {amount}\n[PO {purchase_order}]").splitlines() == [
        "10 × 22.00 USD = 220.00 USD",
        "PO PO 7",
    ]
    assert long(one, "") == ""


def test_a_short_text_that_would_be_empty_is_the_title() -> None:
    assert short(charge(), "{purchase_order}") == "Business Premium"
