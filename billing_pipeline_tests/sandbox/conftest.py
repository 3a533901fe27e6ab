"""A running sandbox of the small world, and a client that talks to its Pax8."""

from collections.abc import Iterator

import httpx
import pytest

from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.sandbox.asking import HTTP, fetch_token, put
from billing_pipeline_tests.sandbox.small_world import make_halopsa, make_pax8


@pytest.fixture
def world() -> World:
    """The small world."""
    return World(pax8=make_pax8(), halopsa=make_halopsa())


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests of a module; `sandbox` makes it new for each."""
    with Sandbox(World(pax8=make_pax8(), halopsa=make_halopsa())) as running:
        yield running


@pytest.fixture
def sandbox(running_sandbox: Sandbox, world: World) -> Sandbox:
    """A running sandbox of the small world, on 20 October 2026."""
    running_sandbox.reset(world)
    put(running_sandbox.pax8_url, "clock", {"now": "2026-10-20T12:00:00Z"})
    return running_sandbox


@pytest.fixture
def pax8(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client of the sandbox's Pax8 with a token; paths begin with /v1."""
    with httpx.Client(base_url=sandbox.pax8_url, timeout=10, verify=False) as client:
        client.headers["Authorization"] = f"Bearer {fetch_token(sandbox)}"
        yield client


@pytest.fixture(scope="session", autouse=True)
def close_connections() -> Iterator[None]:
    """Leave no connection of the shared client open."""
    yield
    HTTP.close()
