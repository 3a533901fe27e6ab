"""An office with a running sandbox, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.proposals.office import HTTP, Office, halopsa, pax8
from billing_pipeline_tests.ready_made import copy_empty_warehouse
from billing_pipeline_tests.sandbox_clients import connect_halopsa, connect_pax8


@pytest.fixture(scope="session")
def services() -> Iterator[tuple[Sandbox, Pax8Client, HaloClient]]:
    """One sandbox for all tests of a process, and a client of each of its services."""
    with Sandbox(World(pax8=pax8(), halopsa=halopsa())) as sandbox:
        variables = sandbox.environment
        with connect_pax8(variables) as pax8_client, connect_halopsa(variables) as halo:
            yield sandbox, pax8_client, halo
    HTTP.close()


@pytest.fixture
def office(
    services: tuple[Sandbox, Pax8Client, HaloClient],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    """An office with an empty warehouse; `set_up` gives it settings. No `.env` of this machine is near it."""
    monkeypatch.chdir(tmp_path)
    office = Office(tmp_path, *services)
    copy_empty_warehouse(office.warehouse.path)
    return office
