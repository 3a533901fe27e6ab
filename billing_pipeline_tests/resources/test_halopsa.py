"""The HaloPSA client before the sandbox."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from billing_pipeline.billing.errors import (
    CredentialsRefused,
    NotWritten,
    OutcomeUnknown,
    PermissionMissing,
    ServiceUnreachable,
    SettingsError,
)
from billing_pipeline.resources.halopsa import HaloClient, HaloResource
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline_tests.resources.conftest import halo_client


def line(number: int, amount: str) -> dict[str, Any]:
    return {
        "id": number,
        "item_shortdescription": f"Line {number}",
        "qty_order": Decimal(1),
        "unit_price": Decimal(amount),
        "net_amount": Decimal(amount),
    }


def invoice(number: int, client_id: int, day: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "client_id": client_id,
        "invoice_date": f"{day}T00:00:00",
        "reference": f"BP-{number}",
        "lines": [line(number * 10, "28.72")],
        **changes,
    }


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Two clients (one inactive) with 230 invoices, and one of everything else."""
    halopsa = {
        "tenant": "example",
        "credentials": {"client_id": "halo-client", "client_secret": "halo-secret"},
        "permissions": ["all"],
        "clients": [
            {"id": 246, "name": "Acme Dental", "inactive": False},
            {"id": 12, "name": "Birch Legal", "inactive": True},
        ],
        "sites": [{"id": 5, "name": "Main", "client_id": 246, "inactive": True}],
        "items": [{"id": 900, "name": "Cloud services", "taxcode": 3, "nominalcode": "4192"}],
        "asset_groups": [{"id": 40, "name": "BillingBot_pax8"}],
        "taxes": [{"id": 3, "name": "No tax", "code": "NONE", "value": Decimal("0.0")}],
        "currencies": [{"id": 1, "name": "US Dollar", "symbol": "$", "code": "USD"}],
        "contracts": [{"id": 77, "ref": "MSA", "client_id": 246}],
        "recurring_invoices": [
            {"id": -5, "client_id": 246, "period": 2, "lines": [line(9001, "10.00")]},
            {"id": -9, "client_id": 12, "period": 2, "disabled": True, "lines": []},
        ],
        "invoices": [
            invoice(n, 246 if n % 2 else 12, "2026-09-15" if n <= 200 else "2026-10-01") for n in range(1, 231)
        ],
    }
    pax8: dict[str, Any] = {"credentials": {"client_id": "a", "client_secret": "b"}}
    pax8 |= {"companies": [], "products": [], "subscriptions": [], "invoices": []}
    with Sandbox(World(pax8=pax8, halopsa=halopsa)) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[HaloClient]:
    with halo_client(sandbox) as opened:
        yield opened


def order(sandbox: Sandbox, method: str, name: str, body: Any) -> None:
    httpx.request(method, f"{sandbox.halopsa_url}/_sandbox/{name}", json=body, timeout=10).raise_for_status()


def new_invoice(**changes: Any) -> dict[str, Any]:
    new_line = {"_itemid": 900, "qty_order": Decimal(1), "unit_price": Decimal("28.72"), "comment_2": "key"}
    return {
        "client_id": 246,
        "invoice_date": "2026-10-01",
        "reference": "BP-new",
        "posted": False,
        "lines": [new_line],
        **changes,
    }


def test_every_list_is_read(client: HaloClient) -> None:
    assert [row["id"] for row in client.clients()] == [12, 246]
    assert [row["id"] for row in client.sites()] == [5]
    assert [row["id"] for row in client.items()] == [900]
    assert [row["id"] for row in client.product_groups()] == [40]
    assert [row["id"] for row in client.taxes()] == [3]
    assert [row["id"] for row in client.currencies()] == [1]
    assert [row["id"] for row in client.contracts()] == [77]
    assert [row["id"] for row in client.recurring_invoices()] == [-9, -5]
    assert [row["id"] for row in client.invoices()] == list(range(1, 231))


@pytest.mark.parametrize("paging", ["obey", "cap100", "ignore", "ignore_all", "lying_record_count"])
def test_invoices_are_complete_with_their_lines_however_pages_work(
    sandbox: Sandbox, client: HaloClient, paging: str
) -> None:
    order(sandbox, "PUT", "switches", {"paging": paging})
    invoices = client.invoices()
    assert [row["id"] for row in invoices] == list(range(1, 231))
    assert all(row["lines"][0]["net_amount"] == Decimal("28.72") for row in invoices)
    assert client.requests["GET /Invoice"] <= 6


