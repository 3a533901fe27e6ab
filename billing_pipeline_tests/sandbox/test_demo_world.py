"""What the demo world must hold, counted in the built world and not read from what it was built with."""

import csv
import re
from collections import Counter, defaultdict
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from billing_pipeline.billing.terms import TERMS, normalise_term
from billing_pipeline.sandbox.demo_scale import build_scaled_world
from billing_pipeline.sandbox.demo_world import (
    DEMO_MONTH,
    DEMO_NOW,
    build_demo_world,
    demo_config,
    demo_holds,
)
from billing_pipeline.sandbox.exact_json import read_json, write_json
from billing_pipeline.sandbox.world import World
from billing_pipeline.settings.load import load_settings

Row = dict[str, Any]
GUID = re.compile(r" - [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} - ")
ARREARS = "Microsoft Azure Plan - Arrears Charge - "


@pytest.fixture(scope="module")
def world() -> World:
    return build_demo_world()


def entries(world: World, month: str = DEMO_MONTH) -> list[Row]:
    return [entry for entry in world.pax8["invoices"] if entry["invoice"]["invoiceDate"].startswith(month)]


def billable(world: World) -> list[Row]:
    """The lines of the demo month's invoices that are to be billed."""
    return [line for entry in entries(world) if entry["invoice"]["status"] == "Unpaid" for line in entry["items"]]


def azure(lines: list[Row]) -> list[Row]:
    return [line for line in lines if line["description"].startswith(ARREARS)]


def client_rows() -> list[Row]:
    return list(csv.DictReader(StringIO(demo_config()["clients.csv"])))


def lines_by_client(world: World) -> dict[str, list[Row]]:
    keys = {row["pax8_company_id"]: row["client"] for row in client_rows() if row["pax8_company_id"]}
    grouped = defaultdict(list)
    for line in billable(world):
        company = line["companyId"]
        grouped["unassigned" if company is None else keys.get(company, f"pax8-{company}")].append(line)
    return grouped


def clean_clients(world: World) -> dict[str, list[Row]]:
    return {key: lines for key, lines in lines_by_client(world).items() if key not in demo_holds()}


def sell_kept(lines: list[Row], *, keep_favorable: bool = False) -> Decimal:
    return sum(
        (Decimal(x["total"]) for x in lines if x["type"] != "prorate" or x["total"] >= 0 or keep_favorable),
        Decimal(0),
    )


def test_the_month_has_forty_clients_and_twenty_five_hundred_lines(world: World) -> None:
    assert len(lines_by_client(world)) >= 40
    assert len(billable(world)) >= 2_500
    assert len(clean_clients(world)) >= 30


def test_it_is_the_same_world_every_time(world: World) -> None:
    again = build_demo_world()
    assert write_json({"p": again.pax8, "h": again.halopsa}) == write_json({"p": world.pax8, "h": world.halopsa})
    assert demo_config() == demo_config()


def test_it_survives_a_file_to_the_digit(world: World, tmp_path: Path) -> None:
    world.dump(tmp_path / "world.json")
    assert write_json(World.load(tmp_path / "world.json").pax8) == write_json(world.pax8)


def test_every_type_and_term_of_the_contract_is_there(world: World) -> None:
    lines = billable(world)
    assert {line["type"] for line in lines} == {
        "subscription",
        "prorate",
        "one-time",
        "rebate",
        "service-charge",
        "service-credit",
        "payment-credit",
        "invoice-credit",
        "usage-adjustment",
    }
    terms = {line["term"] for line in lines if line["term"]}
    assert {"One-Time", "One-time", "1-Time"} <= terms
    assert {normalise_term(term) for term in terms} == set(TERMS.values())
    assert {line["type"] for line in lines if line["term"] is None} == {"payment-credit", "invoice-credit"}


