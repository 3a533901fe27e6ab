"""What stands on a demo invoice beside seats and Azure: usage, trials, free lines, one-time work, credits."""

import random
from datetime import date
from decimal import Decimal

from billing_pipeline.sandbox.demo_catalog import other_product
from billing_pipeline.sandbox.demo_clients import Company
from billing_pipeline.sandbox.demo_lines import FREE, ZERO, Line, Money, Period, invoice_line, lump, priced
from billing_pipeline.sandbox.demo_random import stream, to_places


def extra_lines(company: Company, number: int, month: date, currency: str) -> list[Line]:
    """The company's other lines; `number`, its place on the invoice, decides which kinds it has."""
    rng = stream(f"extras {month:%Y-%m} {company.name}")
    this_month = Period(month, date(month.year + month.month // 12, month.month % 12 + 1, 1))
    last_month = Period(date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1), month, number % 2 == 0)
    lines: list[Line] = []
    if number % 2 == 0:
        lines += _acronis_lines(rng, company, last_month, currency)
    if number % 3 == 0:
        lines.append(_wasabi_line(rng, company, last_month, currency))
    if company.azure_lines and number % 3:
        lines.append(_nerdio_line(rng, company, last_month, currency))
    if number % 3 == 1:
        lines.append(_trial_line(rng, company, this_month, currency))
    if number % 4 == 2:
        lines.append(_bundled_line(rng, company, this_month, currency))
    lines.append(_one_time_line(rng, company, number, this_month, currency))
    lines += _credit_or_charge_lines(rng, company, number, this_month, currency)
    return lines


def _acronis_lines(rng: random.Random, company: Company, period: Period, currency: str) -> list[Line]:
    meters = (
        ("Backup storage", "0.0900"),
        ("Protected workstations", "2.1500"),
        ("Protected servers", "11.4000"),
    )
    lines = []
    for place, (meter, unit_cost) in enumerate(meters, start=1):
        used = Decimal(rng.randrange(100, 40000)).scaleb(-2) if place == 1 else Decimal(rng.randint(1, 12))
        cost = Decimal(unit_cost)
        price = to_places(cost * Decimal("1.25"), 4)
        money = Money(price, cost, to_places(price * used, 2), to_places(cost * used, 2))
        text = f"Acronis Cyber Protect - {meter} - {company.name} - {place}"
        product = other_product("ACR-CPC-STO-100")
        quantity = used if place == 1 else int(used)
        lines.append(
            invoice_line(
                rng,
                company,
                product,
                "subscription",
                "Arrears",
                quantity,
                money,
                period,
                description=text,
                currency=currency,
            )
        )
    return lines


def _wasabi_line(rng: random.Random, company: Company, period: Period, currency: str) -> Line:
    used = Decimal(rng.randrange(80, 2400)).scaleb(-2)
    price, cost = Decimal("6.99"), Decimal("5.99")
    money = Money(price, cost, to_places(price * used, 2), to_places(cost * used, 2))
    product = other_product("WAS-HCS-100-A100")
    return invoice_line(rng, company, product, "subscription", "Arrears", used, money, period, currency=currency)


def _nerdio_line(rng: random.Random, company: Company, period: Period, currency: str) -> Line:
    users = max(2, company.seats // 3)
    money = priced(users, Decimal("7.00"), Decimal("5.95"))
    product = other_product("NRD-MMS-100-A100")
    text = f"Nerdio Manager for MSP - Arrears Charge - {company.name}"
    return invoice_line(
        rng,
        company,
        product,
        "subscription",
        "Arrears",
        users,
        money,
        period,
        description=text,
        currency=currency,
    )


def _trial_line(rng: random.Random, company: Company, period: Period, currency: str) -> Line:
    product = other_product("KPR-TRI-100-A100")
    seats = rng.randint(1, 10)
    return invoice_line(rng, company, product, "subscription", "Trial", seats, FREE, period, currency=currency)


def _bundled_line(rng: random.Random, company: Company, period: Period, currency: str) -> Line:
    """Free for the client, not for the partner."""
    product = other_product("SNT-RGR-BND-100")
    money = priced(company.seats, ZERO, Decimal("0.35"))
    return invoice_line(
        rng, company, product, "subscription", "Monthly", company.seats, money, period, currency=currency
    )


def _one_time_line(rng: random.Random, company: Company, number: int, period: Period, currency: str) -> Line:
    sku, term = (
        ("PAX-MIG-100-A100", "One-Time"),
        ("PAX-MIG-100-A100", "One-time"),
        ("AXC-ONB-100-A100", "1-Time"),
        ("BLK-ACT-100-A100", "Activation"),
    )[number % 4]
    cost = Decimal(rng.randrange(40, 400)) + Decimal("0.50")
    money = lump(to_places(cost * Decimal("1.20"), 2), cost)
    return invoice_line(rng, company, other_product(sku), "one-time", term, 1, money, period, currency=currency)


def _credit_or_charge_lines(
    rng: random.Random, company: Company, number: int, period: Period, currency: str
) -> list[Line]:
    kind, term, sku, text = (
        ("rebate", "Rebate", "PAX-RBT-100-A100", "Vendor rebate: autumn security promotion"),
        ("service-credit", "One-Time", "PAX-CRD-100-A100", "Service credit for the outage of September 11"),
        ("payment-credit", None, "PAX-CRD-100-A100", "Payment credit: duplicate payment"),
        ("invoice-credit", None, "PAX-CRD-100-A100", "Invoice credit: seats billed twice in August"),
        ("service-charge", "One-Time", "PAX-ETC-100-A100", "Early termination charge"),
        ("service-charge", "Monthly", "PAX-SUP-100-A100", "Support plan, Premium"),
    )[number % 6]
    cost = Decimal(rng.randrange(800, 4500)).scaleb(-2) * (1 if kind == "service-charge" else -1)
    money = lump(to_places(cost * Decimal("1.15"), 2), cost)
    return [
        invoice_line(
            rng,
            company,
            other_product(sku),
            kind,
            term,
            1,
            money,
            period,
            description=text,
            currency=currency,
        )
    ]