@pytest.mark.parametrize("ignored", [[], ["client_id", "invoicedatestart"]])
def test_filters_hold_even_where_halopsa_ignores_them(sandbox: Sandbox, client: HaloClient, ignored: list[str]) -> None:
    order(sandbox, "PUT", "switches", {"ignored_parameters": ignored})
    october = client.invoices(since=date(2026, 10, 1))
    assert [row["id"] for row in october] == list(range(201, 231))
    acme = client.invoices(since=date(2026, 10, 1), client_id=246)
    assert [row["id"] for row in acme] == list(range(201, 231, 2))


def test_an_invoice_without_a_date_or_client_is_not_filtered_out(sandbox: Sandbox, client: HaloClient) -> None:
    body = [
        {"id": 1},
        {"id": 2, "invoice_date": "1900-01-01T00:00:00"},
        {"id": 3, "invoice_date": "2020-01-01"},
    ]
    order(sandbox, "POST", "faults", {"kind": "body", "route": "/api/Invoice", "body": body})
    assert [row["id"] for row in client.invoices(since=date(2026, 10, 1), client_id=246)] == [1, 2]


OCTOBER, OF_OCTOBER = date(2026, 10, 1), list(range(201, 231))
NEWEST = {"id": 230, "client_id": 12, "invoice_date": "2026-10-01T00:00:00"}


@pytest.mark.parametrize("date_filter", ["obey", "ignore", "hide_days", "hide"])
def test_invoices_of_a_date_on_come_whatever_halopsa_makes_of_the_filter(
    sandbox: Sandbox, client: HaloClient, date_filter: str
) -> None:
    order(sandbox, "PUT", "switches", {"date_filter": date_filter})

    for since in (OCTOBER, OCTOBER, date(2026, 9, 1)):
        found = client.invoices(since=since)
        assert [row["id"] for row in found] == (OF_OCTOBER if since == OCTOBER else list(range(1, 231)))
        assert (found.gap, found.is_filtered) == (None, date_filter != "hide")
    asked = [one["query"] for one in sandbox.halopsa_service.log.requests() if "invoicedatestart" in one["query"]]
    assert all("includeinvoices=true&invoicedatestart=2026-0" in query and "T00%3A00%3A00Z" in query for query in asked)
    # Once it is known to hide rows it is asked no more.
    assert len(asked) >= 6 if date_filter != "hide" else len(asked) == 1


def show_only(sandbox: Sandbox, rows: list[dict[str, Any]], contains: str) -> None:
    fault = {"kind": "body", "route": "/api/Invoice", "method": "GET", "contains": contains, "body": rows}
    order(sandbox, "POST", "faults", fault)


def test_a_filter_that_hides_a_part_is_not_believed(sandbox: Sandbox, client: HaloClient) -> None:
    show_only(sandbox, [NEWEST], "invoicedatestart")

    found = client.invoices(since=OCTOBER - timedelta(days=7))

    assert [row["id"] for row in found] == OF_OCTOBER
    assert not found.is_filtered


def test_a_list_that_begins_after_every_invoice_shows_the_newest_all_the_same(
    sandbox: Sandbox, client: HaloClient
) -> None:
    assert client.invoices(since=date(2026, 12, 1)) == []

    asked = [one["query"] for one in sandbox.halopsa_service.log.requests() if "invoicedatestart" in one["query"]]
    assert all("invoicedatestart=2026-09-29T" in query for query in asked)


def test_an_invoice_that_was_deleted_or_dated_back_need_not_be_shown(sandbox: Sandbox, client: HaloClient) -> None:
    since = OCTOBER - timedelta(days=7)
    client.invoices(since=since)
    with sandbox.halopsa.lock:
        del sandbox.halopsa.tables["invoices"][229]
        sandbox.halopsa.tables["invoices"][230]["invoice_date"] = "2026-01-01T00:00:00"

    found = client.invoices(since=since)

    assert [row["id"] for row in found] == list(range(201, 229))
    assert (found.is_filtered, client.requests["GET /Invoice/{id}"]) == (True, 2)


def test_an_invoice_just_created_must_be_shown(sandbox: Sandbox, client: HaloClient) -> None:
    created = client.create_invoice(new_invoice(invoice_date="2026-10-09"))["id"]
    show_only(sandbox, [NEWEST], "invoicedatestart")

    assert [row["id"] for row in client.invoices(since=date(2026, 10, 8))] == [created]


