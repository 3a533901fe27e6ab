"""`products propose`, against a real Pax8 and HaloPSA."""

from billing_pipeline_tests.proposals.catalogue import CLIENTS, COMPANIES, PROMPT, ROWS, subscribed
from billing_pipeline_tests.proposals.office import (
    PRODUCTS_HEADER,
    Office,
    azure,
    halopsa,
    item,
    line,
    pax8,
    subscription,
)


def test_proposes_items_with_scores_for_current_subscriptions(office: Office) -> None:
    items = [item(1, "Premium", supplier_part_code="SKU-P"), item(2, "Dropsuite Business Backups")]
    office.set_up(subscribed(), halopsa(CLIENTS, items), ROWS, settings=PROMPT)
    assert office.run("products", "propose").exit_code == 0
    by_cells = {(row["product_id"], row["term"]): row for row in office.rows("products.proposed.csv")}
    assert set(by_cells) == {("p-premium", "monthly"), ("p-premium", "annual"), ("p-backup", "monthly")}
    premium, backup = by_cells["p-premium", "annual"], by_cells["p-backup", "monthly"]
    assert list(premium)[:5] == PRODUCTS_HEADER.strip().split(",")
    assert (premium["halopsa_item_id"], premium["score"], premium["why"]) == ("1", "100", "the item has this SKU")
    assert (backup["halopsa_item_id"], backup["candidate"], backup["score"]) == (
        "",
        "Dropsuite Business Backups (2)",
        "98",
    )
    assert backup["why"].startswith("doubtful: the names are 98 % alike")
    assert (premium["waiting"], backup["waiting"]) == ("1", "1")


def test_a_confirmed_product_is_not_proposed_again_and_a_created_item_is_no_confirmation(office: Office) -> None:
    items = [item(1, "Premium", externalreference="pax8:p-premium:monthly")]
    office.set_up(subscribed(), halopsa(CLIENTS, items), ROWS, "pax8,p-backup,,,1\n", settings=PROMPT)
    office.run("products", "propose")
    proposed = {
        (row["product_id"], row["term"]): row["halopsa_item_id"] for row in office.rows("products.proposed.csv")
    }
    assert proposed == {("p-premium", "monthly"): "1", ("p-premium", "annual"): ""}


def test_two_items_of_one_sku_are_not_chosen_between(office: Office) -> None:
    items = [item(1, "One", supplier_part_code="SKU-P"), item(2, "Two", supplier_part_code="sku-p")]
    office.set_up(subscribed(), halopsa(CLIENTS, items), ROWS, settings=PROMPT)
    office.run("products", "propose")
    row = next(row for row in office.rows("products.proposed.csv") if row["product_id"] == "p-premium")
    assert row["halopsa_item_id"] == ""
    assert (row["candidate"], row["candidate_2"], row["score_2"]) == ("One (1)", "Two (2)", "100")
    assert row["why"] == "doubtful: the item has this SKU, and so have 1 others: write the right one"


def test_what_clients_wait_for_comes_first_then_the_most_money(office: Office) -> None:
    lines = [
        line(1, 1, "5.00", productId="p-small", sku="S"),
        line(2, 2, "900.00", productId="p-default", sku="D"),
        line(3, 1, "70.00", productId="p-large", sku="L"),
    ]
    office.set_up(
        pax8(companies=COMPANIES, lines=lines),
        halopsa(CLIENTS),
        ROWS,
        overrides={"acme": {"settings": {"product_lifecycle": {"mode": "prompt"}}}},
    )
    office.prepare()
    office.run("products", "propose", "--from-snapshots")
    rows = office.rows("products.proposed.csv")
    assert [(row["product_id"], row["waiting"], row["sell"]) for row in rows] == [
        ("p-large", "1", "70"),
        ("p-small", "1", "5"),
        ("p-default", "0", "900"),
    ]


def test_a_collapsed_azure_line_is_the_product_azure(office: Office) -> None:
    settings = {**PROMPT, "modifiers": {"collapse_azure": True}}
    office.set_up(
        subscribed(subscription(4, 1, "p-azure", billingTerm="Arrears"), lines=[azure(1, 1), azure(2, 1)]),
        halopsa(CLIENTS),
        ROWS,
        settings=settings,
    )
    office.prepare()
    office.run("products", "propose")
    rows = [row for row in office.rows("products.proposed.csv") if "azure" in row["product_id"]]
    assert [(row["product_id"], row["sku"], row["term"], row["sell"]) for row in rows] == [("azure", "", "", "20")]


def test_lines_without_product_and_sku_are_told_and_left_out(office: Office) -> None:
    nameless = line(1, 1, productId=None, sku=None, productName="Odd thing")
    office.set_up(pax8(companies=COMPANIES, lines=[nameless]), halopsa(CLIENTS), ROWS, settings=PROMPT)
    office.prepare()
    said = office.run("products", "propose").stdout
    assert "1 products without product id and SKU are left out" in said
    assert office.rows("products.proposed.csv") == []


def test_a_confirmed_item_that_is_gone_is_told(office: Office) -> None:
    office.set_up(subscribed(), halopsa(CLIENTS), ROWS, "pax8,p-backup,,,777\n", settings=PROMPT)
    said = office.run("products", "propose").stdout
    assert "products.csv ties p-backup to item 777, which HaloPSA does not have" in said
