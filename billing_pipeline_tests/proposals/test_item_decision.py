"""What a product will become is what its charges become: the rule in Python and the step's SQL, side by side."""

from itertools import product as every
from typing import Any

import yaml

from billing_pipeline.billing.item_decision import decide_item
from billing_pipeline.billing.product_match import Product, ProductMatcher
from billing_pipeline.steps.halo_facts import item_of
from billing_pipeline.steps.reconcile import confirmed_products
from billing_pipeline_tests.proposals.office import Office, client, company, company_id, halopsa, item, line, pax8

ITEMS = [
    item(900, "Cloud services"),
    item(901, "By SKU", supplier_part_code="SKU-1"),
    item(902, "By product", externalreference="p-2"),
    item(903, "By name"),
    item(904, "Twice"),
    item(905, "Twice"),
    item(906, "Of a term", externalreference="pax8:p-6:annual", supplier_part_code="SKU-6"),
    item(907, "Confirmed"),
]
# Product id, SKU, name; None is what the source leaves out.
PRODUCTS = [
    ("p-1", "SKU-1", "One"),
    ("p-1", "sku-1", "One in small letters"),
    ("p-2", None, "Two"),
    ("p-3", None, "By name"),
    ("p-4", None, "Twice"),
    ("p-5", "SKU-5", "Nobody's"),
    ("p-6", "SKU-6", "Of a term"),
    ("p-7", "SKU-7", "Confirmed by id"),
    ("p-8", "SKU-8", "Confirmed twice"),
    ("p-9", "SKU-9", "Confirmed to an item that is gone"),
    (None, None, "By name"),
    (None, None, "Twice"),
    (None, None, "Neither"),
    (None, None, None),
]
CONFIRMED = "pax8,p-7,,,907\npax8,p-7,,annual,901\npax8,p-8,,monthly,903\npax8,,SKU-8,monthly,904\npax8,p-9,,,999\n"
SETTINGS: list[dict[str, Any]] = [
    {"product_lifecycle": {"enabled": enabled, "mode": mode}, "codes": {"item": default_item}}
    for enabled, mode, default_item in every((True, False), ("prompt", "default_item", "create"), (None, 900, 998))
]


def test_a_product_is_decided_as_its_charges_are(office: Office) -> None:
    numbers = range(1, len(SETTINGS) + 1)
    lines = [
        line(1000 * number + place, number, term=term, productId=product, sku=sku, productName=name, description=name)
        for number in numbers
        for place, ((product, sku, name), term) in enumerate(every(PRODUCTS, ("Monthly", "Annual")))
    ]
    office.set_up(
        pax8(companies=[company(number, f"Company {number}") for number in numbers], lines=lines),
        halopsa(clients=[client(number, f"Client {number}") for number in numbers], items=ITEMS),
        clients="".join(f"c{number},Client {number},{number},{company_id(number)},false,,\n" for number in numbers),
        products=CONFIRMED,
    )
    own = {f"c{number}": {"settings": charge} for number, charge in zip(numbers, SETTINGS, strict=True)}
    office.write("billing.yaml", yaml.safe_dump({"clients": own}))
    office.prepare()

    config = office.loaded
    with office.warehouse.session("read confirmed products") as session:
        matcher = ProductMatcher(map(item_of, ITEMS), confirmed_products(session, config))
    item_ids = {row["id"] for row in ITEMS}
    charges = office.query(
        "select modified.client, coalesce(modified.product_id, ''), coalesce(modified.sku, ''), "
        "coalesce(modified.term, ''), coalesce(modified.product_name, ''), "
        "items.halopsa_item_id, items.match_rule, items.block_reason, items.block_detail "
        "from modified_charges as modified join reconciled_items as items using (month, client, charge_key)"
    )
    assert len(charges) == len(lines)
    seen = set()
    for key, product_id, sku, term, name, item_id, rule, reason, detail in charges:
        product = Product("pax8", product_id, sku, term, name)
        found = decide_item(product, matcher, config.resolve(key, "pax8").charge, item_ids)
        by_rule = None if found.decision in ("block", "ambiguous") else found.decision
        assert (item_id, rule, reason) == (found.item_id, by_rule, found.reason), (product, detail)
        assert reason is None or _start(found.said) in detail, detail
        seen.add((found.decision, found.reason))
    assert {decision for decision, _ in seen} == {
        *("default_item", "confirmed", "sku", "product_id", "name", "create", "block", "ambiguous"),
    }
    assert {("default_item", "no_item"), ("confirmed", "no_item")} <= seen


def _start(said: str) -> str:
    """What both say of a held product; each ends in its own words."""
    if "no product, SKU or name" in said:
        return "no product, SKU or name"
    return said.removeprefix("it ").partition(":")[0].partition(" (")[0]