def test_products_look_real(world: World) -> None:
    vendors = {line["vendorName"] for line in billable(world)}
    assert {"Microsoft", "Acronis", "SentinelOne", "Keeper Security", "Wasabi", "Nerdio"} <= vendors
    assert {"Proofpoint", "Dropsuite", None} <= vendors
    skus = {line["sku"] for line in billable(world)}
    assert {product["sku"] for product in world.pax8["products"]} >= skus - {None}


def test_azure_has_dozens_of_categories_for_many_clients(world: World) -> None:
    categories = defaultdict(set)
    for line in azure(billable(world)):
        if match := GUID.search(line["description"]):
            categories[line["companyId"]].add(line["description"][match.end() :].split(" [")[0])
    assert sum(len(names) >= 24 for names in categories.values()) >= 15


def test_azure_names_and_amounts_are_as_awkward_as_pax8s(world: World) -> None:
    lines = azure(billable(world))
    names = [
        line["description"][len(ARREARS) : match.start()]
        for line in lines
        if (match := GUID.search(line["description"]))
    ]
    assert any(" - " in name for name in names)
    assert any("[options: " in line["description"] for line in lines)
    assert any(line["description"].endswith("]") and " - " in line["details"] for line in lines)
    assert sum(-line["total"].as_tuple().exponent >= 4 for line in lines if line["total"]) > 1_000
    assert any(-line["total"].as_tuple().exponent > 4 for line in lines if line["total"])
    assert Decimal("41.1154") in [line["total"] for line in lines]
    assert sum(line["total"] < 0 for line in lines) >= 20
    assert sum(line["total"] == 0 and line["costTotal"] == 0 for line in lines) >= 20
    assert {line["sku"] for line in lines} == {"MST-AZR-PLN-100", "AZR-ARR-PLN-100", None}
    assert any(len({GUID.search(x["description"])[0] for x in group if GUID.search(x["description"])}) > 1  # type: ignore[index]
               for group in lines_by_client(world).values())  # fmt: skip


def test_azure_earns_ten_percent_but_for_one_client(world: World) -> None:
    off = set()
    for client, lines in clean_clients(world).items():
        sell = sum((Decimal(line["total"]) for line in azure(lines)), Decimal(0))
        cost = sum((Decimal(line["costTotal"]) for line in azure(lines)), Decimal(0))
        if cost and abs((sell - cost) / cost * 100 - 10) > Decimal("0.005"):
            off.add(client)
    assert off == {"halcyon-biolabs"}


def test_one_clients_azure_nets_to_nothing(world: World) -> None:
    lines = azure(lines_by_client(world)["arroyo-machine-works"])
    assert len(lines) == 2
    assert sum(line["total"] for line in lines) == 0
    assert sum(line["costTotal"] for line in lines) == 0


def test_prorates_have_both_signs_in_both_styles(world: World) -> None:
    styles = Counter(
        (line["total"] > 0, line["quantity"] < 0, line["price"] < 0)
        for line in billable(world)
        if line["type"] == "prorate"
    )
    assert set(styles) == {(True, False, False), (False, True, False), (False, False, True)}
    assert min(styles.values()) >= 20


def test_periods_end_in_both_styles(world: World) -> None:
    ends = Counter((x["type"], x["endPeriod"].endswith("-01")) for x in billable(world))
    assert min(ends["prorate", True], ends["prorate", False]) >= 20
    assert min(ends["subscription", True], ends["subscription", False]) >= 20


def test_quantity_times_price_need_not_equal_the_total(world: World) -> None:
    assert sum(line["quantity"] * line["price"] != line.get("total") for line in billable(world)) >= 50


def test_reservations_acronis_trials_and_free_lines_are_there(world: World) -> None:
    lines = billable(world)
    reserved = [line for line in lines if (line["sku"] or "").startswith("MST-ARI")]
    assert {line["term"] for line in reserved} >= {"Annual", "3 Year"}
    acronis = [line for line in lines if line["vendorName"] == "Acronis"]
    assert acronis
    assert all(line["companyName"] in line["description"] for line in acronis)
    trials = [line for line in lines if line["term"] == "Trial"]
    assert trials
    assert all(line["total"] == 0 and line["costTotal"] == 0 for line in trials)
    assert sum(line.get("total") == 0 and line["costTotal"] > 0 for line in lines) >= 5
    assert any("Azure" in line["description"] and line["term"] == "Monthly" for line in lines)
    assert any(line["salesTax"] > 0 for line in lines)


