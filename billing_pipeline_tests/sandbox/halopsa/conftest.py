"""One running sandbox for all of these tests, with a small HaloPSA tenant that is new for each of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from billing_pipeline.sandbox.halopsa_switches import HaloSwitches
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.sandbox.halopsa.tenant import HaloTalk, make_tenant, token_form
from billing_pipeline_tests.sandbox.small_world import make_pax8


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """A sandbox that serves until the last test is done."""
    with Sandbox(World(pax8=make_pax8(), halopsa=make_tenant())) as running:
        yield running


@pytest.fixture
def tenant() -> dict[str, Any]:
    """The content that HaloPSA begins with."""
    return make_tenant()


@pytest.fixture
def sandbox(running_sandbox: Sandbox, tenant: dict[str, Any]) -> Sandbox:
    """The sandbox as new, on 20 October 2026."""
    state = running_sandbox.halopsa
    with state.lock:
        state.switches = HaloSwitches()
        state.load(tenant)
    running_sandbox.halopsa_service.faults.clear()
    running_sandbox.halopsa_service.log.clear()
    running_sandbox.clock.set(datetime(2026, 10, 20, 12, tzinfo=UTC))
    return running_sandbox


@pytest.fixture(scope="session")
def client(running_sandbox: Sandbox) -> Iterator[httpx.Client]:
    """One connection pool for all tests."""
    with httpx.Client(base_url=running_sandbox.halopsa_url, timeout=10) as session:
        yield session


@pytest.fixture
def halo(sandbox: Sandbox, client: httpx.Client) -> HaloTalk:
    """A client of the sandbox's HaloPSA with a token for all that the tenant grants."""
    answer = client.post("/auth/token?tenant=example", data=token_form())
    client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
    return HaloTalk(sandbox, client)
