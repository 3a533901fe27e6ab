"""A provider with a running sandbox, new for each test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.ready_made import copy_ready_made
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, make_invoice, make_line, make_world

# A folder in memory, where the machine has one: a scenario opens its database a hundred times.
_MEMORY = Path("/dev/shm")


@pytest.fixture
def running_sandbox() -> Iterator[Sandbox]:
    """A sandbox of its own for each test: a request that a killed process left behind reaches no other test."""
    with Sandbox(make_world([], [])) as running:
        yield running


@pytest.fixture
def provider(running_sandbox: Sandbox) -> Iterator[Provider]:
    """A provider without clients; `set_up` gives it a world."""
    folder = Path(tempfile.mkdtemp(prefix="billing-scenario-", dir=_MEMORY if _MEMORY.is_dir() else None))
    copy_ready_made(folder)
    yield Provider(folder, running_sandbox)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def month(provider: Provider) -> Provider:
    """A provider whose Acme is charged 10.00 and Birch 20.00, in this order."""
    lines = [make_line(1, ACME, "10.00", "8.00"), make_line(2, BIRCH, "20.00", "16.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH])
    return provider
