"""What HaloPSA should compute as tax for our lines."""

from decimal import Decimal

import pytest

from billing_pipeline.billing.expected_tax import TaxedLine, expected_tax
from billing_pipeline.billing.settings import TaxEngine

RATES = {3: Decimal("0.0"), 4: Decimal("10.0"), 5: Decimal("8.25")}


def line(sell: str, tax_id: int | None = 4, engine: TaxEngine = "halopsa") -> TaxedLine:
    return TaxedLine(Decimal(sell), tax_id, engine)


def test_each_line_is_rounded_by_itself() -> None:
    assert expected_tax([line("0.05")] * 3, RATES, "USD") == Decimal("0.03")
    assert expected_tax([line("22.00", 5), line("-2.00", 5)], RATES, "USD") == Decimal("1.65")


def test_tax_has_the_currencys_own_minor_unit() -> None:
    assert expected_tax([line("2205")], RATES, "JPY") == Decimal("221")
    assert expected_tax([line("1.234")], RATES, "BHD") == Decimal("0.123")


def test_a_line_without_a_tax_has_none() -> None:
    assert expected_tax([line("22.00", None), line("10.00")], RATES, "USD") == Decimal("1.00")
    assert expected_tax([line("22.00", None, "none")], RATES, "USD") == 0
    assert expected_tax([], RATES, "USD") == 0


@pytest.mark.parametrize("engine", ["qbo_ast", "xero_auto"])
def test_what_accounting_computes_cannot_be_expected(engine: TaxEngine) -> None:
    assert expected_tax([line("10.00"), line("22.00", None, engine)], RATES, "USD") is None


def test_a_rate_that_nobody_knows_makes_no_expectation() -> None:
    assert expected_tax([line("10.00", 77)], RATES, "USD") is None
