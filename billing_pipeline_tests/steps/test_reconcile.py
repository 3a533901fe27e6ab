"""Every charge finds its HaloPSA item, accounts and tax, or is blocked with the reason."""

from typing import Any

import pytest

from billing_pipeline_tests.steps.months import (
    Month,
    MonthMaker,
    Row,
    azure,
    company_of,
    fates,
    halopsa_clients,
    line,
    rows_of,
)

ITEMS = [
    {"id": 900, "name": "Cloud services", "taxcode": 3, "nominalcode": "4192", "purchasenominalcode": "5001"},
    {"id": 901, "name": "Anything", "supplier_part_code": "sku-known", "taxcode": 0, "nominalcode": ""},
    {"id": 902, "name": "Premium annual", "externalreference": "pax8:p-two:annual", "supplier_part_code": "SKU-TWO"},
    {"id": 903, "name": "Premium monthly", "externalreference": "pax8:p-two:monthly", "supplier_part_code": "SKU-TWO"},
    {"id": 904, "name": "By id", "internalreference": "p-by-id"},
    {"id": 905, "name": "By Name"},
    {"id": 906, "name": "Twice"},
    {"id": 907, "name": "Twice"},
    {"id": 908, "name": "Confirmed"},
]
PRODUCTS = (
    "pax8,p-confirmed,,,908\n"
    "pax8,p-gone,,,999\n"
    "pax8,azure,,,900\n"
    "pax8,p-both,,Monthly,900\n"
    "pax8,,SKU-BOTH,Monthly,901\n"
)


def product(name: str, product_id: str | None = None, sku: str | None = None, **changes: Any) -> Row:
    """A line of one product, which is its name."""
    return line(name, productId=product_id, sku=sku, productName=name, description=name, **changes)


LINES = (
    product("confirmed", "p-confirmed", "sku-known"),
    product("gone", "p-gone", "sku-known"),
    product("both", "p-both", "SKU-BOTH"),
    product("sku", "p-x", "SKU-KNOWN"),
    product("annual", "p-two", "SKU-TWO", term="Annual"),
    product("monthly", "p-two", "SKU-TWO"),
    product("three years", "p-two", "SKU-TWO", term="3 Year"),
    product("id", "p-by-id", "SKU-UNKNOWN"),
    {**product("name", "p-y", "SKU-UNKNOWN"), "productName": "By Name"},
    {**product("twice", "p-z", "SKU-UNKNOWN"), "productName": "Twice"},
    product("new", "p-new", "SKU-NEW"),
    {**product("nameless"), "productName": "By Name"},
    {**product("nameless twice"), "productName": "Twice"},
    {**product("nameless new"), "productName": None, "description": "Credit for an outage"},
    {**product("nothing"), "productName": None, "description": None},
    azure("azure"),
)
CLIENTS: dict[str, dict[str, Any]] = {
    "default": {"product_lifecycle": {"mode": "default_item"}, "codes": {"item": 900}},
    "off": {"product_lifecycle": {"enabled": False, "mode": "create"}, "codes": {"item": 900}},
    "off-bare": {"product_lifecycle": {"enabled": False}},
    "default-gone": {"product_lifecycle": {"mode": "default_item"}, "codes": {"item": 12345}},
    "prompt": {"product_lifecycle": {"mode": "prompt"}},
    "prompt-item": {"product_lifecycle": {"mode": "prompt"}, "codes": {"item": 900}},
    "create": {"product_lifecycle": {"mode": "create"}},
    "create-item": {"product_lifecycle": {"mode": "create"}, "codes": {"item": 900}},
}


@pytest.fixture(scope="module")
def month(months: MonthMaker) -> Month:
    """The same products for every client of CLIENTS."""
    items = [
        {**row, "id": f"{client} {row['id']}", "companyId": company_of(client)} for client in CLIENTS for row in LINES
    ]
    config = {
        "settings": {"modifiers": {"collapse_azure": True}},
        "clients": {client: {"settings": settings} for client, settings in CLIENTS.items()},
    }
    made = months.make(
        items,
        config=config,
        clients=rows_of(*CLIENTS),
        products=PRODUCTS,
        halopsa={"clients": halopsa_clients(*CLIENTS), "items": ITEMS},
    )
    made.prepare()
    return made


def found(month: Month, client: str) -> dict[str, tuple[Any, ...]]:
    """Item (or its reference) and rule, or reason, of each of a client's charges by the name of the line."""
    rows = month.rows(
        "select coalesce(modified.source_line_id, 'azure') as name, halopsa_item_id, item_reference, match_rule, "
        "block_reason from reconciled_items as items join modified_charges as modified "
        "using (month, client, charge_key, row_kind) where client = ?",
        client,
    )
    named = {}
    for row in rows:
        name = row["name"].removeprefix(f"{client} ")
        item = row["halopsa_item_id"] or row["item_reference"]
        named[name] = (row["block_reason"],) if row["block_reason"] else (item, row["match_rule"])
    return named


