"""What every close of a new provider makes first, made once: an empty database and an empty Dagster home."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

from billing_pipeline.instance import open_instance
from billing_pipeline.resources.warehouse import Warehouse


@cache
def _made() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="billing-ready-made-")


@cache
def _empty_warehouse() -> Path:
    file = Path(_made().name) / "billing.duckdb"
    with Warehouse(file).session("make the tables"):
        pass
    return file


@cache
def _empty_dagster_home() -> Path:
    folder = Path(_made().name) / "dagster"
    with open_instance(folder) as instance:
        # Each of its files is made when it is asked for the first time.
        instance.get_runs(limit=1)
        instance.get_dynamic_partitions("client")
        instance.all_instigator_state()
    return folder


def copy_empty_warehouse(file: Path) -> Path:
    """Put a database with its tables and views and nothing in them at `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(_empty_warehouse(), file)
    return file


def copy_ready_made(folder: Path) -> None:
    """Put an empty database and Dagster home into `folder`, where a first close would make them."""
    copy_empty_warehouse(folder / "data" / "billing.duckdb")
    copy_empty_dagster_home(folder / "dagster")


def copy_empty_dagster_home(folder: Path) -> None:
    """Make a Dagster home that nothing has run in at `folder`: its tables alone take a second to make."""
    shutil.copytree(_empty_dagster_home(), folder)
