"""The four runs of a month, and the two sensors that start the first two of them."""

import json
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.billing.invoice_status import standing
from billing_pipeline.partitions import (
    CLIENTS,
    range_tags,
    register_clients,
    whole_range,
)
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.pax8 import Pax8Resource
from billing_pipeline.resources.retries import RetryPolicy
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.steps.map_companies import clients_of_month
from billing_pipeline.steps.snapshots import KINDS

CLOSE_ID_TAG = "billing/close_id"
# On a fetch whose close prepares the month itself: the sensor leaves it alone.
PREPARED_BY_TAG = "billing/prepared_by"
MOST_FETCHES_A_TICK = 24
# A sensor has a minute: it looks again at its next tick rather than wait as long as a run may.
_QUICK_LOOK = RetryPolicy(attempts=2, backoff=0.5, longest_wait=5, total_wait=5)
_QUICK_LOOK_SECONDS = 10
FETCH_MONTH, PREPARE_MONTH, POST_MONTH, PROVE_MONTH = "fetch_month", "prepare_month", "post_month", "prove_month"

_SELECTIONS: Mapping[str, tuple[Sequence[str], str]] = {
    FETCH_MONTH: ((*KINDS, "pax8_raw_invoice"), "Snapshots and the month's Pax8 invoices."),
    PREPARE_MONTH: (
        ("normalized_charges", "modified_charges", "reconciled_items", "ready_to_invoice"),
        "From source lines to the sealed plan, for all clients in one run.",
    ),
    POST_MONTH: (("posted_halopsa_invoices",), "The sealed plans, carried out in HaloPSA. Asks for confirm_month."),
    PROVE_MONTH: (("month_reconciliation",), "The three-way proof; then the database is published."),
}


def build_jobs() -> list[Any]:
    """The four runs, in process: each is one ranged run for all clients, or one for the month."""
    return [
        dg.define_asset_job(name, selection=list(selection), executor_def=dg.in_process_executor, description=text)
        for name, (selection, text) in _SELECTIONS.items()
    ]


@dataclass(frozen=True)
class SeenInvoice:
    """An invoice as Pax8 lists it."""

    invoice_id: str
    status: str
    month: str


def months_to_look_at(today: date, release_day: int, start_month: str) -> list[str]:
    """The months whose invoices may be news: the last one, and this one from its release day on."""
    this_month = f"{today:%Y-%m}"
    last_month = f"{date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1):%Y-%m}"
    months = [last_month, this_month] if today.day >= release_day else [last_month]
    return [month for month in months if month >= start_month]


def new_billable(listed: Sequence[SeenInvoice], seen: Mapping[str, str]) -> dict[str, list[SeenInvoice]]:
    """Invoices to fetch for, by month: those not seen with their status, unless a payment is all that changed.

    `seen` is the last status of each invoice. A void or credited invoice that was billable before is news too.
    """
    news: dict[str, list[SeenInvoice]] = {}
    for invoice in listed:
        before = seen.get(invoice.invoice_id)
        if before is not None and standing(before) == standing(invoice.status):
            continue
        if before is None and standing(invoice.status) == "not_billed":
            continue
        news.setdefault(invoice.month, []).append(invoice)
    return news