@pytest.mark.parametrize("client", ["default", "off"])
def test_the_default_item_takes_every_line(month: Month, client: str) -> None:
    assert set(found(month, client).values()) == {(900, "default_item")}
    assert len(found(month, client)) == len(LINES)


def test_without_lifecycle_and_default_item_every_line_is_blocked(month: Month) -> None:
    assert set(found(month, "off-bare").values()) == {("no_item",)}
    assert all("no default item is set (codes.item)" in hold["detail"] for hold in month.holds("off-bare"))


def test_a_default_item_that_halopsa_does_not_have_blocks_with_its_id(month: Month) -> None:
    assert set(found(month, "default-gone").values()) == {("no_item",)}
    assert "HaloPSA has no item 12345 (codes.item); 22.00 USD" in month.holds("default-gone")[0]["detail"]


CREATED = {
    "confirmed": (908, "confirmed"),
    "gone": ("no_item",),
    "both": ("ambiguous_item",),
    "sku": (901, "sku"),
    "annual": (902, "sku"),
    "monthly": (903, "sku"),
    "three years": ("pax8:p-two:3-year", "create"),
    "id": (904, "product_id"),
    "name": (905, "name"),
    "twice": ("ambiguous_item",),
    "new": ("pax8:p-new:monthly", "create"),
    "nameless": (905, "name"),
    "nameless twice": ("ambiguous_item",),
    "nameless new": ("pax8:Credit for an outage:monthly", "create"),
    "nothing": ("no_item",),
    "azure": (900, "confirmed"),
}


def test_create_matches_in_the_stated_order_and_creates_the_rest(month: Month) -> None:
    assert found(month, "create") == CREATED


def test_a_default_item_takes_lines_without_product_and_sku(month: Month) -> None:
    assert found(month, "create-item") == {
        **CREATED,
        "nameless new": (900, "default_item"),
        "nothing": (900, "default_item"),
    }


PROMPTED = {
    **dict.fromkeys(CREATED, ("no_item",)),
    "confirmed": (908, "confirmed"),
    "both": ("ambiguous_item",),
    "nameless": (905, "name"),
    "nameless twice": ("ambiguous_item",),
    "azure": (900, "confirmed"),
}


def test_prompt_takes_a_persons_word_alone(month: Month) -> None:
    assert found(month, "prompt") == PROMPTED
    assert found(month, "prompt-item") == {
        **PROMPTED,
        "nameless new": (900, "default_item"),
        "nothing": (900, "default_item"),
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("new", 'no confirmed row in products.csv for "new" (product p-new, SKU SKU-NEW, term monthly)'),
        ("gone", "HaloPSA has no item 999 (products.csv)"),
        ("both", '"both" matches the HaloPSA items 900, 901'),
        ("nameless twice", '"Twice" matches the HaloPSA items 906, 907'),
    ],
)
def test_each_hold_says_what_is_missing_and_how_much_it_holds(month: Month, name: str, text: str) -> None:
    (hold,) = [hold for hold in month.holds("prompt") if hold["source_line_id"] == f"prompt {name}"]
    assert text in hold["detail"]
    assert hold["detail"].endswith("; 22.00 USD")


def test_a_line_without_any_name_says_so(month: Month) -> None:
    (hold,) = [hold for hold in month.holds("create") if hold["source_line_id"] == "create nothing"]
    assert "no product, SKU or name to create an item of" in hold["detail"]


def test_one_line_without_item_holds_the_rest_of_its_client(month: Month) -> None:
    lines = fates(month)
    assert lines["prompt new"] == "blocked no_item"
    assert lines["prompt confirmed"] == "held no_item"
    assert lines["prompt azure"] == "held no_item"
    assert lines["default new"] == "planned"


def test_a_collapsed_line_without_item_blocks_its_members(months: MonthMaker) -> None:
    settings = {"modifiers": {"collapse_azure": True}, "product_lifecycle": {"mode": "prompt"}, "codes": {}}
    month = months.make(
        [azure("L1"), azure("L2"), line("L3", productId="p", sku=None)], settings, products="pax8,p,,,900\n"
    )
    month.prepare()
    assert fates(month) == {"L1": "blocked no_item", "L2": "blocked no_item", "L3": "held no_item"}
    (hold,) = month.holds()
    assert (hold["sell"], hold["source_line_id"]) == (20, None)
    assert '"Microsoft Azure" (product azure, SKU none, term none)' in hold["detail"]
    assert month.three_way()["sell_gap"] == "0"