def test_some_lines_are_equal_in_all_but_their_id(world: World) -> None:
    counts = Counter(write_json(line | {"id": None}) for line in billable(world))
    assert set(counts.values()) == {1, 2}


def test_purchase_orders_are_mixed_with_none(world: World) -> None:
    orders = Counter(line["purchaseOrderNumber"] for line in billable(world))
    assert {"N/A", None, ""} <= set(orders)
    assert sum(order is not None and order.startswith("PO-") for order in orders) >= 3
    by_order = defaultdict(list)
    for line in lines_by_client(world)["granite-peak-builders"]:
        order = line["purchaseOrderNumber"]
        by_order[order if order not in ("N/A", "", None) else None].append(line)
    assert len(by_order) == 3
    assert all(sell_kept(lines) > 0 for lines in by_order.values())


def test_ids_are_unique_and_every_line_has_the_golden_fields(world: World) -> None:
    lines = [line for entry in world.pax8["invoices"] for line in entry["items"]]
    assert len({line["id"] for line in lines}) == len(lines)
    without_total = [line for line in lines if len(line) != len(lines[0])]
    assert [set(lines[0]) - set(line) for line in without_total] == [{"total"}]


def test_every_invoices_total_is_its_cost_and_sales_tax(world: World) -> None:
    for entry in world.pax8["invoices"]:
        assert entry["invoice"]["total"] == sum(x["costTotal"] + x["salesTax"] for x in entry["items"])
        assert {line["currencyCode"] for line in entry["items"]} == {entry["invoice"]["currencyCode"]}
        assert entry["invoice"]["carriedBalance"] == 0


def test_sell_lies_ten_to_twenty_five_percent_above_cost(world: World) -> None:
    seats = [x for x in billable(world) if x["type"] == "subscription" and x["subscriptionId"]]
    assert all(
        Decimal("1.09") < line["total"] / line["costTotal"] < Decimal("1.27") for line in seats if line["cost"] > 1
    )


def test_a_credited_invoice_stands_beside_its_replacement(world: World) -> None:
    credited = [entry for entry in entries(world) if entry["invoice"]["status"] == "Credited"]
    assert len(credited) == 1
    key = ("companyId", "sku", "term", "quantity", "subscriptionId")
    known = {tuple(line[name] for name in key) for line in billable(world)}
    assert all(tuple(line[name] for name in key) in known for line in credited[0]["items"])
    assert {x["id"] for x in credited[0]["items"]}.isdisjoint(x["id"] for x in billable(world))


def test_september_is_paid_and_november_not_released_yet(world: World) -> None:
    (september,) = entries(world, "2026-09")
    (november,) = entries(world, "2026-11")
    assert september["invoice"]["status"] == "Paid"
    assert max(Counter(line["companyId"] for line in september["items"]).values()) == 1
    assert all(entry["release_at"] < DEMO_NOW for entry in [september, *entries(world)])
    assert november["release_at"] == "2026-11-05T15:00:00Z"


