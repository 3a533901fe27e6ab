"""One sandbox with its clients."""

from collections.abc import Iterator
from contextlib import contextmanager

from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.golden.case_files import read_cases
from billing_pipeline_tests.golden.case_run import Services
from billing_pipeline_tests.sandbox_clients import connect_halopsa, connect_pax8


@contextmanager
def open_services() -> Iterator[Services]:
    """Serve on loopback until the end of the block."""
    with Sandbox(next(read_cases()).world) as sandbox:
        variables = sandbox.environment
        with connect_pax8(variables) as pax8, connect_halopsa(variables) as halo:
            yield Services(sandbox, pax8, halo)
