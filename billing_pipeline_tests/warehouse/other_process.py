"""A second, real process: it takes the database or a lock and holds it until it is told to let go, or is killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

_HOLD_SESSION = """
import sys
from pathlib import Path
from billing_pipeline.resources.warehouse import Warehouse
with Warehouse(Path(sys.argv[1])).session("close 2026-09"):
    print("holding", flush=True)
    sys.stdin.read()
"""
_HOLD_POSTING = """
import sys
from pathlib import Path
from billing_pipeline.resources.warehouse import Warehouse
with Warehouse(Path(sys.argv[1])).posting_lock("post 2026-09 to HaloPSA"):
    print("holding", flush=True)
    sys.stdin.read()
"""
_HOLD_CLIENTS_AND_KEEP_OPEN = """
import sys
from pathlib import Path
from billing_pipeline.resources.warehouse import Warehouse
warehouse = Warehouse(Path(sys.argv[1]))
with warehouse.kept_open(600):
    for client in ("acme", "birch", "cedar"):
        with warehouse.session("hold a client") as session:
            session.insert("holds", [{"client": client}])
    print("holding", flush=True)
    sys.stdin.read()
"""
_OPEN_IN_PLAIN_DUCKDB = """
import sys
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=READ_ONLY)
print("holding", flush=True)
sys.stdin.read()
"""
_READ_AND_WAIT = """
import sys
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print(connection.execute("select count(*) from step_log").fetchall()[0][0], flush=True)
sys.stdin.readline()
print(connection.execute("select count(*) from step_log").fetchall()[0][0], flush=True)
"""


@contextmanager
def _run(script: str, file: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def holding(script: str, file: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds what `script` takes of `file`, for the block."""
    with _run(script, file) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        yield process


def holding_session(file: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """Another run of the pipeline that works on the database."""
    return holding(_HOLD_SESSION, file)


def holding_posting(file: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """Another run that posts."""
    return holding(_HOLD_POSTING, file)


def holding_kept_open(file: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """A process that has held three clients, one after the other, and keeps the file open."""
    return holding(_HOLD_CLIENTS_AND_KEEP_OPEN, file)


def holding_file(file: Path, read_only: bool = False) -> AbstractContextManager[subprocess.Popen[str]]:
    """A person who has the live file open in DuckDB."""
    return holding(_OPEN_IN_PLAIN_DUCKDB.replace("READ_ONLY", repr(read_only)), file)


@contextmanager
def reading(file: Path) -> Iterator[subprocess.Popen[str]]:
    """An analyst who counts the rows of `step_log`, and again at each line sent."""
    with _run(_READ_AND_WAIT, file) as process:
        yield process
