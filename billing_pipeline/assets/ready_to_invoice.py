"""The sealed plan: exactly what will change in HaloPSA."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from billing_pipeline.assets.month_work import describe_run, read_work
from billing_pipeline.assets.tables import markdown_table
from billing_pipeline.billing.money import show_amount
from billing_pipeline.partitions import BillingPartitions
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.halopsa import HaloResource
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.steps.plan import PlannedClient, plan

GROUP = "billing_month"


class PlanningConfig(dg.Config):
    """What a person has chosen this time: the caps to pass, and whether credited invoices are corrected."""

    force_caps: list[str] = Field(default_factory=list)
    correct: bool = False


def build_ready_to_invoice(partitions: BillingPartitions) -> dg.AssetsDefinition:
    """The asset `ready_to_invoice`."""

    @dg.asset(
        partitions_def=partitions.client_months,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"duckdb"},
        deps=[
            "reconciled_items",
            "halopsa_clients",
            "halopsa_client_details",
            "halopsa_currencies",
            "halopsa_recurring_invoices",
        ],
        description="The sealed plan of each client: exactly what will change in HaloPSA, and what is held and why.",
    )
    def ready_to_invoice(
        context: dg.AssetExecutionContext,
        config: PlanningConfig,
        warehouse: WarehouseResource,
        configuration: ConfigurationResource,
        halopsa: HaloResource,
    ) -> None:
        work = read_work(context, warehouse, configuration)

        def read_invoices(since: date) -> list[dict[str, Any]]:
            with halopsa.open() as client:
                return client.invoices(since=since)

        planned = plan(work, config.force_caps, read_invoices, halopsa.resource_server, correct=config.correct)
        keys = {
            key.keys_by_dimension["client"]: key
            for key in context.partition_keys
            if isinstance(key, dg.MultiPartitionKey)
        }
        for one in planned:
            context.add_asset_metadata(_describe_client(one), partition_key=keys[one.client])
        describe_run(context, _describe_month(planned))

    return ready_to_invoice


def _describe_client(one: PlannedClient) -> dict[str, Any]:
    totals = ", ".join(show_amount(document.sell, document.currency) for document in one.plan.documents)
    metadata: dict[str, Any] = {"documents": len(one.plan.documents), "plan_hash": one.plan.plan_hash}
    if totals:
        metadata["to_invoice"] = totals
    if one.holds:
        metadata["holds"] = "\n".join(f"{hold.reason}: {hold.detail}" for hold in one.holds)
    elif one.awaits is not None:
        metadata["to_approve"] = one.awaits
    return metadata


def _describe_month(planned: Sequence[PlannedClient]) -> dict[str, Any]:
    documents = [
        {
            "client": one.client,
            "currency": document.currency,
            "lines": len(document.lines),
            "sell": document.sell,
            "cost": document.cost,
            "approval": "" if one.awaits is None else "to approve",
        }
        for one in planned
        if not one.holds
        for document in one.plan.documents
    ]
    holds = [
        {
            "client": one.client,
            "reason": hold.reason,
            "currency": hold.currency,
            "sell": hold.sell,
            "detail": hold.detail,
        }
        for one in planned
        for hold in one.holds
    ]
    return {"invoices_of_the_run": markdown_table(documents), "holds_of_the_run": markdown_table(holds)}
