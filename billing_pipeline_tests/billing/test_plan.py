"""From charges to documents: sorted, sealed, the same for the same charges."""

import json
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_pipeline.billing.caps import ClientHistory, find_passed_caps
from billing_pipeline.billing.item_decision import make_new_item
from billing_pipeline.billing.plan import find_client_holds
from billing_pipeline.billing.plan_types import PlannedLine
from billing_pipeline.billing.product_match import Product
from billing_pipeline.billing.settings import Caps, ChargeSettings
from billing_pipeline.billing.stored_plan import plan_content_hash
from billing_pipeline_tests.billing.charges import charge, client, plan_new


def test_no_charges_no_document() -> None:
    assert plan_new().documents == ()


def test_one_document_for_each_client_and_currency() -> None:
    plan = plan_new(charge("a"), charge("b", currency="CAD"), charge("c", integration="halopsa_contracts"))
    assert [(one.currency, one.currency_id, len(one.lines)) for one in plan.documents] == [("CAD", 2, 1), ("USD", 1, 2)]


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("client", ["client"]),
        ("integration", ["integration halopsa_contracts", "integration pax8"]),
        ("purchase_order", ["purchase order PO-1", "purchase order PO-2", "purchase order none"]),
    ],
)
def test_group_by_splits_further(group_by: str, groups: list[str]) -> None:
    charges = [
        charge("a", purchase_order="PO-1"),
        charge("b", purchase_order="PO-2"),
        charge("c", integration="halopsa_contracts"),
        charge("d"),
    ]
    plan = plan_new(*charges, settings={"behaviour": {"group_by": group_by}})
    assert [one.group for one in plan.documents] == groups
    assert len({one.document_key for one in plan.documents}) == len(groups)


def test_lines_stand_in_the_order_of_their_invoices() -> None:
    charges = [
        charge("d", invoice_id="inv-2", invoice_date=date(2026, 10, 9)),
        charge("c", line_no=2),
        charge("a", line_no=10),
        charge("b", line_no=1),
    ]
    (document,) = plan_new(*charges).documents
    assert [line.charge_key for line in document.lines] == ["b", "c", "a", "d"]


def test_the_date_is_the_distributors_latest_or_today() -> None:
    charges = [charge("a"), charge("b", invoice_date=date(2026, 10, 9))]
    assert plan_new(*charges).documents[0].invoice_date == date(2026, 10, 9)
    assert plan_new(*charges, settings={"behaviour": {"date": "today"}}).documents[0].invoice_date == date(2026, 10, 6)


def test_amounts_are_rounded_line_by_line() -> None:
    (document,) = plan_new(charge("a", "0.005", "0.004"), charge("b", "0.005", "0.004")).documents
    assert (document.sell, document.cost) == (Decimal("0.02"), Decimal("0.00"))
    assert [line.source_sell for line in document.lines] == [Decimal("0.005")] * 2


def test_a_document_of_nothing_but_zero_is_made_all_the_same() -> None:
    plan = plan_new(charge("a", "0", "15"), charge("b", "5", "0"), charge("c", "-5", "0"))
    assert plan.documents[0].sell == 0
    assert find_passed_caps(plan, Caps(), ClientHistory()) == []


def test_a_negative_document_is_held_with_its_money() -> None:
    plan = plan_new(charge("a", "5.00", "4.00"), charge("b", "-12.4049", "-10.00"))
    (passed,) = find_passed_caps(plan, Caps(), ClientHistory())
    hold = passed.hold
    assert (hold.disposition, hold.reason, hold.currency) == ("held", "negative_total", "USD")
    assert "-7.40 USD" in hold.detail
    assert (hold.sell, hold.cost) == (Decimal("-7.4049"), Decimal("-6.00"))


def test_a_redirected_client_is_billed_where_halopsa_bills_it() -> None:
    redirected = client(billed_client_id=300, billed_client_name="Parent")
    (document,) = plan_new(charge(), billed=redirected).documents
    assert document.billed_client_id == 300


def test_new_items_are_made_once_each_with_the_default_codes() -> None:
    charges = [
        charge("b", item_id=None, item_reference="pax8:P:monthly", product_name="Premium"),
        charge("a", item_id=None, item_reference="pax8:P:monthly", product_name="Premium"),
        charge("c", item_id=None, item_reference="pax8:A:annual", product_name="", description="Backup"),
        charge("d"),
    ]
    plan = plan_new(*charges, settings={"codes": {"accounts": "4000", "expense": "5000", "tax": 0}})
    assert [(item.reference, item.name) for item in plan.new_items] == [
        ("pax8:A:annual", "Backup"),
        ("pax8:P:monthly", "Premium"),
    ]
    first = plan.new_items[0]
    assert (first.item_group, first.income_account, first.expense_account, first.tax_id) == (
        "BillingBot_pax8",
        "4000",
        "5000",
        None,
    )


