"""What HaloPSA computes itself: net amounts, tax by line, the totals of a document."""

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from billing_pipeline.sandbox.halopsa_errors import bad_request
from billing_pipeline.sandbox.halopsa_reading import Doc

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState

CENT = Decimal("0.01")


def round_money(amount: Decimal | int) -> Decimal:
    """`amount` to two decimals, halves away from zero."""
    return Decimal(amount).quantize(CENT, ROUND_HALF_UP)


def compute_line(state: "HaloState", doc: Doc, line: Doc) -> None:
    """Set net amount, tax code and tax of one line of `doc`. HaloError 400 for a tax that does not exist."""
    line["net_amount"] = round_money(Decimal(line["qty_order"]) * Decimal(line["unit_price"]))
    tax = _find_tax(state, doc, line)
    rate = Decimal(tax["value"]) if tax else Decimal(0)
    line["tax_rate"] = rate
    line["tax_amount"] = round_money(line["net_amount"] * rate / 100)
    if tax:
        line["tax_code"] = str(tax["id"])


def compute_totals(doc: Doc) -> None:
    """Set revenue, tax, total and amount due of a document from its lines; inactive lines do not count."""
    counted = [line for line in doc["lines"] if not line.get("isinactive")]
    doc["revenue"] = sum((line["net_amount"] for line in counted), Decimal("0.00"))
    doc["tax_total"] = sum((line["tax_amount"] for line in counted), Decimal("0.00"))
    doc["total"] = doc["revenue"] + doc["tax_total"]
    doc["amountpaid"] = doc.get("amountpaid") or Decimal("0.00")
    doc["amountdue"] = doc["total"] - doc["amountpaid"]


def complete_totals(state: "HaloState", doc: Doc) -> None:
    """Compute what a loaded document lacks."""
    for line in doc["lines"]:
        if not {"net_amount", "tax_amount", "tax_rate"} <= line.keys():
            given = {key: line[key] for key in ("net_amount", "tax_amount", "tax_rate") if key in line}
            compute_line(state, doc, line)
            line.update(given)
    given = {key: doc[key] for key in ("revenue", "tax_total", "total", "amountdue") if key in doc}
    compute_totals(doc)
    doc.update(given)


def _find_tax(state: "HaloState", doc: Doc, line: Doc) -> Doc | None:
    """The tax of a line: forced by the tenant, its own, its item's, its client's. 0 is no answer."""
    if state.switches.recompute_tax is not None:
        return state.find("taxes", state.switches.recompute_tax)
    client = state.find("clients", doc.get("client_id")) or {}
    if client.get("taxable") is False:
        return None
    if (own := line.get("tax_code")) not in (None, "", "0"):
        tax = state.find("taxes", int(own)) if str(own).isdigit() else None
        if tax is None:
            raise bad_request(f"Tax code {own} does not exist.")
        return tax
    item = state.find("items", line.get("_itemid")) or {}
    return state.find("taxes", item.get("taxcode")) or state.find("taxes", client.get("item_tax_code"))
