"""One sandbox for all tests of a process, and a new provider for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.retries import RetryPolicy
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.behaviours.provider import Provider, make_provider
from billing_pipeline_tests.behaviours.world import make_world

QUICK = RetryPolicy(attempts=2, backoff=0.001, longest_wait=0.01, total_wait=0.05)


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with its tables and views and nothing in them, to be copied."""
    warehouse = Warehouse(tmp_path_factory.mktemp("empty") / "billing.duckdb")
    with warehouse.session("make the tables"):
        pass
    return warehouse.path


@pytest.fixture(scope="session")
def _services() -> Iterator[tuple[Sandbox, Pax8Client, HaloClient]]:
    with Sandbox(make_world([], [])) as sandbox:
        variables = sandbox.environment
        with (
            Pax8Client(
                variables["PAX8_BASE_URL"],
                variables["PAX8_TOKEN_URL"],
                variables["PAX8_AUDIENCE"],
                variables["PAX8_CLIENT_ID"],
                variables["PAX8_CLIENT_SECRET"],
                requests_per_minute=None,
            ) as pax8,
            HaloClient(
                variables["HALOPSA_RESOURCE_SERVER"],
                variables["HALOPSA_AUTHORISATION_SERVER"],
                variables["HALOPSA_TENANT"],
                variables["HALOPSA_CLIENT_ID"],
                variables["HALOPSA_CLIENT_SECRET"],
                requests_per_5_minutes=None,
                timeout_seconds=1,
                policy=QUICK,
            ) as halo,
        ):
            yield sandbox, pax8, halo


@pytest.fixture
def provider(
    _services: tuple[Sandbox, Pax8Client, HaloClient], empty_warehouse: Path, tmp_path: Path
) -> Iterator[Provider]:
    """A provider without clients; `set_up` gives it a world."""
    made = make_provider(tmp_path, empty_warehouse, *_services)
    yield made
    made.warehouse.close()
