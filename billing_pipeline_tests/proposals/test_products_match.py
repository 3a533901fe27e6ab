"""`products match`, against a real Pax8 and HaloPSA, and the history of matches."""

from billing_pipeline_tests.proposals.catalogue import CLIENTS, COMPANIES, CREATE, PROMPT, ROWS, subscribed
from billing_pipeline_tests.proposals.office import (
    PRODUCTS_HEADER,
    Office,
    azure,
    company_id,
    halopsa,
    item,
    line,
    pax8,
)


def test_match_shows_each_product_with_its_rule_and_creates_nothing(office: Office) -> None:
    items = [item(1, "Premium", externalreference="pax8:p-premium:monthly")]
    office.set_up(subscribed(), halopsa(CLIENTS, items), ROWS, settings=CREATE)
    result = office.run("products", "match", "--all")
    assert result.exit_code == 0
    assert "Premium (1)" in result.stdout
    assert "product id" in result.stdout
    assert "new, in BillingBot_pax8" in result.stdout
    assert "Nothing was created in HaloPSA: 2 items are missing there, and with --create they are created now" in (
        result.stdout
    )
    assert len(office.written("items")) == 1
    assert office.written("asset_groups") == []


def test_create_makes_the_group_and_each_item_once_and_never_again(office: Office) -> None:
    old = item(1, "Premium", externalreference="pax8:p-premium:monthly")
    office.set_up(subscribed(), halopsa(CLIENTS, [old]), ROWS, settings=CREATE)
    result = office.run("products", "match", "--all", "--create")
    assert result.exit_code == 0
    assert "2 items created in HaloPSA" in result.stdout
    again = office.run("products", "match", "--all", "--create")
    assert "new, in" not in again.stdout
    assert [group["name"] for group in office.written("asset_groups")] == ["BillingBot_pax8"]
    first, *created = sorted(office.written("items"), key=lambda one: one["id"])
    assert {name: first[name] for name in old} == old
    assert sorted(
        (one["name"], one["externalreference"], one["supplier_part_code"], one["nominalcode"], one["taxcode"])
        for one in created
    ) == [
        ("Dropsuite Business Backup", "pax8:p-backup:monthly", "SKU-B", "4192", 3),
        ("Microsoft 365 Business Premium [New Commerce Experience]", "pax8:p-premium:annual", "SKU-P", "4192", 3),
    ]
    events = [event for (event,) in office.query("select event from posting_journal order by seq")]
    assert events == ["group_sending", "group_created", *["item_sending", "item_created"] * 2]


def test_the_first_month_takes_the_items_that_match_created(office: Office) -> None:
    lines = [line(1, 2, productId="p-backup", sku="SKU-B", productName="Dropsuite Business Backup")]
    office.set_up(subscribed(lines=lines), halopsa(CLIENTS), ROWS, settings=CREATE)
    office.run("products", "match", "--all", "--create")
    [made] = [one["id"] for one in office.written("items") if one.get("externalreference") == "pax8:p-backup:monthly"]
    items = len(office.written("items"))
    office.prepare()
    office.post()
    assert office.query("select halopsa_item_id, match_rule from reconciled_items") == [(made, "confirmed")]
    assert len(office.written("items")) == items


def test_a_creation_of_unknown_outcome_is_found_again_and_not_repeated(office: Office) -> None:
    office.set_up(subscribed(), halopsa(CLIENTS), ROWS, settings=CREATE)
    office.disturb_halopsa(kind="drop", when="after", route="/api/Item", method="POST")
    result = office.run("products", "match", "--all", "--create")
    assert result.exit_code == 3
    assert "not created: pax8:p-backup:monthly:" in result.stdout
    assert office.run("products", "match", "--all", "--create").exit_code == 0
    references = sorted(one.get("externalreference", "") for one in office.written("items"))
    assert references == ["", "pax8:p-backup:monthly", "pax8:p-premium:annual", "pax8:p-premium:monthly"]


def test_what_is_ambiguous_or_waits_for_a_person_exits_with_3(office: Office) -> None:
    items = [item(1, "One", supplier_part_code="SKU-P"), item(2, "Two", supplier_part_code="SKU-P")]
    office.set_up(
        subscribed(),
        halopsa(CLIENTS, items),
        ROWS,
        settings=CREATE,
        overrides={"birch": {"settings": {"product_lifecycle": {"mode": "prompt"}}}},
    )
    result = office.run("products", "match", "--all", "--create")
    assert result.exit_code == 3
    said = " ".join(result.stdout.split())
    assert "3 of these hold their clients until it is settled." in said
    assert len(office.written("items")) == 2


def test_codes_that_halopsa_does_not_have_create_nothing(office: Office) -> None:
    codes = {"accounts": "9999", "tax": 88}
    office.set_up(subscribed(), halopsa(CLIENTS), ROWS, settings={**CREATE, "codes": codes})
    result = office.run("products", "match", "--all", "--create")
    assert result.exit_code == 3
    assert len(office.written("items")) == 1


def test_excluded_clients_and_ended_subscriptions_need_no_item(office: Office) -> None:
    world = subscribed()
    world["subscriptions"][0]["status"] = "Cancelled"
    rows = f"acme,Acme,246,{company_id(1)},false,,\nbirch,Birch,247,{company_id(2)},true,,\n"
    office.set_up(world, halopsa(CLIENTS), rows, settings=CREATE)
    result = office.run("products", "match", "--all")
    assert result.exit_code == 0
    assert "There is no product to match." in result.stdout


def test_all_on_the_default_item_is_one_sentence(office: Office) -> None:
    office.set_up(subscribed(), halopsa(CLIENTS), ROWS)
    result = office.run("products", "match", "--all")
    assert result.exit_code == 0
    assert "3 products of 2 clients go on the default item Cloud services (900)." in result.stdout


def test_match_without_all_is_about_the_newest_month(office: Office) -> None:
    office.set_up(pax8(companies=COMPANIES, lines=[line(1, 1)]), halopsa(CLIENTS), ROWS, settings=CREATE)
    office.prepare()
    result = office.run("products", "match")
    assert result.exit_code == 0
    assert "1 items are missing there, and posting the month creates them" in result.stdout
    refused = office.run("products", "match", "--create")
    assert refused.exit_code == 2
    assert "--create needs --all" in refused.stderr


def test_deleting_a_confirmed_match_keeps_what_was_posted_with_it(office: Office) -> None:
    settings = {**PROMPT, "modifiers": {"collapse_azure": True}}
    lines = [line(1, 1, "22.00"), line(2, 1, "11.00"), azure(3, 1, "10.00"), azure(4, 1, "5.00")]
    office.set_up(
        pax8(companies=COMPANIES, lines=lines),
        halopsa(CLIENTS, [item(1, "One"), item(2, "Azure")]),
        ROWS,
        "pax8,p-premium,,,1\npax8,azure,,,2\n",
        settings=settings,
    )
    office.prepare()
    office.post()
    used = "select product_id, sku, term, halopsa_item_id, lines, sell::text from product_matches_used order by all"
    history = [
        ("azure", None, None, 2, 1, "15.000000000000000000"),
        ("p-premium", "MST-NCE-163-C100", "monthly", 1, 2, "33.000000000000000000"),
    ]
    assert office.query(used) == history
    office.write("products.csv", PRODUCTS_HEADER)
    office.prepare()
    office.post()
    assert office.query(used) == history
    assert office.query("select distinct disposition from dispositions order by all") == [("collapsed",), ("posted",)]
    assert office.query("select count(*) from holds") == [(0,)]
    assert len(office.written("invoices")) == 1
