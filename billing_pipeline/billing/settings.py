"""All of `billing.yaml` as types. The defaults here are the built-in values.

The same section types serve for a level of settings, where only the keys that were given count
(`model_fields_set`), and for a resolved result, where every key has its value. So a switch that cannot
be null in the end can be null on no level, and a level may give any part of a section.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal, Self, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from billing_pipeline.billing.invoice_status import DecidedStanding, standing
from billing_pipeline.billing.setting_types import (
    INTEGRATIONS,
    AccountCode,
    Amount,
    ClientKey,
    Currency,
    IdOrName,
    IntegrationName,
    ItemGroup,
    LongTemplate,
    Month,
    ShortTemplate,
    TimeZone,
)

AzureClass: TypeAlias = Literal["azure_consumption", "azure_commitment", "other_arrears"]
Target: TypeAlias = Literal["new", "latest", "recurring"]
TaxEngine: TypeAlias = Literal["halopsa", "qbo_ast", "xero_auto", "none"]

_TIME_ZONE = "America/Denver"


def _without_repeats(values: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(values)) != len(values):
        raise ValueError("the same value stands twice in the list")
    return values


class Section(BaseModel):
    """A part of the settings: frozen, of exact types, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Modifiers(Section):
    """Which charges are dropped or collapsed."""

    drop_azure: bool = False
    collapse_azure: bool = False
    collapse_by: Literal["client", "period", "azure_subscription"] = "client"
    drop_favorable_prorata: bool = False
    drop_zero: bool = False
    zero_test: Literal["sell_and_cost", "sell", "cost"] = "sell_and_cost"
    azure_classes: Annotated[tuple[AzureClass, ...], Field(strict=False), AfterValidator(_without_repeats)] = (
        "azure_consumption",
    )


class Behaviour(Section):
    """Where charges land."""

    target: Target = "new"
    group_by: Literal["client", "integration", "purchase_order"] = "client"
    when_none: Literal["new", "hold"] = "new"
    non_recurring: Literal["new", "latest", "recurring"] = "new"
    date: Literal["source", "today"] = "source"


class ProductLifecycle(Section):
    """How a product finds its HaloPSA item."""

    enabled: bool = True
    mode: Literal["prompt", "default_item", "create"] = "prompt"
    item_group: ItemGroup = "BillingBot_{integration}"

    def item_group_name(self, integration: str) -> str:
        """Return the name of the HaloPSA product group in which items of `integration` are created."""
        return self.item_group.replace("{integration}", integration)


class Codes(Section):
    """Default codes. All may be null: HaloPSA can invoice without an accounting integration.

    `accounts` (income) and `expense` are free texts, `tax` is a Tax.id (0 is no answer), `item` an Item.id.
    """

    accounts: AccountCode | None = None
    expense: AccountCode | None = None
    tax: Annotated[int, Field(ge=0)] | None = None
    item: Annotated[int, Field(gt=0)] | None = None


class LineText(Section):
    """Templates of what the end customer reads on a line; `billing.line_template` has the placeholders."""

    short: ShortTemplate = "{title}"
    long: LongTemplate = (
        "{product}\n"
        "{azure_category}\n"
        "Azure subscription {azure_subscription}\n"
        "{period}\n"
        "Quantity {true_quantity}[ at {true_unit_price}]\n"
        "Purchase order {purchase_order}"
    )


class ChargeSettings(Section):
    """The settings that every level may give."""

    modifiers: Modifiers = Modifiers()
    behaviour: Behaviour = Behaviour()
    product_lifecycle: ProductLifecycle = ProductLifecycle()
    codes: Codes = Codes()
    tax_engine: TaxEngine = "halopsa"
    line_text: LineText = LineText()


def _of_unknown_statuses(statuses: Mapping[str, DecidedStanding]) -> Mapping[str, DecidedStanding]:
    known = [name for name in statuses if standing(name) != "unknown"]
    if known:
        raise ValueError(
            f"{known[0]!r} is a status whose meaning is known ({standing(known[0]).replace('_', ' ')}): take it out; "
            "only new ones are decided here"
        )
    return statuses


class Pax8Integration(Section):
    """Charges from the distributor's invoice."""

    enabled: bool = True
    trust_external_id: bool = False
    sell_field: Literal["total", "subTotal"] = "total"
    cost_field: Literal["costTotal"] = "costTotal"
    control_total: Literal["report", "hold"] = "report"
    unassigned: Literal["hold", "report"] = "hold"
    invoice_statuses: Annotated[Mapping[str, DecidedStanding], AfterValidator(_of_unknown_statuses)] = {}
    expected_azure_margin_percent: Amount | None = Decimal(10)
    settings: ChargeSettings = ChargeSettings()


