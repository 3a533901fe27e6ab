"""Somebody else holds the database or the posting: a message that names them, nothing posted, and then it works."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from billing_pipeline.automation import POST_MONTH
from billing_pipeline.billing.errors import WarehouseLocked
from billing_pipeline.definitions import build_defs
from billing_pipeline.instance import open_instance
from billing_pipeline.partitions import range_tags
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import ACME, MONTH, make_invoice, make_line, make_world

PLAIN_DUCKDB = "import duckdb; held = duckdb.connect(sys.argv[1])"
OUR_LOCK = """
from pathlib import Path
from billing_pipeline.resources.warehouse import Warehouse
held = Warehouse(Path(sys.argv[1])).session("count the coins"); held.__enter__()
"""
OUR_POSTING_LOCK = """
from pathlib import Path
from billing_pipeline.resources.warehouse import Warehouse
held = Warehouse(Path(sys.argv[1])).posting_lock("post 2026-09 to HaloPSA"); held.__enter__()
"""


@contextmanager
def held_by_another_process(provider: Provider, script: str) -> Iterator[int]:
    """Let another process hold something for the block; its id."""
    text = f"import sys\n{script}\nprint('held', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", text, str(provider.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.kill()


@pytest.fixture
def prepared(provider: Provider) -> Steps:
    """A month with one sealed plan."""
    provider.set_up(make_world([ACME], [make_invoice([make_line(1, ACME, "10.00")])]), [ACME])
    steps = Steps(provider, patience=0.2)
    steps.close(post=False)
    return steps


def test_a_database_that_is_open_in_another_program_stops_the_close_with_its_name(prepared: Steps) -> None:
    provider = prepared.provider
    provider.given = {"BILLING_LOCK_WAIT_SECONDS": "0.2"}
    with (
        held_by_another_process(provider, PLAIN_DUCKDB) as process_id,
        pytest.raises(WarehouseLocked) as error,
    ):
        provider.close()

    assert str(provider.warehouse) in str(error.value)
    assert str(process_id) in str(error.value)
    assert str(provider.published) in str(error.value), "it says what analysts should read instead"
    assert "Waited 0.2 seconds" in str(error.value)
    assert provider.posts() == 0

    prepared.post()
    assert provider.billed() == {1001: ["10.00"]}


def test_a_database_that_another_of_our_processes_writes_is_waited_for_and_then_named(prepared: Steps) -> None:
    with held_by_another_process(prepared.provider, OUR_LOCK) as process_id, pytest.raises(WarehouseLocked) as error:
        prepared.post()

    assert f"is held by process {process_id} on " in str(error.value)
    assert "(count the coins, since 20" in str(error.value)
    assert "waited 0.2 seconds" in str(error.value)
    assert prepared.provider.posts() == 0

    prepared.post()
    assert prepared.provider.billed() == {1001: ["10.00"]}


def test_a_second_posting_run_is_refused_by_name_while_the_first_goes_on(prepared: Steps) -> None:
    provider = prepared.provider
    impatient = WarehouseResource(path=str(provider.warehouse), lock_wait_seconds=0.2)
    config = {"ops": {"posted_halopsa_invoices": {"config": {"confirm_month": MONTH}}}}
    with open_instance(provider.environment.dagster_home) as instance:
        instance.add_dynamic_partitions("clients", ["acme"])
        job = build_defs(provider.environment, warehouse=impatient).resolve_job_def(POST_MONTH)
        tags = range_tags(MONTH, ["acme"])

        with held_by_another_process(provider, OUR_POSTING_LOCK) as process_id, pytest.raises(WarehouseLocked) as error:
            job.execute_in_process(instance=instance, tags=tags, run_config=config)
        assert f"is held by process {process_id} on " in str(error.value)
        assert "(post 2026-09 to HaloPSA, since 20" in str(error.value)
        assert "waited 0.2 seconds for it to post 2026-10 to HaloPSA" in str(error.value)
        assert provider.posts() == 0

        job.execute_in_process(instance=instance, tags=tags, run_config=config)
    assert provider.billed() == {1001: ["10.00"]}
