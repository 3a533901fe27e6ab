"""What the products' tests have in common: two clients, three products and who subscribed to them."""

from typing import Any

from billing_pipeline_tests.proposals.office import client, company, company_id, pax8, product, subscription

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
