"""What every close of a new provider makes first, made once: an empty database and an empty Dagster home."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

from billing_pipeline.instance import open_instance
from billing_pipeline.resources.warehouse import Warehouse


@cache
def _ready_made() -> "tempfile.TemporaryDirectory[str]":
    made = tempfile.TemporaryDirectory(prefix="billing-ready-made-")
    folder = Path(made.name)
    with Warehouse(folder / "data" / "billing.duckdb").session("make the tables"):
        pass
    with open_instance(folder / "dagster") as instance:
        # Each of its files is made when it is asked for the first time.
        instance.get_runs(limit=1)
        instance.get_dynamic_partitions("client")
        instance.all_instigator_state()
    return made


def copy_ready_made(folder: Path) -> None:
    """Put an empty database and Dagster home into `folder`, where a first close would make them."""
    for name in ("data", "dagster"):
        shutil.copytree(Path(_ready_made().name) / name, folder / name)
