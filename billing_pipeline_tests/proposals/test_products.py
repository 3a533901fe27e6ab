"""`products propose`, `match` and `import`, against a real Pax8 and HaloPSA."""

from typing import Any

import pytest

from billing_pipeline_tests.proposals.office import (
    ITEM,
    PRODUCTS_HEADER,
    Office,
    azure,
    client,
    company,
    company_id,
    halopsa,
    item,
    line,
    pax8,
    product,
    subscription,
)

ROWS = f"acme,Acme,246,{company_id(1)},false,,\nbirch,Birch,247,{company_id(2)},false,,\n"
COMPANIES = [company(1, "Acme"), company(2, "Birch")]
CLIENTS = [client(246, "Acme"), client(247, "Birch")]
PREMIUM = product("p-premium", "Microsoft 365 Business Premium [New Commerce Experience]", "SKU-P")
BACKUP = product("p-backup", "Dropsuite Business Backup", "SKU-B", "Dropsuite")
AZURE = product("p-azure", "Microsoft Azure Plan", "MST-AZR-P1")
PROMPT = {"product_lifecycle": {"mode": "prompt"}, "codes": {"item": None}}
CREATE = {"product_lifecycle": {"mode": "create"}, "codes": {"accounts": "4192", "expense": "5001", "tax": 3}}


def subscribed(*more: dict[str, Any], **tables: Any) -> dict[str, Any]:
    return pax8(
        companies=COMPANIES,
        subscriptions=[
            subscription(1, 1, "p-premium"),
            subscription(2, 2, "p-premium", billingTerm="Annual"),
            subscription(3, 2, "p-backup"),
            *more,
        ],
        products=[PREMIUM, BACKUP, AZURE],
        **tables,
    )


# propose


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
    assert (row["candidate"], row["runner_up"], row["runner_up_score"]) == ("One (1)", "Two (2)", "100")
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


# import


def bring(office: Office, text: str) -> Any:
    file = office.folder / "confirmed.csv"
    file.write_bytes(text.encode())
    return office.run("products", "import", str(file))


@pytest.fixture
def importing(office: Office) -> Office:
    office.set_up(subscribed(), halopsa(CLIENTS, [item(1, "One"), item(2, "Two")]), ROWS, settings=PROMPT)
    return office


def test_a_client_is_held_until_all_its_lines_are_confirmed_and_others_go_on(office: Office) -> None:
    lines = [line(1, 1), line(2, 1, productId="p-backup", sku="SKU-B", productName="Backup"), line(3, 2)]
    office.set_up(
        pax8(companies=COMPANIES, lines=lines),
        halopsa(CLIENTS, [item(ITEM, "Cloud services"), item(1, "One")]),
        ROWS,
        overrides={"acme": {"settings": {"product_lifecycle": {"mode": "prompt"}}}},
    )
    office.prepare()
    office.post()
    assert [invoice["client_id"] for invoice in office.written("invoices")] == [247]
    assert bring(office, PRODUCTS_HEADER + "pax8,p-premium,,,1\n").exit_code == 0
    office.prepare()
    office.post()
    assert len(office.written("invoices")) == 1
    assert bring(office, PRODUCTS_HEADER + "pax8,p-backup,SKU-B,monthly,1\n").exit_code == 0
    office.prepare()
    office.post()
    assert [invoice["client_id"] for invoice in office.written("invoices")] == [247, 246]


def test_an_import_adds_at_the_end_and_leaves_what_is_there(importing: Office) -> None:
    importing.write("products.csv", "halopsa_item_id,integration,product_id,sku,term\r\n1,pax8,p-old,,")
    result = bring(importing, PRODUCTS_HEADER + "pax8,p-premium,SKU-P,Annual,2\npax8,p-old,,,1\n")
    assert result.exit_code == 0
    assert importing.read("products.csv") == (
        "halopsa_item_id,integration,product_id,sku,term\r\n1,pax8,p-old,,\r\n2,pax8,p-premium,SKU-P,Annual\r\n"
    )
    assert "1 row added to" in result.stdout
    assert "1 were there already" in result.stdout
    again = bring(importing, PRODUCTS_HEADER + "pax8,p-premium,SKU-P,annual,2\n")
    assert "0 rows added to" in again.stdout
    assert importing.loaded.products[-1].product_id == "p-premium"


def test_an_import_makes_a_products_csv_where_there_is_none(importing: Office) -> None:
    (importing.config / "products.csv").unlink()
    assert bring(importing, PRODUCTS_HEADER + "pax8,p-premium,,,1\n").exit_code == 0
    assert importing.read("products.csv") == PRODUCTS_HEADER + "pax8,p-premium,,,1\n"


