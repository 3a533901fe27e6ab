"""Asset checks: what must hold before a month goes on, and what a person should look at.

A blocking check in a ranged run stops all clients, so only what spoils the whole month blocks; trouble of one
client is a hold in the data and a warning here. The posting step asks its gates again by itself.
"""

from typing import Any

import dagster as dg

from billing_pipeline.assets.tables import markdown_table
from billing_pipeline.partitions import month_of_tags
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.warehouse import WarehouseResource
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


def build_checks() -> list[dg.AssetChecksDefinition]:
    """Every asset check of the pipeline."""
    return [
        _invoice_is_complete(),
        _control_total_agrees(),
        _every_line_has_one_fate(),
        _nothing_is_held(),
        _three_ways_agree(),
        _posted_as_planned(),
        _tax_as_expected(),
    ]


def _result(
    rows: list[dict[str, Any]], name: str, severity: dg.AssetCheckSeverity, **metadata: Any
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=not rows, severity=severity, metadata={name: markdown_table(rows), **metadata})


def _invoice_is_complete() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="pax8_raw_invoice", blocking=True, description="Lines stored = lines that Pax8 counts, for each invoice."
    )
    def invoice_is_complete(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        with warehouse.open().session("check that the invoices are complete") as session:
            rows = find_incomplete_invoices(session, month_of_tags(context.run.tags))
        return _result(rows, "incomplete_invoices", dg.AssetCheckSeverity.ERROR)

    return invoice_is_complete


def _control_total_agrees() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="pax8_raw_invoice",
        description="Σ(cost + sales tax) of an invoice's lines equals one of the totals that the invoice states.",
    )
    def control_total_agrees(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        with warehouse.open().session("check the control totals") as session:
            rows = find_differing_control_totals(session, month_of_tags(context.run.tags))
        return _result(rows, "differing_invoices", dg.AssetCheckSeverity.WARN)

    return control_total_agrees


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


def _three_ways_agree() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="month_reconciliation",
        description="Source − not billed − residual − read back is zero for every client and currency.",
    )
    def three_ways_agree(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with warehouse.open().session("check the three-way proof") as session:
            rows = find_three_way_gaps(session, month_of_tags(context.run.tags))
        return _result(rows, "gaps", dg.AssetCheckSeverity.ERROR)

    return three_ways_agree


def _posted_as_planned() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="month_reconciliation", description="Plan = HaloPSA's answer = read back, document by document."
    )
    def posted_as_planned(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with warehouse.open().session("check what was posted") as session:
            rows = find_posting_differences(session, month_of_tags(context.run.tags))
        return _result(rows, "differences", dg.AssetCheckSeverity.ERROR)

    return posted_as_planned


def _tax_as_expected() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="month_reconciliation",
        description="The tax that HaloPSA computed is what the taxes sent come to. Differences are never repaired.",
    )
    def tax_as_expected(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with warehouse.open().session("check the tax that HaloPSA computed") as session:
            rows = find_tax_differences(session, month_of_tags(context.run.tags))
        return _result(rows, "tax_differences", dg.AssetCheckSeverity.WARN)

    return tax_as_expected
