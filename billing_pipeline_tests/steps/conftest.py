"""One sandbox for a module of tests, and a maker of months in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.steps.months import MonthMaker, halopsa_content


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with its tables and views and nothing in them, to be copied."""
    warehouse = Warehouse(tmp_path_factory.mktemp("empty") / "billing.duckdb")
    with warehouse.session("make the tables"):
        pass
    return warehouse.path


@pytest.fixture(scope="module")
def _services() -> Iterator[tuple[Sandbox, Pax8Client, HaloClient]]:
    pax8 = {"companies": [], "products": [], "subscriptions": [], "invoices": []}
    credentials = {"credentials": {"client_id": "pax8-client", "client_secret": "pax8-secret"}}
    with Sandbox(World(pax8={**pax8, **credentials}, halopsa=halopsa_content())) as sandbox:
        variables = sandbox.environment
        with (
            Pax8Client(
                variables["PAX8_BASE_URL"],
                variables["PAX8_TOKEN_URL"],
                variables["PAX8_AUDIENCE"],
                variables["PAX8_CLIENT_ID"],
                variables["PAX8_CLIENT_SECRET"],
                requests_per_minute=0,
            ) as pax8_client,
            HaloClient(
                variables["HALOPSA_RESOURCE_SERVER"],
                variables["HALOPSA_AUTHORISATION_SERVER"],
                variables["HALOPSA_TENANT"],
                variables["HALOPSA_CLIENT_ID"],
                variables["HALOPSA_CLIENT_SECRET"],
                requests_per_5_minutes=0,
            ) as halo,
        ):
            yield sandbox, pax8_client, halo


@pytest.fixture(scope="module")
def months(
    _services: tuple[Sandbox, Pax8Client, HaloClient], empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> MonthMaker:
    """Makes months; the sandbox serves the one that was made last."""
    sandbox, pax8, halo = _services
    return MonthMaker(sandbox, tmp_path_factory.mktemp("months"), empty_warehouse, pax8, halo)
