"""Envelopes, pages, filters and order of HaloPSA's lists."""

from typing import Any

import pytest

from billing_pipeline_tests.sandbox.halopsa.tenant import (
    ACME,
    BIRCH,
    CEDAR,
    DORMANT,
    EXEMPT,
    TEMPLATE,
    HaloTalk,
    make_tenant,
)


@pytest.fixture
def tenant() -> dict[str, Any]:
    """A HaloPSA with 230 items."""
    content = make_tenant()
    content["items"] = [{"id": number, "name": f"Item {number:03d}"} for number in range(1, 231)]
    return content


def page(halo: HaloTalk, number: int, size: int, **query: Any) -> Any:
    return halo.get("Item", pageinate="true", page_no=number, page_size=size, **query)


def read_all(halo: HaloTalk, size: int) -> list[int]:
    """As a careful client reads: until a page brings no new id."""
    seen: list[int] = []
    number = 1
    while new := [row["id"] for row in page(halo, number, size)["items"] if row["id"] not in seen]:
        seen += new
        number += 1
    return seen


def test_a_list_without_paging_holds_the_first_50_and_counts_all(halo: HaloTalk) -> None:
    answer = halo.get("Item", page_no=2, page_size=10)
    assert set(answer) == {"record_count", "items"}
    assert (answer["record_count"], len(answer["items"])) == (230, 50)
    assert answer["items"][0]["id"] == 1


def test_pages_count_from_1_and_are_told_in_the_envelope(halo: HaloTalk) -> None:
    first, last = page(halo, 1, 100), page(halo, 3, 100)
    assert [first[key] for key in ("record_count", "page_no", "page_size")] == [230, 1, 100]
    assert [row["id"] for row in first["items"]] == list(range(1, 101))
    assert [row["id"] for row in last["items"]] == list(range(201, 231))
    assert page(halo, 4, 100)["items"] == []


def test_count_overwrites_record_count(halo: HaloTalk) -> None:
    assert page(halo, 1, 100, count=7)["record_count"] == 7
    assert len(page(halo, 1, 100, count=7)["items"]) == 100
    answer = halo.get("Item", count=500)
    assert (answer["record_count"], len(answer["items"])) == (500, 50)


def test_a_capped_tenant_gives_pages_of_100(halo: HaloTalk) -> None:
    halo.switch(paging="cap100")
    answer = page(halo, 2, 1000)
    assert (answer["page_size"], answer["items"][0]["id"], len(answer["items"])) == (100, 101, 100)
    assert read_all(halo, 1000) == list(range(1, 231))


def test_a_tenant_may_ignore_the_page_size_or_paging_itself(halo: HaloTalk) -> None:
    halo.switch(paging="ignore")
    assert len(page(halo, 1, 200)["items"]) == 50
    assert read_all(halo, 200) == list(range(1, 231))
    halo.switch(paging="ignore_all")
    assert len(page(halo, 2, 10)["items"]) == 230


def test_record_count_may_lie(halo: HaloTalk) -> None:
    halo.switch(paging="lying_record_count")
    assert page(halo, 1, 20)["record_count"] == 20
    assert page(halo, 12, 20)["record_count"] == 10


def test_the_largest_page_may_be_smaller_than_asked_for(halo: HaloTalk) -> None:
    halo.switch(largest_page=7)
    assert [row["id"] for row in page(halo, 2, 100)["items"]] == list(range(8, 15))
    assert read_all(halo, 100) == list(range(1, 231))


