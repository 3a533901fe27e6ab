"""One sandbox for a module of tests, and a maker of months in it."""

from collections.abc import Iterator

import pytest

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.sandbox_clients import connect_halopsa, connect_pax8
from billing_pipeline_tests.steps.months import MonthMaker, halopsa_content


@pytest.fixture(scope="module")
def _services() -> Iterator[tuple[Sandbox, Pax8Client, HaloClient]]:
    pax8 = {"companies": [], "products": [], "subscriptions": [], "invoices": []}
    credentials = {"credentials": {"client_id": "pax8-client", "client_secret": "pax8-secret"}}
    with Sandbox(World(pax8={**pax8, **credentials}, halopsa=halopsa_content())) as sandbox:
        variables = sandbox.environment
        with connect_pax8(variables) as pax8_client, connect_halopsa(variables) as halo:
            yield sandbox, pax8_client, halo


@pytest.fixture(scope="module")
def months(_services: tuple[Sandbox, Pax8Client, HaloClient], tmp_path_factory: pytest.TempPathFactory) -> MonthMaker:
    """Makes months; the sandbox serves the one that was made last."""
    sandbox, pax8, halo = _services
    return MonthMaker(sandbox, tmp_path_factory.mktemp("months"), pax8, halo)
