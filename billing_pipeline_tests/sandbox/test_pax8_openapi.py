"""The sandbox's Pax8 against the OpenAPI description of it, with requests that schemathesis makes up."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from starlette.routing import Route

from billing_pipeline.sandbox import pax8_app
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.sandbox.asking import HTTP, fetch_token, token_request
from billing_pipeline_tests.sandbox.small_world import ACME, NOVEMBER, OCTOBER, PREMIUM

DESCRIPTION = Path(pax8_app.__file__).with_name("pax8-openapi.yaml")
SUBSCRIPTION = "33333333-3333-4333-8333-000000000001"
schema = schemathesis.openapi.from_path(DESCRIPTION)
# Pax8 ignores parameters that it does not know; the token is the test's own.
schema.config.generation.update(allow_extra_parameters=False, with_security_parameters=False)


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {fetch_token(sandbox)}"
        yield session


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_made_up_request_is_answered_as_described(
    case: schemathesis.Case, sandbox: Sandbox, session: requests.Session
) -> None:
    case.call_and_validate(base_url=f"{sandbox.pax8_url}/v1", session=session, timeout=10)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/companies", {}),
        ("/companies", {"page": 9}),
        (f"/companies/{ACME}", {}),
        ("/products", {"size": 200}),
        (f"/products/{PREMIUM}", {}),
        (f"/products/{PREMIUM}/pricing", {}),
        ("/subscriptions", {"companyId": ACME}),
        ("/subscriptions", {"companyId": "unknown"}),
        (f"/subscriptions/{SUBSCRIPTION}", {}),
        (f"/subscriptions/{SUBSCRIPTION}/history", {}),
        ("/invoices", {"sort": "invoiceDate,desc"}),
        ("/invoices", {"companyId": "unknown"}),
        ("/invoices/draftItems", {}),
        ("/invoices/draftItems", {"monthOffset": 0}),
        ("/invoices/draftItems", {"monthOffset": 2}),
        (f"/invoices/{OCTOBER}", {}),
        (f"/invoices/{NOVEMBER}", {}),
        (f"/invoices/{OCTOBER}/items", {"size": 1, "page": 1}),
    ],
    ids=str,
)
def test_what_the_small_world_holds_is_answered_as_described(
    sandbox: Sandbox, pax8: httpx.Client, path: str, query: dict[str, str]
) -> None:
    check(pax8.get(f"/v1{path}", params=query))


def test_a_token_and_its_refusals_are_answered_as_described(sandbox: Sandbox) -> None:
    url = sandbox.environment["PAX8_TOKEN_URL"]
    check(HTTP.post(url, json=token_request(sandbox)))
    check(HTTP.post(url, json=token_request(sandbox, client_secret="other")))
    check(HTTP.post(url, data=token_request(sandbox)))


def test_the_description_names_exactly_the_routes_that_are_served(sandbox: Sandbox) -> None:
    described = {
        f"{method.upper()} /v1{path}"
        for path, methods in yaml.safe_load(DESCRIPTION.read_text())["paths"].items()
        for method in methods
    }
    served = {
        f"{method} {route.path}"
        for route in pax8_app.pax8_routes(sandbox.pax8)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {plain(route) for route in described} == {plain(route) for route in served}


def check(answer: httpx.Response) -> None:
    """Hold an answer against the description of its operation."""
    template = find_template(answer.request.url.path.removeprefix("/v1"))
    schema[template][answer.request.method].validate_response(answer)


def find_template(path: str) -> str:
    for template in yaml.safe_load(DESCRIPTION.read_text())["paths"]:
        if Route(template, endpoint=check).path_regex.match(path):
            return str(template)
    raise AssertionError(f"{path} is not described")


def plain(route: str) -> str:
    return "/".join("{id}" if part.startswith("{") else part for part in route.split("/"))
