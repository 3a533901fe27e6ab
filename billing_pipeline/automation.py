"""The four runs of a month, and the two sensors that start the first two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from billing_pipeline.asked_runs import (
    ATTEMPT_TAG,
    Asked,
    Outcome,
    attempt_key,
    newest_run,
    outcome_of,
    read_cursor,
    say_waiting,
    write_cursor,
)
from billing_pipeline.billing.errors import BillingPipelineError, SettingsError
from billing_pipeline.billing.invoice_status import standing
from billing_pipeline.billing.months import month_before, month_range
from billing_pipeline.billing.source_dates import read_day
from billing_pipeline.partitions import (
    CLIENTS,
    PARTITION_TAG,
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
    last_month = month_before(this_month)
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
        cursor, now = read_cursor(context.cursor), configuration.now()
        before = dict(cursor.asked)
        outcomes = {month: outcome_of(context.instance, FETCH_MONTH, one) for month, one in before.items()}
        seen = dict(cursor.seen or {})
        for month in _with(outcomes, "succeeded"):
            seen.update(before.pop(month).invoices)
        asked = {month: before[month] for month in _with(outcomes, "is under way")}
        failed = cursor.failed_looks
        if failed.next_at is not None and now < failed.next_at:
            return dg.SkipReason(
                f"Pax8 could not be asked {failed.times} times in a row: it is asked again after "
                f"{failed.next_at:%Y-%m-%d %H:%M} UTC."
            )
        try:
            settings = configuration.load().settings
            today = now.astimezone(ZoneInfo(settings.time_zone)).date()
            # A month that was given up is not looked at for its own sake.
            waiting = {month for month, one in before.items() if month in asked or not one.is_last}
            months = sorted({*months_to_look_at(today, settings.release_day, settings.start_month), *waiting})
            if not months:
                return dg.SkipReason(f"{settings.start_month} is not due before day {settings.release_day}.")
            listed = _list_invoices(pax8, months)
        except SettingsError as error:
            return dg.SkipReason(f"Pax8 was not asked, for the settings have to be corrected first: {error}")
        except BillingPipelineError as error:
            failed = failed.and_one_more(now)
            later = "" if failed.next_at is None else f" It is asked again after {failed.next_at:%Y-%m-%d %H:%M} UTC."
            return dg.SensorResult(
                skip_reason=f"Pax8 could not be asked, which says nothing about its invoices: {error}{later}",
                cursor=write_cursor(cursor.seen, cursor.asked, failed),
            )
        news = new_billable(listed, seen)
        # What was asked for counts as seen when it was fetched, and not before.
        is_news = {invoice.invoice_id for invoices in news.values() for invoice in invoices}
        seen.update({one.invoice_id: one.status for one in listed if one.invoice_id not in is_news})
        requests, newest = [], newest_run(context.instance, FETCH_MONTH)
        # A month that is not among the news any more, or was given up, is still remembered until it succeeds.
        asked.update({month: one for month, one in before.items() if month not in asked and one.is_last})
        for month, invoices in sorted(news.items()):
            statuses = {one.invoice_id: one.status for one in invoices}
            last = before.get(month)
            # Other invoices, or other statuses, are news of their own, which nothing has failed for yet.
            attempt = last.attempt + 1 if last is not None and last.invoices == statuses else 1
            if last is not None and outcomes[month] == "is under way":
                continue
            if last is not None and attempt > 1 and not last.may_try_again(now):
                asked[month] = last
                continue
            if attempt > 1:
                context.log.info(_say_again("The fetch", month, outcomes[month], attempt))
            asked[month] = Asked(attempt, newest, {PARTITION_TAG: month}, statuses, asked_at=now.isoformat())
            requests.append(
                dg.RunRequest(
                    run_key=attempt_key(
                        "fetch " + " ".join(f"{key}={value}" for key, value in statuses.items()), attempt
                    ),
                    partition_key=month,
                    tags={CLOSE_ID_TAG: close_id(month, now), ATTEMPT_TAG: str(attempt)},
                )
            )
        written = write_cursor(seen, asked)
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=written)
        reason = (
            say_waiting("The fetch", asked, outcomes)
            if asked
            else f"No new billable invoice for {' or '.join(months)}; Pax8 lists {len(listed)}."
        )
        return dg.SensorResult(skip_reason=reason, cursor=written)

    return pax8_invoice_availability


def _list_invoices(pax8: Pax8Resource, months: Sequence[str]) -> list[SeenInvoice]:
    (first, _), (_, last) = month_range(months[0]), month_range(months[-1])
    with pax8.open(_QUICK_LOOK, _QUICK_LOOK_SECONDS) as client:
        rows = client.invoices(first, last)
    dated = [(row, read_day(row["invoiceDate"])) for row in rows]
    return [
        SeenInvoice(str(row["id"]), str(row.get("status") or ""), f"{day:%Y-%m}")
        for row, day in dated
        if day is not None
    ]


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
        cursor, now = read_cursor(context.cursor), configuration.now()
        before = cursor.asked
        outcomes = {month: outcome_of(context.instance, PREPARE_MONTH, one) for month, one in before.items()}
        failed = {month: before[month] for month in _with(outcomes, "failed", "never started")}
        again = {month: one for month, one in failed.items() if one.may_try_again(now)}
        asked = {month: before[month] for month in _with(outcomes, "is under way")}
        asked.update({month: one for month, one in failed.items() if month not in again})
        # Every event since the last tick is read, not the newest alone: two months may be fetched in between.
        records = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey("pax8_raw_invoice"), after_storage_id=int(cursor.seen or 0)),
            limit=MOST_FETCHES_A_TICK,
            ascending=True,
        ).records
        newest = newest_run(context.instance, PREPARE_MONTH)
        for record in records:
            month = record.partition_key
            if month is None:
                continue
            # The newer fetch has a preparation of its own.
            asked.pop(month, None)
            again.pop(month, None)
            outcomes.pop(month, None)
            run = context.instance.get_run_by_id(record.event_log_entry.run_id)
            tags = run.tags if run is not None else {}
            if PREPARED_BY_TAG not in tags:
                close = tags.get(CLOSE_ID_TAG) or close_id(month, now)
                again[month] = Asked(0, newest, {}, event=record.storage_id, close_id=close)
        requests = []
        for month, one in sorted(again.items(), key=lambda item: item[1].event):
            if one.attempt:
                context.log.info(_say_again("The preparation", month, outcomes[month], one.attempt + 1))
            tried = replace(one, attempt=one.attempt + 1, after=newest, asked_at=now.isoformat(), said="")
            try:
                everyone = _register_clients(context, warehouse, configuration, month)
            except BillingPipelineError as error:
                # No run bears the tag of this close, so that it counts as one that never started.
                asked[month] = replace(tried, tags={CLOSE_ID_TAG: one.close_id}, said=f"its clients: {error}")
                outcomes[month] = "never started"
                continue
            if everyone:
                asked[month], request = _ask_to_prepare(month, tried, range_tags(month, everyone))
                requests.append(request)
        written = write_cursor(records[-1].storage_id if records else cursor.seen, asked)
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=written)
        if asked:
            return dg.SensorResult(skip_reason=say_waiting("The preparation", asked, outcomes), cursor=written)
        reason = "The months fetched since are prepared by their close." if records else "No month was fetched since."
        return dg.SensorResult(skip_reason=reason, cursor=written)

    return prepare_fetched_month


def _register_clients(
    context: dg.SensorEvaluationContext,
    warehouse: WarehouseResource,
    configuration: ConfigurationResource,
    month: str,
) -> Sequence[str]:
    """Register the month's clients; the range of all of them, empty where there are none."""
    with warehouse.open().session("list the month's clients") as session:
        clients = clients_of_month(session, configuration.load(), month)
    new = register_clients(context.instance, clients)
    context.log.info(f"{month}: {len(clients)} clients, {len(new)} of them new.")
    return whole_range(context.instance.get_dynamic_partitions(CLIENTS), clients)


def _ask_to_prepare(month: str, tried: Asked, tags: Mapping[str, str]) -> tuple[Asked, dg.RunRequest]:
    request = dg.RunRequest(
        run_key=attempt_key(f"prepare {month} after event {tried.event}", tried.attempt),
        tags={**tags, CLOSE_ID_TAG: tried.close_id, ATTEMPT_TAG: str(tried.attempt)},
    )
    return replace(tried, tags=tags), request


def _with(outcomes: Mapping[str, Outcome], *wanted: Outcome) -> list[str]:
    return [month for month, outcome in outcomes.items() if outcome in wanted]


def _say_again(what: str, month: str, outcome: Outcome, attempt: int) -> str:
    return f"{what} of {month} that was asked for before {outcome}: it is asked for again, attempt {attempt}."


def close_id(month: str, now: datetime) -> str:
    """The tag under which the four runs of one close stand together."""
    return f"{month} {now:%Y-%m-%dT%H:%M:%SZ}"
