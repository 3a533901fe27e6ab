"""The bottom of the HTTP stack: limit, count, read the whole answer. One pass is one request sent."""

import re
from collections import Counter
from functools import cache
from ssl import SSLContext
from threading import Lock

import httpx
from httpx_retries import RetryTransport

from billing_pipeline.resources.limits import HttpLimits
from billing_pipeline.resources.retries import RetryPolicy

_ID_SEGMENT = re.compile(r"/(-?\d+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?=/|$)")


class RequestCounter:
    """Requests really sent, retries included, by "METHOD route" with ids replaced by {id}."""

    def __init__(self, base_path: str) -> None:
        self._base_path = base_path.rstrip("/")
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, request: httpx.Request) -> None:
        """Count one request."""
        with self._lock:
            self._counts[f"{request.method} {self.route(request.url.path)}"] += 1

    def route(self, path: str) -> str:
        """The path below the service's base, ids replaced."""
        return _ID_SEGMENT.sub("/{id}", path.removeprefix(self._base_path)) or "/"

    def counts(self) -> Counter[str]:
        """A copy of the counts so far."""
        with self._lock:
            return Counter(self._counts)


class MeteredTransport(httpx.BaseTransport):
    """Waits for the limit, counts, sends, and reads the body to its end.

    The body is read here, below the retries, so that an answer that breaks off half-way is
    retried like a connection that broke before it.
    """

    def __init__(self, inner: httpx.BaseTransport, limits: HttpLimits, counter: RequestCounter) -> None:
        self._inner = inner
        self._limits = limits
        self._counter = counter

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises what httpx raises."""
        self._limits.wait()
        self._counter.add(request)
        response = self._inner.handle_request(request)
        try:
            response.read()
        except BaseException:
            response.close()
            raise
        return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


@cache
def _trusted_authorities() -> SSLContext:
    """The certificates that this machine trusts, read once in a process: that takes longer than a request."""
    return httpx.create_ssl_context()


def build_transport(limits: HttpLimits, counter: RequestCounter, policy: RetryPolicy) -> RetryTransport:
    """The whole stack: retries over the metered transport over httpx's own connections.

    Idle connections are given up after two seconds, before a server closes them: a write on a connection
    that is just being closed has an unknown outcome.
    """
    connections = httpx.HTTPTransport(
        verify=_trusted_authorities(),
        limits=httpx.Limits(max_connections=10, max_keepalive_connections=10, keepalive_expiry=2.0),
    )
    return RetryTransport(transport=MeteredTransport(connections, limits, counter), retry=policy.for_reads())