def test_no_invoice_at_all_is_proved_without_a_filter(sandbox: Sandbox, client: HaloClient) -> None:
    with sandbox.halopsa.lock:
        sandbox.halopsa.tables["invoices"].clear()

    found = client.invoices(since=OCTOBER)

    assert (found, found.gap, found.is_filtered) == ([], None, False)


def test_the_list_of_a_client_counts_only_if_it_shows_what_must_be_in_it(sandbox: Sandbox, client: HaloClient) -> None:
    assert client.invoices(client_id=246).gap == "GET /Invoice of client 246 shows no invoice that must be in it"
    client.forget()
    client.invoices(since=OCTOBER)
    assert client.invoices(client_id=246).gap is None
    show_only(sandbox, [], "client_id=246")
    assert client.invoices(client_id=246).gap == "GET /Invoice of client 246 hides invoice 229"
    assert client.invoices(search="no such key").is_filtered


def test_search_finds_by_reference(client: HaloClient) -> None:
    assert [row["id"] for row in client.invoices(search="BP-77")] == [77]


def test_recurring_invoices_come_with_their_lines_unless_told_otherwise(client: HaloClient) -> None:
    with_lines = {row["id"]: row for row in client.recurring_invoices()}
    assert with_lines[-5]["lines"][0]["unit_price"] == Decimal("10.00")
    without = client.recurring_invoices(include_lines=False)
    assert not any(row.get("lines") for row in without)


def test_one_document_by_id_or_none(client: HaloClient) -> None:
    found = client.invoice(7)
    assert found is not None
    assert found["lines"][0]["net_amount"] == Decimal("28.72")
    assert client.invoice(7_000) is None
    template = client.recurring_invoice(-5)
    assert template is not None
    assert template["period"] == 2
    assert client.recurring_invoice(-6) is None


def test_an_invoice_is_created_and_read_back_to_the_cent(client: HaloClient) -> None:
    answer = client.create_invoice(new_invoice())
    assert answer["id"] not in range(1, 231)
    assert answer["lines"][0]["net_amount"] == Decimal("28.72")
    read_back = client.invoice(answer["id"])
    assert read_back is not None
    assert read_back["reference"] == "BP-new"
    assert client.requests["POST /Invoice"] == 1


def test_an_answer_that_is_a_list_of_one_is_taken(sandbox: Sandbox, client: HaloClient) -> None:
    order(sandbox, "PUT", "switches", {"one_in_one_out": False})
    assert client.create_invoice(new_invoice())["reference"] == "BP-new"


def test_documents_are_changed_in_place(client: HaloClient) -> None:
    assert client.update_invoice({"id": 7, "internal_note": "seen"})["internal_note"] == "seen"
    assert client.update_recurring_invoice({"id": -5, "internal_note": "seen"})["id"] == -5
    again = client.invoice(7)
    assert again is not None
    assert len(again["lines"]) == 1


def test_items_and_groups_are_created(client: HaloClient) -> None:
    group = client.create_product_group({"name": "BillingBot_contracts"})
    item = client.create_item({"name": "Acronis", "assetgroup_id": group["id"], "costprice": Decimal("1.5")})
    assert [row["id"] for row in client.items()] == [900, item["id"]]


def test_documents_that_would_do_something_else_are_not_sent(client: HaloClient) -> None:
    with pytest.raises(NotWritten, match="id 7 would change another"):
        client.create_invoice(new_invoice(id=7))
    with pytest.raises(NotWritten, match="without an id it would create one"):
        client.update_invoice(new_invoice())
    with pytest.raises(NotWritten, match="rewrites recurring lines"):
        client.create_item({"name": "A", "update_recurring_invoice_price": True})
    assert not client.requests


