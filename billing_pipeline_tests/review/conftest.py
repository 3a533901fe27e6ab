"""Providers to review: those of the behaviours, with documents of others; one for a test, or one for a module."""

from collections.abc import Callable, Iterator

import pytest

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.behaviours.conftest import _services, provider
from billing_pipeline_tests.behaviours.provider import Provider, make_provider

__all__ = ["NewProvider", "_services", "new_provider", "provider"]

NewProvider = Callable[[], Provider]


@pytest.fixture(scope="module")
def new_provider(
    _services: tuple[Sandbox, Pax8Client, HaloClient], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewProvider]:
    """Makes providers that stay as long as the module; the sandbox serves the one that was set up last."""
    made: list[Provider] = []

    def make() -> Provider:
        made.append(make_provider(tmp_path_factory.mktemp("provider"), *_services))
        return made[-1]

    yield make
    for one in made:
        one.warehouse.discard()
