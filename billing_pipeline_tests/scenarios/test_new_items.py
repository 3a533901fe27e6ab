"""Items that HaloPSA does not have: each is created once, whatever happens on the way, and none is ever changed."""

import json
from typing import Any

import pytest

from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, Json, make_invoice, make_line, make_world

CREATE: Json = {
    "product_lifecycle": {"mode": "create"},
    "codes": {"accounts": "4000", "expense": "5000", "tax": 3, "item": None},
}
AFTER_THE_GRACE = "2026-10-05T15:16:00Z"


@pytest.fixture
def month(provider: Provider) -> Provider:
    """Acme and Birch are charged for the same product, and HaloPSA has no item for it."""
    lines = [make_line(1, ACME, "10.00", "8.00"), make_line(2, BIRCH, "20.00", "16.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH], settings=CREATE)
    return provider


def groups(provider: Provider) -> list[str]:
    """The names of HaloPSA's product groups."""
    return [group["name"] for group in provider.sandbox.halopsa.dump()["asset_groups"]]


def test_an_item_that_two_clients_need_is_created_once_with_its_group_codes_and_reference(month: Provider) -> None:
    Steps(month).close()

    (item,) = month.created_items()
    assert item["name"] == "Microsoft 365 Business Premium"
    assert item["externalreference"] == "pax8:22222222-2222-4222-8222-000000000001:monthly"
    assert (item["nominalcode"], item["purchasenominalcode"], item["taxcode"]) == ("4000", "5000", 3)
    assert groups(month) == ["BillingBot_pax8"]
    assert {line["_itemid"] for invoice in month.halopsa_invoices() for line in invoice["lines"]} == {item["id"]}
    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert month.query("select distinct halopsa_item_id from posted_lines") == [(item["id"],)]


def test_the_journal_says_whose_plans_needed_an_item_and_its_group(month: Provider) -> None:
    Steps(month).close()

    plans = dict(month.query("select client, plan_hash from plans"))
    rows = month.query(
        "select event, client, plan_hash, detail from posting_journal "
        "where event like 'group%' or event like 'item%' order by seq"
    )
    assert [event for event, *_ in rows] == ["group_sending", "group_created", "item_sending", "item_created"]
    for _, client, plan_hash, detail in rows:
        assert (client, plan_hash) == ("acme", plans["acme"])
        needed = [{"client": one, "plan_hash": plans[one]} for one in ("acme", "birch")]
        assert json.loads(detail) == {"needed_by": needed}


def test_the_next_month_finds_the_created_item_and_makes_no_other(month: Provider) -> None:
    steps = Steps(month)
    steps.close()
    second = make_invoice([make_line(3, ACME, "1.00")], "44444444-4444-4444-8444-000000000012")
    month.sandbox.pax8.add_invoice(second)

    steps.close()

    assert len(month.created_items()) == 1
    assert month.posts("/api/Item") == 1
    assert month.posts("/api/AssetGroup") == 1
    assert month.billed() == {1001: ["10.00", "1.00"], 1002: ["20.00"]}
    assert month.query("select halopsa_item_id from confirmed_products") == [(month.created_items()[0]["id"],)]


@pytest.mark.parametrize("route", ["/api/Item", "/api/AssetGroup"])
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "drop"}], ids=lambda f: str(f["kind"]))
def test_a_creation_whose_answer_is_lost_after_commit_is_found_and_not_repeated(
    month: Provider, route: str, fault: dict[str, Any]
) -> None:
    month.disturb_halopsa(route=route, when="after", **fault)
    steps = Steps(month)

    steps.close()
    assert month.billed() == {}
    assert month.held() == [("acme", "unknown_outcome"), ("birch", "unknown_outcome")]
    assert month.adds_up()

    steps.close()
    assert len(month.created_items()) == 1
    assert groups(month) == ["BillingBot_pax8"]
    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert month.held() == []
    assert month.adds_up()


@pytest.mark.parametrize("route", ["/api/Item", "/api/AssetGroup"])
def test_a_creation_that_was_lost_waits_for_the_grace_before_it_is_sent_again(month: Provider, route: str) -> None:
    month.disturb_halopsa("drop", route=route)
    steps = Steps(month)

    steps.close()
    steps.close()
    assert month.posts(route) == 1
    assert month.billed() == {}
    assert month.held() == [("acme", "unknown_outcome"), ("birch", "unknown_outcome")]

    month.set_time(AFTER_THE_GRACE)
    steps.close()
    assert month.posts(route) == 2
    assert len(month.created_items()) == 1
    assert groups(month) == ["BillingBot_pax8"]
    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert month.adds_up()


def test_a_creation_that_was_refused_once_and_then_lost_waits_too(month: Provider) -> None:
    month.disturb_halopsa("status", route="/api/Item", status=400)
    month.disturb_halopsa("drop", route="/api/Item", commit_after_requests=10_000)
    steps = Steps(month)
    steps.close()
    steps.close()
    assert month.posts("/api/Item") == 2

    steps.close()

    assert month.posts("/api/Item") == 2, "the lost creation may still land"
    month.let_late_writes_commit()
    steps.close()
    assert len(month.created_items()) == 1
    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}


@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_item_holds_the_clients_that_need_it_and_nobody_else(provider: Provider, status: int) -> None:
    lines = [make_line(1, ACME, "10.00"), make_line(2, BIRCH, "20.00")]
    provider.set_up(
        make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH], clients={"acme": {"settings": CREATE}}
    )
    provider.disturb_halopsa("status", route="/api/Item", status=status)

    Steps(provider).close()

    assert provider.billed() == {1002: ["20.00"]}
    ((client, reason, detail),) = provider.query("select client, reason, detail from holds")
    assert (client, reason) == ("acme", "no_item")
    assert "item 'Microsoft 365 Business Premium' could not be created" in detail
    assert "over 10.00 USD was not sent. Create the item in HaloPSA, or correct what it refuses" in detail
    assert "then run billing-pipeline close 2026-10 --client acme --post again" in detail
    noted = provider.query("select distinct client, detail from posting_journal where event like 'item%'")
    assert noted == [("acme", None)]
    assert provider.adds_up()


def test_an_existing_item_is_used_as_it_is_and_never_modified(provider: Provider) -> None:
    item: Json = {"id": 950, "name": "Premium, our name", "supplier_part_code": "MST-NCE-163-C100", "baseprice": 99}
    world = make_world([ACME], [make_invoice([make_line(1, ACME, "10.00")])], items=[item])
    provider.set_up(world, [ACME], settings=CREATE)
    before = provider.sandbox.halopsa.dump()["items"]

    Steps(provider).close()

    assert provider.sandbox.halopsa.dump()["items"] == before
    assert provider.halopsa_invoices()[0]["lines"][0]["_itemid"] == 950
    assert provider.posts("/api/Item") == 0


def test_an_item_that_a_list_of_halopsa_leaves_out_is_not_created_again(month: Provider) -> None:
    steps = Steps(month)
    steps.close()
    (ours,) = month.created_items()
    second = make_invoice([make_line(3, ACME, "1.00")], "44444444-4444-4444-8444-000000000012")
    month.sandbox.pax8.add_invoice(second)
    month.switch_halopsa(paging="skip", largest_page=1)

    steps.close()

    assert month.posts("/api/Item") == 1
    assert month.created_items() == [ours]
    assert month.billed()[1001] == ["10.00", "1.00"]