def test_a_proposal_can_be_imported_once_its_gaps_are_filled(office: Office) -> None:
    items = [item(1, "Premium", supplier_part_code="SKU-P")]
    office.set_up(subscribed(), halopsa(CLIENTS, items), ROWS, settings=PROMPT)
    office.run("products", "propose")
    proposed = office.config / "products.proposed.csv"
    refused = office.run("products", "import", str(proposed))
    assert refused.exit_code == 2
    assert "halopsa_item_id: is empty: write the id of its item, or take the row out" in refused.stderr
    assert office.rows("products.csv") == []
    proposed.write_text("".join(row for row in proposed.read_text().splitlines(True) if "p-backup" not in row))
    assert office.run("products", "import", str(proposed)).exit_code == 0
    assert [row["product_id"] for row in office.rows("products.csv")] == ["p-premium", "p-premium"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("pax9,p-premium,,,1\n", "unknown integration 'pax9'; the nearest known one is pax8"),
        ("pax8,,,,1\n", "product_id and sku are both empty: write at least one"),
        ("pax8,p-premium,,,777\n", "HaloPSA has no item 777: billing-pipeline codes lists them"),
        ("pax8,p-premium,,,\n", "is empty: write the id of its item, or take the row out"),
        ("pax8,p-premium,,Montly,1\n", "'Montly' is no billing term; the nearest known one is monthly"),
        ("pax8,p-old,,,2\n", "this product is item 1 already, in products.csv or on a row above, and item 2 here"),
        ("pax8,p-premium,,,1\npax8,p-premium,,,2\n", "this product is item 1 already"),
        ("pax8,p-premium,,,1,\n", "6 cells under a header of 5: quote cells that hold a comma"),
        ("", "has no rows: there is nothing to import"),
    ],
)
def test_one_bad_row_and_nothing_is_imported(importing: Office, rows: str, said: str) -> None:
    importing.write("products.csv", PRODUCTS_HEADER + "pax8,p-old,,,1\n")
    good = "pax8,p-backup,,,2\n" if rows else ""
    result = bring(importing, PRODUCTS_HEADER + good + rows)
    assert result.exit_code == 2
    assert said in result.stderr
    assert importing.read("products.csv") == PRODUCTS_HEADER + "pax8,p-old,,,1\n"


def test_every_problem_is_told_with_its_line(importing: Office) -> None:
    result = bring(importing, PRODUCTS_HEADER + "pax8,p-1,,,777\npax8,p-2,,,1\npax8,p-3,,Montly,888\n")
    problems = [text.partition("confirmed.csv:")[2].partition(":")[0] for text in result.stderr.splitlines()]
    assert [number for number in problems if number] == ["2", "4", "4"]


def test_rows_that_would_make_a_charged_product_ambiguous_are_refused(importing: Office) -> None:
    lines = [line(1, 1, productId="p-premium", sku="SKU-P")]
    importing.set_up(
        pax8(companies=COMPANIES, lines=lines),
        halopsa(CLIENTS, [item(1, "One"), item(2, "Two")]),
        ROWS,
        settings=PROMPT,
    )
    importing.prepare()
    importing.write("products.csv", PRODUCTS_HEADER + "pax8,p-premium,,monthly,1\n")
    result = bring(importing, PRODUCTS_HEADER + "pax8,,SKU-P,monthly,2\n")
    assert result.exit_code == 2
    assert "(product p-premium, SKU SKU-P, term monthly) would be the items 1, 2: keep the rows of one" in result.stderr
    assert bring(importing, PRODUCTS_HEADER + "pax8,p-premium,SKU-P,monthly,2\n").exit_code == 0


def test_a_product_that_nobody_knows_is_imported_and_told(importing: Office) -> None:
    result = bring(importing, PRODUCTS_HEADER + "pax8,p-premum,,,1\n")
    assert result.exit_code == 0
    assert 'no charge and no subscription has product "p-premum" yet: is it written right?' in result.stdout


def test_a_file_that_is_not_there_is_told(importing: Office) -> None:
    result = importing.run("products", "import", "nowhere.csv")
    assert result.exit_code == 2
    assert "nowhere.csv: cannot be read: No such file or directory. Nothing was imported." in result.stderr


# match


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


# history


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
        ("azure", None, None, 2, 1, "15.0000000000"),
        ("p-premium", "MST-NCE-163-C100", "monthly", 1, 2, "33.0000000000"),
    ]
    assert office.query(used) == history
    office.write("products.csv", PRODUCTS_HEADER)
    office.prepare()
    office.post()
    assert office.query(used) == history
    assert office.query("select distinct disposition from dispositions order by all") == [("collapsed",), ("posted",)]
    assert office.query("select count(*) from holds") == [(0,)]
    assert len(office.written("invoices")) == 1
