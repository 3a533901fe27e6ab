"""The ledger of what was taken back: one row a line, beside the posted lines, which stay as they are."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.halo_documents import FoundDocument

Document = Mapping[str, Any]


def is_reversal(document: Document) -> bool:
    """Whether a planned document (its JSON) takes posted lines back."""
    return bool(document.get("reverses"))


# What a posted line says besides its amounts, as its columns and its planned JSON call it.
_SAID = ("long_description", "item_reference", "tax_id", "income_account", "expense_account")


def said_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that keep the text, item, tax and accounts of a line (its planned JSON) with what was posted."""
    return {name: line[name] for name in _SAID}


def record_reversed_lines(
    session: Session, month: str, document: Document, found: FoundDocument, now: datetime
) -> None:
    """Write that HaloPSA has a credit (its planned JSON): each line with the one it takes back. `now` is naive UTC."""
    line_ids = {line.charge_key: line.line_id for line in found.lines}
    pairs = {pair["charge_key"]: pair for pair in document["reverses"]}
    session.insert(
        "reversals",
        [
            {
                "month": month,
                "client": document["client"],
                "currency": document["currency"],
                "integration": line["integration"],
                "invoice_id": line["invoice_id"],
                "name": line["short_description"],
                "document_key": document["document_key"],
                "halopsa_invoice_id": found.invoice_id,
                "halopsa_line_id": line_ids.get(line["charge_key"]),
                "halopsa_item_id": line["item_id"],
                **said_of(line),
                "quantity": Decimal(line["quantity"]),
                "unit_price": Decimal(line["unit_price"]),
                "sell": Decimal(line["sell"]),
                "cost": Decimal(line["cost"]),
                "posted_at": now,
                **{name: value for name, value in pairs[line["charge_key"]].items() if name != "tax"},
            }
            for line in document["lines"]
        ],
    )


def record_reversals_read_back(session: Session, document_key: str) -> None:
    """Write what the frame `read_lines` (charge_key, line_id, sell, cost) says of the lines of a credit."""
    session.execute(
        "update reversals set readback_sell = found.sell, readback_cost = found.cost, "
        "halopsa_line_id = coalesce(reversals.halopsa_line_id, found.line_id) "
        "from (select charge_key, min(line_id) as line_id, sum(sell) as sell, sum(cost) as cost from read_lines "
        "group by charge_key) as found "
        "where reversals.charge_key = found.charge_key and reversals.document_key = ?",
        [document_key],
    )
