"""Tokens: how they are asked for, kept, renewed, and what their refusal says."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from billing_pipeline.billing.errors import CredentialsRefused, ServiceError, ServiceUnreachable, UnreadableAnswer
from billing_pipeline.resources.failures import FailureSorter, Redactor
from billing_pipeline.resources.halopsa import FACTS as HALOPSA_FACTS
from billing_pipeline.resources.oauth import ClientCredentials, TokenRequest, token_of
from billing_pipeline.resources.pax8 import FACTS as PAX8_FACTS
from billing_pipeline_tests.resources.conftest import QUICK, SECRET, TOKEN, OpenService
from billing_pipeline_tests.resources.scripted_service import Asked, Reply, ScriptedService

THING = "GET /v1/things"


def good_for(*tokens: str) -> Any:
    """A script that answers only those who bear one of `tokens`."""

    def script(asked: Asked) -> Reply:
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return Reply(body=[]) if bearer in tokens else Reply(401, "expired")

    return script


def test_pax8_gets_a_json_body(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, Reply(body=[]))
    open_service().get("/things")
    [asked] = service.calls("POST /token")
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(asked.body) == {
        "grant_type": "client_credentials",
        "client_id": "the-client",
        "client_secret": SECRET,
    }
    assert "authorization" not in asked.headers


def test_halopsa_gets_a_form_and_its_tenant_in_the_query(service: ScriptedService, open_service: OpenService) -> None:
    service.reply("GET /v1/Client", Reply(body=[]))
    open_service(HALOPSA_FACTS).get("/Client")
    [asked] = service.calls("POST /token")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.query == {"tenant": ["example"]}
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["the-client"],
        "client_secret": [SECRET],
    }


def test_a_token_serves_many_requests(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, good_for("token-1"))
    http = open_service()
    for _ in range(5):
        http.get("/things")
    assert len(service.calls("POST /token")) == 1


def test_threads_that_start_together_fetch_one_token(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, good_for("token-1"))
    http = open_service()
    together = Barrier(8)

    def read(_: int) -> Any:
        together.wait()
        return http.get("/things").data

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [[]] * 8
    assert len(service.calls("POST /token")) == 1


def test_threads_whose_token_is_refused_fetch_one_new_token(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply(THING, good_for("token-1"))
    http = open_service()
    http.get("/things")
    service.reply(THING, good_for("token-2"))
    service.reply("POST /token", Reply(body={**TOKEN, "access_token": "token-2"}))
    together = Barrier(8)

    def read(_: int) -> Any:
        together.wait()
        return http.get("/things").data

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [[]] * 8
    assert len(service.calls("POST /token")) == 2


def test_a_refused_token_is_fetched_anew_once_and_the_request_repeated_once(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply(THING, good_for("token-2"))
    service.reply("POST /token", Reply(body=TOKEN), Reply(body={**TOKEN, "access_token": "token-2"}))
    assert open_service().get("/things").data == []
    assert len(service.calls(THING)) == 2
    assert len(service.calls("POST /token")) == 2


@pytest.mark.parametrize(
    ("expires_in", "still_used", "renewed"),
    [(3600, 3539, 3541), ("100", 89, 91), (10, 8, 9.5), (None, 269, 271), (-5, 269, 271), (0, None, 0.1)],
)
def test_a_token_is_renewed_early(
    service: ScriptedService, expires_in: object, still_used: float | None, renewed: float
) -> None:
    now = 1000.0
    redactor = Redactor()
    auth = ClientCredentials(
        TokenRequest(f"{service.url}/token", "json", {}, {}, "PAX8_CLIENT_ID"),
        FailureSorter(PAX8_FACTS, redactor),
        redactor,
        QUICK,
        clock=lambda: now,
    )
    answer = {key: value for key, value in {**TOKEN, "expires_in": expires_in}.items() if value is not None}
    service.reply("POST /token", Reply(body=answer))
    service.reply(THING, Reply(body=[]))
    with httpx.Client(auth=auth) as http:
        http.get(f"{service.url}/v1/things")
        if still_used is not None:
            now = 1000.0 + still_used
            http.get(f"{service.url}/v1/things")
            assert len(service.calls("POST /token")) == 1
        now = 1000.0 + renewed
        http.get(f"{service.url}/v1/things")
        assert len(service.calls("POST /token")) == 2


def test_refused_credentials_name_the_variables(service: ScriptedService, open_service: OpenService) -> None:
    service.reply("POST /token", Reply(401, {"error": "access_denied", "error_description": "Unauthorized"}))
    with pytest.raises(
        CredentialsRefused,
        match=r"Check PAX8_CLIENT_ID, PAX8_CLIENT_SECRET, PAX8_AUDIENCE, PAX8_TOKEN_URL.*access_denied",
    ):
        open_service().get("/things")
    assert len(service.calls("POST /token")) == 1
    assert not service.calls(THING)


def test_a_wrong_tenant_of_halopsa_which_is_a_500_names_the_tenant(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply("POST /token", Reply(500, "An error has occurred."))
    began = time.monotonic()
    with pytest.raises(CredentialsRefused, match="check HALOPSA_TENANT"):
        open_service(HALOPSA_FACTS).get("/Client")
    assert len(service.calls("POST /token")) == 3
    assert time.monotonic() - began < 2


def test_a_token_service_in_trouble_is_tried_again(service: ScriptedService, open_service: OpenService) -> None:
    service.reply("POST /token", Reply(503), Reply(drop=True), Reply(body=TOKEN))
    service.reply(THING, good_for("token-1"))
    assert open_service().get("/things").data == []


def test_a_token_service_that_stays_in_trouble_is_unreachable(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply("POST /token", Reply(503, "down"))
    with pytest.raises(ServiceUnreachable, match="503"):
        open_service().get("/things")


@pytest.mark.parametrize("status", [302, 404, 405])
def test_a_wrong_token_address_names_its_variable(
    service: ScriptedService, open_service: OpenService, status: int
) -> None:
    service.reply("POST /token", Reply(status, "", {"Location": "https://elsewhere.example"}))
    with pytest.raises(CredentialsRefused, match="Check HALOPSA_AUTHORISATION_SERVER"):
        open_service(HALOPSA_FACTS).get("/Client")


@pytest.mark.parametrize(
    "body",
    [
        "<html>Sign in</html>",
        [],
        {"token": "x"},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "a\r\nb"},
        {"access_token": "a b"},
        {"access_token": "å"},
    ],
)
def test_an_answer_without_a_usable_token_is_unreadable(
    service: ScriptedService, open_service: OpenService, body: object
) -> None:
    service.reply("POST /token", Reply(body=body))
    with pytest.raises(UnreadableAnswer, match=r"without a usable access_token. Check PAX8_CLIENT_ID"):
        open_service().get("/things")


def test_a_failure_of_one_thread_leaves_the_next_one_free_to_try(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply("POST /token", Reply(401, "no"), Reply(body=TOKEN))
    service.reply(THING, good_for("token-1"))
    http = open_service()
    with pytest.raises(CredentialsRefused):
        http.get("/things")
    assert http.get("/things").data == []


def test_clients_of_one_account_share_its_token(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, good_for("token-1"))
    one, another = open_service(), open_service()
    together = Barrier(8)

    def read(place: int) -> Any:
        together.wait()
        return (one if place % 2 else another).get("/things").data

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [[]] * 8
    one.close()
    assert open_service().get("/things").data == []
    assert len(service.calls("POST /token")) == 1


def test_a_token_that_one_client_was_refused_is_renewed_for_all(
    service: ScriptedService, open_service: OpenService
) -> None:
    service.reply(THING, good_for("token-1"))
    one, another = open_service(), open_service()
    one.get("/things")
    another.get("/things")
    service.reply(THING, good_for("token-2"))
    service.reply("POST /token", Reply(body={**TOKEN, "access_token": "token-2"}))
    one.get("/things")
    before = len(service.calls(THING))
    another.get("/things")
    assert len(service.calls(THING)) == before + 1
    assert len(service.calls("POST /token")) == 2


def test_another_secret_is_another_account(service: ScriptedService) -> None:
    asked = {"url": f"{service.url}/token", "body": "json", "query": {}, "credential_variables": "X"}
    one = TokenRequest(fields={"client_id": "a", "client_secret": SECRET}, **asked)
    same = TokenRequest(fields={"client_secret": SECRET, "client_id": "a"}, **asked)
    other = TokenRequest(fields={"client_id": "a", "client_secret": "another"}, **asked)
    assert token_of(one) is token_of(same)
    assert token_of(one) is not token_of(other)
    assert SECRET not in one.fingerprint()


def test_no_text_shows_a_token_that_another_client_fetched(service: ScriptedService, open_service: OpenService) -> None:
    service.reply(THING, Reply(body=[]), Reply(400, "what is token-1?"))
    open_service().get("/things")
    with pytest.raises(ServiceError, match=r"what is \*\*\*\?"):
        open_service().get("/things")