def test_a_page_may_come_twice_and_another_not_at_all(halo: HaloTalk) -> None:
    halo.switch(paging="repeat")
    firsts = [page(halo, number, 100)["items"][0]["id"] for number in (1, 2, 3, 4)]
    assert firsts == [1, 1, 101, 201]
    halo.switch(paging="skip")
    assert [page(halo, number, 100)["items"][0]["id"] for number in (1, 2)] == [1, 201]
    assert page(halo, 2, 100)["record_count"] == 230


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ("Invoice", "invoices"),
        ("RecurringInvoice", "invoices"),
        ("Item", "items"),
        ("Client", "clients"),
        ("Site", "sites"),
        ("Supplier", "suppliers"),
        ("ClientContract", "contracts"),
        ("SoftwareLicence", "licences"),
    ],
)
def test_lists_stand_in_an_envelope_under_their_own_key(halo: HaloTalk, resource: str, key: str) -> None:
    answer = halo.get(resource)
    assert isinstance(answer[key], list)
    assert answer["record_count"] == len(answer[key]) or resource == "Item"


@pytest.mark.parametrize("resource", ["AssetGroup", "Currency", "Tax", "Lookup", "FieldInfo"])
def test_some_lists_are_bare_arrays(halo: HaloTalk, resource: str) -> None:
    assert isinstance(halo.get(resource), list)


def test_suppliers_and_licences_are_empty(halo: HaloTalk) -> None:
    assert halo.get("Supplier")["suppliers"] == []
    assert halo.get("SoftwareLicence")["licences"] == []


def test_addresses_do_not_care_about_case(halo: HaloTalk) -> None:
    assert halo.get("item") == halo.get("Item")
    assert halo.get("invoice/5001") == halo.get("INVOICE/5001")


def test_unknown_parameters_are_ignored_without_a_word(halo: HaloTalk) -> None:
    assert halo.get("Client", client="246", nonsense="x") == halo.get("Client")


def test_inactive_clients_come_only_when_asked_for(halo: HaloTalk) -> None:
    assert halo.ids("Client", "clients") == [ACME, BIRCH, CEDAR, EXEMPT]
    assert DORMANT in halo.ids("Client", "clients", includeinactive="true")
    assert halo.ids("Client", "clients", includeactive="false", includeinactive="true") == [DORMANT]
    assert halo.ids("Client", "clients", activeinactive="false,true") == [DORMANT]


def test_lists_hold_no_custom_fields_and_no_addresses(halo: HaloTalk) -> None:
    listed = {row["id"]: row for row in halo.get("Client")["clients"]}
    assert "customfields" not in listed[BIRCH]
    assert halo.whole("Client", BIRCH)["customfields"] == [{"id": 1, "name": "CFTier", "value": "Gold"}]
    assert "delivery_address" not in halo.get("Site")["sites"][0]
    assert halo.whole("Site", 31)["delivery_address"]["postcode"] == "80111"


def test_the_client_of_a_site_is_a_double(halo: HaloTalk) -> None:
    assert '"client_id": 246.0' in halo.client.get("/api/Site").text


def test_invoices_come_without_lines_unless_asked(halo: HaloTalk) -> None:
    assert all("lines" not in row for row in halo.get("Invoice")["invoices"])
    with_lines = {row["id"]: row for row in halo.get("Invoice", includelines="true")["invoices"]}
    assert [line["id"] for line in with_lines[5001]["lines"]] == [701, 702]
    assert "lines" not in halo.get("Invoice/5001")
    assert len(halo.whole("Invoice", 5001)["lines"]) == 2


def test_invoices_are_found_by_client_state_and_text(halo: HaloTalk) -> None:
    assert halo.ids("Invoice", "invoices") == [5002, 5001]
    assert halo.ids("Invoice", "invoices", client_id=ACME) == [5001]
    assert halo.ids("Invoice", "invoices", client_ids=f"{ACME},{BIRCH}") == [5002, 5001]
    assert halo.ids("Invoice", "invoices", postedonly="true") == [5002]
    assert halo.ids("Invoice", "invoices", notpostedonly="true") == [5001]
    assert halo.ids("Invoice", "invoices", search="20002") == [5002]
    assert halo.ids("Invoice", "invoices", search="acme") == [5001]
    assert halo.ids("Invoice", "invoices", search="ticket 77") == [5001]
    assert halo.ids("Invoice", "invoices", search="keep me") == []
    assert halo.ids("RecurringInvoice", "invoices", client_id=BIRCH) == []
    assert halo.ids("RecurringInvoice", "invoices", client_id=ACME) == [TEMPLATE]


