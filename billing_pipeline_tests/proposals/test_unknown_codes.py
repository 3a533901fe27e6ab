"""An item, tax or account that HaloPSA does not have is never sent: its lines are held, with the money in the text."""

from typing import Any

import pytest

from billing_pipeline.billing.known_codes import KnownCodes
from billing_pipeline.billing.settings import Codes
from billing_pipeline_tests.proposals.office import ITEM, Office, client, company, company_id, halopsa, item, line, pax8

ROW = f"acme,Acme,246,{company_id(1)},false,,\n"
DEFAULT_ITEM = {"mode": "default_item"}


def prepare(office: Office, codes: dict[str, Any], items: list[dict[str, Any]], **more: Any) -> None:
    lifecycle = more.pop("lifecycle", DEFAULT_ITEM)
    acme = client(246, "Acme", **more.pop("of_client", {}))
    office.set_up(
        pax8(companies=[company(1, "Acme")], lines=[line(1, 1, "22.00"), line(2, 1, "33.00")]),
        halopsa(clients=[acme], items=items, **more.pop("tables", {})),
        clients=ROW,
        settings={"codes": codes, "product_lifecycle": lifecycle, **more},
    )
    office.prepare()


def holds(office: Office) -> list[tuple[Any, ...]]:
    return office.query("select disposition, reason, detail from holds where client = 'acme' order by detail")


BARE = {"id": ITEM, "name": "Cloud services"}
WITH_ACCOUNTS = item(901, "Another", nominalcode="4100", purchasenominalcode="5100")


@pytest.mark.parametrize(
    ("codes", "items", "more", "said"),
    [
        ({"item": 777}, [item(ITEM, "Cloud services")], {}, "HaloPSA has no item 777 (codes.item)"),
        ({"item": ITEM, "tax": 88}, [BARE], {}, "HaloPSA has no tax 88 (codes.tax)"),
        ({"item": ITEM}, [{**BARE, "taxcode": 77}], {}, "HaloPSA has no tax 77 (taxcode of HaloPSA item 900)"),
        (
            {"item": ITEM, "tax": 3},
            [BARE],
            {"of_client": {"item_tax_code": 66}},
            "HaloPSA has no tax 66 (item_tax_code of the HaloPSA client)",
        ),
        (
            {"item": ITEM, "accounts": "9999"},
            [BARE, WITH_ACCOUNTS],
            {},
            'HaloPSA has no account "9999" on any item, product group or recurring line (codes.accounts)',
        ),
        (
            {"item": ITEM, "expense": "9998"},
            [BARE, WITH_ACCOUNTS],
            {},
            'HaloPSA has no account "9998" on any item, product group or recurring line (codes.expense)',
        ),
        (
            {"tax": 88},
            [WITH_ACCOUNTS],
            {"lifecycle": {"mode": "create"}, "of_client": {"item_tax_code": 3}},
            "HaloPSA has no tax 88 (codes.tax) to create an item with",
        ),
    ],
)
def test_what_halopsa_does_not_have_holds_the_client(
    office: Office, codes: dict[str, Any], items: list[dict[str, Any]], more: dict[str, Any], said: str
) -> None:
    prepare(office, codes, items, **more)
    [(disposition, reason, first), (_, _, second)] = holds(office)
    assert (disposition, reason) == ("blocked", "no_item")
    assert said in first
    assert first.endswith("22.00 USD")
    assert second.endswith("33.00 USD")
    office.post()
    assert office.written("invoices") == []


@pytest.mark.parametrize(
    ("codes", "items", "more"),
    [
        ({"item": ITEM}, [BARE], {}),
        ({"item": ITEM, "tax": 0}, [BARE], {}),
        ({"item": ITEM, "tax": 3}, [BARE], {}),
        ({"item": ITEM, "tax": 88}, [item(ITEM, "Cloud services")], {}),
        ({"item": ITEM, "tax": 88}, [BARE], {"of_client": {"taxable": False}}),
        ({"item": ITEM, "tax": 88}, [BARE], {"tax_engine": "qbo_ast"}),
        ({"item": ITEM, "accounts": "4100", "expense": "5100"}, [BARE, WITH_ACCOUNTS], {}),
        ({"item": ITEM, "accounts": "9999"}, [item(ITEM, "Cloud services")], {}),
        ({"item": ITEM, "accounts": "4192", "expense": "5001"}, [BARE], {}),
    ],
    ids=[
        "no codes at all",
        "a tax of 0 is none",
        "the default tax is there",
        "the default tax is not used",
        "the client is not taxed",
        "the accounting computes tax",
        "the accounts are on another item",
        "the default account is not used",
        "no account is in use anywhere",
    ],
)
def test_what_is_there_or_not_needed_holds_nobody(
    office: Office, codes: dict[str, Any], items: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    prepare(office, codes, items, **more)
    assert holds(office) == []


def test_an_account_of_a_product_group_or_a_recurring_line_is_known(office: Office) -> None:
    group = {"id": 5, "name": "Cloud", "nominalcode": "4300", "nominalcodepurchase": "5300"}
    recurring = {"id": -1, "client_id": 246, "lines": [{"id": 1, "nominal_code": "4400", "unit_price": 1}]}
    tables = {"asset_groups": [group], "recurring_invoices": [recurring]}
    for codes in ({"accounts": "4300"}, {"accounts": "4400"}, {"expense": "5300"}):
        prepare(office, {"item": ITEM, **codes}, [BARE, WITH_ACCOUNTS], tables=tables)
        assert holds(office) == []


def test_nothing_is_unknown_where_nobody_looked() -> None:
    assert KnownCodes().find_unknown(Codes(accounts="1", expense="2", tax=3)) == []


def test_every_unknown_code_is_told() -> None:
    known = KnownCodes(frozenset({3}), frozenset({"4192"}), frozenset({"5001"}))
    assert known.find_unknown(Codes(accounts="4192", expense="5001", tax=3)) == []
    assert known.find_unknown(Codes(accounts="5001", expense="4192", tax=0)) == []
    assert known.find_unknown(Codes(accounts="1", expense="2", tax=4)) == [
        "HaloPSA has no tax 4 (codes.tax)",
        'HaloPSA has no account "1" on any item, product group or recurring line (codes.accounts)',
        'HaloPSA has no account "2" on any item, product group or recurring line (codes.expense)',
    ]
