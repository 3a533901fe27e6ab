"""Five levels, key by key: the most specific one that gives a key wins."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.settings import BillingSettings
from billing_pipeline.billing.settings_resolution import SETTING_KEYS, resolve

BUILT_IN: dict[str, Any] = {
    "modifiers.drop_azure": False,
    "modifiers.collapse_azure": False,
    "modifiers.collapse_by": "client",
    "modifiers.drop_favorable_prorata": False,
    "modifiers.drop_zero": False,
    "modifiers.zero_test": "sell_and_cost",
    "modifiers.azure_classes": ("azure_consumption",),
    "behaviour.target": "new",
    "behaviour.group_by": "client",
    "behaviour.when_none": "new",
    "behaviour.non_recurring": "new",
    "behaviour.date": "source",
    "product_lifecycle.enabled": True,
    "product_lifecycle.mode": "prompt",
    "product_lifecycle.item_group": "BillingBot_{integration}",
    "codes.accounts": None,
    "codes.expense": None,
    "codes.tax": None,
    "codes.item": None,
    "tax_engine": "halopsa",
    "line_text.short": "{title}",
    "line_text.long": (
        "{product}\n{azure_category}\nAzure subscription {azure_subscription}\n{period}\n"
        "Quantity {true_quantity}[ at {true_unit_price}]\nPurchase order {purchase_order}"
    ),
}
BOOLEANS = [True, False]
TARGETS = ["new", "latest", "recurring"]
CHOICES: dict[str, list[Any]] = {
    "modifiers.drop_azure": BOOLEANS,
    "modifiers.collapse_azure": BOOLEANS,
    "modifiers.collapse_by": ["client", "period", "azure_subscription"],
    "modifiers.drop_favorable_prorata": BOOLEANS,
    "modifiers.drop_zero": BOOLEANS,
    "modifiers.zero_test": ["sell_and_cost", "sell", "cost"],
    "modifiers.azure_classes": [(), ("other_arrears",), ("azure_commitment", "azure_consumption")],
    "behaviour.target": TARGETS,
    "behaviour.group_by": ["client", "integration", "purchase_order"],
    "behaviour.when_none": ["new", "hold"],
    "behaviour.non_recurring": TARGETS,
    "behaviour.date": ["source", "today"],
    "product_lifecycle.enabled": BOOLEANS,
    "product_lifecycle.mode": ["prompt", "default_item", "create"],
    "product_lifecycle.item_group": ["Cloud", "{integration} items"],
    "codes.accounts": [None, "4192", "0123"],
    "codes.expense": [None, "5001"],
    "codes.tax": [None, 3, 7],
    "codes.item": [None, 900],
    "tax_engine": ["halopsa", "qbo_ast", "xero_auto", "none"],
    "line_text.short": ["{product}", "{description}"],
    "line_text.long": ["", "{period}"],
}
LEVELS = ("client_integration", "client", "integration", "global")

one_level = st.fixed_dictionaries({}, optional={key: st.sampled_from(CHOICES[key]) for key in CHOICES})
all_levels = st.fixed_dictionaries(dict.fromkeys(LEVELS, one_level))


def nest(flat: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, name = key.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return nested


def settings_with(levels: dict[str, dict[str, Any]]) -> BillingSettings:
    """Give the client `acme` and the integration `pax8` the flat settings of each level."""
    return BillingSettings.model_validate(
        {
            "settings": nest(levels.get("global", {})),
            "integrations": {"pax8": {"settings": nest(levels.get("integration", {}))}},
            "clients": {
                "acme": {
                    "settings": nest(levels.get("client", {})),
                    "integrations": {"pax8": {"settings": nest(levels.get("client_integration", {}))}},
                }
            },
        }
    )


def test_every_setting_has_its_built_in_value_and_a_place_in_the_property() -> None:
    resolved = resolve(BillingSettings(), None, "pax8")
    assert {key: value for key, value, _ in resolved.values()} == BUILT_IN
    assert {level for _, _, level in resolved.values()} == {"built_in"}
    assert set(SETTING_KEYS) == set(CHOICES)


@given(all_levels)
def test_the_most_specific_level_that_gives_a_key_wins(levels: dict[str, dict[str, Any]]) -> None:
    expected = []
    for key, built_in in BUILT_IN.items():
        value, level = built_in, "built_in"
        for name in reversed(LEVELS):
            if key in levels[name]:
                value, level = levels[name][key], name
        expected.append((key, value, level))
    assert resolve(settings_with(levels), "acme", "pax8").values() == expected


@given(all_levels)
def test_a_client_changes_nothing_for_others_and_an_integration_nothing_for_another(
    levels: dict[str, dict[str, Any]],
) -> None:
    settings = settings_with(levels)
    shared = settings_with({name: levels[name] for name in ("global", "integration")})
    assert resolve(settings, "other", "pax8") == resolve(shared, None, "pax8")
    without_pax8 = settings_with({name: levels[name] for name in ("global", "client")})
    assert resolve(settings, "acme", "halopsa_contracts") == resolve(without_pax8, "acme", "halopsa_contracts")


def test_a_client_forces_off_what_is_globally_on() -> None:
    settings = settings_with({"global": {"modifiers.drop_azure": True}, "client": {"modifiers.drop_azure": False}})
    assert resolve(settings, "acme", "pax8").charge.modifiers.drop_azure is False
    assert resolve(settings, "acme", "pax8").level("modifiers.drop_azure") == "client"
    assert resolve(settings, "beta", "pax8").charge.modifiers.drop_azure is True
    assert resolve(settings, "beta", "pax8").level("modifiers.drop_azure") == "global"


def test_null_for_a_client_takes_a_global_code_away() -> None:
    settings = settings_with({"global": {"codes.accounts": "4192"}, "client": {"codes.accounts": None}})
    assert resolve(settings, "acme", "pax8").charge.codes.accounts is None
    assert resolve(settings, "acme", "pax8").level("codes.accounts") == "client"
    assert resolve(settings, None, "pax8").charge.codes.accounts == "4192"


def test_a_value_equal_to_the_built_in_still_wins_at_its_level() -> None:
    settings = settings_with({"global": {"behaviour.target": "latest"}, "client": {"behaviour.target": "new"}})
    assert resolve(settings, "acme", "pax8").charge.behaviour.target == "new"
    assert resolve(settings, "acme", "pax8").level("behaviour.target") == "client"


def test_an_unknown_integration_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pax9.*pax8, halopsa_contracts"):
        resolve(BillingSettings(), None, "pax9")


def test_the_product_group_bears_the_name_of_the_integration() -> None:
    lifecycle = resolve(BillingSettings(), None, "pax8").charge.product_lifecycle
    assert lifecycle.item_group_name("pax8") == "BillingBot_pax8"
