"""The demo's Azure usage: dozens of categories a subscription, in arrears, four decimals and more."""

import random
from datetime import date
from decimal import Decimal

from billing_pipeline.sandbox.demo_catalog import other_product
from billing_pipeline.sandbox.demo_clients import Company
from billing_pipeline.sandbox.demo_lines import FREE, Line, Money, Period, invoice_line, lump
from billing_pipeline.sandbox.demo_random import new_id, stream, to_places

MARGIN = Decimal("1.10")  # what this MSP adds to Azure: ten percent of cost
WRONG_MARGIN = Decimal("1.25")

_CATEGORIES = """
Virtual Machines; Storage; Bandwidth; Virtual Network; Key Vault; SQL Database; Azure App Service;
Log Analytics; Azure Monitor; Backup; Azure Site Recovery; Load Balancer; Application Gateway; VPN
Gateway; ExpressRoute; Azure DNS; Azure Firewall; Azure Front Door Service; Azure Cosmos DB; Azure
Database for MySQL; Azure Database for PostgreSQL; Redis Cache; Functions; Logic Apps; Event Hubs;
Service Bus; Event Grid; API Management; Container Registry; Azure Kubernetes Service; Container
Instances; Azure Container Apps; Virtual Machines Licenses; Advanced Threat Protection; Microsoft
Defender for Cloud; Sentinel; Automation; Azure Data Factory v2; Azure Synapse Analytics; Azure
Databricks; Cognitive Services; Azure OpenAI; Azure Maps; Notification Hubs; Azure Virtual Desktop;
Azure Files; NAT Gateway; Azure Bastion; Traffic Manager; Azure Policy; Azure Active Directory for
External Identities; Power BI Embedded
"""
_OPTIONS = (
    "[options: Region=US West 2, Tier=Standard]",
    "[options: Meter=Standard HDD Managed Disks - S10 LRS]",
    "[options: Resource group=rg-prod - west, Reservation=No]",
)
_LARGE = {
    "Virtual Machines",
    "Azure Kubernetes Service",
    "SQL Database",
    "Azure Virtual Desktop",
    "Azure Databricks",
}


def azure_lines(company: Company, month: date, *, margin: Decimal = MARGIN) -> list[Line]:
    """The company's Azure usage of the month before: the last line is from the marketplace."""
    if not company.azure_lines:
        return []
    rng = stream(f"azure {month:%Y-%m} {company.name}")
    short = company.name.split(" ")[0]
    named = (f"{short} - Production", "Azure subscription 1", f"{short} - Dev/Test - West US 2")
    subscriptions = [(name, new_id(rng)) for name in named[: 1 + company.azure_lines // 50]]
    categories = " ".join(_CATEGORIES.split()).split("; ")
    lines = []
    for number in range(company.azure_lines - 1):
        name, guid = subscriptions[number % len(subscriptions)]
        turn, place = divmod(number // len(subscriptions), len(categories))
        tail = _OPTIONS[number % 3] if turn or number % 7 == 3 else ""
        money = _amounts(rng, categories[place], number, margin)
        lines.append(usage_line(rng, company, month, f"{name} - {guid} - {categories[place]}", tail, money))
    return [*lines, _marketplace_line(rng, company, month, margin)]


def cancelling_azure_lines(company: Company, month: date) -> list[Line]:
    """A charge and its reversal: Azure that nets to exactly nothing."""
    rng = stream(f"azure reversal {month:%Y-%m} {company.name}")
    guid = new_id(rng)
    lines = []
    for sign in (1, -1):
        money = lump(sign * Decimal("63.2445"), sign * Decimal("57.4950"))
        lines.append(usage_line(rng, company, month, f"Azure subscription 1 - {guid} - Virtual Machines", "", money))
    return lines


def unassigned_azure_line(month: date) -> Line:
    """Usage of a subscription that no company has claimed yet."""
    rng = stream(f"unassigned azure {month:%Y-%m}")
    guid = new_id(rng)
    money = lump(Decimal("41.1154"), Decimal("37.3776"))
    return usage_line(rng, None, month, f"Pay-As-You-Go - {guid} - Virtual Machines", "", money)


def usage_line(rng: random.Random, company: Company | None, month: date, text: str, tail: str, money: Money) -> Line:
    """One category of one Azure subscription, used in the month before `month`; `company` None: nobody's."""
    used = date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
    product = other_product("AZR-ARR-PLN-100" if rng.random() < 0.15 else "MST-AZR-PLN-100")
    details = f"{text} {tail}".strip()
    return invoice_line(
        rng,
        company,
        product,
        "subscription",
        "Arrears",
        1,
        money,
        Period(used, month, end_inclusive=rng.random() < 0.7),
        description=f"Microsoft Azure Plan - Arrears Charge - {details}",
        details=details,
    )


def commitment_lines(company: Company, month: date) -> list[Line]:
    """Reservations and a savings plan, billed ahead: commitments, not consumption."""
    rng = stream(f"reservations {month:%Y-%m} {company.name}")
    offers = (
        ("MST-ARI-VMI-100", "Annual", "Azure Reserved VM Instance, Standard_B2s, 1 year"),
        ("MST-ARI-SQL-100", "3 Year", "Azure SQL Reserved vCore, General Purpose Gen5, 3 years"),
        ("MST-ARI-SVP-100", "Annual", "Azure Savings Plan for Compute, 1 year"),
    )
    period = Period(month, date(month.year + month.month // 12, month.month % 12 + 1, 1))
    lines = []
    for sku, term, text in offers[: 1 + company.azure_lines // 60]:
        cost = Decimal(rng.randrange(2000, 30000)).scaleb(-2)
        money = lump(to_places(cost * MARGIN, 2), cost)
        product = other_product(sku)
        lines.append(invoice_line(rng, company, product, "subscription", term, 1, money, period, description=text))
    return lines


def _marketplace_line(rng: random.Random, company: Company, month: date, margin: Decimal) -> Line:
    """No GUID and no SKU: only vendor, name and term say that it is Azure."""
    cost = Decimal(rng.randrange(150000, 900000)).scaleb(-4)
    money = lump(to_places(cost * margin, 4), cost)
    line = usage_line(rng, company, month, "Azure Marketplace - Next-generation firewall", "", money)
    line["sku"] = None
    return line


def _amounts(rng: random.Random, category: str, number: int, margin: Decimal) -> Money:
    """Mostly four decimals, at times seven; now and then nothing, or an adjustment in the client's favour."""
    if number % 17 == 16:
        return FREE
    if number % 23 == 11:
        cost = -Decimal(rng.randrange(2000, 90000)).scaleb(-4)
        return lump(to_places(cost * margin, 4), cost)
    if number % 13 == 9:
        cost = Decimal(rng.randrange(10, 9000)).scaleb(-6)
        return lump(to_places(cost * margin, 7), cost)
    most = 2_600_000 if category in _LARGE else 190_000
    cost = Decimal(rng.randrange(40, most)).scaleb(-4)
    return lump(to_places(cost * margin, 4), cost)
