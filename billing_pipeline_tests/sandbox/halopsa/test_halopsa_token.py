"""Tokens and rights of the local HaloPSA."""

import httpx
import pytest

from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.sandbox.halopsa.tenant import HaloTalk, make_tenant, token_form


def ask(sandbox: Sandbox, tenant: str = "?tenant=example", **changes: str) -> httpx.Response:
    return httpx.post(f"{sandbox.halopsa_url}/auth/token{tenant}", data=token_form(**changes), timeout=10)


def test_a_form_encoded_request_is_given_a_token_of_an_hour(sandbox: Sandbox) -> None:
    answer = ask(sandbox)
    assert answer.status_code == 200
    token = answer.json()
    assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 3600, "all")
    assert token["access_token"]


def test_a_json_body_is_refused(sandbox: Sandbox) -> None:
    url = f"{sandbox.halopsa_url}/auth/token?tenant=example"
    answer = httpx.post(url, json=token_form(), timeout=10)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


@pytest.mark.parametrize("wrong", [{"client_id": "other"}, {"client_secret": "other"}])
def test_bad_credentials_are_invalid_client(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    answer = ask(sandbox, **wrong)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_a_wrong_tenant_is_a_server_error_and_none_at_all_is_fine(sandbox: Sandbox) -> None:
    assert ask(sandbox, tenant="?tenant=other").status_code == 500
    assert ask(sandbox, tenant="").status_code == 200


def test_another_grant_type_is_refused(sandbox: Sandbox) -> None:
    answer = ask(sandbox, grant_type="password")
    assert (answer.status_code, answer.json()) == (400, {"error": "unsupported_grant_type"})


def test_without_a_good_token_nothing_is_answered(sandbox: Sandbox, halo: HaloTalk) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        answer = httpx.get(f"{sandbox.halopsa_url}/api/Client", headers=headers, timeout=10)
        assert answer.status_code == 401
        assert "denied" in answer.json()["Message"]


@pytest.mark.parametrize("tenant", [make_tenant() | {"permissions": ["read:items", "read:invoices", "edit:invoices"]}])
def test_scope_tells_what_was_granted_and_rights_that_are_missing_are_401(sandbox: Sandbox) -> None:
    token = ask(sandbox).json()
    assert token["scope"] == "read:items read:invoices edit:invoices"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    with httpx.Client(base_url=sandbox.halopsa_url, headers=headers, timeout=10) as client:
        assert client.get("/api/Item").status_code == 200
        assert client.post("/api/Item", json=[{"name": "New"}]).status_code == 401
        assert client.get("/api/Client").status_code == 401
        assert client.get("/api/Tax").status_code == 200
        assert client.post("/api/Invoice", json=[{"client_id": 246}]).status_code == 201


def test_a_narrower_scope_narrows_the_token(sandbox: Sandbox) -> None:
    token = ask(sandbox, scope="read:customers").json()
    assert token["scope"] == "read:customers"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert httpx.get(f"{sandbox.halopsa_url}/api/Client", headers=headers, timeout=10).status_code == 200
    assert httpx.get(f"{sandbox.halopsa_url}/api/Item", headers=headers, timeout=10).status_code == 401


@pytest.mark.parametrize("status", [401, 403])
def test_a_switch_takes_a_permission_away_in_mid_run(halo: HaloTalk, status: int) -> None:
    halo.switch(permission_denied=["GET /api/Item", "POST /api/Invoice"], permission_status=status)
    refused = halo.client.get("/api/Item")
    assert refused.status_code == status
    assert "permission" in refused.text
    assert halo.client.get("/api/Item/900").status_code == 200
    halo.switch(permission_denied=[])
    assert halo.client.get("/api/Item").status_code == 200


def test_a_token_ends_after_its_requests(sandbox: Sandbox, halo: HaloTalk) -> None:
    halo.switch(token_requests=2, token_seconds=120)
    token = ask(sandbox).json()
    assert token["expires_in"] == 120
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    statuses = [halo.client.get("/api/Tax", headers=headers).status_code for _ in range(3)]
    assert statuses == [200, 200, 401]


def test_a_token_ends_with_its_time_or_when_a_test_says_so(sandbox: Sandbox, halo: HaloTalk) -> None:
    halo.switch(token_seconds=0)
    late = {"Authorization": f"Bearer {ask(sandbox).json()['access_token']}"}
    assert halo.client.get("/api/Tax", headers=late).status_code == 401
    assert halo.client.get("/api/Tax").status_code == 200
    assert halo.client.delete("/_sandbox/tokens").json() == {"expired": 2}
    assert halo.client.get("/api/Tax").status_code == 401
