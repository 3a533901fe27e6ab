"""A provider with two clients and an invoice, in a folder without `.env`."""

import pytest

from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.conftest import provider, running_sandbox
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, make_invoice, make_line, make_world

__all__ = ["provider", "running_sandbox"]


@pytest.fixture
def msp(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A provider with Acme and Birch, who have one line each, on an invoice that is out."""
    lines = [make_line(1, ACME, "12345.60", "10000.00"), make_line(2, BIRCH, "20.00", "16.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH])
    monkeypatch.chdir(provider.folder)
    return provider