def test_a_refused_document_says_why(client: HaloClient) -> None:
    with pytest.raises(NotWritten) as caught:
        client.create_invoice(new_invoice(client_id="not a number"))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "drop", "when": "after"},
        {"kind": "cut"},
        {"kind": "truncate"},
        {"kind": "html", "when": "after"},
        {"kind": "status", "status": 500, "when": "before"},
        {"kind": "status", "status": 500, "when": "after"},
        {"kind": "delay", "seconds": 5, "when": "after"},
        {"kind": "body", "body": {}, "when": "after"},
        {"kind": "body", "body": [{"id": 1}, {"id": 2}], "when": "after"},
    ],
    ids=lambda fault: "-".join(str(fault[key]) for key in ("kind", "when") if key in fault),
)
def test_an_outcome_that_nobody_knows_is_told_as_such_and_nothing_is_sent_twice(
    sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    order(sandbox, "POST", "faults", {"method": "POST", "route": "/api/Invoice", "count": 1, **fault})
    with halo_client(sandbox, timeout_seconds=0.5) as client:
        with pytest.raises(OutcomeUnknown):
            client.create_invoice(new_invoice())
        assert client.requests["POST /Invoice"] == 1


@pytest.mark.parametrize("retry_after", [{}, {"Retry-After": "1"}])
def test_a_write_that_came_too_often_is_not_written(
    sandbox: Sandbox, client: HaloClient, retry_after: dict[str, str]
) -> None:
    fault = {
        "kind": "status",
        "status": 429,
        "method": "POST",
        "route": "/api/Invoice",
        "headers": retry_after,
    }
    order(sandbox, "POST", "faults", fault)
    with pytest.raises(NotWritten) as caught:
        client.create_invoice(new_invoice())
    assert caught.value.status == 429
    assert client.requests["POST /Invoice"] == 1


def test_a_write_after_the_token_ended_is_done_once(sandbox: Sandbox, client: HaloClient) -> None:
    client.taxes()
    httpx.delete(f"{sandbox.halopsa_url}/_sandbox/tokens", timeout=10).raise_for_status()
    client.create_invoice(new_invoice())
    assert len(client.invoices(search="BP-new")) == 1


def test_a_stopped_halopsa_is_unreachable_for_reads_and_not_written_for_writes(sandbox: Sandbox) -> None:
    with halo_client(sandbox) as client:
        client.taxes()
        sandbox.stop()
        with pytest.raises(ServiceUnreachable, match="HALOPSA_RESOURCE_SERVER"):
            client.taxes()
        with pytest.raises((NotWritten, OutcomeUnknown)):
            client.create_invoice(new_invoice())
        with pytest.raises(NotWritten):
            client.create_invoice(new_invoice())


@pytest.mark.parametrize("status", [401, 403])
def test_missing_permissions_are_named_with_the_right_to_grant(
    sandbox: Sandbox, client: HaloClient, status: int
) -> None:
    denied = ["GET /api/Item", "GET /api/Tax", "POST /api/Invoice"]
    order(sandbox, "PUT", "switches", {"permission_denied": denied, "permission_status": status})
    with pytest.raises(PermissionMissing, match=r"(?s)Grant read:items .*\n.*Grant read access to taxes"):
        client.check()
    with pytest.raises(NotWritten, match="Grant edit:invoices") as caught:
        client.create_invoice(new_invoice())
    assert caught.value.status == status


def test_check_tells_what_is_readable_and_the_scope(client: HaloClient) -> None:
    lines = client.check()
    assert "HaloPSA Invoice: readable" in lines
    assert lines[-1] == "HaloPSA granted the scope: all"
    assert len(lines) == 10


def test_a_wrong_secret_and_a_wrong_tenant_are_told_apart(sandbox: Sandbox) -> None:
    with (
        halo_client(sandbox, client_secret="wrong-one") as client,
        pytest.raises(CredentialsRefused, match="HALOPSA_CLIENT_SECRET") as caught,
    ):
        client.check()
    assert "wrong-one" not in str(caught.value)
    with (
        halo_client(sandbox, tenant="elsewhere") as client,
        pytest.raises(CredentialsRefused, match="check HALOPSA_TENANT"),
    ):
        client.check()


def test_a_resource_loads_without_credentials_and_opening_it_names_what_is_missing() -> None:
    resource = HaloResource(resource_server="https://example.halopsa.com/api")
    with pytest.raises(SettingsError, match="HALOPSA_AUTHORISATION_SERVER, HALOPSA_CLIENT_ID"):
        resource.open()


def test_a_resource_opens_a_client(sandbox: Sandbox) -> None:
    environment = sandbox.environment
    resource = HaloResource(
        resource_server=environment["HALOPSA_RESOURCE_SERVER"],
        authorisation_server=environment["HALOPSA_AUTHORISATION_SERVER"],
        tenant=environment["HALOPSA_TENANT"],
        client_id=environment["HALOPSA_CLIENT_ID"],
        client_secret=environment["HALOPSA_CLIENT_SECRET"],
    )
    with resource.open() as client:
        assert client.address == environment["HALOPSA_RESOURCE_SERVER"]
        assert client.tenant == "example"
        assert len(client.taxes()) == 1
