"""A small world for the sandbox's own tests: one October invoice of two lines, November's not yet out."""

from decimal import Decimal
from typing import Any

ACME = "11111111-1111-4111-8111-111111111111"
BIRCH = "11111111-1111-4111-8111-222222222222"
PREMIUM = "22222222-2222-4222-8222-000000000001"
OCTOBER = "44444444-4444-4444-8444-444444444410"
NOVEMBER = "44444444-4444-4444-8444-444444444411"


def make_item(number: int, **changes: Any) -> dict[str, Any]:
    """A line of a Pax8 invoice."""
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "type": "subscription",
        "purchaseOrderNumber": "N/A",
        "companyId": ACME,
        "companyName": "Acme Dental",
        "startPeriod": "2026-10-01",
        "endPeriod": "2026-10-31",
        "quantity": 10,
        "unitOfMeasure": "User",
        "term": "Monthly",
        "sku": "MST-NCE-163-C100",
        "description": "Microsoft 365 Business Premium",
        "details": None,
        "rateType": "flat",
        "chargeType": "per",
        "price": Decimal("22.0"),
        "subTotal": Decimal("220.0"),
        "cost": Decimal("17.6"),
        "costTotal": Decimal("176.0"),
        "total": Decimal("220.0"),
        "productId": PREMIUM,
        "productName": "Microsoft 365 Business Premium",
        "amountDue": Decimal("176.0"),
        "currencyCode": "USD",
        "salesTax": 0,
        "subscriptionId": None,
        "vendorName": "Microsoft",
        **changes,
    }


def make_invoice(invoice_id: str, invoice_date: str, **changes: Any) -> dict[str, Any]:
    """The head of a Pax8 invoice."""
    return {
        "id": invoice_id,
        "invoiceDate": invoice_date,
        "dueDate": invoice_date[:8] + "15",
        "status": "Unpaid",
        "total": Decimal("176.0"),
        "balance": Decimal("176.0"),
        "carriedBalance": 0,
        "currencyCode": "USD",
        "partnerName": "Example MSP",
        **changes,
    }


def make_pax8() -> dict[str, Any]:
    """Two companies, two products, two subscriptions; October's invoice is out, November's on the 4th."""
    return {
        "credentials": {"client_id": "pax8-client", "client_secret": "pax8-secret"},
        "companies": [
            {
                "id": ACME,
                "name": "Acme Dental",
                "address": {"street": "1 Main St", "city": "Denver", "postalCode": "80111", "country": "US"},
                "externalId": "246",
                "status": "Active",
                "billOnBehalfOfEnabled": False,
                "selfServiceAllowed": False,
                "orderApprovalRequired": False,
                "updatedDate": "2026-08-11T11:33:12.314-0600",
            },
            {
                "id": BIRCH,
                "name": "Birch Legal",
                "address": None,
                "status": "Inactive",
                "selfServiceAllowed": True,
            },
        ],
        "products": [
            {
                "id": PREMIUM,
                "name": "Microsoft 365 Business Premium",
                "vendorName": "Microsoft",
                "shortDescription": "Office and security",
                "description": "The long description, only in the detail",
                "sku": "MST-NCE-163-C100",
                "vendorSku": "CFQ7TTC0LCHC",
            },
            {"id": "22222222-2222-4222-8222-000000000002", "name": "Acronis Backup", "vendorName": "Acronis"},
        ],
        "subscriptions": [
            {
                "id": "33333333-3333-4333-8333-000000000001",
                "companyId": ACME,
                "productId": PREMIUM,
                "quantity": 10,
                "startDate": "2026-01-01T08:30:00Z",
                "billingTerm": "Monthly",
                "status": "Active",
                "price": Decimal("22.0"),
                "partnerCost": Decimal("17.60"),
            },
            {
                "id": "33333333-3333-4333-8333-000000000002",
                "companyId": BIRCH,
                "productId": PREMIUM,
                "quantity": 3,
                "billingTerm": "Annual",
                "status": "Cancelled",
                "price": Decimal("20.9"),
            },
        ],
        "pricing": {
            PREMIUM: [
                {
                    "productId": PREMIUM,
                    "billingTerm": "Monthly",
                    "type": "Flat",
                    "rates": [
                        {
                            "partnerBuyRate": Decimal("17.6"),
                            "suggestedRetailPrice": 22,
                            "chargeType": "Per Unit",
                        }
                    ],
                }
            ]
        },
        "draft_items": {"1": [make_item(901, id=None), make_item(902, id=None, companyId=BIRCH)]},
        "invoices": [
            {
                "invoice": make_invoice(OCTOBER, "2026-10-01"),
                "items": [make_item(1), make_item(2, total=Decimal("0.0044"), term="Arrears")],
                "release_at": None,
            },
            {
                "invoice": make_invoice(NOVEMBER, "2026-11-01", status="Nothing Due"),
                "items": [],
                "release_at": "2026-11-04T15:00:00Z",
            },
        ],
    }


def make_halopsa() -> dict[str, Any]:
    """A HaloPSA with one client."""
    return {
        "tenant": "example",
        "credentials": {"client_id": "halo-client", "client_secret": "halo-secret"},
        "permissions": ["all"],
        "clients": [{"id": 246, "name": "Acme Dental", "inactive": False, "currency": 1}],
        "sites": [],
        "items": [],
        "asset_groups": [],
        "taxes": [{"id": 3, "name": "No tax", "code": "NONE", "value": Decimal("0.0")}],
        "currencies": [{"id": 1, "name": "US Dollar", "symbol": "$", "code": "USD"}],
        "contracts": [],
        "recurring_invoices": [],
        "invoices": [],
    }
