"""A new warehouse for each test, copied from one that was migrated once."""

import shutil
from pathlib import Path

import pytest

from billing_pipeline.resources.warehouse import Warehouse


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and views and nothing in them."""
    warehouse = Warehouse(tmp_path_factory.mktemp("migrated") / "billing.duckdb")
    with warehouse.session("make the tables"):
        pass
    return warehouse.path


@pytest.fixture
def warehouse(migrated_file: Path, tmp_path: Path) -> Warehouse:
    """A warehouse that waits for nobody."""
    shutil.copy(migrated_file, tmp_path / "billing.duckdb")
    return Warehouse(tmp_path / "billing.duckdb", lock_wait_seconds=0)
