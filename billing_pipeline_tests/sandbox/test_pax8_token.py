"""The token endpoint of the sandbox's Pax8, and what a token is good for."""

import httpx
import pytest

from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.sandbox.asking import HTTP, fetch_token, put, token_request


def post_token(sandbox: Sandbox, **changes: object) -> httpx.Response:
    return HTTP.post(sandbox.environment["PAX8_TOKEN_URL"], json=token_request(sandbox, **changes))


def test_good_credentials_as_json_give_a_bearer_token_for_a_day(sandbox: Sandbox) -> None:
    answer = post_token(sandbox)
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "expires_in", "token_type"}
    assert answer.json()["expires_in"] == 86400
    assert answer.json()["token_type"] == "Bearer"


def test_a_form_body_is_refused(sandbox: Sandbox) -> None:
    answer = HTTP.post(sandbox.environment["PAX8_TOKEN_URL"], data=token_request(sandbox))
    assert answer.status_code == 415
    assert answer.json()["instance"] == "/v1/token"


@pytest.mark.parametrize(
    "changes", [{"client_id": "other"}, {"client_secret": "other"}, {"audience": "api://other"}], ids=str
)
def test_bad_credentials_are_refused_outside_the_error_envelope(sandbox: Sandbox, changes: dict[str, str]) -> None:
    answer = post_token(sandbox, **changes)
    assert answer.status_code == 401
    assert answer.json() == {"error": "access_denied", "error_description": "Unauthorized"}


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"client_id": 1}', b""])
def test_a_body_that_is_no_token_request_is_a_bad_request(sandbox: Sandbox, body: bytes) -> None:
    url, headers = sandbox.environment["PAX8_TOKEN_URL"], {"Content-Type": "application/json"}
    assert HTTP.post(url, content=body, headers=headers).status_code == 400


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic eDp5"])
def test_without_a_good_token_every_route_answers_401_in_the_envelope(sandbox: Sandbox, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    for path in ("/v1/invoices", "/v1/companies/x", "/v1/invoices/draftItems"):
        answer = HTTP.get(sandbox.pax8_url + path, headers=headers)
        assert answer.status_code == 401
        assert answer.json().keys() == {"type", "message", "instance", "status", "details"}
        assert (answer.json()["instance"], answer.json()["status"]) == (path, 401)


def test_several_tokens_are_good_at_once(sandbox: Sandbox) -> None:
    for token in (fetch_token(sandbox), fetch_token(sandbox)):
        headers = {"Authorization": f"Bearer {token}"}
        assert HTTP.get(f"{sandbox.pax8_url}/v1/invoices", headers=headers).status_code == 200


def test_a_token_that_lives_no_second_is_refused_at_once(sandbox: Sandbox) -> None:
    put(sandbox.pax8_url, "switches", {"token_seconds": 0})
    assert post_token(sandbox).json()["expires_in"] == 0
    headers = {"Authorization": f"Bearer {fetch_token(sandbox)}"}
    assert HTTP.get(f"{sandbox.pax8_url}/v1/invoices", headers=headers).status_code == 401


def test_a_token_can_expire_in_the_middle_of_paging(sandbox: Sandbox, pax8: httpx.Client) -> None:
    put(sandbox.pax8_url, "switches", {"token_requests": 2})
    answers = [pax8.get("/v1/companies", params={"size": 1, "page": page}).status_code for page in range(3)]
    assert answers == [200, 200, 401]
    pax8.headers["Authorization"] = f"Bearer {fetch_token(sandbox)}"
    assert pax8.get("/v1/companies").status_code == 200


def test_all_tokens_can_be_made_worthless(sandbox: Sandbox, pax8: httpx.Client) -> None:
    HTTP.delete(f"{sandbox.pax8_url}/_sandbox/tokens")
    assert pax8.get("/v1/invoices").status_code == 401
