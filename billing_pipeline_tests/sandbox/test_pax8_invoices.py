"""Invoices of the sandbox's Pax8: filters, details, items, release, and what Pax8 may do to them."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from billing_pipeline.sandbox.exact_json import read_json, write_json
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.sandbox.asking import HTTP, put
from billing_pipeline_tests.sandbox.small_world import ACME, BIRCH, NOVEMBER, OCTOBER, make_invoice, make_item

MISSING = "44444444-4444-4444-8444-000000000000"


def invoice_ids(pax8: httpx.Client, **query: str) -> list[str]:
    content = pax8.get("/v1/invoices", params=query).raise_for_status().json().get("content", [])
    return [invoice["id"] for invoice in content]


def control(sandbox: Sandbox, method: str, path: str, body: Any = None) -> httpx.Response:
    return HTTP.request(method, f"{sandbox.pax8_url}/_sandbox/{path}", content=write_json(body))


def test_an_invoice_comes_bare_with_its_status_and_without_a_number(pax8: httpx.Client) -> None:
    answer = pax8.get(f"/v1/invoices/{OCTOBER}")
    assert answer.status_code == 200
    assert read_json(answer.content) == make_invoice(OCTOBER, "2026-10-01")
    assert answer.json()["status"] == "Unpaid"
    assert "number" not in answer.json()


@pytest.mark.parametrize("path", [f"/v1/invoices/{MISSING}", f"/v1/invoices/{MISSING}/items", "/v1/invoices/x"])
def test_an_unknown_invoice_is_a_404_in_the_envelope(pax8: httpx.Client, path: str) -> None:
    answer = pax8.get(path)
    assert answer.status_code == 404
    assert answer.json()["status"] == 404
    assert answer.json()["instance"] == path
    assert isinstance(answer.json()["details"], list)


def test_an_invoice_does_not_exist_before_its_release(sandbox: Sandbox, pax8: httpx.Client) -> None:
    assert invoice_ids(pax8) == [OCTOBER]
    assert pax8.get("/v1/invoices", params={"invoiceDateRangeStart": "2026-11-01"}).json()["page"] == {
        "size": 10,
        "totalElements": 0,
        "totalPages": 0,
        "number": 0,
    }
    assert pax8.get(f"/v1/invoices/{NOVEMBER}").status_code == 404
    assert pax8.get(f"/v1/invoices/{NOVEMBER}/items").status_code == 404
    put(sandbox.pax8_url, "clock", {"now": "2026-11-04T14:59:59Z"})
    assert pax8.get(f"/v1/invoices/{NOVEMBER}").status_code == 404
    put(sandbox.pax8_url, "clock", {"now": "2026-11-04T15:00:00Z"})
    assert invoice_ids(pax8) == [OCTOBER, NOVEMBER]
    assert pax8.get(f"/v1/invoices/{NOVEMBER}").status_code == 200


def test_a_release_can_be_delayed_and_brought_forward(sandbox: Sandbox, pax8: httpx.Client) -> None:
    put(sandbox.pax8_url, "release", {"invoice_id": NOVEMBER, "release_at": None})
    assert invoice_ids(pax8) == [OCTOBER, NOVEMBER]
    put(sandbox.pax8_url, "release", {"invoice_id": OCTOBER, "release_at": "2026-10-21T00:00:00Z"})
    assert invoice_ids(pax8) == [NOVEMBER]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "Unpaid"}, [OCTOBER]),
        ({"status": "Void"}, []),
        ({"invoiceDate": "2026-11-01"}, [NOVEMBER]),
        ({"invoiceDate": "2026-10"}, None),
        ({"dueDate": "2026-10-15"}, [OCTOBER]),
        ({"invoiceDateRangeStart": "2026-10-01", "invoiceDateRangeEnd": "2026-11-01"}, [OCTOBER, NOVEMBER]),
        ({"invoiceDateRangeStart": "2026-10-02"}, [NOVEMBER]),
        ({"invoiceDateRangeEnd": "2026-10-31"}, [OCTOBER]),
        ({"invoiceDateRangeEnd": "2026-02-30"}, None),
        ({"total": "176"}, [OCTOBER, NOVEMBER]),
        ({"total": "176.01"}, []),
        ({"balance": "x"}, None),
        ({"companyId": ACME}, []),
        ({"month": "2026-11"}, [OCTOBER, NOVEMBER]),
    ],
    ids=str,
)
def test_invoices_are_filtered_and_a_filter_of_the_wrong_form_is_refused(
    sandbox: Sandbox, pax8: httpx.Client, query: dict[str, str], expected: list[str] | None
) -> None:
    put(sandbox.pax8_url, "clock", {"now": "2026-12-01T00:00:00Z"})
    if expected is None:
        assert pax8.get("/v1/invoices", params=query).status_code == 400
    else:
        assert invoice_ids(pax8, **query) == expected


def test_invoices_of_an_unknown_company_are_a_404(pax8: httpx.Client) -> None:
    assert pax8.get("/v1/invoices", params={"companyId": MISSING}).status_code == 404


def test_items_keep_every_digit_every_null_and_every_unknown_field(sandbox: Sandbox, pax8: httpx.Client) -> None:
    content = sandbox.pax8.dump()
    items = [
        make_item(1, total=Decimal("220.00"), price=Decimal("0.000000000012345678901234")),
        make_item(1, id=None, companyId=None, type="surprise", invented={"deep": [Decimal("1.10")]}),
        {"total": 0},
        {"total": 0},
    ]
    content["invoices"][0]["items"] = items
    sandbox.pax8.load(content)
    answer = pax8.get(f"/v1/invoices/{OCTOBER}/items")
    assert '"total": 220.00' in answer.text
    assert '"price": 1.2345678901234E-11' in answer.text
    assert read_json(answer.content)["content"] == items


def test_a_credited_invoice_stays_and_its_replacement_follows(sandbox: Sandbox, pax8: httpx.Client) -> None:
    assert control(sandbox, "PATCH", f"invoices/{OCTOBER}", {"status": "Credited"}).status_code == 200
    replacement = {"invoice": make_invoice(MISSING, "2026-10-01"), "items": [make_item(3)]}
    assert control(sandbox, "POST", "invoices", replacement).status_code == 201
    assert invoice_ids(pax8) == [OCTOBER, MISSING]
    assert pax8.get(f"/v1/invoices/{OCTOBER}").json()["status"] == "Credited"
    assert pax8.get(f"/v1/invoices/{MISSING}/items").json()["page"]["totalElements"] == 1


def test_items_can_be_changed_added_and_taken_away(sandbox: Sandbox, pax8: httpx.Client) -> None:
    items = f"invoices/{OCTOBER}/items"
    first = make_item(1)["id"]
    assert control(sandbox, "PATCH", f"{items}/{first}", {"total": Decimal("1.50")}).status_code == 200
    assert control(sandbox, "PATCH", f"{items}/1", {"id": None}).status_code == 200
    assert control(sandbox, "POST", items, make_item(5)).status_code == 201
    answer = pax8.get(f"/v1/{items}")
    assert '"total": 1.50' in answer.text
    assert [item["id"] for item in answer.json()["content"]] == [first, None, make_item(5)["id"]]
    assert control(sandbox, "DELETE", f"{items}/1").status_code == 200
    assert pax8.get(f"/v1/{items}").json()["page"]["totalElements"] == 2
    assert control(sandbox, "DELETE", f"invoices/{OCTOBER}").status_code == 200
    assert pax8.get(f"/v1/invoices/{OCTOBER}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "invoices/none", {"status": "Void"}),
        ("PATCH", f"invoices/{OCTOBER}", "Void"),
        ("PATCH", f"invoices/{OCTOBER}/items/none", {}),
        ("POST", "invoices", {"invoice": {"id": OCTOBER}}),
        ("POST", "invoices", {"items": []}),
        ("POST", f"invoices/{OCTOBER}/items", 1),
        ("PUT", "release", {"invoice_id": OCTOBER}),
        ("PUT", "release", {"invoice_id": OCTOBER, "release_at": "2026-10-04"}),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_with_the_reason(
    sandbox: Sandbox, method: str, path: str, body: Any
) -> None:
    before = sandbox.pax8.dump()
    answer = control(sandbox, method, path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert sandbox.pax8.dump() == before


def test_draft_items_are_those_of_the_next_month_unless_asked(pax8: httpx.Client) -> None:
    assert pax8.get("/v1/invoices/draftItems").json()["page"]["totalElements"] == 2
    assert pax8.get("/v1/invoices/draftItems", params={"monthOffset": "1"}).json()["page"]["totalElements"] == 2
    assert "content" not in pax8.get("/v1/invoices/draftItems", params={"monthOffset": "0"}).json()
    of_birch = pax8.get("/v1/invoices/draftItems", params={"companyId": BIRCH}).json()["content"]
    assert [item["companyId"] for item in of_birch] == [BIRCH]


def test_draft_items_further_away_are_a_422_and_of_an_unknown_company_a_404(pax8: httpx.Client) -> None:
    for offset in ("2", "-1", "x", ""):
        assert pax8.get("/v1/invoices/draftItems", params={"monthOffset": offset}).status_code == 422
    assert pax8.get("/v1/invoices/draftItems", params={"companyId": MISSING}).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_invoices_can_only_be_read(pax8: httpx.Client, method: str) -> None:
    for path in ("/v1/invoices", f"/v1/invoices/{OCTOBER}", f"/v1/invoices/{OCTOBER}/items"):
        answer = pax8.request(method, path)
        assert answer.status_code == 405
        assert answer.json()["status"] == 405
