"""What Pax8 charges for a month, to the byte."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from billing_pipeline.assets.tables import markdown_table
from billing_pipeline.partitions import BillingPartitions
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.pax8 import Pax8Resource
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.steps.fetch_invoices import FetchedInvoice, fetch_invoices

GROUP = "billing_month"


def build_raw_invoice(partitions: BillingPartitions) -> dg.AssetsDefinition:
    """The asset `pax8_raw_invoice`, one partition a month."""

    @dg.asset(
        partitions_def=partitions.months,
        group_name=GROUP,
        kinds={"pax8", "duckdb"},
        # Its event starts the preparation of the month, which needs every snapshot: these are the last of them.
        deps=["halopsa_account_codes", "halopsa_client_details"],
        description="The month's Pax8 invoices with every line, to the byte, proved complete.",
    )
    def pax8_raw_invoice(
        context: dg.AssetExecutionContext,
        warehouse: WarehouseResource,
        pax8: Pax8Resource,
        configuration: ConfigurationResource,
    ) -> dg.MaterializeResult[Any]:
        now = configuration.now().replace(tzinfo=None)
        with pax8.open() as client:
            fetched = fetch_invoices(warehouse.open(), client, context.partition_key, pax8.base_url, now)
        return dg.MaterializeResult(metadata=_describe(fetched))

    return pax8_raw_invoice


def _describe(fetched: Sequence[FetchedInvoice]) -> dict[str, Any]:
    return {
        "dagster/row_count": sum(invoice.lines for invoice in fetched),
        "invoices": len(fetched),
        "by_invoice": markdown_table(
            [
                {
                    "invoice": invoice.invoice_id,
                    "status": invoice.status,
                    "currency": invoice.currency,
                    "total": invoice.total,
                    "lines": invoice.lines,
                }
                for invoice in fetched
            ]
        ),
    }
