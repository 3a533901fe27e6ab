"""Every line gets its class from the ordered table of rules, and the rule's id is kept."""

from itertools import product
from typing import Any

import pytest

from billing_pipeline.billing.subscription_products import azure_class, current_products
from billing_pipeline.steps.normalize import normalize
from billing_pipeline_tests.steps.months import MonthMaker, line

GUID = "99999999-9999-4999-8999-999999999999"
AZURE_CLASSES = ("azure_consumption", "azure_commitment", "other_arrears")
CREDITS = ("rebate", "service-credit", "payment-credit", "invoice-credit")
TYPES = ("subscription", "prorate", "one-time", "service-charge", *CREDITS)
TERMS = (
    "Monthly",
    "Annual",
    "2 Year",
    "3 Year",
    "One-Time",
    "One-time",
    "1-Time",
    "Activation",
    "Arrears",
    "Trial",
    "Rebate",
)
ONCE = ("One-Time", "One-time", "1-Time", "Activation")

PRODUCTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "consumption": {
        "sku": "MST-AZR-P1",
        "productName": "Microsoft Azure Plan",
        "description": f"Microsoft Azure Plan - Arrears Charge - Prod - {GUID} - Storage",
    },
    "commitment": {"sku": "MST-ARI-D2", "productName": "Azure Reserved VM Instance", "description": "D2s v3"},
}
AZURE = {"productName": "Microsoft Azure Plan", "sku": None}
USAGE = f"Microsoft Azure Plan - Arrears Charge - Prod - {GUID} - Storage"