def test_an_item_is_created_once_and_found_again_the_next_month(months: MonthMaker) -> None:
    settings = {"product_lifecycle": {"mode": "create"}, "codes": {"accounts": "4000", "expense": "5000", "tax": 3}}
    items = [line("L1", quantity=2), line("L2", term="Annual"), azure("L3"), azure("L4")]
    items += [line("L5", productId="p-premium", sku="MST-NCE-163-C100")]
    month = months.make(items, {**settings, "modifiers": {"collapse_azure": True}})
    planned = month.prepare()["acme-dental"].plan
    references = ["pax8:azure:", "pax8:p-premium:annual", "pax8:p-premium:monthly"]
    assert [item.reference for item in planned.new_items] == references
    assert len(month.post().posted) == 1
    created = {row["externalreference"]: row for row in month.halo.items() if row["id"] != 900}
    assert sorted(created) == references
    assert {(row["nominalcode"], row["purchasenominalcode"], row["taxcode"]) for row in created.values()} == {
        ("4000", "5000", 3)
    }
    assert [group["name"] for group in month.halo.product_groups()] == ["BillingBot_pax8"]
    month.snapshot()
    month.rows("delete from posted_source_lines")
    again = month.prepare()["acme-dental"].plan
    assert again.new_items == ()
    assert {line.item_id for line in again.documents[0].lines} == {row["id"] for row in created.values()}


TAXES = [{"id": number, "name": f"Tax {number}", "code": f"T{number}", "value": 0} for number in (3, 4, 5)]
# Settings and HaloPSA fields of each client, its item, and the tax and income account that its line must get.
TAXED: dict[str, tuple[dict[str, Any], dict[str, Any], int, int | None, str | None]] = {
    "of-item": ({}, {}, 900, 3, "4192"),
    "of-client": ({}, {"item_tax_code": 4}, 900, 4, "4192"),
    "of-client-nought": ({}, {"item_tax_code": 0}, 900, 3, "4192"),
    "exempt": ({}, {"taxable": False, "item_tax_code": 4}, 900, None, "4192"),
    "taxable-null": ({}, {"taxable": None}, 900, 3, "4192"),
    "of-default": ({"codes": {"tax": 5, "accounts": "4000"}}, {}, 901, 5, "4000"),
    "of-default-nought": ({"codes": {"tax": 0}}, {}, 901, None, None),
    "item-first": ({"codes": {"tax": 5, "accounts": "4000"}}, {}, 900, 3, "4192"),
    "no-codes": ({}, {}, 901, None, None),
    "qbo": ({"tax_engine": "qbo_ast"}, {"item_tax_code": 4}, 900, None, "4192"),
    "xero": ({"tax_engine": "xero_auto"}, {}, 900, None, "4192"),
    "none": ({"tax_engine": "none"}, {}, 900, None, "4192"),
    "redirected": ({}, {"client_to_invoice": 300, "item_tax_code": 4}, 900, 3, "4192"),
}


def test_tax_and_accounts_are_the_first_that_answers(months: MonthMaker) -> None:
    clients = halopsa_clients(*TAXED)
    for row, (_, fields, _, _, _) in zip(clients, TAXED.values(), strict=True):
        row.update(fields)
    month = months.make(
        [line(name, companyId=company_of(name), productId=f"p-{TAXED[name][2]}", sku=None) for name in TAXED],
        config={
            "settings": {"product_lifecycle": {"mode": "prompt"}},
            "clients": {name: {"settings": settings} for name, (settings, *_) in TAXED.items() if settings},
        },
        clients=rows_of(*TAXED),
        products="pax8,p-900,,,900\npax8,p-901,,,901\n",
        halopsa={"clients": clients, "items": ITEMS, "taxes": TAXES},
    )
    month.prepare()
    rows = month.rows("select client, tax_id, income_account from ready_to_invoice")
    assert {row["client"]: (row["tax_id"], row["income_account"]) for row in rows} == {
        name: (tax, account) for name, (_, _, _, tax, account) in TAXED.items()
    }
    month.work = month.work.of(["exempt", "of-client"])
    month.post()
    sent = {row["client_id"]: row["lines"][0] for row in month.halo.invoices()}
    by_client = {row["name"].lower(): row["id"] for row in clients}
    # A field that is not sent is left to HaloPSA.
    assert "tax_code" not in sent[by_client["exempt"]] or sent[by_client["exempt"]]["tax_code"] in (None, "", "0")
    assert sent[by_client["of-client"]]["tax_code"] == "4"
