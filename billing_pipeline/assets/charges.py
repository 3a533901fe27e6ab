"""From source lines to reconciled items: three set-based steps, each a slice a month and client."""

import dagster as dg

from billing_pipeline.assets.month_work import describe_run, read_work
from billing_pipeline.assets.tables import markdown_table
from billing_pipeline.partitions import BillingPartitions
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.steps.modify import modify
from billing_pipeline.steps.normalize import normalize
from billing_pipeline.steps.reconcile import reconcile
from billing_pipeline.steps.work import Work

GROUP = "billing_month"

_BY_CLASS = """
    select line_class as class, currency, count(*) as lines, sum(sell) as sell, sum(cost) as cost
    from normalized_charges where month = ? group by all order by all
"""
_BY_OUTCOME = """
    select outcome, reason, setting_level as decided_by, currency, count(*) as lines, sum(sell) as sell,
        sum(cost) as cost
    from modified_charges where month = ? and row_kind = 'line' group by all order by all
"""
_BY_MATCH = """
    select coalesce(match_rule, block_reason) as item_found_by, currency, count(*) as charges, sum(sell) as sell,
        sum(cost) as cost
    from reconciled_items where month = ? group by all order by all
"""


def build_charges(partitions: BillingPartitions) -> list[dg.AssetsDefinition]:
    """The assets `normalized_charges`, `modified_charges` and `reconciled_items`."""

    @dg.asset(
        deps=["pax8_raw_invoice", "pax8_companies", "halopsa_clients"],
        description="Every source line in one shape: typed, classified, mapped to a client.",
        partitions_def=partitions.client_months,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"duckdb", "sql"},
    )
    def normalized_charges(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, configuration: ConfigurationResource
    ) -> None:
        work = read_work(context, warehouse, configuration)
        describe_run(context, _describe(work, normalize(work), _BY_CLASS))

    @dg.asset(
        deps=["normalized_charges"],
        description="The modifiers applied: nothing deleted, everything given a reason.",
        partitions_def=partitions.client_months,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"duckdb", "sql"},
    )
    def modified_charges(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, configuration: ConfigurationResource
    ) -> None:
        work = read_work(context, warehouse, configuration)
        describe_run(context, _describe(work, modify(work), _BY_OUTCOME))

    @dg.asset(
        deps=["modified_charges", "halopsa_clients", "halopsa_items"],
        description="HaloPSA client, item, accounts and tax of every charge that is left to bill.",
        partitions_def=partitions.client_months,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"duckdb", "sql"},
    )
    def reconciled_items(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, configuration: ConfigurationResource
    ) -> None:
        work = read_work(context, warehouse, configuration)
        describe_run(context, _describe(work, reconcile(work), _BY_MATCH))

    return [normalized_charges, modified_charges, reconciled_items]


def _describe(work: Work, rows: int, query: str) -> dict[str, dg.MetadataValue]:
    with work.warehouse.session("describe a step") as session:
        totals = session.rows(query, [work.month])
    return {
        "dagster/row_count": dg.MetadataValue.int(rows),
        "clients": dg.MetadataValue.int(len(work.clients)),
        "month_totals": markdown_table(totals),
    }
