"""Dagster's SQLite event log with its files kept open.

Dagster opens a file anew for every event, two or three times a materialisation, and builds its statements anew
each time; closing the last connection makes SQLite write the whole log through to the disk. That is most of
what a ranged run of many clients takes. One connection a file, kept, takes a quarter of the time. The file of a new
run is a copy of an empty one, for Dagster reads all its migrations to make one.

All of this stands on parts of the storage that Dagster keeps to itself. Where one of them is missing or takes something
else than it did, the storage is left as it is, which costs time and nothing else.
"""

import inspect
import logging
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import dagster as dg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

_STORAGE = "SqliteEventLogStorage"
_INDEX_SHARD = "index"
# What is used of the storage, with how many values each function takes; None for what is no function.
_PARTS: Mapping[str, int | None] = {
    "_connect": 1,
    "_db_lock": None,
    "_initdb": 2,
    "_initialized_dbs": None,
    "conn_string_for_shard": 1,
    "has_table": 1,
    "path_for_shard": 1,
}
_BUSY_TIMEOUT_SECONDS = 30
_logger = logging.getLogger(__name__)

# The index, and the files of the latest runs.
MOST_OPEN_FILES = 8


@contextmanager
def event_log_kept_open(instance: dg.DagsterInstance) -> Iterator[None]:
    """For the block, `instance` keeps its event log's files open; nothing happens with another storage than SQLite.

    Where Dagster's storage is not the one that this knows, a warning is logged, and nothing happens either.

    Others may read and write the same files at the same time. An event that was written survives the death of this
    process; of a machine that loses power the last ones may be missing, as nothing of the billing depends on them.
    """
    storage: Any = instance.event_log_storage
    if type(storage).__name__ != _STORAGE:
        yield
        return
    missing = _find_missing(storage)
    if missing:
        _logger.warning(
            "Dagster %s keeps its event log otherwise (%s): its files are opened for each event, which takes longer",
            dg.__version__,
            ", ".join(missing),
        )
        yield
        return
    engines: OrderedDict[str, Engine] = OrderedDict()

    @contextmanager
    def connect(shard: str) -> Iterator[Connection]:
        with storage._db_lock:
            if shard not in engines:
                engines[shard] = _open(storage, shard)
            engines.move_to_end(shard)
            if _INDEX_SHARD in engines:
                engines.move_to_end(_INDEX_SHARD)
            while len(engines) > MOST_OPEN_FILES:
                engines.popitem(last=False)[1].dispose()
            with engines[shard].begin() as connection:
                yield connection

    storage._connect = connect
    # It opens a connection of its own to see whether a table is there, three times a materialisation.
    storage.has_table = cache(storage.has_table)
    try:
        yield
    finally:
        del storage._connect, storage.has_table
        for engine in engines.values():
            engine.dispose()


def _find_missing(storage: Any) -> list[str]:
    """The parts of the storage that are not there, or take something else than they did."""
    missing = []
    for name, count in _PARTS.items():
        part = getattr(storage, name, None)
        if part is None or (count is not None and len(inspect.signature(part).parameters) != count):
            missing.append(name)
    return missing


def _open(storage: Any, shard: str) -> Engine:
    file = Path(storage.path_for_shard(shard))
    if shard != _INDEX_SHARD and not file.exists() and _put_new(file, type(storage)):
        storage._initialized_dbs.add(shard)
    engine = create_engine(
        storage.conn_string_for_shard(shard),
        # One connection for all threads: the storage's lock lets one of them in at a time.
        poolclass=StaticPool,
        connect_args={"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _spare_the_disk)
    if shard not in storage._initialized_dbs:
        storage._initdb(engine)
        storage._initialized_dbs.add(shard)
    return engine


@cache
def _empty_log(kind: Callable[[str], Any]) -> bytes:
    """The file of a run without events, as Dagster's storage of this `kind` makes it."""
    with TemporaryDirectory() as folder:
        storage = kind(folder)
        engine = create_engine(storage.conn_string_for_shard("empty"))
        storage._initdb(engine)
        engine.dispose()
        return Path(storage.path_for_shard("empty")).read_bytes()


def _put_new(file: Path, kind: Callable[[str], Any]) -> bool:
    """Make the file whole or not at all; whether it was made here, and not by another process meanwhile."""
    whole = file.with_name(f"{file.name}-{uuid4()}")
    whole.write_bytes(_empty_log(kind))
    try:
        with suppress(FileExistsError):
            os.link(whole, file)
            return True
        return False
    finally:
        whole.unlink()


def _spare_the_disk(connection: sqlite3.Connection, _: Any) -> None:
    connection.execute("pragma synchronous = normal")
