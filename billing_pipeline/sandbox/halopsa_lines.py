"""Lines of invoices: what HaloPSA fills in, and how a sent set of lines changes the lines that are there."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing_pipeline.sandbox.halopsa_errors import bad_request
from billing_pipeline.sandbox.halopsa_fields import LINE
from billing_pipeline.sandbox.halopsa_reading import Doc, read_document, write_date

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState

# HaloPSA sets these itself, whatever is sent
COMPUTED = (
    "ihid",
    "net_amount",
    "tax_amount",
    "tax_rate",
    "net_total",
    "total_tax",
    "total_price",
    "_warning",
)


def read_lines(sent: list[Any], where: str) -> list[Doc]:
    """The lines of a posted document, `id` where one was sent. HaloError 400 for a wrong type."""
    lines = [read_document(line, LINE, f"{where}[{place}]") for place, line in enumerate(sent)]
    return [{name: value for name, value in line.items() if name not in COMPUTED} for line in lines]


def change_lines(state: "HaloState", doc: Doc, sent: list[Doc]) -> None:
    """Change the lines of `doc` as this tenant does. HaloError 400 for an id that `doc` does not have."""
    old = {line["id"]: line for line in doc["lines"]}
    if strange := [line["id"] for line in sent if line.get("id") and line["id"] not in old]:
        raise bad_request(f"Line {strange[0]} does not belong to invoice {doc['id']}.")
    if state.switches.lines == "duplicate":
        doc["lines"] += [_new_line(state, doc, {**line, "id": 0}) for line in sent]
        return
    merged = [
        _merge_line(state, doc, old[line["id"]], line) if line.get("id") else _new_line(state, doc, line)
        for line in sent
    ]
    if state.switches.lines == "append":
        by_id = {line["id"]: line for line in merged}
        merged = [by_id.pop(line["id"], line) for line in doc["lines"]] + list(by_id.values())
    doc["lines"] = merged


def answer_of_update(state: "HaloState", doc: Doc, sent: Doc) -> Doc:
    """The document that this tenant answers an update with; what it stored is `doc`."""
    answer = state.switches.update_answer
    if answer == "whole" or not isinstance(doc.get("lines"), list):
        return doc
    if answer == "bare":
        return {name: value for name, value in doc.items() if name != "lines"}
    sent_lines = read_lines(sent.get("lines") or [], "lines")
    stored = {line["id"]: line for line in doc["lines"]}
    # New lines come last, in the order in which they were sent.
    count = sum(not line.get("id") for line in sent_lines)
    new_ids = iter(list(stored)[len(stored) - count :])
    lines = []
    for line in sent_lines:
        line_id = line.get("id") or next(new_ids)
        lines.append({**stored[line_id], **line, "id": line_id})
    return {**doc, "lines": lines}


def add_blank_line(state: "HaloState", doc: Doc) -> None:
    """The line that some tenants put on every new invoice."""
    doc["lines"].append(_new_line(state, doc, {}))


def complete_lines(state: "HaloState", doc: Doc) -> None:
    """Give the lines of a loaded document what they need: id, owner, quantity, prices."""
    doc["lines"] = [line if "id" in line else {"id": state.new_id("lines"), **line} for line in doc.get("lines") or []]
    for line in doc["lines"]:
        line["ihid"] = doc["id"]
        _settle_prices(line, state.find("items", line.get("_itemid")) or {})


def is_driven_by_halo(line: Doc) -> bool:
    """Whether HaloPSA's own Pax8 or CSP sync sets the quantity of a recurring line."""
    return bool(
        line.get("recurring_invoice_quantity_type")
        or line.get("quantity_licences")
        or line.get("quantity_subscriptions")
        or (line.get("consumption_line_type") or 0) > 0
        or (line.get("csp_invoice_id") or 0) > 0
    )


def _new_line(state: "HaloState", doc: Doc, sent: Doc) -> Doc:
    item = _item_of(state, sent)
    group = state.find("asset_groups", item.get("assetgroup_id")) or {}
    defaults = {
        "item_code": item.get("accountsid"),
        "item_shortdescription": item.get("name"),
        "nominal_code": item.get("nominalcode") or group.get("nominalcode"),
        "isinactive": False,
        "isgroupdesc": False,
    }
    line = {key: value for key, value in defaults.items() if value is not None} | sent
    line["id"] = state.new_id("lines")
    line["ihid"] = doc["id"]
    _settle_prices(line, item)
    return line


def _merge_line(state: "HaloState", doc: Doc, old: Doc, sent: Doc) -> Doc:
    _item_of(state, sent)
    line = {**old, **sent}
    # clients that change one of the two send the other back as they read it
    if sent.get("unit_price", old["unit_price"]) == old["unit_price"] and "baseprice" in sent:
        line["unit_price"] = sent["baseprice"]
    line["baseprice"] = line["unit_price"]
    if doc["id"] < 0 and is_driven_by_halo(old):
        line["qty_order"] = old["qty_order"]
    if doc["id"] < 0 and line["qty_order"] != old["qty_order"] and state.switches.prorata_row_on_quantity_change:
        line["prorata_data"] = [*(old.get("prorata_data") or []), _prorata_row(state, doc, old, line)]
    return line


def _item_of(state: "HaloState", line: Doc) -> Doc:
    item_id = line.get("_itemid")
    item = state.find("items", item_id)
    if item is None and item_id:
        raise bad_request(f"Item {item_id} does not exist.")
    return item or {}


def _settle_prices(line: Doc, item: Doc) -> None:
    """Integrations send `unit_price`, `baseprice` or both; without either the item's price holds."""
    item_price = item.get("recurringprice") if item.get("isrecurringitem") else item.get("baseprice")
    sent = line.get("unit_price")
    price = sent if sent is not None else line.get("baseprice")
    line["unit_price"] = line["baseprice"] = price if price is not None else item_price or Decimal(0)
    line.setdefault("qty_order", Decimal(0))
    line.setdefault("unit_cost", item.get("costprice") or Decimal(0))


def _prorata_row(state: "HaloState", doc: Doc, old: Doc, new: Doc) -> Doc:
    return {
        "id": state.new_id("prorata"),
        "invoicedetailid": new["id"],
        "recurring_invoice_id": doc["id"],
        "client_id": doc["client_id"],
        "date": write_date(state.clock.now()),
        "quantity": new["qty_order"] - old["qty_order"],
        "unitprice": new["unit_price"],
        "unitcost": new["unit_cost"],
        "shortdescription": f"Pro-rata: {new.get('item_shortdescription', '')}",
        "isinvoiced": False,
    }
