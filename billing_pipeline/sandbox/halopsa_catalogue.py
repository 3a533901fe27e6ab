"""Items, product groups, clients, sites, contracts: documents without lines, created and changed by POST."""

from typing import TYPE_CHECKING, Any

from billing_pipeline.sandbox.halopsa_errors import bad_request, not_found
from billing_pipeline.sandbox.halopsa_invoices import compute_document
from billing_pipeline.sandbox.halopsa_reading import Doc, read_document, write_date
from billing_pipeline.sandbox.halopsa_resources import CLIENT, CONTRACT, ITEM, PRODUCT_GROUP, SITE, Resource

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState

# orders to HaloPSA, not fields: they are carried out and never kept
ORDERS = ("update_recurring_invoice_price", "update_recurring_invoice_cost")


def write_document(state: "HaloState", resource: Resource, sent: Any, where: str) -> tuple[Doc, bool]:
    """The document as one posted one leaves it, not stored yet; whether it is new. HaloError 400, 404."""
    changes = read_document(sent, resource.fields, where)
    document_id = changes.pop("id", 0)
    orders = {name: changes.pop(name, False) for name in ORDERS}
    old = state.find(resource.table, document_id)
    if old is None and document_id:
        raise not_found(resource.name, document_id)
    doc = {**(old or {}), **changes}
    _check(state, resource, doc)
    if old is None:
        doc["id"] = state.new_id(resource.table)
        if resource is ITEM:
            doc.setdefault("datecreated", write_date(state.clock.now()))
    _settle_names(state, resource, doc)
    if resource is ITEM and old is not None:
        _rewrite_recurring_lines(state, doc, orders)
    return doc, old is None


def _check(state: "HaloState", resource: Resource, doc: Doc) -> None:
    required = "ref" if resource is CONTRACT else "name"
    if not doc.get(required):
        raise bad_request(f"{resource.name} needs a {required}.")
    if resource is ITEM and doc.get("assetgroup_id") and not state.find("asset_groups", doc["assetgroup_id"]):
        raise bad_request(f"Product group {doc['assetgroup_id']} does not exist.")
    if resource in (SITE, CONTRACT) and not state.find("clients", int(doc.get("client_id") or 0)):
        raise bad_request(f"Client {doc.get('client_id')} does not exist.")


def _settle_names(state: "HaloState", resource: Resource, doc: Doc) -> None:
    if resource is ITEM:
        group = state.find("asset_groups", doc.get("assetgroup_id"))
        doc["assetgroup_name"] = group["name"] if group else None
    if resource in (SITE, CONTRACT):
        doc["client_id"] = int(doc["client_id"])
        doc["client_name"] = state.get("clients", doc["client_id"])["name"]
    if resource is CLIENT:
        doc.setdefault("inactive", False)
    if resource is PRODUCT_GROUP:
        doc.setdefault("showasitem", True)


def _rewrite_recurring_lines(state: "HaloState", item: Doc, orders: dict[str, bool]) -> None:
    """What makes `update_recurring_invoice_price` dangerous: lines of every client get the item's price."""
    price = item.get("recurringprice") if item.get("isrecurringitem") else item.get("baseprice")
    cost = item.get("recurringcost") if item.get("isrecurringitem") else item.get("costprice")
    for template in state.table("recurring_invoices").values():
        touched = [line for line in template["lines"] if line.get("_itemid") == item["id"]]
        for line in touched:
            if orders["update_recurring_invoice_price"] and price is not None:
                line["unit_price"] = line["baseprice"] = price
            if orders["update_recurring_invoice_cost"] and cost is not None:
                line["unit_cost"] = cost
        if touched and any(orders.values()):
            compute_document(state, template)
            state.put("recurring_invoices", template)
