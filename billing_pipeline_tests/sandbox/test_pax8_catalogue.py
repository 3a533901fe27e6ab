"""Companies, products and subscriptions of the sandbox's Pax8."""

import httpx
import pytest

from billing_pipeline.sandbox.exact_json import read_json
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.sandbox.small_world import ACME, BIRCH, PREMIUM, make_pax8

ACME_PREMIUM = "33333333-3333-4333-8333-000000000001"
BIRCH_PREMIUM = "33333333-3333-4333-8333-000000000002"
MISSING = "99999999-9999-4999-8999-999999999999"


def listed_ids(pax8: httpx.Client, path: str, query: dict[str, str]) -> list[str]:
    content = pax8.get(path, params=query).raise_for_status().json().get("content", [])
    return [row["id"][-1] for row in content]


@pytest.mark.parametrize("path", ["companies", "products", "subscriptions"])
def test_a_detail_is_a_bare_object_and_an_unknown_id_a_404(pax8: httpx.Client, path: str) -> None:
    expected = make_pax8()[path][0]
    assert read_json(pax8.get(f"/v1/{path}/{expected['id']}").content) == expected
    answer = pax8.get(f"/v1/{path}/{MISSING}")
    assert answer.status_code == 404
    assert answer.json()["instance"] == f"/v1/{path}/{MISSING}"


def test_companies_come_as_the_world_holds_them(pax8: httpx.Client) -> None:
    assert read_json(pax8.get("/v1/companies").content)["content"] == make_pax8()["companies"]
    assert pax8.get(f"/v1/companies/{ACME}").json()["updatedDate"].endswith("-0600")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "Active"}, ["1"]),
        ({"city": "Denver"}, ["1"]),
        ({"postalCode": "80111", "country": "US"}, ["1"]),
        ({"stateOrProvince": "Colorado"}, []),
        ({"selfServiceAllowed": "true"}, ["2"]),
        ({"sort": "name,desc"}, ["2", "1"]),
        ({"sort": "city"}, ["2", "1"]),
    ],
    ids=str,
)
def test_companies_are_filtered_and_sorted(pax8: httpx.Client, query: dict[str, str], expected: list[str]) -> None:
    assert listed_ids(pax8, "/v1/companies", query) == expected


def test_a_flag_that_is_neither_true_nor_false_is_refused(pax8: httpx.Client) -> None:
    assert pax8.get("/v1/companies", params={"selfServiceAllowed": "yes"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"vendorName": "Acronis"}, ["2"]),
        ({"search": "mst-nce"}, ["1"]),
        ({"search": "nothing"}, []),
        ({"sort": "vendor,desc"}, ["1", "2"]),
    ],
    ids=str,
)
def test_products_are_filtered_and_sorted(pax8: httpx.Client, query: dict[str, str], expected: list[str]) -> None:
    assert listed_ids(pax8, "/v1/products", query) == expected


def test_the_long_description_is_only_in_the_detail_of_a_product(pax8: httpx.Client) -> None:
    assert "description" not in pax8.get("/v1/products").json()["content"][0]
    assert "description" in pax8.get(f"/v1/products/{PREMIUM}").json()


def test_pricing_is_content_without_a_page_and_left_out_when_there_is_none(pax8: httpx.Client) -> None:
    answer = pax8.get(f"/v1/products/{PREMIUM}/pricing")
    assert read_json(answer.content) == {"content": make_pax8()["pricing"][PREMIUM]}
    assert pax8.get("/v1/products/22222222-2222-4222-8222-000000000002/pricing").json() == {}
    assert pax8.get(f"/v1/products/{MISSING}/pricing").status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"companyId": BIRCH}, ["2"]),
        ({"productId": PREMIUM}, ["1", "2"]),
        ({"productId": MISSING}, []),
        ({"status": "Active"}, ["1"]),
        ({"billingTerm": "Annual"}, ["2"]),
        ({"companyId": ACME, "status": "Cancelled"}, []),
        ({"sort": "price,asc"}, ["2", "1"]),
        ({"sort": "startDate,desc"}, ["1", "2"]),
    ],
    ids=str,
)
def test_subscriptions_are_filtered_and_sorted(pax8: httpx.Client, query: dict[str, str], expected: list[str]) -> None:
    assert listed_ids(pax8, "/v1/subscriptions", query) == expected


def test_subscriptions_of_an_unknown_company_are_a_403(pax8: httpx.Client) -> None:
    assert pax8.get("/v1/subscriptions", params={"companyId": MISSING}).status_code == 403


def test_a_history_is_content_without_a_page(sandbox: Sandbox, pax8: httpx.Client) -> None:
    content = sandbox.pax8.dump()
    changes = [{"id": ACME_PREMIUM, "quantity": 10}, {"id": ACME_PREMIUM, "quantity": 8}]
    content["histories"] = {ACME_PREMIUM: changes}
    sandbox.pax8.load(content)
    assert pax8.get(f"/v1/subscriptions/{ACME_PREMIUM}/history").json() == {"content": changes}
    assert pax8.get(f"/v1/subscriptions/{BIRCH_PREMIUM}/history").json()["content"][0]["quantity"] == 3
    assert pax8.get(f"/v1/subscriptions/{MISSING}/history").status_code == 404


def test_a_route_that_does_not_exist_is_a_404_in_the_envelope(pax8: httpx.Client) -> None:
    answer = pax8.get("/v1/orders")
    assert answer.status_code == 404
    assert answer.json()["instance"] == "/v1/orders"
    assert pax8.get("/v1/companies/").status_code == 404
