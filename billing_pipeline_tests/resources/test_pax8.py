"""The Pax8 client before the sandbox."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from billing_pipeline.billing.errors import (
    CredentialsRefused,
    IncompleteInvoice,
    PermissionMissing,
    ServiceError,
    SettingsError,
    UnreadableAnswer,
)
from billing_pipeline.billing.exact_json import read_exact_json
from billing_pipeline.resources.pax8 import Pax8Client, Pax8Resource
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline.steps.look_back import InvoiceStatus, find_changed_statuses
from billing_pipeline_tests.resources.conftest import pax8_client

ITEMS = "/v1/invoices/{id}/items"


def item(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"item-{number:05d}", "total": Decimal("0.0044"), "quantity": 1, **changes}


def invoice(name: str, day: str | None, items: list[dict[str, Any]], release: str | None = None) -> dict[str, Any]:
    head = {
        "id": name,
        "invoiceDate": day,
        "status": "Unpaid",
        "total": Decimal("1.00"),
        "currencyCode": "USD",
    }
    return {"invoice": head, "items": items, "release_at": release}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Invoices of 0, 1, 199, 200, 201 and 1,000 items around October 2026; one is not out yet."""
    sizes = {"none": 0, "one": 1, "s199": 199, "s200": 200, "s201": 201, "s1000": 1000}
    invoices = [invoice(name, "2026-10-01", [item(n) for n in range(size)]) for name, size in sizes.items()]
    invoices += [
        invoice("sept", "2026-09-30", []),
        invoice("last", "2026-10-31", []),
        invoice("nov", "2026-11-01", []),
        invoice("later", "2026-10-05", [], release="2026-10-25T00:00:00Z"),
        invoice("no-ids", "2026-10-01", [item(1, id=None), item(1, id=None), item(2)]),
    ]
    pax8 = {
        "credentials": {"client_id": "pax8-client", "client_secret": "pax8-secret"},
        "companies": [{"id": f"company-{n:04d}", "name": f"Company {n}"} for n in reversed(range(450))],
        "products": [{"id": "product-1", "name": "Acronis"}],
        "subscriptions": [],
        "invoices": invoices,
    }
    halopsa: dict[str, Any] = {"tenant": "example", "credentials": {"client_id": "a", "client_secret": "b"}}
    with Sandbox(World(pax8=pax8, halopsa=halopsa)) as running:
        order(running, "PUT", "clock", {"now": "2026-10-20T12:00:00Z"})
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Pax8Client]:
    with pax8_client(sandbox) as opened:
        yield opened


def order(sandbox: Sandbox, method: str, name: str, body: Any) -> None:
    httpx.request(method, f"{sandbox.pax8_url}/_sandbox/{name}", json=body, timeout=10).raise_for_status()


def test_invoices_are_those_of_the_days_asked_for_both_included(client: Pax8Client) -> None:
    found = client.invoices(date(2026, 10, 1), date(2026, 10, 31))
    assert [row["id"] for row in found] == ["no-ids", "none", "one", "s1000", "s199", "s200", "s201", "last"]
    assert found[0]["total"] == Decimal("1.00")
    assert isinstance(found[0]["total"], Decimal)


def test_a_month_without_invoice_is_an_empty_list(client: Pax8Client) -> None:
    assert client.invoices(date(2026, 12, 1), date(2026, 12, 31)) == []


def test_an_invoice_without_a_date_is_named(sandbox: Sandbox, client: Pax8Client) -> None:
    order(
        sandbox,
        "POST",
        "faults",
        {
            "kind": "body",
            "route": "/v1/invoices",
            "body": {
                "content": [{"id": "odd", "invoiceDate": None}],
                "page": {"size": 200, "totalElements": 1, "totalPages": 1, "number": 0},
            },
        },
    )
    with pytest.raises(UnreadableAnswer, match="invoice odd has the invoiceDate None"):
        client.invoices(date(2026, 10, 1), date(2026, 10, 31))


def test_one_invoice_by_id(client: Pax8Client) -> None:
    assert client.invoice("one")["invoiceDate"] == "2026-10-01"
    with pytest.raises(ServiceError, match="404"):
        client.invoice("later")


def test_invoices_that_the_list_leaves_out_are_all_asked_for(client: Pax8Client) -> None:
    """Pax8 may list the last months alone: an older invoice that it credits is seen all the same."""
    names = ["sept", "none", "one", "s199", "s200", "s201", "s1000", "last", "nov", "no-ids", *map(str, range(12))]
    earlier = {name: InvoiceStatus(name, "2026-10", "Paid", True) for name in reversed(names)}

    changed = find_changed_statuses(client, earlier, [])

    assert {one.invoice_id: (one.status, one.listed) for one in changed} == {
        name: ("Unpaid", True) if number < 10 else ("Paid", False) for number, name in enumerate(names)
    }


@pytest.mark.parametrize(
    ("name", "size", "pages"),
    [("none", 0, 1), ("one", 1, 1), ("s199", 199, 1), ("s200", 200, 1), ("s201", 201, 2), ("s1000", 1000, 5)],
)
def test_items_come_whole_in_order_with_no_request_too_many(
    client: Pax8Client, name: str, size: int, pages: int
) -> None:
    items = client.invoice_items(name)
    assert [row["id"] for row in items.rows] == [f"item-{n:05d}" for n in range(size)]
    assert items.total_elements == size
    assert client.requests[f"GET /invoices/{name}/items"] == pages
    read_again = [row for page in items.pages for row in read_exact_json(page).get("content", [])]
    assert read_again == items.rows
    assert len(items.pages) == pages


