"""Compare the tax that HaloPSA computed with what was expected; a difference is told, never repaired."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.expected_tax import TaxedLine, expected_tax
from billing_pipeline.billing.money import parse_amount, show_amount
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.halo_facts import integer
from billing_pipeline.steps.snapshots import newest_snapshot

Document = Mapping[str, Any]


def tax_rates(session: Session) -> dict[int, Decimal]:
    """Tax.value in percent by Tax.id, of the newest snapshot; empty where none was taken."""
    taxes = newest_snapshot(session, "halopsa_taxes")
    rates: dict[int, Decimal] = {}
    for row in () if taxes is None else taxes.rows:
        tax_id, rate = integer(row.get("id")), parse_amount(row.get("value"))
        if tax_id is not None and rate is not None:
            rates[tax_id] = rate
    return rates


def expect_tax(config: LoadedSettings, document: Document, rates: Mapping[int, Decimal]) -> Decimal | None:
    """The tax that a planned document should have; None where nothing can be expected of HaloPSA.

    That of a credit is what its lines take back, whatever the taxes are today.
    """
    if document.get("reverses"):
        taxes = [pair["tax"] for pair in document["reverses"]]
        return None if None in taxes else -sum((Decimal(tax) for tax in taxes), Decimal(0))
    integrations = {line["integration"] for line in document["lines"]}
    engines = {name: config.resolve(document["client"], name).charge.tax_engine for name in integrations}
    lines = (
        TaxedLine(Decimal(line["sell"]), line["tax_id"], engines[line["integration"]]) for line in document["lines"]
    )
    return expected_tax(lines, rates, document["currency"])


def describe_tax_difference(expected: Decimal | None, answered: Decimal | None, currency: str) -> str | None:
    """What to say where HaloPSA computed another tax than was expected; None where it did not."""
    if expected is None or answered is None or expected == answered:
        return None
    return (
        f"HaloPSA computed {show_amount(answered, currency)} tax, {show_amount(expected, currency)} was expected of "
        f"the taxes sent ({show_amount(answered - expected, currency)} difference); nothing was changed"
    )