def build_sensors(jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """`pax8_invoice_availability` starts fetch_month, `prepare_fetched_month` registers clients and prepares."""
    by_name = {job.name: job for job in jobs}
    return [_invoice_availability(by_name[FETCH_MONTH]), _prepare_fetched_month(by_name[PREPARE_MONTH])]


def _invoice_availability(fetch_job: Any) -> dg.SensorDefinition:
    @dg.sensor(
        name="pax8_invoice_availability",
        job=fetch_job,
        minimum_interval_seconds=900,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="From release_day on, looks for each new billable Pax8 invoice, once by id and status.",
    )
    def pax8_invoice_availability(
        context: dg.SensorEvaluationContext, pax8: Pax8Resource, configuration: ConfigurationResource
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            settings = configuration.load().settings
            today = configuration.now().astimezone(ZoneInfo(settings.time_zone)).date()
            months = months_to_look_at(today, settings.release_day, settings.start_month)
            if not months:
                return dg.SkipReason(f"{settings.start_month} is not due before day {settings.release_day}.")
            listed = _list_invoices(pax8, months)
        except BillingPipelineError as error:
            return dg.SkipReason(f"Pax8 could not be asked, which says nothing about its invoices: {error}")
        seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        news = new_billable(listed, seen)
        cursor = json.dumps({**seen, **{invoice.invoice_id: invoice.status for invoice in listed}}, sort_keys=True)
        if not news:
            reason = f"No new billable invoice for {' or '.join(months)}; Pax8 lists {len(listed)}."
            return dg.SensorResult(skip_reason=reason, cursor=cursor)
        requests = [
            dg.RunRequest(
                run_key="fetch " + " ".join(f"{one.invoice_id}={one.status}" for one in invoices),
                partition_key=month,
                tags={CLOSE_ID_TAG: close_id(month, configuration.now())},
            )
            for month, invoices in sorted(news.items())
        ]
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return pax8_invoice_availability


def _list_invoices(pax8: Pax8Resource, months: Sequence[str]) -> list[SeenInvoice]:
    first = date.fromisoformat(f"{months[0]}-01")
    last_year, last_month = int(months[-1][:4]), int(months[-1][5:])
    last = date(last_year, last_month, monthrange(last_year, last_month)[1])
    with pax8.open(_QUICK_LOOK, _QUICK_LOOK_SECONDS) as client:
        rows = client.invoices(first, last)
    return [SeenInvoice(str(row["id"]), str(row.get("status") or ""), str(row["invoiceDate"])[:7]) for row in rows]


def _prepare_fetched_month(prepare_job: Any) -> dg.SensorDefinition:
    @dg.sensor(
        name="prepare_fetched_month",
        job=prepare_job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="When a month's invoices were fetched: registers its clients and prepares them, in one tick.",
    )
    def prepare_fetched_month(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource, configuration: ConfigurationResource
    ) -> dg.SensorResult | dg.SkipReason:
        # Every event since the last tick is read, not the newest alone: two months may be fetched in between.
        records = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=dg.AssetKey("pax8_raw_invoice"),
                after_storage_id=int(context.cursor) if context.cursor else 0,
            ),
            limit=MOST_FETCHES_A_TICK,
            ascending=True,
        ).records
        if not records:
            return dg.SkipReason("No month was fetched since.")
        requests: list[dg.RunRequest] = []
        for record in records:
            run = context.instance.get_run_by_id(record.event_log_entry.run_id)
            tags = run.tags if run is not None else {}
            if record.partition_key is None or PREPARED_BY_TAG in tags:
                continue
            requests += _prepare(context, warehouse, configuration, record.partition_key, record.storage_id, tags)
        cursor = str(records[-1].storage_id)
        if not requests:
            return dg.SensorResult(skip_reason="The months fetched since are prepared by their close.", cursor=cursor)
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return prepare_fetched_month


def _prepare(
    context: dg.SensorEvaluationContext,
    warehouse: WarehouseResource,
    configuration: ConfigurationResource,
    month: str,
    storage_id: int,
    tags: Mapping[str, str],
) -> list[dg.RunRequest]:
    with warehouse.open().session("list the month's clients") as session:
        clients = clients_of_month(session, configuration.load(), month)
    new = register_clients(context.instance, clients)
    context.log.info(f"{month}: {len(clients)} clients, {len(new)} of them new.")
    registered = context.instance.get_dynamic_partitions(CLIENTS)
    close = tags.get(CLOSE_ID_TAG) or close_id(month, configuration.now())
    everyone = whole_range(registered, clients)
    if not everyone:
        return []
    tags = {**range_tags(month, everyone), CLOSE_ID_TAG: close}
    return [dg.RunRequest(run_key=f"prepare {month} after event {storage_id}", tags=tags)]


def close_id(month: str, now: datetime) -> str:
    """The tag under which the four runs of one close stand together."""
    return f"{month} {now:%Y-%m-%dT%H:%M:%SZ}"
