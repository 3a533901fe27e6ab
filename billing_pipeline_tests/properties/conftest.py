"""One sandbox for all properties."""

from collections.abc import Iterator

import pytest

from billing_pipeline_tests.golden.case_run import Services
from billing_pipeline_tests.golden.services import open_services


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """The sandbox and both clients."""
    with open_services() as opened:
        yield opened
