"""One sandbox with its clients, and an empty warehouse to copy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.golden.case_files import read_cases
from billing_pipeline_tests.golden.case_run import Services


@contextmanager
def open_services(folder: Path) -> Iterator[Services]:
    """Serve on loopback until the end of the block; `folder` gets the empty warehouse."""
    warehouse = Warehouse(folder / "billing.duckdb")
    with warehouse.session("make the tables"):
        pass
    with Sandbox(next(read_cases()).world) as sandbox:
        variables = sandbox.environment
        halo = HaloClient(
            variables["HALOPSA_RESOURCE_SERVER"],
            variables["HALOPSA_AUTHORISATION_SERVER"],
            variables["HALOPSA_TENANT"],
            variables["HALOPSA_CLIENT_ID"],
            variables["HALOPSA_CLIENT_SECRET"],
            requests_per_5_minutes=0,
        )
        with connect_pax8(sandbox) as pax8, halo:
            yield Services(sandbox, pax8, halo, warehouse.path)


def connect_pax8(sandbox: Sandbox, page_size: int = 200) -> Pax8Client:
    """A client of the sandbox's Pax8 that reads pages of this size."""
    variables = sandbox.environment
    return Pax8Client(
        variables["PAX8_BASE_URL"],
        variables["PAX8_TOKEN_URL"],
        variables["PAX8_AUDIENCE"],
        variables["PAX8_CLIENT_ID"],
        variables["PAX8_CLIENT_SECRET"],
        requests_per_minute=0,
        page_size=page_size,
    )
