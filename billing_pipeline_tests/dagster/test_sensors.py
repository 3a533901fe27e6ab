"""Both sensors against a running Pax8 and a real instance, one tick at a time."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance, DagsterRunStatus

from billing_pipeline.asked_runs import ATTEMPT_TAG
from billing_pipeline.automation import CLOSE_ID_TAG, FETCH_MONTH, PREPARE_MONTH
from billing_pipeline.definitions import build_defs
from billing_pipeline.partitions import CLIENTS, PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    INVOICE,
    SECOND_INVOICE,
    make_invoice,
    make_line,
    make_world,
)

SEPTEMBER = "44444444-4444-4444-8444-000000000009"


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """An instance of its own."""
    with DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def month(provider: Provider) -> Provider:
    """October's invoice is out, with a line for Acme and one for Birch, who has no row yet."""
    lines = [make_line(1, ACME, "10.00"), make_line(2, BIRCH, "20.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME])
    return provider


def tick(provider: Provider, sensor: str, instance: DagsterInstance, cursor: str | None = None) -> Any:
    """What one tick of a sensor asks for."""
    return evaluate(build_defs(provider.environment), sensor, instance, cursor)


def evaluate(defs: dg.Definitions, sensor: str, instance: DagsterInstance, cursor: str | None = None) -> Any:
    context = dg.build_sensor_context(instance, cursor, definitions=defs, sensor_name=sensor, resources=defs.resources)
    return defs.resolve_sensor_def(sensor).evaluate_tick(context)


def look(provider: Provider, instance: DagsterInstance, cursor: str | None = None) -> Any:
    return tick(provider, "pax8_invoice_availability", instance, cursor)


def prepare(provider: Provider, instance: DagsterInstance, cursor: str | None = None) -> Any:
    return tick(provider, "prepare_fetched_month", instance, cursor)


def fetch(provider: Provider, instance: DagsterInstance, month: str, **tags: str) -> None:
    build_defs(provider.environment).resolve_job_def(FETCH_MONTH).execute_in_process(
        instance=instance, partition_key=month, tags=tags
    )


def launch(provider: Provider, instance: DagsterInstance, job: str, request: Any, status: DagsterRunStatus) -> str:
    """The run that the daemon starts for a request, and how far it came."""
    partition = {} if request.partition_key is None else {PARTITION_TAG: request.partition_key}
    tags = {**request.tags, **partition, "dagster/run_key": request.run_key}
    definition = build_defs(provider.environment).resolve_job_def(job)
    return instance.create_run_for_job(definition, tags=tags, status=status).run_id


def test_a_new_invoice_is_found_once_and_a_payment_is_no_news(month: Provider, instance: DagsterInstance) -> None:
    first = look(month, instance)
    (request,) = first.run_requests
    launch(month, instance, FETCH_MONTH, request, DagsterRunStatus.SUCCESS)
    assert request.partition_key == "2026-10"
    assert request.run_key == f"fetch {INVOICE}=Unpaid"
    assert request.tags[CLOSE_ID_TAG] == "2026-10 2026-10-05T15:00:00Z"
    assert request.tags[ATTEMPT_TAG] == "1"

    month.change_pax8_invoice(INVOICE, status="Paid", balance=0)
    second = look(month, instance, first.cursor)
    assert second.run_requests == []
    assert second.skip_message == "No new billable invoice for 2026-09 or 2026-10; Pax8 lists 1."
    assert json.loads(second.cursor) == {"asked": {}, "seen": {INVOICE: "Paid"}}


def test_a_fetch_is_not_asked_for_again_while_it_is_under_way(month: Provider, instance: DagsterInstance) -> None:
    first = look(month, instance)
    run_id = launch(month, instance, FETCH_MONTH, first.run_requests[0], DagsterRunStatus.STARTED)

    waiting = look(month, instance, first.cursor)
    assert waiting.run_requests == []
    assert waiting.skip_message == "The fetch of 2026-10 (attempt 1) is under way."

    instance.report_run_canceled(instance.get_run_by_id(run_id))
    month.set_time("2026-10-05T15:05:00Z")
    (request,) = look(month, instance, waiting.cursor).run_requests
    assert request.run_key == f"fetch {INVOICE}=Unpaid, attempt 2"


# When each attempt may be made, at the earliest, after the one before at 15:00, and when the last one has failed.
ATTEMPTS = ("15:05", "15:20", "16:20", "18:20", "22:20")


def test_a_fetch_that_failed_is_asked_for_less_and_less_often_until_one_succeeds(
    month: Provider, instance: DagsterInstance
) -> None:
    told = look(month, instance)
    launch(month, instance, FETCH_MONTH, told.run_requests[0], DagsterRunStatus.FAILURE)
    waiting = look(month, instance, told.cursor)
    assert (waiting.run_requests, waiting.skip_message) == (
        [],
        "The fetch of 2026-10 failed at attempt 1 of 6: it is asked for again after 2026-10-05 15:05 UTC.",
    )
    # The second attempt never became a run.
    for attempt, minute in ((2, "15:05"), (3, "15:20")):
        month.set_time(f"2026-10-05T{minute}:00Z")
        told = look(month, instance, waiting.cursor)
        (request,) = told.run_requests
        assert (request.run_key, request.tags[ATTEMPT_TAG]) == (
            f"fetch {INVOICE}=Unpaid, attempt {attempt}",
            str(attempt),
        )
        waiting = look(month, instance, told.cursor)
        assert waiting.run_requests == []
    assert waiting.skip_message == (
        "The fetch of 2026-10 never started at attempt 3 of 6: it is asked for again after 2026-10-05 16:20 UTC."
    )
    launch(month, instance, FETCH_MONTH, request, DagsterRunStatus.SUCCESS)

    last = look(month, instance, told.cursor)
    assert last.skip_message == "No new billable invoice for 2026-09 or 2026-10; Pax8 lists 1."
    assert json.loads(last.cursor) == {"asked": {}, "seen": {INVOICE: "Unpaid"}}


def give_up_fetching(month: Provider, instance: DagsterInstance) -> Any:
    """Let every attempt at a fetch fail, and look once more."""
    told = look(month, instance)
    launch(month, instance, FETCH_MONTH, told.run_requests[0], DagsterRunStatus.FAILURE)
    for minute in ATTEMPTS:
        month.set_time(f"2026-10-05T{minute}:00Z")
        told = look(month, instance, told.cursor)
        launch(month, instance, FETCH_MONTH, told.run_requests[0], DagsterRunStatus.FAILURE)
    month.set_time("2026-10-09T15:00:00Z")
    return look(month, instance, told.cursor)


def test_a_fetch_that_failed_six_times_is_a_persons_to_look_at(month: Provider, instance: DagsterInstance) -> None:
    told = give_up_fetching(month, instance)
    assert (told.run_requests, told.skip_message) == (
        [],
        "The fetch of 2026-10 failed at attempt 6 of 6, the last one: look at its runs, then run billing-pipeline "
        "close 2026-10, after which this goes on by itself.",
    )
    # Not in December either, when nobody looks at October any more.
    month.set_time("2026-12-09T15:00:00Z")
    later = look(month, instance, told.cursor)
    assert (later.run_requests, later.skip_message) == ([], told.skip_message)
    fetch(month, instance, "2026-10", **{"billing/prepared_by": "the close that fetched it"})
    done = look(month, instance, later.cursor)
    assert done.skip_message == "No new billable invoice for 2026-11 or 2026-12; Pax8 lists 0."
    assert json.loads(done.cursor) == {"asked": {}, "seen": {INVOICE: "Unpaid"}}


def test_another_invoice_is_asked_for_after_one_that_was_given_up(month: Provider, instance: DagsterInstance) -> None:
    told = give_up_fetching(month, instance)
    month.sandbox.pax8.add_invoice(make_invoice([make_line(3, ACME, "9.00")], SECOND_INVOICE))

    (request,) = look(month, instance, told.cursor).run_requests

    assert request.run_key == f"fetch {INVOICE}=Unpaid {SECOND_INVOICE}=Unpaid"
    assert request.tags[ATTEMPT_TAG] == "1"


def test_a_pax8_that_cannot_be_asked_is_asked_less_often(month: Provider, instance: DagsterInstance) -> None:
    month.disturb_pax8("status", "/v1/invoices", status=503, count=None)
    cursor = None
    for _ in range(2):
        told = look(month, instance, cursor)
        cursor = told.cursor
    assert told.skip_message.endswith(" It is asked again after 2026-10-05 15:30 UTC.")
    sent = month.sandbox.pax8_service.log.counts()
    waiting = look(month, instance, cursor)
    assert waiting.skip_message == (
        "Pax8 could not be asked 2 times in a row: it is asked again after 2026-10-05 15:30 UTC."
    )
    assert month.sandbox.pax8_service.log.counts() == sent
    month.set_time("2026-10-05T15:30:00Z")
    told = look(month, instance, cursor)
    assert told.skip_message.endswith(" It is asked again after 2026-10-05 16:30 UTC.")
    month.sandbox.pax8_service.faults.clear()
    month.set_time("2026-10-05T16:30:00Z")
    found = look(month, instance, told.cursor)
    assert len(found.run_requests) == 1
    assert "failed_looks" not in json.loads(found.cursor)


def test_a_fetch_that_failed_is_asked_for_after_its_month_is_no_longer_looked_at(
    month: Provider, instance: DagsterInstance
) -> None:
    told = look(month, instance)
    launch(month, instance, FETCH_MONTH, told.run_requests[0], DagsterRunStatus.FAILURE)
    month.set_time("2026-12-01T15:00:00Z")

    (request,) = look(month, instance, told.cursor).run_requests

    assert (request.partition_key, request.tags[ATTEMPT_TAG]) == ("2026-10", "2")


def test_a_fetch_that_somebody_else_made_meanwhile_will_do(month: Provider, instance: DagsterInstance) -> None:
    told = look(month, instance)
    launch(month, instance, FETCH_MONTH, told.run_requests[0], DagsterRunStatus.FAILURE)
    fetch(month, instance, "2026-10", **{"billing/prepared_by": "the close that fetched it"})

    assert look(month, instance, told.cursor).run_requests == []


def test_a_cursor_of_before_is_what_was_seen(month: Provider, instance: DagsterInstance) -> None:
    assert look(month, instance, json.dumps({INVOICE: "Unpaid"})).run_requests == []
    skipped = prepare(month, instance, "0")
    assert skipped.skip_message == "No month was fetched since."


def test_settings_that_are_wrong_are_no_trouble_of_pax8(month: Provider, instance: DagsterInstance) -> None:
    defs = build_defs(month.environment)
    month.set_settings(release_dya=4)

    skipped = evaluate(defs, "pax8_invoice_availability", instance)

    assert skipped.skip_message.startswith("Pax8 was not asked, for the settings have to be corrected first: ")
    assert "release_dya" in skipped.skip_message
    assert month.sandbox.pax8_service.log.counts() == {}


def test_a_credited_invoice_and_its_replacement_are_news_together(month: Provider, instance: DagsterInstance) -> None:
    first = look(month, instance)
    launch(month, instance, FETCH_MONTH, first.run_requests[0], DagsterRunStatus.SUCCESS)
    cursor = first.cursor
    month.change_pax8_invoice(INVOICE, status="Credited")
    month.sandbox.pax8.add_invoice(make_invoice([make_line(3, ACME, "9.00")], SECOND_INVOICE))

    (request,) = look(month, instance, cursor).run_requests

    assert request.run_key == f"fetch {INVOICE}=Credited {SECOND_INVOICE}=Unpaid"


def test_an_error_of_pax8_is_a_skip_with_its_text_and_never_no_invoice(
    month: Provider, instance: DagsterInstance
) -> None:
    month.disturb_pax8("status", "/v1/invoices", status=503, count=None)

    skipped = look(month, instance, '{"one": "Unpaid"}')

    assert skipped.run_requests == []
    assert "Pax8 could not be asked, which says nothing about its invoices" in skipped.skip_message
    assert "503" in skipped.skip_message
    assert json.loads(skipped.cursor)["seen"] == {"one": "Unpaid"}


def test_wrong_credentials_are_a_skip_that_says_so(month: Provider, instance: DagsterInstance) -> None:
    month.given["PAX8_CLIENT_SECRET"] = "mistyped"

    skipped = look(month, instance)

    assert skipped.run_requests == []
    assert "PAX8_CLIENT_SECRET" in skipped.skip_message
    assert "mistyped" not in skipped.skip_message
    assert json.loads(skipped.cursor)["seen"] is None


def test_before_the_release_day_only_last_month_is_looked_for(month: Provider, instance: DagsterInstance) -> None:
    month.sandbox.pax8.add_invoice(make_invoice([make_line(3, ACME, "9.00")], SEPTEMBER, "2026-09-01"))
    # In Denver it is still the 3rd.
    month.set_time("2026-10-04T05:00:00Z")

    (request,) = look(month, instance).run_requests

    assert request.partition_key == "2026-09"


def test_before_the_first_month_is_due_nothing_is_asked(month: Provider, instance: DagsterInstance) -> None:
    month.set_settings(start_month="2026-10")
    month.set_time("2026-10-03T15:00:00Z")

    skipped = look(month, instance)

    assert skipped.skip_message == "2026-10 is not due before day 4."
    assert month.sandbox.pax8_service.log.counts() == {}


def test_a_fetched_month_has_its_clients_registered_and_is_prepared_in_one_tick(
    month: Provider, instance: DagsterInstance
) -> None:
    fetch(month, instance, "2026-10", **{CLOSE_ID_TAG: "2026-10 by the sensor"})

    prepared = prepare(month, instance)

    unmapped = f"pax8-{BIRCH.company_id}"
    assert list(instance.get_dynamic_partitions(CLIENTS)) == ["acme", unmapped]
    (request,) = prepared.run_requests
    assert request.tags[RANGE_START_TAG] == "acme|2026-10"
    assert request.tags[RANGE_END_TAG] == f"{unmapped}|2026-10"
    assert request.tags[CLOSE_ID_TAG] == "2026-10 by the sensor"
    launch(month, instance, PREPARE_MONTH, request, DagsterRunStatus.SUCCESS)
    again = prepare(month, instance, prepared.cursor)
    assert again.run_requests == []
    assert again.skip_message == "No month was fetched since."


def test_a_preparation_that_failed_is_asked_for_until_one_succeeds(month: Provider, instance: DagsterInstance) -> None:
    fetch(month, instance, "2026-10", **{CLOSE_ID_TAG: "2026-10 by the sensor"})
    told = prepare(month, instance)
    (first,) = told.run_requests
    run_id = launch(month, instance, PREPARE_MONTH, first, DagsterRunStatus.STARTED)
    waiting = prepare(month, instance, told.cursor)
    assert waiting.skip_message == "The preparation of 2026-10 (attempt 1) is under way."

    instance.report_run_failed(instance.get_run_by_id(run_id))
    waiting = prepare(month, instance, waiting.cursor)
    assert (waiting.run_requests, waiting.skip_message) == (
        [],
        "The preparation of 2026-10 failed at attempt 1 of 6: it is asked for again after 2026-10-05 15:05 UTC.",
    )
    month.set_time("2026-10-05T15:05:00Z")
    told = prepare(month, instance, waiting.cursor)
    (again,) = told.run_requests
    assert (again.run_key, again.tags[ATTEMPT_TAG]) == (f"{first.run_key}, attempt 2", "2")
    assert {**again.tags, ATTEMPT_TAG: "1"} == first.tags

    launch(month, instance, PREPARE_MONTH, again, DagsterRunStatus.SUCCESS)
    assert prepare(month, instance, told.cursor).skip_message == "No month was fetched since."


def test_a_preparation_whose_clients_cannot_be_read_is_tried_six_times(
    month: Provider, instance: DagsterInstance
) -> None:
    fetch(month, instance, "2026-10", **{CLOSE_ID_TAG: "2026-10 by the sensor"})
    month.given["BILLING_LOCK_WAIT_SECONDS"] = "0"
    with Warehouse(month.warehouse).connect("keep everybody else away"):
        told = prepare(month, instance)
        assert told.run_requests == []
        assert told.skip_message.startswith("The preparation of 2026-10 never started (its clients: ")
        assert "keep everybody else away" in told.skip_message
        assert told.skip_message.endswith(" at attempt 1 of 6: it is asked for again after 2026-10-05 15:05 UTC.")
        instance.add_dynamic_partitions(CLIENTS, ["acme"])
        # A run for another month is nothing that this one waited for.
        other = dg.RunRequest("another", tags={RANGE_START_TAG: "acme|2026-09", RANGE_END_TAG: "acme|2026-09"})
        launch(month, instance, PREPARE_MONTH, other, DagsterRunStatus.SUCCESS)
        for minute in ATTEMPTS:
            month.set_time(f"2026-10-05T{minute}:00Z")
            told = prepare(month, instance, told.cursor)
        month.set_time("2026-10-09T15:00:00Z")
        told = prepare(month, instance, told.cursor)
        assert " at attempt 6 of 6, the last one: look at its runs, then run billing-pipeline close 2026-10," in (
            told.skip_message
        )
    # A newer fetch has a preparation of its own.
    fetch(month, instance, "2026-10", **{CLOSE_ID_TAG: "2026-10 by the sensor again"})
    (request,) = prepare(month, instance, told.cursor).run_requests
    assert request.tags[ATTEMPT_TAG] == "1"


def test_two_months_that_were_fetched_between_two_ticks_are_both_prepared(
    month: Provider, instance: DagsterInstance
) -> None:
    month.sandbox.pax8.add_invoice(make_invoice([make_line(3, ACME, "9.00")], SEPTEMBER, "2026-09-01"))
    fetch(month, instance, "2026-09")
    fetch(month, instance, "2026-10")

    requests = prepare(month, instance).run_requests

    assert [request.tags[RANGE_START_TAG] for request in requests] == ["acme|2026-09", "acme|2026-10"]


def test_a_month_that_a_close_fetched_is_left_to_that_close(month: Provider, instance: DagsterInstance) -> None:
    fetch(month, instance, "2026-10", **{"billing/prepared_by": "the close that fetched it"})

    skipped = prepare(month, instance)

    assert skipped.run_requests == []
    assert "are prepared by their close" in skipped.skip_message
    assert instance.get_dynamic_partitions(CLIENTS) == []
    assert instance.get_materialized_partitions(AssetKey("pax8_raw_invoice")) == {"2026-10"}
