"""A scripted service, the real clients before it, and the sandbox with a small world."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billing_pipeline.resources.failures import ServiceFacts
from billing_pipeline.resources.halopsa import FACTS as HALOPSA_FACTS
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.http import HttpService
from billing_pipeline.resources.limits import HttpLimits
from billing_pipeline.resources.oauth import TokenRequest
from billing_pipeline.resources.pax8 import FACTS as PAX8_FACTS
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.retries import RetryPolicy
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.resources.scripted_service import Reply, ScriptedService
from billing_pipeline_tests.sandbox_clients import connect_halopsa, connect_pax8

SECRET = "s3cret/with+odd&signs"
TOKEN = {"access_token": "token-1", "expires_in": 3600, "token_type": "Bearer"}
QUICK = RetryPolicy(attempts=4, backoff=0.001, longest_wait=0.05, total_wait=0.2)

OpenService = Callable[..., HttpService]


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    """A scripted service that gives out the token `token-1`."""
    with ScriptedService() as scripted:
        scripted.reply("POST /token", Reply(body=TOKEN))
        yield scripted


@pytest.fixture
def open_service(service: ScriptedService) -> Iterator[OpenService]:
    """Makes an HttpService before the scripted service; closed after the test."""
    opened = []

    def build(facts: ServiceFacts = PAX8_FACTS, timeout_seconds: float = 5, **changes: Any) -> HttpService:
        http = HttpService(
            facts=facts,
            base_url=changes.get("base_url", f"{service.url}/v1"),
            token=TokenRequest(
                url=changes.get("token_url", f"{service.url}/token"),
                body="form" if facts is HALOPSA_FACTS else "json",
                fields={"client_id": "the-client", "client_secret": SECRET},
                query={"tenant": "example"} if facts is HALOPSA_FACTS else {},
                credential_variables=", ".join(facts.credential_variables),
            ),
            limits=changes.get("limits", HttpLimits("test", None, 60)),
            timeout_seconds=timeout_seconds,
            policy=changes.get("policy", QUICK),
        )
        opened.append(http)
        return http

    yield build
    for http in opened:
        http.close()


def pax8_client(sandbox: Sandbox, **changes: Any) -> Pax8Client:
    """A Pax8 client before the sandbox, without limit and with short waits."""
    return connect_pax8(sandbox.environment, **{"timeout_seconds": 5, "policy": QUICK, **changes})


def halo_client(sandbox: Sandbox, **changes: Any) -> HaloClient:
    """A HaloPSA client before the sandbox, without limit and with short waits."""
    return connect_halopsa(sandbox.environment, **{"timeout_seconds": 5, "policy": QUICK, **changes})