def test_a_tenant_may_ignore_filters_and_not_search_references(halo: HaloTalk) -> None:
    halo.switch(ignored_parameters=["client_id"], search_reference=False)
    assert halo.ids("Invoice", "invoices", client_id=ACME) == [5002, 5001]
    assert halo.ids("Invoice", "invoices", search="ticket 77") == []


def test_invoices_are_found_by_date_both_ends_counted(halo: HaloTalk) -> None:
    first, last = "invoicedatestart", "invoicedateend"
    assert halo.ids("Invoice", "invoices", **{first: "2026-10-02"}) == [5001]
    assert halo.ids("Invoice", "invoices", **{first: "2026-10-02T00:00:00Z"}) == [5001]
    assert halo.ids("Invoice", "invoices", **{last: "2026-09-15"}) == [5002]
    assert halo.ids("Invoice", "invoices", **{first: "2026-09-15", last: "2026-10-02"}) == [5002, 5001]
    assert halo.ids("Invoice", "invoices", **{first: "2026-10-03"}) == []
    assert halo.ids("Invoice", "invoices", **{first: "true"}) == [5002, 5001]
    assert halo.ids("Invoice", "invoices", start_date="2026-10-03") == [5002, 5001], "no parameter of this list"


@pytest.mark.parametrize(
    ("date_filter", "by_day", "by_datetime"),
    [("obey", [5001], [5001]), ("ignore", [5002, 5001], [5002, 5001]), ("hide_days", [], [5001]), ("hide", [], [])],
)
def test_a_filter_by_date_may_hide_rows_without_a_word(
    halo: HaloTalk, date_filter: str, by_day: list[int], by_datetime: list[int]
) -> None:
    halo.switch(date_filter=date_filter)

    assert halo.ids("Invoice", "invoices", invoicedatestart="2026-10-02") == by_day
    assert halo.ids("Invoice", "invoices", invoicedatestart="2026-10-02T00:00:00Z") == by_datetime
    assert halo.ids("Invoice", "invoices") == [5002, 5001]


@pytest.mark.parametrize(("record_count", "told"), [("copies_count", 7), ("right", 230), ("too_high", 1230)])
def test_record_count_may_be_anything(halo: HaloTalk, record_count: str, told: int) -> None:
    halo.switch(record_count=record_count)

    assert page(halo, 1, 100, count=7)["record_count"] == told


def test_lists_are_ordered_by_field_up_or_down(halo: HaloTalk) -> None:
    assert halo.ids("Invoice", "invoices", order="id") == [5001, 5002]
    assert halo.ids("Invoice", "invoices", order="invoice_date", orderdesc="true") == [5001, 5002]
    assert halo.ids("Client", "clients", order="name", orderdesc="true") == [EXEMPT, CEDAR, BIRCH, ACME]
    assert halo.ids("Client", "clients", order="no_such_field") == [ACME, BIRCH, CEDAR, EXEMPT]


def test_idonly_gives_ids_only(halo: HaloTalk) -> None:
    assert halo.get("Invoice", idonly="true")["invoices"] == [{"id": 5002}, {"id": 5001}]


def test_other_lists_are_filtered_too(halo: HaloTalk) -> None:
    assert halo.ids("Site", "sites", client_id=BIRCH) == []
    assert halo.ids("Site", "sites", client_id=ACME) == [31]
    assert halo.ids("ClientContract", "contracts", client_id=ACME) == [70]
    assert halo.ids("Item", "items", search="Item 007") == [7]
    assert halo.ids("Item", "items", assetgroup_id=5) == []
