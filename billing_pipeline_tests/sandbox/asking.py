"""What a test asks of a running sandbox: tokens, orders for trouble, changes."""

from typing import Any

import httpx

from billing_pipeline.sandbox.server import Sandbox

# One client for all: a new one reads every certificate of the machine, which takes longer than a request.
HTTP = httpx.Client(verify=False, timeout=10)


def token_request(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    """The body of a good token request."""
    environment = sandbox.environment
    return {
        "client_id": environment["PAX8_CLIENT_ID"],
        "client_secret": environment["PAX8_CLIENT_SECRET"],
        "audience": environment["PAX8_AUDIENCE"],
        "grant_type": "client_credentials",
        **changes,
    }


def fetch_token(sandbox: Sandbox) -> str:
    """A fresh Pax8 token."""
    answer = HTTP.post(sandbox.environment["PAX8_TOKEN_URL"], json=token_request(sandbox))
    token: str = answer.raise_for_status().json()["access_token"]
    return token


def put(origin: str, name: str, body: Any) -> Any:
    """Order something of the sandbox at `origin`."""
    return HTTP.put(f"{origin}/_sandbox/{name}", json=body).raise_for_status().json()


def order_fault(origin: str, **order: Any) -> None:
    """Order a fault of the sandbox at `origin`."""
    answer = HTTP.post(f"{origin}/_sandbox/faults", json=order)
    assert answer.status_code == 201, answer.text
