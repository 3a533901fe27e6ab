"""One sandbox for all tests of a process, and a new provider for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.behaviours.provider import Provider, make_provider
from billing_pipeline_tests.behaviours.world import make_world
from billing_pipeline_tests.sandbox_clients import QUICK, connect_halopsa, connect_pax8


@pytest.fixture(scope="session")
def _services() -> Iterator[tuple[Sandbox, Pax8Client, HaloClient]]:
    with (
        Sandbox(make_world([], [])) as sandbox,
        connect_pax8(sandbox.environment) as pax8,
        connect_halopsa(sandbox.environment, timeout_seconds=1, policy=QUICK) as halo,
    ):
        yield sandbox, pax8, halo


@pytest.fixture
def provider(_services: tuple[Sandbox, Pax8Client, HaloClient], tmp_path: Path) -> Iterator[Provider]:
    """A provider without clients; `set_up` gives it a world."""
    made = make_provider(tmp_path, *_services)
    yield made
    made.warehouse.discard()