# Name of the trap: the fields that make it, and the class that the line must get.
TRAPS: dict[str, tuple[dict[str, Any], str]] = {
    "a licence named Azure": (
        {"productName": "Azure Active Directory Premium P1", "description": "Azure AD P1"},
        "license",
    ),
    "Azure Information Protection": (
        {"productName": "Azure Information Protection Plan 1", "description": None},
        "license",
    ),
    "Azure Rights Management": ({"productName": "Azure Rights Management Premium", "description": None}, "license"),
    "Entra ID that was named Azure": (
        {"productName": "Microsoft Entra ID P1 (Azure AD)", "description": None},
        "license",
    ),
    "a licence named Azure that is prorated": (
        {"type": "prorate", "productName": "Azure AD Premium P1", "description": "Sep Partial: Azure AD Premium P1"},
        "prorate",
    ),
    "a licence named Azure in arrears": (
        {"term": "Arrears", "productName": "Azure AD", "description": "Microsoft Azure AD", "sku": None},
        "other_arrears",
    ),
    "a deprecated licence": (
        {"productName": "[Deprecated] Azure Active Directory Basic", "description": "[Deprecated] Azure AD Basic"},
        "license",
    ),
    "deprecated consumption": (
        {
            **AZURE,
            "productName": "[Deprecated] Microsoft Azure",
            "term": "Arrears",
            "vendorName": None,
            "description": None,
        },
        "azure_consumption",
    ),
    "a subscription name with hyphens": (
        {**AZURE, "description": f"Microsoft Azure Plan - Arrears Charge - North - West - {GUID} - Bandwidth"},
        "azure_consumption",
    ),
    "a subscription named like a reservation": (
        {**AZURE, "description": f"Microsoft Azure Plan - Arrears Charge - Reservations - {GUID} - Storage"},
        "azure_consumption",
    ),
    "a subscription named like a savings plan": (
        {**AZURE, "description": f"Microsoft Azure Plan - Arrears Charge - Savings Plan - Prod - {GUID} - Storage"},
        "azure_consumption",
    ),
    "options behind the category": (
        {**AZURE, "description": f"{USAGE} [options: region=us]"},
        "azure_consumption",
    ),
    "options behind the GUID": (
        {**AZURE, "description": f"Microsoft Azure Plan - Arrears Charge - Prod - {GUID} [options: region=us]"},
        "azure_consumption",
    ),
    "a GUID in capitals": ({**AZURE, "description": USAGE.upper()}, "azure_consumption"),
    "usage without vendor": (
        {**AZURE, "vendorName": None, "term": "Arrears", "description": "Bandwidth"},
        "azure_consumption",
    ),
    "usage named Azure and nothing else, without vendor": (
        {**AZURE, "productName": "Azure", "vendorName": None, "term": "Arrears", "description": None},
        "azure_consumption",
    ),
    "usage by GUID without vendor": ({**AZURE, "vendorName": None, "description": USAGE}, "azure_consumption"),
    "usage by SKU alone": (
        {"sku": "MST-AZR-77", "productName": None, "description": "Bandwidth", "vendorName": None, "term": "Arrears"},
        "azure_consumption",
    ),
    "usage by the arrears SKU": ({"sku": "azr-arr-1", "productName": "Plan", "description": None}, "azure_consumption"),
    "Azure without GUID and SKU in arrears": (
        {**AZURE, "term": "Arrears", "description": "Usage"},
        "azure_consumption",
    ),
    "Azure without GUID and SKU by the month": ({**AZURE, "term": "Monthly", "description": "Support"}, "license"),
    "Azure usage of type prorate": ({**AZURE, "type": "prorate", "description": USAGE}, "azure_consumption"),
    "a reservation of type prorate": ({"type": "prorate", "sku": "MST-ARI-1"}, "azure_commitment"),
    "a credit with an Azure SKU": ({"type": "service-credit", "sku": "MST-AZR-P1", "term": "Arrears"}, "credit"),
    "a rebate on a reservation": ({"type": "rebate", "sku": "MST-ARI-1", "term": "Rebate"}, "credit"),
    "a credit without a term": ({"type": "invoice-credit", "term": None}, "credit"),
    "a reservation by name": (
        {"sku": "CFQ7", "productName": "Azure Reserved Instance", "description": "1 year", "term": "Annual"},
        "azure_commitment",
    ),
    "a reservation by name with a GUID": (
        {
            "sku": None,
            "productName": "Azure Plan",
            "description": f"Azure Reserved VM Instance - Prod - {GUID} - D2s v3",
        },
        "azure_commitment",
    ),
    "a savings plan": (
        {"sku": None, "productName": "Azure savings plan for compute", "description": None, "term": "3 Year"},
        "azure_commitment",
    ),
    "Acronis for a customer named Azure": (
        {
            "sku": "ACR-1",
            "vendorName": "Acronis",
            "productName": "Acronis Cyber Protect",
            "description": f"Acronis Cyber Protect - Azure Skies Inc - {GUID} - Storage",
            "term": "Arrears",
        },
        "other_arrears",
    ),
    "Acronis without vendor for a customer named Azure": (
        {
            "sku": "ACR-1",
            "vendorName": None,
            "productName": "Acronis Cyber Protect",
            "description": f"Acronis Cyber Protect - Azure Skies Inc - {GUID} - Storage",
            "term": "Arrears",
        },
        "other_arrears",
    ),
    "somebody else's product for Azure": (
        {
            "sku": "NER-1",
            "vendorName": "Nerdio",
            "productName": "Nerdio Manager for Microsoft Azure",
            "term": "Arrears",
        },
        "other_arrears",
    ),
    "somebody else's product for Azure, without vendor": (
        {
            "sku": "NER-1",
            "vendorName": None,
            "productName": "Nerdio Manager for Microsoft Azure",
            "description": None,
            "term": "Arrears",
        },
        "other_arrears",
    ),
    "a hotel's reservations": (
        {"sku": "X", "vendorName": "Acme", "productName": "Reservation desk for Azure", "description": None},
        "license",
    ),
    "an activation of a subscription": ({"term": "Activation"}, "one_time"),
    "a service charge in arrears": ({"type": "service-charge", "term": "Arrears"}, "fee"),
    "a service charge that occurs once": ({"type": "service-charge", "term": "One-Time"}, "one_time"),
    "a type in capitals": ({"type": "PRORATE"}, "prorate"),
    "a trial": ({"term": "Trial"}, "license"),
}


def expected_class(kind: str, charge_type: str, term: str) -> str:
    """The class of a line, read off the table of the design: the first that fits wins."""
    if charge_type in CREDITS:
        return "credit"
    if kind != "plain":
        return f"azure_{kind}"
    if charge_type == "prorate":
        return "prorate"
    if charge_type == "one-time" or term in ONCE:
        return "one_time"
    if charge_type == "service-charge":
        return "fee"
    return "other_arrears" if term == "Arrears" else "license"


