"""The demo world: an invented MSP whose October 2026 holds everything that a distributor's invoice can hold.

Everything is made from a fixed seed and the same on every machine. `demo_holds` says what cannot be billed.
"""

from datetime import date
from typing import Any

from billing_pipeline.sandbox import demo_clients as who
from billing_pipeline.sandbox.demo_catalog import product_documents
from billing_pipeline.sandbox.demo_clients import Company, demo_companies, demo_holds
from billing_pipeline.sandbox.demo_config import demo_config
from billing_pipeline.sandbox.demo_halopsa import demo_halopsa
from billing_pipeline.sandbox.demo_invoices import demo_invoices
from billing_pipeline.sandbox.demo_subscriptions import subscription_documents, subscriptions_of
from billing_pipeline.sandbox.world import World

__all__ = ["DEMO_MONTH", "DEMO_NOW", "build_demo_world", "demo_config", "demo_holds"]

DEMO_MONTH = "2026-10"
DEMO_NOW = "2026-10-06T15:00:00Z"
CREDENTIALS = {"client_id": "demo-pax8-client", "client_secret": "demo-pax8-not-a-secret"}


def build_demo_world() -> World:
    """Both services' content, built anew: change it freely."""
    companies = demo_companies()
    subscriptions = [
        document
        for company in companies
        for document in subscription_documents(
            subscriptions_of(company), "CAD" if company.client == who.CANADIAN else "USD"
        )
    ]
    pax8 = {
        "companies": [company_document(company) for company in companies],
        "products": product_documents(),
        "subscriptions": subscriptions,
        "invoices": demo_invoices(),
        "credentials": dict(CREDENTIALS),
    }
    return World(pax8=pax8, halopsa=demo_halopsa())


def company_document(company: Company) -> dict[str, Any]:
    """The company as a row of Pax8's `/companies`."""
    return {
        "id": company.id,
        "name": company.name,
        "address": {
            "street": f"{company.seats * 11} Main St",
            "city": company.city,
            "stateOrProvince": company.state,
            "postalCode": company.postcode,
            "country": "CA" if company.state == "BC" else "US",
        },
        "phone": f"303-555-0{company.seats + 100}",
        "website": f"https://{company.client[:40]}.example",
        "externalId": company.external_id,
        "billOnBehalfOfEnabled": False,
        "selfServiceAllowed": False,
        "orderApprovalRequired": False,
        "status": "Active",
        "updatedDate": f"{date(2026, 8, 1 + company.seats % 28).isoformat()}T08:30:00.000-0600",
    }
