"""A server that nothing may talk to: it counts the connections made to it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread


@dataclass
class Trap:
    """A listening port, and the first bytes of each connection that came."""

    port: int
    visits: list[bytes] = field(default_factory=list)

    @property
    def poison(self) -> dict[str, str]:
        """An environment in which everything that could lead the pipeline anywhere leads here."""
        origin = f"http://127.0.0.1:{self.port}"
        proxies = {
            name: origin for proxy in ("http_proxy", "https_proxy", "all_proxy") for name in (proxy, proxy.upper())
        }
        return {
            **proxies,
            "PAX8_BASE_URL": f"{origin}/v1",
            "PAX8_TOKEN_URL": f"{origin}/v1/token",
            "PAX8_AUDIENCE": "https://api.pax8.com",
            "PAX8_CLIENT_ID": "real-client",
            "PAX8_CLIENT_SECRET": "real-pax8-secret",
            "HALOPSA_RESOURCE_SERVER": f"{origin}/api",
            "HALOPSA_AUTHORISATION_SERVER": f"{origin}/auth",
            "HALOPSA_TENANT": "real-tenant",
            "HALOPSA_CLIENT_ID": "real-client",
            "HALOPSA_CLIENT_SECRET": "real-halopsa-secret",
            "BILLING_CONFIG": "/nowhere/config",
            "BILLING_WAREHOUSE": "/nowhere/billing.duckdb",
            "BILLING_NOW": "2031-01-01T00:00:00Z",
            "DAGSTER_HOME": "/nowhere/dagster",
        }


@contextmanager
def set_trap() -> Iterator[Trap]:
    """A trap for the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        trap = Trap(listener.getsockname()[1])
        Thread(target=_wait_for_visits, args=(listener, trap), daemon=True).start()
        yield trap


def _wait_for_visits(listener: socket.socket, trap: Trap) -> None:
    while True:
        try:
            visitor, _ = listener.accept()
        except OSError:  # the trap was taken away
            return
        with visitor:
            visitor.settimeout(5)
            trap.visits.append(visitor.recv(200))