@pytest.fixture(scope="module")
def classes(months: MonthMaker) -> dict[str, tuple[str, str | None]]:
    """Class and block reason by line id, of the whole matrix and every trap."""
    matrix = [
        line(f"{kind}/{charge_type}/{term}", type=charge_type, term=term, **PRODUCTS[kind])
        for kind, charge_type, term in product(PRODUCTS, TYPES, TERMS)
    ]
    traps = [line(name, **changes) for name, (changes, _) in TRAPS.items()]
    month = months.make([*matrix, *traps])
    normalize(month.work)
    rows = month.rows("select source_line_id, line_class, block_reason from normalized_charges")
    return {row["source_line_id"]: (row["line_class"], row["block_reason"]) for row in rows}


@pytest.mark.parametrize("kind", PRODUCTS)
@pytest.mark.parametrize("charge_type", TYPES)
def test_the_whole_matrix_of_type_and_term(
    classes: dict[str, tuple[str, str | None]], kind: str, charge_type: str
) -> None:
    found = {term: classes[f"{kind}/{charge_type}/{term}"] for term in TERMS}
    assert found == {term: (expected_class(kind, charge_type, term), None) for term in TERMS}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_not_stepped_into(classes: dict[str, tuple[str, str | None]], trap: str) -> None:
    assert classes[trap] == (TRAPS[trap][1], None)


NAMES = (
    *sorted({str(changes["productName"]) for changes, _ in TRAPS.values() if changes.get("productName")}),
    "Microsoft 365 Business Premium",
    "Azure Reservation Advisor",
    "Azure Reserved VM Instance",
    "Azure reserved capacity for Cosmos DB",
    "Microsoft Azure Reservations",
    "Reserved seats for Azure days",
    "Savings Plan for Azure",
    "[DEPRECATED]Azure Plan",
    "Microsoftish Azure",
    "Azurite",
    "Azure Advanced Threat Protection",
    "Azure Administration",
    "Backup for Azure AD",
)
SKUS = (None, "CFQ7", "MST-ARI-D2", "MST-AZR-P1", "azr-arr-1")
VENDORS = ("Microsoft", "Microsoft Corporation", "Acronis", None)


def test_a_subscription_has_the_azure_class_that_its_charges_will_have(months: MonthMaker) -> None:
    wanted = {
        str(number): {"productName": name, "sku": sku, "vendorName": vendor, "term": term}
        for number, (name, sku, vendor, term) in enumerate(
            product(NAMES, SKUS, VENDORS, ("Monthly", "3-Year", "Arrears", "One-Time")), start=1
        )
    }
    month = months.make([line(number, description=None, **changes) for number, changes in wanted.items()])
    normalize(month.work)
    charged = {
        row["source_line_id"]: row["line_class"] if row["line_class"] in AZURE_CLASSES else None
        for row in month.rows("select source_line_id, line_class from normalized_charges")
    }
    catalogue = [{"id": number, "name": row["productName"], **row} for number, row in wanted.items()]
    subscriptions = [
        {"companyId": "c", "productId": number, "billingTerm": row["term"]} for number, row in wanted.items()
    ]
    subscribed = {one.product.product_id: azure_class(one) for one in current_products(subscriptions, catalogue)}
    assert {number: (subscribed[number], row) for number, row in wanted.items()} == {
        number: (charged[number], row) for number, row in wanted.items()
    }


def test_every_class_has_a_rule_of_the_stored_table(months: MonthMaker) -> None:
    month = months.make([line("one")])
    normalize(month.work)
    rows = month.rows("select rule_id, line_class, version from line_class_rules order by rule_order")
    assert [(row["rule_id"], row["line_class"]) for row in rows] == [
        ("1-credit", "credit"),
        ("1-commitment-sku", "azure_commitment"),
        ("1-commitment-name", "azure_commitment"),
        ("1-azure-guid", "azure_consumption"),
        ("1-azure-sku", "azure_consumption"),
        ("1-azure-arrears", "azure_consumption"),
        ("1-prorate", "prorate"),
        ("1-one-time", "one_time"),
        ("1-fee", "fee"),
        ("1-arrears", "other_arrears"),
        ("1-license", "license"),
    ]
    assert {row["version"] for row in rows} == {1}
    assert month.rows("select rule_id from normalized_charges") == [{"rule_id": "1-license"}]