def test_each_hold_has_its_cause_in_the_data(world: World) -> None:
    halo = {row["id"]: row for row in world.halopsa["clients"]}
    ids = {row["client"]: int(row["halopsa_client_id"]) for row in client_rows()}
    by_reason = {reason: key for key, reason in demo_holds().items()}
    lines = lines_by_client(world)
    assert len(by_reason) == len(demo_holds())
    assert [row["client"] for row in client_rows() if row["excluded"] == "true"] == [by_reason["excluded_client"]]
    assert [row["id"] for row in halo.values() if row["inactive"]] == [ids[by_reason["inactive_client"]]]
    assert [key for key in lines if key.startswith("pax8-")] == [by_reason["unmapped_client"]]
    assert sell_kept(lines[by_reason["unmapped_client"]]) > 500
    assert len(lines[by_reason["no_company"]]) >= 3
    assert causes(lines, lambda line: line["type"] == "usage-adjustment") == {by_reason["unknown_type"]}
    assert causes(lines, lambda line: "total" not in line) == {by_reason["missing_amount"]}
    assert {key for key, x in lines.items() if "total" in x[-1] and sell_kept_safe(x) < 0} == {
        by_reason["negative_total"],
        by_reason["no_company"],
    }
    currencies = {row["id"]: row["code"] for row in world.halopsa["currencies"]}
    strange = {
        key
        for key, group in lines.items()
        if key in ids and {x["currencyCode"] for x in group} != {currencies[halo[ids[key]]["default_currency_code"]]}
    }
    assert strange == {by_reason["currency"]}


def causes(lines: dict[str, list[Row]], test: Any) -> set[str]:
    return {key for key, group in lines.items() if any(test(line) for line in group)}


def test_one_client_has_an_azure_line_of_eleven_decimals_and_is_billed(world: World) -> None:
    assert causes(lines_by_client(world), has_eleven_decimals) == {"parallax-analytics"}
    assert "parallax-analytics" in clean_clients(world)


def has_eleven_decimals(line: Row) -> bool:
    return any(isinstance(value, Decimal) and value.as_tuple().exponent < -10 for value in line.values())


def sell_kept_safe(lines: list[Row]) -> Decimal:
    return sell_kept([line for line in lines if "total" in line])


def test_one_client_is_billed_in_canadian_dollars_and_fits(world: World) -> None:
    clean = clean_clients(world)
    foreign = [key for key, lines in clean.items() if {x["currencyCode"] for x in lines} == {"CAD"}]
    assert foreign == ["maple-harbour-clinics"]
    assert {x["currencyCode"] for key, lines in clean.items() if key not in foreign for x in lines} == {"USD"}


def test_every_clean_client_has_an_invoice_above_zero(world: World) -> None:
    for key, lines in clean_clients(world).items():
        without_azure = [line for line in lines if line not in azure(lines)]
        assert sell_kept(without_azure, keep_favorable=True) > 0, key
        assert sum(Decimal(line["total"]) for line in azure(lines)) >= 0, key


def test_the_settings_load_and_every_id_in_them_exists(world: World, tmp_path: Path) -> None:
    for name, text in demo_config().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    loaded = load_settings(tmp_path)
    halo_ids = {row["id"] for row in world.halopsa["clients"]}
    item_ids = {row["id"] for row in world.halopsa["items"]}
    company_ids = {row["id"] for row in world.pax8["companies"]}
    recurring_ids = {row["id"] for row in world.halopsa["recurring_invoices"]}
    keys = {row.client for row in loaded.clients}
    assert {row.halopsa_client_id for row in loaded.clients} <= halo_ids
    assert {row.pax8_company_id for row in loaded.clients} - {None} <= company_ids
    assert {row.recurring_invoice_id for row in loaded.clients} - {None} <= recurring_ids
    assert {row.halopsa_item_id for row in loaded.products} <= item_ids
    assert set(loaded.settings.clients) <= keys
    assert loaded.settings.settings.codes.item in item_ids
    assert loaded.settings.settings.codes.tax in {row["id"] for row in world.halopsa["taxes"]}
    assert max(Counter(row.client for row in loaded.clients).values()) == 2
    assert any(row.pax8_company_id is None for row in loaded.clients)


