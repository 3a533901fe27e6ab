"""A new warehouse for each test."""

from pathlib import Path

import pytest

from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline_tests.ready_made import copy_empty_warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse that waits for nobody."""
    return Warehouse(copy_empty_warehouse(tmp_path / "billing.duckdb"), lock_wait_seconds=0)
