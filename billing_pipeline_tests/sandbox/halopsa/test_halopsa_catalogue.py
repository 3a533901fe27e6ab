"""Items, product groups, taxes, currencies, clients, sites and contracts."""

from decimal import Decimal

from billing_pipeline_tests.sandbox.halopsa.tenant import ACME, BIRCH, SEATS, TEMPLATE, HaloTalk


def test_a_new_item_gets_an_id_and_its_groups_name(halo: HaloTalk) -> None:
    answer = halo.send(
        "Item",
        [
            {
                "name": "Business Basic",
                "assetgroup_id": 5,
                "supplier_part_code": "MST-1",
                "externalreference": "pax8:p1:monthly",
                "baseprice": Decimal("6.00"),
                "taxcode": 1,
                "nominalcode": "4192",
                "purchasenominalcode": "5001",
            }
        ],
    )
    assert answer.status_code == 201
    item = halo.whole("Item", answer.json()["id"])
    assert (item["id"], item["assetgroup_name"], item["datecreated"]) == (902, "Cloud", "2026-10-20T12:00:00")
    assert (item["externalreference"], item["taxcode"]) == ("pax8:p1:monthly", 1)
    assert halo.ids("Item", "items", search="pax8:p1") == [902]
    assert halo.ids("Item", "items", assetgroup_id=5) == [900, 901, 902]


def test_nothing_stops_a_second_equal_item(halo: HaloTalk) -> None:
    first, second = halo.post("Item", {"name": "Twin"}, {"name": "Twin"})
    assert first["id"] != second["id"]


def test_an_item_is_changed_by_its_id(halo: HaloTalk) -> None:
    changed = halo.post("Item", {"id": SEATS, "costprice": Decimal("18.00")})
    assert (changed["name"], changed["costprice"]) == ("Business Premium", Decimal("18.00"))
    assert halo.get("Item")["record_count"] == 2


def test_an_item_needs_a_name_and_a_group_that_exists(halo: HaloTalk) -> None:
    assert "name" in halo.send("Item", [{"baseprice": 1}]).json()["errorMessage"]
    assert "group 99" in halo.send("Item", [{"name": "X", "assetgroup_id": 99}]).json()["errorMessage"]
    assert halo.send("Item", [{"name": "X", "assetgroup_id": "5"}]).status_code == 400


def test_update_recurring_invoice_price_really_rewrites_templates(halo: HaloTalk) -> None:
    halo.post("Item", {"id": 901, "baseprice": Decimal("1.00")})
    assert halo.get(f"RecurringInvoice/{TEMPLATE}")["revenue"] == Decimal("579.00")
    answer = halo.post("Item", {"id": 901, "update_recurring_invoice_price": True})
    assert "update_recurring_invoice_price" not in answer
    assert halo.get(f"RecurringInvoice/{TEMPLATE}")["revenue"] == Decimal("15.00")


def test_product_groups_are_a_bare_array_and_can_be_made(halo: HaloTalk) -> None:
    made = halo.post("AssetGroup", {"name": "BillingBot_pax8", "nominalcode": "4192"})
    assert made["id"] == 6
    assert [group["name"] for group in halo.get("AssetGroup")] == ["Cloud", "BillingBot_pax8"]
    assert halo.get("AssetGroup/6")["nominalcode"] == "4192"


def test_taxes_and_currencies_are_bare_arrays(halo: HaloTalk) -> None:
    assert halo.get("Tax")[0]["value"] == Decimal("8.81")
    assert [currency["code"] for currency in halo.get("Currency")] == ["USD", "CAD"]
    assert halo.get("Tax/1")["code"] == "CITY"


def test_clients_and_contracts_have_details(halo: HaloTalk) -> None:
    assert halo.get(f"Client/{ACME}")["paymentterms"] == 14
    contract = halo.get("ClientContract/70", includedetails="true")
    assert (contract["ref"], contract["client_id"]) == ("MS-246", ACME)
    assert contract["end_date"] == "1899-12-30T00:00:00"


def test_a_site_is_made_for_a_client(halo: HaloTalk) -> None:
    site = halo.post("Site", {"name": "Depot", "client_id": BIRCH, "delivery_address": {"postcode": "80112"}})
    assert (site["id"], site["client_id"], site["client_name"]) == (32, BIRCH, "Birch Legal")
    assert halo.whole("Site", 32)["delivery_address"] == {"postcode": "80112"}
    assert halo.send("Site", [{"name": "Nowhere", "client_id": 99}]).status_code == 400


def test_an_inactive_contract_comes_only_when_asked_for(halo: HaloTalk) -> None:
    halo.post("ClientContract", {"id": 70, "active": False})
    assert halo.ids("ClientContract", "contracts") == []
    assert halo.ids("ClientContract", "contracts", includeinactive="true") == [70]


def test_a_deleted_item_is_gone(halo: HaloTalk) -> None:
    assert halo.client.delete(f"/api/Item/{SEATS}").status_code == 200
    assert halo.ids("Item", "items") == [901]


def test_suppliers_are_not_written(halo: HaloTalk) -> None:
    assert halo.send("Supplier", [{"name": "Pax8"}]).status_code == 405
