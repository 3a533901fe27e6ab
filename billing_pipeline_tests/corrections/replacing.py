"""What Pax8 does to an invoice after it was billed, and what HaloPSA came to bill."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing_pipeline.steps import modify, normalize, plan, reconcile
from billing_pipeline_tests.steps.months import INVOICE, Month, Row, invoice

REPLACEMENT = "55555555-5555-4555-8555-555555555555"


def credit(month: Month, invoice_id: str = INVOICE, status: str = "Credited") -> None:
    """Let Pax8 credit an invoice, and fetch the month again."""
    month.sandbox.pax8.edit_invoice(invoice_id, {"status": status})
    month.fetch()


def add_invoice(month: Month, items: Sequence[Row], invoice_id: str = REPLACEMENT, **head: Any) -> None:
    """Let Pax8 release a further invoice, and fetch the month again."""
    month.sandbox.pax8.add_invoice({"invoice": invoice(invoice_id, **head), "items": list(items), "release_at": None})
    month.fetch()


def replace_invoice(
    month: Month, items: Sequence[Row], invoice_id: str = INVOICE, by: str = REPLACEMENT, **head: Any
) -> None:
    """Let Pax8 credit an invoice and release another one in its place, and fetch both."""
    month.sandbox.pax8.edit_invoice(invoice_id, {"status": "Credited"})
    add_invoice(month, items, by, **head)


def correct(month: Month, *forced_caps: str, post: bool = True) -> None:
    """Prepare with --correct, and post."""
    normalize.normalize(month.work)
    modify.modify(month.work)
    reconcile.reconcile(month.work)
    plan.plan(month.work, forced_caps, correct=True)
    if post:
        month.post()


def billed(month: Month) -> dict[int, list[str]]:
    """What HaloPSA's invoices come to, net, by HaloPSA client, oldest first."""
    totals: dict[int, list[str]] = {}
    for document in sorted(month.sandbox.halopsa.dump()["invoices"], key=lambda one: one["id"]):
        total = sum((Decimal(str(one["net_amount"])) for one in document["lines"]), Decimal(0))
        totals.setdefault(document["client_id"], []).append(f"{total:.2f}")
    return totals


def newest_invoice(month: Month) -> Row:
    """HaloPSA's newest invoice."""
    newest: Row = max(month.sandbox.halopsa.dump()["invoices"], key=lambda one: one["id"])
    return newest


def newest_lines(month: Month) -> list[tuple[str, str, str]]:
    """Name, amount and first line of the text of each line of HaloPSA's newest invoice."""
    return [
        (
            one["item_shortdescription"],
            f"{Decimal(str(one['net_amount'])):.2f}",
            one["item_longdescription"].splitlines()[0],
        )
        for one in newest_invoice(month)["lines"]
    ]
