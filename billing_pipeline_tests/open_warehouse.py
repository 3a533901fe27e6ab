"""A warehouse whose file stays open between the pieces of work of a test."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from billing_pipeline.resources.warehouse import _CONFIG, Warehouse


class OpenWarehouse(Warehouse):
    """A warehouse whose file stays open: opening it takes longer than what a step does with a test's few lines.

    What is tested by opening, locking and closing the file needs a Warehouse.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, lock_wait_seconds=5)
        # As the warehouse itself opens it: publishing opens the file once more, which DuckDB allows no other way.
        self._file = duckdb.connect(str(self.path), config=_CONFIG)
        # More than one thread only gets in the way of the test beside this one.
        self._file.execute("set threads = 1")

    @contextmanager
    def connect(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._file.cursor()
        try:
            with self._explained(purpose):
                yield connection
        finally:
            connection.close()

    def checkpoint(self) -> None:
        """Write all into the file, so that it may be copied."""
        self._file.execute("checkpoint")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def discard(self) -> None:
        """Close a file that nobody opens again: what is in its log alone need not be written into it."""
        with suppress(duckdb.ConnectionException):  # it may be closed
            self._file.execute("pragma disable_checkpoint_on_shutdown")
        self._file.close()
