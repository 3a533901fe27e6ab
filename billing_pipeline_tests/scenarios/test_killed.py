"""A process that is closing a month is killed: the next close goes on, and each charge is billed once or held."""

import signal
import subprocess
import sys
import time
from typing import Any

import dagster as dg
import pytest

from billing_pipeline.instance import open_instance
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, Json, make_invoice, make_line, make_world

PATIENCE_SECONDS = 120
LONG_ENOUGH = 60
AFTER_THE_GRACE = "2026-10-05T15:16:00Z"
CREATE: Json = {"product_lifecycle": {"mode": "create"}, "codes": {"item": None}}


def set_up_month(provider: Provider, **settings: Any) -> None:
    lines = [make_line(1, ACME, "10.00", "8.00"), make_line(2, BIRCH, "20.00", "16.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH], settings=settings)


def kill_a_close(provider: Provider, service: str) -> None:
    """Close in a process of its own, and kill it while its request is kept waiting by the ordered fault."""
    faults = provider.sandbox.pax8_service.faults if service == "pax8" else provider.sandbox.halopsa_service.faults
    process = provider.start_closing()
    try:
        last = time.monotonic() + PATIENCE_SECONDS
        while not any(fault["hits"] for fault in faults.listing()):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < last, "the close never came to the request"
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    faults.clear()


def status_of(provider: Provider, run_id: str) -> dg.DagsterRunStatus:
    with open_instance(provider.environment.dagster_home) as instance:
        run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


# Never answered and never carried out, and carried out but never answered.
LOST: Json = {"kind": "status", "status": 500, "seconds": LONG_ENOUGH}
DONE: Json = {"kind": "delay", "when": "after", "seconds": LONG_ENOUGH}


@pytest.mark.parametrize(
    ("service", "fault"),
    [
        pytest.param("pax8", {**LOST, "route": "/v1/invoices/{id}/items"}, id="while it fetches"),
        pytest.param("halopsa", {**LOST, "route": "/api/Invoice", "method": "GET"}, id="before it sends the first"),
        pytest.param("halopsa", {**DONE, "after": 1}, id="after the second was written"),
        pytest.param(
            "halopsa", {**LOST, "route": "/api/Invoice", "method": "GET", "after": 1}, id="while it reads back"
        ),
    ],
)
def test_a_close_that_is_killed_is_finished_by_the_next_one(provider: Provider, service: str, fault: Json) -> None:
    set_up_month(provider)
    (provider.disturb_pax8 if service == "pax8" else provider.disturb_halopsa)(**fault)
    kill_a_close(provider, service)

    closed = provider.close()

    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.query(
        "select client, count(*) from posting_journal where event = 'sending' group by all order by all"
    ) == [
        ("acme", 1),
        ("birch", 1),
    ]
    assert provider.held() == []
    assert {row[1] for row in provider.dispositions()} == {"posted"}
    assert provider.value("select count(*) from postings where read_back_at is not null") == 2
    assert provider.adds_up()
    (dead,) = closed.dead_runs
    assert status_of(provider, dead) == dg.DagsterRunStatus.FAILURE


def test_a_close_that_is_killed_before_its_request_was_carried_out_holds_that_client_until_the_grace_has_passed(
    provider: Provider,
) -> None:
    set_up_month(provider)
    provider.disturb_halopsa(**LOST)
    kill_a_close(provider, "halopsa")
    assert provider.query("select client, status from postings") == [("acme", "sending")]

    provider.close()
    assert provider.billed() == {1002: ["20.00"]}
    assert provider.held() == [("acme", "unknown_outcome")]
    assert provider.value("select count(*) from posting_journal where event = 'sending' and client = 'acme'") == 1
    assert provider.adds_up()

    provider.set_time(AFTER_THE_GRACE)
    Steps(provider).close()
    assert provider.billed() == {1002: ["20.00"], 1001: ["10.00"]}
    assert provider.held() == []
    assert provider.adds_up()


def test_an_item_is_created_once_even_over_a_killed_close(provider: Provider) -> None:
    set_up_month(provider, **CREATE)
    provider.disturb_halopsa(**DONE, route="/api/Item")
    kill_a_close(provider, "halopsa")

    Steps(provider).close()

    assert len(provider.created_items()) == 1
    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert {line["_itemid"] for invoice in provider.halopsa_invoices() for line in invoice["lines"]} == {
        provider.created_items()[0]["id"]
    }


def test_a_process_that_dies_between_delete_and_insert_leaves_the_old_slice(provider: Provider) -> None:
    set_up_month(provider)
    Steps(provider).close(post=False)
    before = provider.query("select * from normalized_charges order by all")
    assert len(before) == 2
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from billing_pipeline.resources.warehouse import Warehouse\n"
        "with Warehouse(Path(sys.argv[1])).session('write a slice') as session:\n"
        "    session.execute('delete from normalized_charges')\n"
        "    assert session.value('select count(*) from normalized_charges') == 0\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    died = subprocess.run([sys.executable, "-W", "ignore", "-c", script, str(provider.warehouse)], check=False)

    assert died.returncode == -signal.SIGKILL
    assert provider.query("select * from normalized_charges order by all") == before
    Steps(provider).close()
    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
