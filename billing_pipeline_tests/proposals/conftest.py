"""An office with a running sandbox, new for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_pipeline.billing.settings import BillingSettings, HaloPsaService, Pax8Service
from billing_pipeline.commands.connections import open_halopsa, open_pax8
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline.settings.environment import load_environment
from billing_pipeline_tests.proposals.office import HTTP, Office, halopsa, pax8


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with its tables and views and nothing in them, to be copied."""
    warehouse = Warehouse(tmp_path_factory.mktemp("empty") / "billing.duckdb")
    with warehouse.session("make the tables"):
        pass
    return warehouse.path


@pytest.fixture(scope="session")
def services() -> Iterator[tuple[Sandbox, Pax8Client, HaloClient]]:
    """One sandbox for all tests of a process, and a client of each of its services."""
    unlimited = BillingSettings(
        pax8=Pax8Service(requests_per_minute=None), halopsa=HaloPsaService(requests_per_5_minutes=None)
    )
    with Sandbox(World(pax8=pax8(), halopsa=halopsa())) as sandbox:
        environment = load_environment(sandbox.environment, None)
        with open_pax8(environment, unlimited) as pax8_client, open_halopsa(environment, unlimited) as halo:
            yield sandbox, pax8_client, halo
    HTTP.close()


@pytest.fixture
def office(
    services: tuple[Sandbox, Pax8Client, HaloClient],
    empty_warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    """An office with an empty warehouse; `set_up` gives it settings. No `.env` of this machine is near it."""
    monkeypatch.chdir(tmp_path)
    office = Office(tmp_path, *services)
    office.warehouse.path.parent.mkdir()
    shutil.copy(empty_warehouse, office.warehouse.path)
    return office