class ContractsIntegration(Section):
    """Charges from HaloPSA's own contracts."""

    enabled: bool = False
    billing_from: Month | None = None
    contract_type: IdOrName | None = None
    use_default_agreement: bool = True
    in_advance_months: Annotated[int, Field(ge=0, le=12)] = 1
    allow_prorata: bool = True
    use_site_zip_tax: bool = True
    update_site: bool = True
    sync_opening_balance: bool = False
    item_groups: Annotated[tuple[IdOrName, ...], Field(strict=False), AfterValidator(_without_repeats)] = ()
    wait_for: Annotated[tuple[Literal["pax8"], ...], Field(strict=False), AfterValidator(_without_repeats)] = ("pax8",)
    settings: ChargeSettings = ChargeSettings()

    @model_validator(mode="after")
    def _require_a_first_month(self) -> Self:
        if self.enabled and self.billing_from is None:
            raise ValueError(
                "billing_from is missing: without a first month every past month of every contract "
                "would be billed; write billing_from: YYYY-MM"
            )
        return self


class Integrations(Section):
    """The sources of charges."""

    pax8: Pax8Integration = Pax8Integration()
    halopsa_contracts: ContractsIntegration = ContractsIntegration()


class ClientIntegration(Section):
    """What one client changes for one integration."""

    settings: ChargeSettings = ChargeSettings()


class ClientIntegrations(Section):
    """What one client changes, by integration."""

    pax8: ClientIntegration = ClientIntegration()
    halopsa_contracts: ClientIntegration = ClientIntegration()


class ClientOverrides(Section):
    """What one client changes."""

    settings: ChargeSettings = ChargeSettings()
    integrations: ClientIntegrations = ClientIntegrations()


class Caps(Section):
    """Limits past which nothing is posted until forced; null or false is off.

    `max_change_percent` is in percent, `min_change_amount` in the client's currency,
    `max_client_total` an amount for each currency code.
    """

    max_invoices: Annotated[int, Field(ge=0)] | None = None
    max_change_percent: Amount | None = None
    min_change_amount: Amount | None = None
    max_client_total: Mapping[Currency, Amount] = {}
    first_invoice: bool = False
    negative_invoice: bool = True


class HaloPsaService(Section):
    """How HaloPSA is spoken to. A request limit of 0 or null is none; times are in seconds."""

    requests_per_5_minutes: Annotated[int, Field(ge=0)] | None = 300
    unit_price_decimals: Annotated[int, Field(ge=0, le=10)] = 2
    unknown_grace_seconds: Annotated[int, Field(ge=0)] = 900
    timeout_seconds: Annotated[int, Field(gt=0)] = 60
    charge_key_field: Literal["comment_1", "comment_2"] = "comment_2"
    document_key_field: Literal["reference", "internal_note", "notes_1", "notes_2", "notes_3"] = "reference"


class HaloPsaFields(HaloPsaService):
    """How HaloPSA is spoken to, and how what it says is read: the days of its documents are those of `time_zone`."""

    time_zone: TimeZone = _TIME_ZONE

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of `time_zone`."""
        return ZoneInfo(self.time_zone)


class Pax8Service(Section):
    """How Pax8 is spoken to. A request limit of 0 or null is none; times are in seconds."""

    requests_per_minute: Annotated[int, Field(ge=0)] | None = 1000
    timeout_seconds: Annotated[int, Field(gt=0)] = 60


class BillingSettings(Section):
    """All of `billing.yaml`."""

    time_zone: TimeZone = _TIME_ZONE
    start_month: Month = "2026-01"
    mode: Literal["manual", "automatic"] = "manual"
    release_day: Annotated[int, Field(ge=1, le=28)] = 4
    late_after_day: Annotated[int, Field(ge=1, le=28)] = 7
    approval: Literal["none", "required"] = "none"
    settings: ChargeSettings = ChargeSettings()
    integrations: Integrations = Integrations()
    clients: Mapping[ClientKey, ClientOverrides] = {}
    caps: Caps = Caps()
    halopsa: HaloPsaService = HaloPsaService()
    pax8: Pax8Service = Pax8Service()

    @property
    def enabled_integrations(self) -> tuple[IntegrationName, ...]:
        """Return the integrations that bring charges."""
        return tuple(name for name in INTEGRATIONS if getattr(self.integrations, name).enabled)

    @property
    def halopsa_fields(self) -> HaloPsaFields:
        """`halopsa` with the time zone that HaloPSA's days are read in."""
        return _with_time_zone(self.halopsa, self.time_zone)


@cache
def _with_time_zone(service: HaloPsaService, time_zone: str) -> HaloPsaFields:
    return HaloPsaFields(**service.model_dump(), time_zone=time_zone)
