"""What HaloPSA should compute as tax for our lines, from the taxes that we sent. It is compared, never sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.billing.money import round_amount
from billing_pipeline.billing.settings import TaxEngine


@dataclass(frozen=True)
class TaxedLine:
    """A document line before tax: its amount in the currency's minor unit, the tax sent (None: left out), who taxes."""

    sell: Decimal
    tax_id: int | None
    engine: TaxEngine


def expected_tax(lines: Iterable[TaxedLine], rates: Mapping[int, Decimal], currency: str) -> Decimal | None:
    """The tax of a document, rounded line by line as HaloPSA states it; `rates` are Tax.value in percent, by Tax.id.

    None where accounting computes the tax of any line (`qbo_ast`, `xero_auto`), or where its rate is not known.
    """
    total = Decimal(0)
    for line in lines:
        if line.engine in ("qbo_ast", "xero_auto"):
            return None
        if line.tax_id is None:
            continue
        rate = rates.get(line.tax_id)
        if rate is None:
            return None
        total += round_amount((line.sell * rate).scaleb(-2), currency)
    return total
