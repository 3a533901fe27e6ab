"""One service of the sandbox: its content, its routes, and everything a test may order around them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Protocol

from starlette.routing import Route

from billing_pipeline.sandbox.clock import Clock
from billing_pipeline.sandbox.faults import FaultBook
from billing_pipeline.sandbox.rate_limit import RateLimit
from billing_pipeline.sandbox.request_log import RequestLog


class ServiceState(Protocol):
    """The content behind a service. Whoever reads or changes it holds `lock`."""

    lock: RLock
    switches: Any  # a frozen dataclass, replaced as a whole
    changed: int  # grows with every change of the content

    def dump(self) -> dict[str, Any]:
        """The whole content, as `load` takes it."""
        ...

    def load(self, content: dict[str, Any]) -> None:
        """Replace the whole content."""
        ...


@dataclass(frozen=True)
class Service:
    """A service as the gateway serves it. `error_body` makes its error answer from a status and a path."""

    name: str
    state: ServiceState
    routes: Sequence[Route]
    control_routes: Sequence[Route]
    clock: Clock
    error_body: Callable[[int, str], Any]
    save: Callable[[], None] = lambda: None
    faults: FaultBook = field(default_factory=FaultBook)
    log: RequestLog = field(default_factory=RequestLog)
    rate_limit: RateLimit = field(default_factory=RateLimit)
