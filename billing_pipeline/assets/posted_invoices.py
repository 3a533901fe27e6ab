"""The plan carried out in HaloPSA and read back. Never by accident: a person types the month."""

from itertools import groupby
from operator import itemgetter
from typing import Any

import dagster as dg

from billing_pipeline.assets.month_work import describe_run, read_work
from billing_pipeline.assets.tables import markdown_table
from billing_pipeline.billing.money import show_amount
from billing_pipeline.partitions import BillingPartitions
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.halopsa import HaloResource
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.steps.post import post, refuse_other_month
from billing_pipeline.steps.posting_outcomes import PostingResult
from billing_pipeline.steps.work import Work

GROUP = "billing_month"


class PostingConfirmation(dg.Config):
    """`confirm_month` has no default, so that "materialize all" is refused before anything runs."""

    confirm_month: str


def build_posted_invoices(partitions: BillingPartitions) -> dg.AssetsDefinition:
    """The asset `posted_halopsa_invoices`: no automation condition, no retry policy."""

    @dg.asset(
        partitions_def=partitions.client_months,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"halopsa"},
        deps=["ready_to_invoice"],
        description="The sealed plans carried out in HaloPSA, exactly once, and read back.",
    )
    def posted_halopsa_invoices(
        context: dg.AssetExecutionContext,
        config: PostingConfirmation,
        warehouse: WarehouseResource,
        halopsa: HaloResource,
        configuration: ConfigurationResource,
    ) -> None:
        work = read_work(context, warehouse, configuration)
        refuse_other_month(work.month, config.confirm_month)
        with halopsa.open() as client:
            result = post(work, client)
        rows = describe_clients(work)
        keys = {
            key.keys_by_dimension["client"]: key
            for key in context.partition_keys
            if isinstance(key, dg.MultiPartitionKey)
        }
        for row in rows:
            context.add_asset_metadata(
                {"documents": row["documents"], "posted": row["posted"], "halopsa_invoices": row["halopsa_invoices"]},
                partition_key=keys[row["client"]],
            )
        describe_run(context, _describe_run(result, rows))
        if result.stopped is not None:
            number = len(result.posted)
            before = "1 document was" if number == 1 else f"{number} documents were"
            raise dg.Failure(
                f"Posting of {work.month} stopped: {result.stopped} {before} posted before; "
                f"run billing-pipeline close {work.month} --post again, nothing is sent twice.",
                allow_retries=False,
            )

    return posted_halopsa_invoices


def describe_clients(work: Work) -> list[dict[str, Any]]:
    """What this run posted, a row for each client: its documents, their money and their HaloPSA ids."""
    with work.warehouse.session("describe what was posted") as session:
        postings = session.rows(
            "select client, currency, sell, halopsa_invoice_id from postings "
            "where month = ? and run_id = ? and status = 'posted' order by client, currency, halopsa_invoice_id",
            [work.month, work.run_id],
        )
    return [
        {
            "client": client,
            "documents": len(documents),
            "posted": ", ".join(show_amount(one["sell"], one["currency"]) for one in documents),
            "halopsa_invoices": ", ".join(str(one["halopsa_invoice_id"]) for one in documents),
        }
        for client, documents in ((key, list(rows)) for key, rows in groupby(postings, itemgetter("client")))
    ]


def _describe_run(result: PostingResult, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "posted_documents": len(result.posted),
        "found_already_there": len(result.adopted),
        "settled_by_looking": len(result.settled),
        "outcome_unknown": len(result.unknown),
        "refused": len(result.refused),
        "read_back": result.read_back,
        "journal_rows": result.head.rows,
        "journal_head": result.head.row_hash,
        "by_client": markdown_table(rows),
    }
