"""Charges, clients and rules for the tests of planning."""

from datetime import date
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.plan import PlanRules, plan_client
from billing_pipeline.billing.plan_types import BilledClient, ChargeToPlan, ClientPlan
from billing_pipeline.billing.routing import Routes
from billing_pipeline.billing.settings import ChargeSettings


def charge(key: str = "c1", sell: str = "22.00", cost: str = "17.60", **changes: Any) -> ChargeToPlan:
    """One licence of Pax8 for October."""
    usual: dict[str, Any] = {
        "charge_key": key,
        "integration": "pax8",
        "invoice_id": "inv-1",
        "invoice_date": date(2026, 10, 1),
        "line_no": 1,
        "row_kind": "line",
        "line_class": "license",
        "product_id": "p-1",
        "product_name": "Business Premium",
        "sku": "SKU-1",
        "term": "monthly",
        "description": "Business Premium",
        "purchase_order": None,
        "subscription_id": None,
        "period_start": date(2026, 10, 1),
        "period_end": date(2026, 11, 1),
        "currency": "USD",
        "quantity": Decimal(1),
        "price": Decimal(sell),
        "sell": Decimal(sell),
        "cost": Decimal(cost),
        "item_id": 900,
        "item_reference": None,
        "income_account": "4192",
        "expense_account": "5001",
        "tax_id": 3,
        "collapse_group": None,
        "setting_level": None,
        "line_keys": (key,),
    }
    return ChargeToPlan(**{**usual, **changes})


def client(**changes: Any) -> BilledClient:
    """Acme, billed on its own HaloPSA client in US dollars."""
    usual: dict[str, Any] = {
        "client": "acme",
        "name": "Acme",
        "halopsa_client_id": 246,
        "billed_client_id": 246,
        "billed_client_name": "Acme",
        "recurring_client_id": 246,
        "fault": None,
        "currency": "USD",
    }
    return BilledClient(**{**usual, **changes})


def rules(settings: dict[str, Any] | None = None, today: date = date(2026, 10, 6)) -> PlanRules:
    """Built-in settings for both integrations, with changes."""
    charge_settings = ChargeSettings.model_validate(settings or {})
    return PlanRules(
        settings={"pax8": charge_settings, "halopsa_contracts": charge_settings},
        currency_ids={"USD": 1, "CAD": 2},
        unit_price_decimals=2,
        today=today,
    )


def plan_new(*charges: ChargeToPlan, billed: BilledClient | None = None, **changes: Any) -> ClientPlan:
    """The plan of charges that all land on new documents; `changes` are those of `rules`."""
    return plan_client("2026-10", billed or client(), Routes(new=list(charges)), rules(**changes))