def test_items_without_ids_are_read_twice(client: Pax8Client) -> None:
    items = client.invoice_items("no-ids")
    assert [row["id"] for row in items.rows] == [None, None, "item-00002"]
    assert client.requests["GET /invoices/no-ids/items"] == 2


def test_items_without_ids_that_differ_the_second_time_are_refused(sandbox: Sandbox, client: Pax8Client) -> None:
    page = {"size": 200, "totalElements": 1, "totalPages": 1, "number": 0}
    for total in (1, 2):
        body = {"content": [{"id": None, "total": total}], "page": page}
        order(sandbox, "POST", "faults", {"kind": "body", "route": ITEMS, "body": body, "count": 1})
    with pytest.raises(IncompleteInvoice, match="no-ids has items without id, and two reads"):
        client.invoice_items("no-ids")


@pytest.mark.parametrize("offset", [1, -1])
def test_a_count_that_does_not_fit_is_read_again_and_then_refused(
    sandbox: Sandbox, client: Pax8Client, offset: int
) -> None:
    order(sandbox, "PUT", "switches", {"item_count_offset": offset})
    said = f"invoice s201 .* 201 rows came, totalElements says {201 + offset}"
    with pytest.raises(IncompleteInvoice, match=said):
        client.invoice_items("s201")
    assert client.requests["GET /invoices/s201/items"] == 4


def test_an_item_on_two_pages_is_refused(sandbox: Sandbox, client: Pax8Client) -> None:
    order(sandbox, "PUT", "switches", {"repeat_item_across_pages": True})
    with pytest.raises(IncompleteInvoice, match="these ids came twice: item-00199"):
        client.invoice_items("s201")


def test_an_invoice_that_changes_between_two_pages_is_whole_the_next_time(sandbox: Sandbox, client: Pax8Client) -> None:
    wrong = {"content": [item(0)], "page": {"size": 200, "totalElements": 2, "totalPages": 1, "number": 0}}
    wrong["content"][0]["total"] = 1  # type: ignore[index]
    order(sandbox, "POST", "faults", {"kind": "body", "route": ITEMS, "body": wrong, "count": 1})
    assert len(client.invoice_items("s201").rows) == 201


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 408},
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
        {"kind": "drop"},
        {"kind": "cut"},
        {"kind": "truncate"},
        {"kind": "html"},
    ],
    ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}",
)
def test_passing_trouble_on_any_page_is_survived(sandbox: Sandbox, client: Pax8Client, fault: dict[str, Any]) -> None:
    order(sandbox, "POST", "faults", {"route": ITEMS, "count": 1, "after": 2, **fault})
    assert len(client.invoice_items("s1000").rows) == 1000


def test_a_token_that_ends_between_two_pages_is_renewed(sandbox: Sandbox) -> None:
    order(sandbox, "PUT", "switches", {"token_requests": 3})
    with pax8_client(sandbox) as client:
        assert len(client.invoice_items("s1000").rows) == 1000
        assert client.requests["POST /token"] == 2


def test_lists_are_complete_and_sorted_by_id(client: Pax8Client) -> None:
    companies = client.companies()
    assert [row["id"] for row in companies] == [f"company-{n:04d}" for n in range(450)]
    assert [row["id"] for row in client.products()] == ["product-1"]
    assert client.subscriptions() == []


def test_check_tells_what_is_readable(client: Pax8Client) -> None:
    assert client.check() == [
        "Pax8 invoices: readable, 10 there",
        "Pax8 companies: readable, 450 there",
        "Pax8 products: readable, 1 there",
        "Pax8 subscriptions: readable, 0 there",
    ]


def test_check_names_every_missing_right(sandbox: Sandbox, client: Pax8Client) -> None:
    for route in ("/v1/invoices", "/v1/products"):
        order(sandbox, "POST", "faults", {"kind": "status", "status": 403, "route": route})
    with pytest.raises(PermissionMissing, match=r"(?s)read invoices.*\n.*read products"):
        client.check()


@pytest.mark.parametrize("changes", [{"client_secret": "wrong"}, {"audience": "api://p8p.client"}])
def test_wrong_credentials_name_the_variables_and_not_the_values(sandbox: Sandbox, changes: dict[str, str]) -> None:
    with pax8_client(sandbox, **changes) as client, pytest.raises(CredentialsRefused) as caught:
        client.check()
    assert "PAX8_CLIENT_SECRET, PAX8_AUDIENCE" in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_resource_loads_without_credentials_and_opening_it_names_what_is_missing() -> None:
    resource = Pax8Resource()
    with pytest.raises(SettingsError, match="PAX8_CLIENT_ID, PAX8_CLIENT_SECRET not set"):
        resource.open()


def test_a_resource_opens_a_client(sandbox: Sandbox) -> None:
    environment = sandbox.environment
    resource = Pax8Resource(
        base_url=environment["PAX8_BASE_URL"],
        token_url=environment["PAX8_TOKEN_URL"],
        audience=environment["PAX8_AUDIENCE"],
        client_id=environment["PAX8_CLIENT_ID"],
        client_secret=environment["PAX8_CLIENT_SECRET"],
    )
    with resource.open() as client:
        assert len(client.products()) == 1