def test_overrides_force_off_what_is_on_for_everyone(tmp_path: Path) -> None:
    for name, text in demo_config().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    loaded = load_settings(tmp_path)
    usual = loaded.resolve("alder-creek-dental", "pax8").charge.modifiers
    assert usual.drop_zero
    assert usual.drop_favorable_prorata
    assert usual.collapse_azure
    assert not loaded.resolve("wildflower-pediatrics", "pax8").charge.modifiers.drop_zero
    assert not loaded.resolve("cedar-hollow-brewing", "pax8").charge.modifiers.drop_favorable_prorata
    assert not loaded.resolve("brightwater-media", "pax8").charge.modifiers.collapse_azure
    assert loaded.resolve("quillfeather-publishing", "pax8").charge.modifiers.drop_azure


def test_what_an_override_spares_is_there_to_be_spared(world: World) -> None:
    lines = lines_by_client(world)
    assert any(x["total"] == 0 and x["costTotal"] == 0 for x in lines["wildflower-pediatrics"])
    assert any(x["type"] == "prorate" and x["total"] < 0 for x in lines["cedar-hollow-brewing"])
    assert len(azure(lines["brightwater-media"])) >= 24
    assert len(azure(lines["quillfeather-publishing"])) >= 24


def test_one_client_in_prompt_mode_lacks_one_confirmed_row(world: World) -> None:
    assert unmatched(world, "lakeshore-optometry") == set()
    assert unmatched(world, "hartwell-orthodontics") == {"THR-ZTE-100-A100"}
    assert unmatched(world, "stonebridge-architects") == {"THR-ZTE-100-A100"}
    assert unmatched(world, "vantage-point-engineering") == set()


def unmatched(world: World, client: str) -> set[str]:
    """SKUs of the client that neither a confirmed row nor an item's vendor SKU or name answers for."""
    rows = csv.DictReader(StringIO(demo_config()["products.csv"]))
    confirmed = {(row["sku"], normalise_term(row["term"])) for row in rows}
    known = {row.get("supplier_part_code") for row in world.halopsa["items"]}
    names = {row["name"] for row in world.halopsa["items"]}
    return {
        line["sku"]
        for line in lines_by_client(world)[client]
        if (line["sku"], normalise_term(line["term"])) not in confirmed
        and line["sku"] not in known
        and line["productName"] not in names
        and not line["description"].startswith(ARREARS)
    }


def test_halopsa_knows_a_redirect_auto_quantities_and_peoples_invoices(world: World) -> None:
    halopsa = world.halopsa
    redirected = [row for row in halopsa["clients"] if row["client_to_invoice"]]
    assert [row["name"] for row in redirected] == ["Timberline Dental - Arvada"]
    assert redirected[0]["client_to_invoice"] in {row["id"] for row in halopsa["clients"]}
    lines = [line for doc in halopsa["recurring_invoices"] for line in doc["lines"]]
    assert any(line["recurring_invoice_quantity_type"] for line in lines if len(line) > 11)
    assert all(doc["id"] < 0 for doc in halopsa["recurring_invoices"])
    assert {doc["posted"] for doc in halopsa["invoices"]} == {True, False}
    assert not any("comment_2" in line for doc in halopsa["invoices"] for line in doc["lines"])
    sites = {row["id"] for row in halopsa["sites"]}
    assert {row["main_site_id"] for row in halopsa["clients"]} <= sites


@pytest.mark.parametrize(("clients", "lines"), [(3, 100), (50, 777)])
def test_a_scaled_world_has_the_clients_and_lines_asked_for(clients: int, lines: int, tmp_path: Path) -> None:
    world, config = build_scaled_world(clients, lines)
    (entry,) = world.pax8["invoices"]
    assert len(entry["items"]) == lines
    assert len({line["companyId"] for line in entry["items"]}) == clients
    assert read_json(write_json(entry["items"])) == entry["items"]
    for name, text in config.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    loaded = load_settings(tmp_path)
    assert {row.halopsa_client_id for row in loaded.clients} == {row["id"] for row in world.halopsa["clients"]}


def test_a_scaled_world_needs_a_line_for_every_client() -> None:
    with pytest.raises(ValueError, match="not enough"):
        build_scaled_world(10, 9)
