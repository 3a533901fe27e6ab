"""The three-way proof of a month, and the database published to analysts."""

from typing import Any

import dagster as dg

from billing_pipeline.assets.tables import markdown_table
from billing_pipeline.partitions import BillingPartitions
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.steps.prove import prove
from billing_pipeline.steps.publish import publish
from billing_pipeline.steps.work import Work

GROUP = "billing_month"


def build_month_reconciliation(partitions: BillingPartitions) -> dg.AssetsDefinition:
    """The asset `month_reconciliation`, one partition a month."""

    @dg.asset(
        partitions_def=partitions.months,
        group_name=GROUP,
        kinds={"duckdb"},
        deps=["posted_halopsa_invoices"],
        description="Distributor invoice ↔ charges ↔ HaloPSA lines, to the cent; then the database is published.",
    )
    def month_reconciliation(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, configuration: ConfigurationResource
    ) -> dg.MaterializeResult[Any]:
        work = Work(
            context.partition_key, (), warehouse.open(), configuration.load(), configuration.now(), context.run.run_id
        )
        proof = prove(work)
        published = publish(work.warehouse)
        return dg.MaterializeResult(
            metadata={
                "adds_up": proof.whole,
                "where_each_cent_went": markdown_table(proof.dispositions),
                "gaps": markdown_table(proof.gaps, "None: every cent is explained."),
                "differences": markdown_table(
                    [{"difference": text} for text in proof.differences], "None: HaloPSA has what was planned."
                ),
                "journal_rows": published.head.rows,
                "journal_head": published.head.row_hash,
                "published": dg.MetadataValue.path(published.file),
            }
        )

    return month_reconciliation
