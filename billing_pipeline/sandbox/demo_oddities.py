"""The demo's deliberate trouble: one line, or a few, for each client that is made to be held."""

from datetime import date
from decimal import Decimal

from billing_pipeline.sandbox import demo_clients as who
from billing_pipeline.sandbox.demo_azure import cancelling_azure_lines, unassigned_azure_line
from billing_pipeline.sandbox.demo_catalog import other_product
from billing_pipeline.sandbox.demo_clients import Company
from billing_pipeline.sandbox.demo_lines import FREE, Line, Money, Period, invoice_line, lump, priced
from billing_pipeline.sandbox.demo_random import new_id, stream

EQUAL_LINES = "copperline-electric"  # two lines equal in all but their id, and both are real


def odd_lines(company: Company, month: date) -> list[Line]:
    """The lines that make this client special; none for most."""
    rng = stream(f"oddities {month:%Y-%m} {company.name}")
    period = _month(month)
    credit, work = other_product("PAX-CRD-100-A100"), other_product("PAX-MIG-100-A100")
    match company.client:
        case who.UNKNOWN_TYPE:
            money = lump(Decimal("318.40"), Decimal("272.15"))
            text = "Usage adjustment: endpoints counted late"
            return [invoice_line(rng, company, work, "usage-adjustment", "Monthly", 1, money, period, description=text)]
        case who.MISSING_AMOUNT:
            line = invoice_line(
                rng, company, work, "one-time", "One-Time", 1, lump(Decimal(0), Decimal("96.00")), period
            )
            del line["total"]
            return [line]
        case who.TINY_AZURE:
            money = lump(Decimal("0.00041265358"), Decimal(0))
            product = other_product("MST-AZR-PLN-100")
            details = f"Parallax - Edge - {new_id(rng)} - Bandwidth"
            text = f"Microsoft Azure Plan - Arrears Charge - {details}"
            return [
                invoice_line(
                    rng,
                    company,
                    product,
                    "subscription",
                    "Arrears",
                    1,
                    money,
                    period,
                    description=text,
                    details=details,
                )
            ]
        case who.NEGATIVE_TOTAL:
            money = lump(Decimal("-4850.00"), Decimal("-4120.00"))
            text = "Service credit: cancelled migration project"
            return [
                invoice_line(rng, company, credit, "service-credit", "One-Time", 1, money, period, description=text)
            ]
        case who.AZURE_NETS_TO_ZERO:
            return cancelling_azure_lines(company, month)
        case who.KEEPS_ZERO_LINES:
            product = other_product("KPR-TRI-100-A100")
            return [invoice_line(rng, company, product, "subscription", "Trial", 10, FREE, period)]
        case _ if company.client == EQUAL_LINES:
            money = priced(1, Decimal("180.00"), Decimal("150.00"))
            return [invoice_line(rng, company, work, "one-time", "One-Time", 1, money, period) for _ in range(2)]
        case _:
            return []


def companyless_lines(month: date) -> list[Line]:
    """Lines without a company: credits to the partner and usage that nobody has claimed."""
    rng = stream(f"companyless {month:%Y-%m}")
    product, period = other_product("PAX-CRD-100-A100"), _month(month)
    amounts = (
        ("payment-credit", "Payment credit: early payment", lump(Decimal("-75.00"), Decimal("-75.00"))),
        ("invoice-credit", "Invoice credit: partner program", lump(Decimal("-120.50"), Decimal("-120.50"))),
        ("service-charge", "Marketplace listing charge", lump(Decimal("28.00"), Decimal("25.00"))),
    )
    lines = []
    for kind, text, money in amounts:
        term = "Monthly" if kind == "service-charge" else None
        lines.append(invoice_line(rng, None, product, kind, term, 1, money, period, description=text))
    return [*lines, unassigned_azure_line(month)]


def foreign_line(company: Company, month: date) -> Line:
    """A charge in Canadian dollars for a client whose currency in HaloPSA is another."""
    rng = stream(f"foreign {month:%Y-%m} {company.name}")
    product = other_product("WAS-HCS-100-A100")
    money = Money(Decimal("9.40"), Decimal("8.10"), Decimal("39.48"), Decimal("34.02"))
    before = Period(date(month.year, month.month - 1, 1), month)
    return invoice_line(rng, company, product, "subscription", "Arrears", Decimal("4.2"), money, before, currency="CAD")


def _month(month: date) -> Period:
    return Period(month, date(month.year + month.month // 12, month.month % 12 + 1, 1))
