"""What was asked of a service: counts by route and a log of requests. Headers and bodies are never kept."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

KEPT_REQUESTS = 50_000


@dataclass(frozen=True)
class LoggedRequest:
    """One request: `status` is None where the connection was closed without an answer."""

    time: str
    method: str
    path: str
    query: str
    route: str
    status: int | None
    ms: float


class RequestLog:
    """Counts and remembers requests; control requests are not among them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._requests: deque[LoggedRequest] = deque(maxlen=KEPT_REQUESTS)

    def add(self, request: LoggedRequest) -> None:
        with self._lock:
            self._counts[f"{request.method} {request.route}"] += 1
            self._requests.append(request)

    def counts(self) -> dict[str, int]:
        """Requests by "METHOD /route/{id}", sorted by route."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def requests(self) -> list[dict[str, Any]]:
        """The latest requests, oldest first."""
        with self._lock:
            return [asdict(request) for request in self._requests]

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
            self._requests.clear()
