"""A database that this user may not write: told as such, and never as damage."""

import subprocess
import sys
import tempfile
from pathlib import Path

from billing_pipeline.resources.warehouse import Warehouse

AS_NOBODY = """
import os, sys
from pathlib import Path
from billing_pipeline.billing.errors import WarehouseError
from billing_pipeline.resources.warehouse import Warehouse
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with Warehouse(Path(sys.argv[1])).session("plan 2026-10") as session:
        session.execute("create table probe (i integer)")
except WarehouseError as error:
    print(error)
"""


def test_a_file_that_may_not_be_written_is_no_damaged_one() -> None:
    # Not under pytest's own folder, which other users may not enter.
    with tempfile.TemporaryDirectory(prefix="billing-rights-") as made:
        folder = Path(made)
        folder.chmod(0o777)
        file = folder / "billing.duckdb"
        with Warehouse(file).session("make the tables"):
            pass
        for path in folder.iterdir():
            path.chmod(0o666)
        file.chmod(0o444)
        said = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", AS_NOBODY, str(file)], capture_output=True, text=True
        )
    assert "may not plan 2026-10" in said.stdout, said.stderr
    assert f"Give this user the right to write {file}" in said.stdout
    assert "damaged" not in said.stdout
