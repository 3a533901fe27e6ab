"""A provider with a running sandbox, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.scenarios.closing import HTTP, Provider
from billing_pipeline_tests.scenarios.worlds import make_world


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests of a process; each provider makes it new."""
    with Sandbox(make_world([], [])) as running:
        yield running
    HTTP.close()


@pytest.fixture
def provider(running_sandbox: Sandbox, tmp_path: Path) -> Provider:
    """A provider without clients; `set_up` gives it a world."""
    return Provider(tmp_path, running_sandbox)