@pytest.mark.parametrize(("name", "sku"), [("Premium", "SKU-1"), ("", "SKU-1"), ("", "")])
def test_an_item_is_made_for_a_charge_as_for_its_product_alone(name: str, sku: str) -> None:
    product = Product("pax8", "p-9", sku, "monthly", name)
    charged = charge(
        item_id=None,
        item_reference=product.reference,
        product_id="p-9",
        product_name=name,
        description=name,
        sku=sku,
        term="monthly",
    )
    (item,) = plan_new(charged).new_items
    assert item == make_new_item(product, ChargeSettings())
    assert item.name == (name or sku or "p-9")


@settings(max_examples=30)
@given(st.randoms())
def test_the_order_of_charges_changes_nothing(random: Random) -> None:
    charges = [
        charge(
            f"c{number}", line_no=number % 3, currency="USD" if number % 4 else "CAD", item_reference=f"r{number % 2}"
        )
        for number in range(12)
    ]
    shuffled = list(charges)
    random.shuffle(shuffled)
    assert plan_new(*shuffled).as_json() == plan_new(*charges).as_json()


@pytest.mark.parametrize(
    "change",
    [
        {"sell": Decimal("22.01")},
        {"cost": Decimal("17.61")},
        {"quantity": Decimal(2)},
        {"item_id": 901},
        {"tax_id": None},
        {"income_account": "4193"},
        {"product_name": "Business Standard"},
        {"period_end": date(2026, 10, 15)},
        {"line_keys": ("other",)},
        {"charge_key": "other"},
    ],
)
def test_the_hash_changes_with_our_lines(change: dict[str, Any]) -> None:
    assert plan_new(replace(charge(), **change)).plan_hash != plan_new(charge()).plan_hash


def test_the_hash_does_not_change_with_how_a_decimal_is_written() -> None:
    same = replace(charge(), sell=Decimal("22"), cost=Decimal("17.6000000000"), quantity=Decimal("1.0"))
    assert plan_new(same).plan_hash == plan_new(charge()).plan_hash


def test_a_date_that_the_clock_gave_is_not_in_the_hash() -> None:
    today = {"behaviour": {"date": "today"}}
    monday = plan_new(charge(), settings=today, today=date(2026, 10, 5))
    tuesday = plan_new(charge(), settings=today, today=date(2026, 10, 6))
    assert monday.plan_hash == tuesday.plan_hash
    assert monday.as_json() != tuesday.as_json()
    assert plan_new(charge(), today=date(2026, 10, 5)).plan_hash != monday.plan_hash


@pytest.mark.parametrize("date_rule", ["source", "today"])
def test_the_stored_plan_has_the_hash_it_was_sealed_with(date_rule: str) -> None:
    plan = plan_new(charge("a"), charge("b", currency="CAD"), settings={"behaviour": {"date": date_rule}})
    assert plan_content_hash(json.loads(plan.as_json())) == plan.plan_hash


def test_every_field_of_a_line_is_in_the_sealed_plan() -> None:
    (document,) = json.loads(plan_new(charge()).as_json())["documents"]
    assert set(document["lines"][0]) == {field.name for field in fields(PlannedLine)}


def test_money_stands_as_text_in_the_sealed_plan() -> None:
    (document,) = json.loads(plan_new(charge(sell="22.10")).as_json())["documents"]
    assert document["lines"][0]["sell"] == "22.1"


def test_a_client_without_charges_has_no_holds() -> None:
    assert find_client_holds(client(fault="It is gone", currency=None), []) == []


def test_an_inactive_client_is_held_for_each_currency() -> None:
    holds = find_client_holds(client(fault="HaloPSA client 246 (Acme) is inactive"), [charge("a"), charge("b", "5.00")])
    assert [(hold.reason, hold.sell, hold.cost) for hold in holds] == [
        ("inactive_client", Decimal("27.00"), Decimal("35.20"))
    ]
    assert holds[0].detail == "HaloPSA client 246 (Acme) is inactive (27.00 USD held)"


@pytest.mark.parametrize(("own", "said"), [("EUR", "has EUR"), (None, "has no default currency")])
def test_a_currency_that_is_not_the_clients_own_holds_its_month(own: str | None, said: str) -> None:
    charges = [charge("a"), charge("b", "5.00", currency="CAD")]
    holds = find_client_holds(client(currency=own), charges)
    assert [(hold.reason, hold.currency) for hold in holds] == [("currency", "CAD"), ("currency", "USD")]
    assert "charges in CAD, USD" in holds[0].detail
    assert said in holds[0].detail
    assert "5.00 CAD held" in holds[0].detail
