"""The DuckDB file that holds every step: one writer, one transaction a piece of work, opened only while it lasts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from shutil import copyfile
from time import monotonic, sleep
from typing import Any

import dagster as dg
import duckdb

from billing_pipeline.billing.errors import RuleFailed, WarehouseError
from billing_pipeline.resources.arrow_tables import arrow_table
from billing_pipeline.resources.database_trouble import (
    STORAGE_VERSION,
    DatabaseFile,
    describe_trouble,
    is_open_elsewhere,
)
from billing_pipeline.resources.file_lock import hold_lock
from billing_pipeline.resources.kept_open import KeptOpen

LOCK_WAIT_SECONDS = 60.0
# Others who want the file wait that much longer at most; a transaction of posting takes a tenth of it.
KEEP_OPEN_SECONDS = 1.0
_POLL_SECONDS = 0.1
MOST_BOUND_VALUES = 250
MEMORY_LIMIT = "2GB"
# The format is that of a new file; one that is there keeps its own.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": MEMORY_LIMIT,
    "storage_compatibility_version": STORAGE_VERSION,
    # What Pax8 sent for each line is several hundred characters that are much alike: a third of the room.
    "zstd_min_string_length": 64,
}
# The row of schema_migrations that says with which views and comments the file was last opened.
_VIEWS = 0
# What is kept open in this process, whichever Warehouse asks for it: each step of a run makes its own.
_KEPT: dict[Path, KeptOpen[duckdb.DuckDBPyConnection]] = {}


@cache
def read_sql(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (files("billing_pipeline.sql") / f"{name}.sql").read_text(encoding="utf-8")


@cache
def _migrations() -> tuple[tuple[int, str, str], ...]:
    folder = files("billing_pipeline.sql") / "migrations"
    found = sorted(
        (entry.name, entry.read_text(encoding="utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql")
    )
    return tuple((int(name.partition("_")[0]), name, text) for name, text in found)


class Session:
    """One open transaction on the warehouse."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, now: datetime, schemas: dict[str, dict[str, str]] | None = None
    ) -> None:
        self._connection = connection
        self.now = now
        # Column types by table, asked once: only a migration changes them.
        self._schemas = {} if schemas is None else schemas

    def execute(self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> None:
        """Run one statement with bound parameters."""
        self._connection.execute(sql, parameters).fetchall()

    def rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """The rows of a query as dicts; decimals are Decimal."""
        result = self._connection.execute(sql, parameters)
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def value(self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> Any:
        """The single value of a query; None where it has no row."""
        row = self._connection.execute(sql, parameters).fetchone()
        return row[0] if row else None

    def set_variables(self, **variables: object) -> None:
        """Bind variables for the statements of a `.sql` file, which read them with getvariable()."""
        for name, value in variables.items():
            self._connection.execute(f"set variable {name} = ?", [value])

    def run(self, name: str, **variables: object) -> None:
        """Run every statement of `sql/<name>.sql` with these variables bound."""
        self.set_variables(**variables)
        self._connection.execute(read_sql(name)).fetchall()

    def frame(self, name: str, schema: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Make `rows` a temporary table `name`; `schema` maps each column to its DuckDB type."""
        columns = ", ".join(f'"{column}" {kind}' for column, kind in schema.items())
        self._connection.execute(f"create or replace temp table {name} ({columns})")
        self._append(name, schema, rows)

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append `rows` to a table by column name; columns that a row leaves out are null."""
        if not rows:
            return
        schema = self._schemas.get(table)
        if schema is None:
            # Not duckdb_columns(): it binds every view of the file first, which costs 20 ms in a new session.
            columns = self._connection.execute("select name, type from pragma_table_info(?) order by cid", [table])
            schema = self._schemas[table] = {str(name): str(kind) for name, kind in columns.fetchall()}
        unknown = set().union(*(row.keys() for row in rows)) - set(schema)
        if unknown:
            raise WarehouseError(f"Table {table} has no column {', '.join(sorted(unknown))}.")
        self._append(table, schema, rows)

    def _append(self, table: str, schema: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        frame = arrow_table(schema, rows)
        if frame.num_rows * frame.num_columns <= MOST_BOUND_VALUES:
            # A frame is scanned by a machinery of its own, which takes five times as long as a few bound values.
            line = f"({', '.join('?' * frame.num_columns)})"
            values = [
                value for row in zip(*(column.to_pylist() for column in frame.columns), strict=True) for value in row
            ]
            lines = ", ".join([line] * frame.num_rows)
            columns = ", ".join(f'"{column}"' for column in schema)
            self._connection.execute(f"insert into {table} ({columns}) values {lines}", values)  # noqa: S608
            return
        self._connection.register("incoming_frame", frame)
        try:
            self._connection.execute(f"insert into {table} by name select * from incoming_frame")  # noqa: S608
        finally:
            self._connection.unregister("incoming_frame")

    def log_step(self, step: str, month: str | None, clients: int, row_count: int, seconds: Any, run_id: str) -> None:
        """Note in `step_log` that a step was done; committed with the step's own rows."""
        self.insert(
            "step_log",
            [
                {
                    "run_id": run_id,
                    "step": step,
                    "month": month,
                    "clients": clients,
                    "row_count": row_count,
                    "seconds": seconds,
                    "finished_at": self.now,
                }
            ],
        )


class Warehouse:
    """The warehouse at `path`; every use takes the writing lock, for there is one writer and no reader.

    Times are naive UTC. Raises WarehouseLocked after `lock_wait_seconds`, WarehouseError where the file is
    damaged, of a newer version, or the disk is full: `database_trouble` says what to do then.
    """

    def __init__(self, path: Path, lock_wait_seconds: float = LOCK_WAIT_SECONDS) -> None:
        self.path = path.resolve()
        self.lock_wait_seconds = lock_wait_seconds
        self._schemas: dict[str, dict[str, str]] = {}

    @property
    def lock_file(self) -> Path:
        """The lock that guards the file."""
        return self.path.with_name(self.path.name + ".lock")

    @property
    def published(self) -> Path:
        """The folder that analysts read."""
        return self.path.parent / "published"

    @contextmanager
    def posting_lock(self, purpose: str = "write to HaloPSA") -> Iterator[None]:
        """Hold the second lock, which guards all that writes to HaloPSA."""
        lock_file = self.path.with_name(self.path.name + ".posting.lock")
        with hold_lock(lock_file, purpose, self.lock_wait_seconds):
            yield

    @contextmanager
    def kept_open(self, seconds: float = KEEP_OPEN_SECONDS) -> Iterator[None]:
        """Within the block the file stays open, and locked, over consecutive pieces of work, for up to `seconds`.

        Then it is closed and others have their turn, also while the block waits for something else. Every
        transaction is committed at its end as always. It holds for every Warehouse of this file in this process;
        a block within such a block changes nothing.
        """
        if self.path in _KEPT:
            yield
            return
        _KEPT[self.path] = KeptOpen(seconds)
        try:
            yield
        finally:
            _KEPT.pop(self.path).close()

    @contextmanager
    def publishing_lock(self) -> Iterator[None]:
        """Hold the third lock: of two processes that publish, the later copy must be the one that stays."""
        lock_file = self.path.with_name(self.path.name + ".publishing.lock")
        with hold_lock(lock_file, "publish the database", self.lock_wait_seconds):
            yield

    @contextmanager
    def connect(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file, opened and migrated under the lock, closed at the end. Most callers want `session`."""
        kept_open = _KEPT.get(self.path)
        if kept_open is None:
            with self._open(purpose) as connection:
                yield connection
            return
        with kept_open.use(partial(self._open, purpose)) as kept, self._explained(purpose):
            # Frames and variables of one piece of work are not seen by the next.
            connection = kept.cursor()
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def _open(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        with hold_lock(self.lock_file, purpose, self.lock_wait_seconds), self._explained(purpose):
            connection = self._open_file()
            try:
                _migrate(connection)
                yield connection
            finally:
                connection.close()

    def _open_file(self) -> duckdb.DuckDBPyConnection:
        """Open the file. Another program that has it open for a short look must not end a month's posting."""
        last = monotonic() + self.lock_wait_seconds
        while True:
            try:
                return duckdb.connect(str(self.path), config=_CONFIG)
            except duckdb.Error as error:
                if not is_open_elsewhere(str(error)) or monotonic() >= last:
                    raise
            sleep(_POLL_SECONDS)

    @contextmanager
    def _explained(self, purpose: str) -> Iterator[None]:
        try:
            yield
        except duckdb.InterruptException as error:
            raise KeyboardInterrupt from error
        except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
            raise RuleFailed(f"A rule failed on the data in {self.path} (to {purpose}): {error}") from error
        except duckdb.Error as error:
            copy = self.published / "billing.duckdb"
            file = DatabaseFile(self.path, copy, duckdb.__version__, self.lock_wait_seconds)
            raise describe_trouble(str(error), file, purpose) from error
        except RuntimeError as error:
            # How DuckDB tells of Ctrl-C in the middle of a query.
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from error
            raise

    @contextmanager
    def session(self, purpose: str) -> Iterator[Session]:
        """One transaction: committed at the end of the block, rolled back if the block raises."""
        with self.connect(purpose) as connection:
            connection.execute("begin transaction")
            try:
                yield Session(connection, datetime.now(UTC).replace(tzinfo=None), self._schemas)
            except BaseException:
                # A failed commit has rolled back by itself already.
                with suppress(duckdb.Error):
                    connection.execute("rollback")
                raise
            connection.execute("commit")

    def copy_to(self, file: Path) -> tuple[int, str]:
        """Copy every table and view to a new file that DuckDB 1.2 and later reads.

        The number of rows of the posting journal in the copy, and the hash of the last.
        """
        purpose = "publish the database"
        kept_open = _KEPT.get(self.path)
        if kept_open is not None:
            kept_open.close()
        with hold_lock(self.lock_file, purpose, self.lock_wait_seconds), self._explained(purpose):
            connection = self._open_file()
            try:
                _migrate(connection)
                connection.execute("checkpoint")
                head = connection.execute(
                    "select seq, row_hash from posting_journal order by seq desc limit 1"
                ).fetchone()
                is_as_published = self._is_as_published(connection)
                if not is_as_published:
                    self._write_anew(connection, file)
            finally:
                connection.close()
            # Only a closed file: closing another handle of an open one would give up DuckDB's own lock on it.
            if is_as_published:
                copyfile(self.path, file)
        return (int(head[0]), str(head[1])) if head else (0, "0" * 64)

    def _write_anew(self, connection: duckdb.DuckDBPyConnection, file: Path) -> None:
        """Every table and view in the published format, row by row."""
        # ATTACH takes no bound parameter and no expression, so the path is quoted as a literal.
        quoted = str(file).replace("'", "''")
        connection.execute(f"attach '{quoted}' as published_copy (storage_version '{STORAGE_VERSION}')")
        connection.execute(f'copy from database "{self._catalog(connection)}" to published_copy')
        connection.execute("detach published_copy")

    @staticmethod
    def _is_as_published(connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether the live file has the published format already, so that its bytes can be copied as they are."""
        row = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where database_name = current_database()"
        ).fetchone()
        return row is not None and row[0] == f"{STORAGE_VERSION}+"

    @staticmethod
    def _catalog(connection: duckdb.DuckDBPyConnection) -> str:
        row = connection.execute("select current_database()").fetchone()
        return str(row[0]).replace('"', '""') if row else ""


def _migrate(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "create table if not exists schema_migrations (number integer, name text, checksum text, applied_at timestamp)"
    )
    applied = {
        int(number): (str(name), str(checksum))
        for number, name, checksum in connection.execute(
            "select number, name, checksum from schema_migrations"
        ).fetchall()
    }
    known = {number: (name, sha256(text.encode()).hexdigest()) for number, name, text in _migrations()}
    views = sha256((read_sql("views") + read_sql("comments")).encode()).hexdigest()
    newer = sorted(set(applied) - set(known) - {_VIEWS})
    if newer:
        raise WarehouseError(
            f"The database was made by a newer version of the pipeline (migration {applied[newer[-1]][0]}). "
            "Nothing was changed. Install that version: an older copy or a new database would not know what was posted."
        )
    changed = [name for number, (name, checksum) in applied.items() if number in known and known[number][1] != checksum]
    if changed:
        raise WarehouseError(
            f"Migration {', '.join(changed)} differs from the one this database was made with. "
            "Nothing was changed. Install the version that made it; a migration never changes once it has run."
        )
    missing = sorted(set(known) - set(applied))
    texts = {number: text for number, _, text in _migrations()}
    for number in missing:
        _apply(connection, number, *known[number], texts[number])
    if missing or applied.get(_VIEWS, ("", ""))[1] != views:
        _apply(connection, _VIEWS, "views", views, read_sql("views"), read_sql("comments"))


def _apply(connection: duckdb.DuckDBPyConnection, number: int, name: str, checksum: str, *texts: str) -> None:
    connection.execute("begin transaction")
    for text in texts:
        connection.execute(text)
    connection.execute("delete from schema_migrations where number = ?", [number])
    connection.execute(
        "insert into schema_migrations values (?, ?, ?, ?)",
        [number, name, checksum, datetime.now(UTC).replace(tzinfo=None)],
    )
    connection.execute("commit")


class WarehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The warehouse for Dagster: `path` of the DuckDB file."""

    path: str
    lock_wait_seconds: float = LOCK_WAIT_SECONDS

    def open(self) -> Warehouse:
        """The warehouse; nothing is opened or locked until it is used."""
        return Warehouse(Path(self.path), self.lock_wait_seconds)
