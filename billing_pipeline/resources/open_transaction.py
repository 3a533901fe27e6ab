"""A warehouse whose every piece of work joins one open transaction: all of it is kept, or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from billing_pipeline.resources.warehouse import Session, Warehouse


class OpenTransaction(Warehouse):
    """`warehouse` within `session`: steps that open a session of their own work in that one, and commit nothing."""

    def __init__(self, warehouse: Warehouse, session: Session) -> None:
        super().__init__(warehouse.path, warehouse.lock_wait_seconds)
        self._session = session

    @contextmanager
    def session(self, purpose: str) -> Iterator[Session]:  # noqa: ARG002 (the open one has a purpose already)
        """The open transaction; whoever opened it commits or rolls back."""
        yield self._session
