"""Secrets appear in no log, no error text and no traceback, whatever goes wrong."""

import logging
import traceback
from urllib.parse import quote_plus

import pytest

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.resources.failures import Redactor, ServiceFacts
from billing_pipeline.resources.halopsa import FACTS as HALOPSA_FACTS
from billing_pipeline.resources.halopsa import HaloResource
from billing_pipeline.resources.pax8 import FACTS as PAX8_FACTS
from billing_pipeline.resources.pax8 import Pax8Resource
from billing_pipeline_tests.resources.conftest import SECRET, OpenService
from billing_pipeline_tests.resources.scripted_service import Asked, Reply, Script, ScriptedService


def echo(asked: Asked) -> Reply:
    """An error page that shows the whole request, as badly configured servers do."""
    return Reply(400, f"you sent {asked.body.decode()} with {asked.headers.get('authorization')}")


def echo_as_success(asked: Asked) -> Reply:
    return Reply(200, f"you sent {asked.body.decode()} with {asked.headers.get('authorization')}")


TROUBLES: list[tuple[str, list[Script]]] = [
    ("POST /token", [echo]),
    ("POST /token", [Reply(500, SECRET)]),
    ("POST /token", [Reply(drop=True)]),
    ("POST /token", [Reply(body={"access_token": SECRET + "\n"})]),
    ("GET /v1/things", [echo]),
    ("GET /v1/things", [echo_as_success]),
    ("GET /v1/things", [Reply(401, SECRET)]),
    ("GET /v1/things", [Reply(503, SECRET)]),
    ("GET /v1/things", [Reply(drop=True)]),
    ("GET /v1/things", [Reply(hold=True)]),
    ("POST /v1/things", [echo]),
    ("POST /v1/things", [echo_as_success]),
    ("POST /v1/things", [Reply(500, SECRET)]),
    ("POST /v1/things", [Reply(drop=True)]),
]


@pytest.mark.parametrize("facts", [PAX8_FACTS, HALOPSA_FACTS], ids=lambda facts: facts.name)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_secrets_are_never_shown(
    service: ScriptedService,
    open_service: OpenService,
    caplog: pytest.LogCaptureFixture,
    facts: ServiceFacts,
    trouble: tuple[str, list[Script]],
) -> None:
    caplog.set_level(logging.DEBUG)
    service.reply("POST /token", Reply(body={"access_token": "tok-hidden", "expires_in": 60}))
    service.reply("GET /v1/things", Reply(body=[]))
    service.reply(trouble[0], *trouble[1])
    http = open_service(facts, timeout_seconds=0.2)
    with pytest.raises(BillingPipelineError) as caught:
        http.post("/things", [{}]) if trouble[0] == "POST /v1/things" else http.get("/things")
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    shown += "".join(repr(part) for part in (http, http._auth, http._auth._request, http._auth._shared.token))
    assert "HTTP Request" in caplog.text or "send_request" in caplog.text
    for secret in (SECRET, quote_plus(SECRET), "tok-hidden"):
        assert secret not in shown


def test_the_repr_of_a_resource_hides_its_secret() -> None:
    for resource in (Pax8Resource(client_secret=SECRET), HaloResource(client_secret=SECRET)):
        assert SECRET not in repr(resource)
        assert SECRET not in str(resource)


def test_a_secret_is_found_in_every_spelling() -> None:
    redactor = Redactor('a"b/c d')
    assert redactor.clean('a"b/c d, a%22b%2Fc%20d, a%22b%2Fc+d, a\\"b/c d') == "***, ***, ***, ***"
    assert Redactor("").clean("text") == "text"
