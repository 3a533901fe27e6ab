"""One sandbox for all properties."""

from collections.abc import Iterator

import pytest

from billing_pipeline_tests.golden.case_run import Services
from billing_pipeline_tests.golden.services import open_services


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The sandbox, both clients, and a warehouse with its tables and nothing in them."""
    with open_services(tmp_path_factory.mktemp("properties")) as opened:
        yield opened
