"""What the golden cases are counted by: settings with their values, line classes, behaviours."""

from collections.abc import Callable
from dataclasses import dataclass, field

from billing_pipeline.billing.settings import BillingSettings, ChargeSettings, LineText

CLASSES = (
    "license",
    "prorate",
    "credit",
    "one_time",
    "fee",
    "azure_consumption",
    "azure_commitment",
    "other_arrears",
)
TARGETS = ("new", "latest", "recurring")
_AZURE_CLASSES = ("azure_consumption", "azure_commitment", "other_arrears")
_ONE_TIME = ("prorate", "credit", "one_time", "azure_consumption", "azure_commitment", "other_arrears")


@dataclass(frozen=True)
class Dimension:
    """A setting and the values that are told apart; `value_of` is None where the setting is not at work.

    `classes` and `targets` are those for which it can matter.
    """

    name: str
    values: tuple[str, ...]
    value_of: Callable[[BillingSettings, ChargeSettings], str | None]
    classes: tuple[str, ...] = CLASSES
    targets: tuple[str, ...] = field(default=TARGETS)


def _switch(value: bool) -> str:
    return "on" if value else "off"


def _given(value: object) -> str:
    return "null" if value is None else "given"


def _collapse_by(_: BillingSettings, charge: ChargeSettings) -> str | None:
    modifiers = charge.modifiers
    return modifiers.collapse_by if modifiers.collapse_azure and not modifiers.drop_azure else None


def _azure_classes(_: BillingSettings, charge: ChargeSettings) -> str | None:
    if not (charge.modifiers.drop_azure or charge.modifiers.collapse_azure):
        return None
    return " + ".join(name for name in _AZURE_CLASSES if name in charge.modifiers.azure_classes) or "none"


def _lifecycle(_: BillingSettings, charge: ChargeSettings) -> str:
    return charge.product_lifecycle.mode if charge.product_lifecycle.enabled else "off"


def _when_none(_: BillingSettings, charge: ChargeSettings) -> str | None:
    return charge.behaviour.when_none if charge.behaviour.target == "latest" else None


def _on_new(name: str) -> Callable[[BillingSettings, ChargeSettings], str | None]:
    def value_of(_: BillingSettings, charge: ChargeSettings) -> str | None:
        return str(getattr(charge.behaviour, name)) if charge.behaviour.target == "new" else None

    return value_of


DIMENSIONS = (
    Dimension("drop_azure", ("off", "on"), lambda _, charge: _switch(charge.modifiers.drop_azure)),
    Dimension("collapse_azure", ("off", "on"), lambda _, charge: _switch(charge.modifiers.collapse_azure)),
    Dimension("collapse_by", ("client", "period", "azure_subscription"), _collapse_by, _AZURE_CLASSES),
    Dimension(
        "azure_classes",
        (
            "none",
            "azure_consumption",
            "azure_commitment",
            "azure_consumption + azure_commitment",
            "azure_consumption + other_arrears",
            "azure_consumption + azure_commitment + other_arrears",
        ),
        _azure_classes,
        _AZURE_CLASSES,
    ),
    Dimension(
        "drop_favorable_prorata", ("off", "on"), lambda _, charge: _switch(charge.modifiers.drop_favorable_prorata)
    ),
    Dimension("drop_zero", ("off", "on"), lambda _, charge: _switch(charge.modifiers.drop_zero)),
    Dimension(
        "zero_test",
        ("sell_and_cost", "sell", "cost"),
        lambda _, charge: charge.modifiers.zero_test if charge.modifiers.drop_zero else None,
    ),
    Dimension("group_by", ("client", "integration", "purchase_order"), _on_new("group_by"), targets=("new",)),
    Dimension("date", ("source", "today"), _on_new("date"), targets=("new",)),
    Dimension("when_none", ("new", "hold"), _when_none, targets=("latest",)),
    Dimension(
        "non_recurring",
        ("new", "latest", "recurring"),
        lambda _, charge: charge.behaviour.non_recurring if charge.behaviour.target == "recurring" else None,
        _ONE_TIME,
        ("recurring",),
    ),
    Dimension("product_lifecycle", ("prompt", "default_item", "create", "off"), _lifecycle),
    Dimension("codes.item", ("null", "given"), lambda _, charge: _given(charge.codes.item)),
    Dimension("codes.accounts", ("null", "given"), lambda _, charge: _given(charge.codes.accounts)),
    Dimension("codes.tax", ("null", "given"), lambda _, charge: _given(charge.codes.tax)),
    Dimension("tax_engine", ("halopsa", "qbo_ast", "xero_auto", "none"), lambda _, charge: charge.tax_engine),
    Dimension(
        "line_text",
        ("built-in", "own"),
        lambda _, charge: "built-in" if charge.line_text == LineText() else "own",
    ),
    Dimension(
        "unit_price_decimals",
        ("2", "4"),
        lambda settings, _: str(settings.halopsa.unit_price_decimals),
    ),
)
