"""Asset checks: what must hold before a month goes on, and what a person should look at.

A blocking check in a ranged run stops all clients, so only what spoils the whole month blocks; trouble of one
client is a hold in the data and a warning here. The posting step asks its gates again by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg

from billing_pipeline.assets.tables import markdown_table
from billing_pipeline.partitions import month_of_tags
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.warehouse import Session, WarehouseResource
from billing_pipeline.steps.month_checks import (
    find_conservation_gaps,
    find_differing_control_totals,
    find_holds,
    find_incomplete_invoices,
    find_posting_differences,
    find_tax_differences,
    find_three_way_gaps,
    find_unmapped_money,
)


@dataclass(frozen=True)
class _MonthCheck:
    """A check that holds where `find` returns no row of the month; the rows are shown under `shown_as`.

    `purpose` is what the database is opened for, as others who wait for it are told.
    """

    asset: str
    name: str
    description: str
    find: Callable[[Session, str], list[dict[str, Any]]]
    purpose: str
    shown_as: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    blocking: bool = False


_INVOICE_IS_COMPLETE = _MonthCheck(
    asset="pax8_raw_invoice",
    name="invoice_is_complete",
    description="Lines stored = lines that Pax8 counts, for each invoice.",
    find=find_incomplete_invoices,
    purpose="check that the invoices are complete",
    shown_as="incomplete_invoices",
    blocking=True,
)
_CONTROL_TOTAL_AGREES = _MonthCheck(
    asset="pax8_raw_invoice",
    name="control_total_agrees",
    description="Σ(cost + sales tax) of an invoice's lines equals one of the totals that the invoice states.",
    find=find_differing_control_totals,
    purpose="check the control totals",
    shown_as="differing_invoices",
    severity=dg.AssetCheckSeverity.WARN,
)
_THREE_WAYS_AGREE = _MonthCheck(
    asset="month_reconciliation",
    name="three_ways_agree",
    description="Source − not billed − residual − read back is zero for every client and currency.",
    find=find_three_way_gaps,
    purpose="check the three-way proof",
    shown_as="gaps",
)
_POSTED_AS_PLANNED = _MonthCheck(
    asset="month_reconciliation",
    name="posted_as_planned",
    description="Plan = HaloPSA's answer = read back, document by document.",
    find=find_posting_differences,
    purpose="check what was posted",
    shown_as="differences",
)
_TAX_AS_EXPECTED = _MonthCheck(
    asset="month_reconciliation",
    name="tax_as_expected",
    description="The tax that HaloPSA computed is what the taxes sent come to. Differences are never repaired.",
    find=find_tax_differences,
    purpose="check the tax that HaloPSA computed",
    shown_as="tax_differences",
    severity=dg.AssetCheckSeverity.WARN,
)


def build_checks() -> list[dg.AssetChecksDefinition]:
    """Every asset check of the pipeline."""
    return [
        _build_month_check(_INVOICE_IS_COMPLETE),
        _build_month_check(_CONTROL_TOTAL_AGREES),
        _every_line_has_one_fate(),
        _nothing_is_held(),
        _build_month_check(_THREE_WAYS_AGREE),
        _build_month_check(_POSTED_AS_PLANNED),
        _build_month_check(_TAX_AS_EXPECTED),
    ]


def _result(
    rows: list[dict[str, Any]], name: str, severity: dg.AssetCheckSeverity, **metadata: Any
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=not rows, severity=severity, metadata={name: markdown_table(rows), **metadata})


def _build_month_check(check: _MonthCheck) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=check.asset, name=check.name, blocking=check.blocking, description=check.description)
    def month_check(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with warehouse.open().session(check.purpose) as session:
            rows = check.find(session, month_of_tags(context.run.tags))
        return _result(rows, check.shown_as, check.severity)

    return month_check


def _every_line_has_one_fate() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="ready_to_invoice",
        blocking=True,
        description="Σ source = Σ dispositions, sell and cost, in each currency, exactly; every line has one fate.",
    )
    def every_line_has_one_fate(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, configuration: ConfigurationResource
    ) -> dg.AssetCheckResult:
        config = configuration.load()
        with warehouse.open().session("check that every line has one fate") as session:
            rows = find_conservation_gaps(session, month_of_tags(context.run.tags), config)
        return _result(rows, "gaps", dg.AssetCheckSeverity.ERROR)

    return every_line_has_one_fate


def _nothing_is_held() -> dg.AssetChecksDefinition:
    @dg.asset_check(asset="ready_to_invoice", description="No client is held and no company is unmapped.")
    def nothing_is_held(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        month = month_of_tags(context.run.tags)
        with warehouse.open().session("check what is held") as session:
            unmapped = find_unmapped_money(session, month)
            rows = find_holds(session, month)
        return _result(rows, "holds", dg.AssetCheckSeverity.WARN, unmapped_money=markdown_table(unmapped))

    return nothing_is_held
