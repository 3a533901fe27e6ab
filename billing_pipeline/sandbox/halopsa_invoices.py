"""Invoices: what HaloPSA fills in when one is created; what an update, a post, a void and a deletion do."""

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing_pipeline.sandbox.halopsa_errors import bad_request, not_found
from billing_pipeline.sandbox.halopsa_fields import INVOICE
from billing_pipeline.sandbox.halopsa_lines import add_blank_line, change_lines, read_lines
from billing_pipeline.sandbox.halopsa_reading import Doc, parse_date, read_document, write_date
from billing_pipeline.sandbox.halopsa_resources import Resource
from billing_pipeline.sandbox.halopsa_totals import compute_line, compute_totals

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState

DEFAULT_PAYMENT_DAYS = 30
# HaloPSA sets these itself, whatever is sent
COMPUTED = (
    "client_name",
    "site_name",
    "currency_code_name",
    "revenue",
    "tax_total",
    "total",
    "amountpaid",
    "amountdue",
    "dateposted",
    "original_client_id",
    "original_client_name",
    "is_recurring_invoice",
    "date_created",
    "last_modified",
    "add_lines",
)


def write_invoice(state: "HaloState", resource: Resource, sent: Any, where: str) -> tuple[Doc, bool]:
    """The invoice or recurring invoice as one posted document leaves it, not stored yet; whether it is new.

    HaloError 400 for wrong types, an unknown client, item, tax or line, a document that may not be changed;
    404 for an unknown id.
    """
    header = read_document(sent, INVOICE, where)
    lines = read_lines(header.pop("lines"), f"{where}.lines") if "lines" in header else None
    sequence = header.pop("change_seq", None)
    header = {name: value for name, value in header.items() if name not in COMPUTED}
    document_id = header.pop("id", 0)
    if not document_id:
        return _create(state, resource, header, lines or []), True
    old = state.find(resource.table, document_id)
    if old is None:
        raise not_found(resource.name, document_id)
    _refuse_locked(state, old)
    if state.switches.check_change_seq and sequence is not None and sequence != old.get("change_seq"):
        raise bad_request(f"{resource.name} {document_id} was changed by another user.")
    doc = copy.deepcopy(old)
    was_posted = bool(doc.get("posted"))
    doc.update(header)
    _settle_header(state, doc)
    if doc.get("posted") and not was_posted:
        post_invoice(state, doc)
    if lines is not None:
        change_lines(state, doc, lines)
    compute_document(state, doc)
    return doc, False


def delete_invoice(state: "HaloState", resource: Resource, document_id: int) -> Doc:
    """Delete and return it. HaloError 400 where accounting has it, 404 for an unknown id."""
    doc = state.find(resource.table, document_id)
    if doc is None:
        raise not_found(resource.name, document_id)
    _refuse_locked(state, doc)
    return state.remove(resource.table, document_id)


def post_invoice(state: "HaloState", doc: Doc) -> None:
    """Hand an invoice to accounting."""
    doc["posted"] = True
    doc["dateposted"] = write_date(state.clock.now())


def void_invoice(state: "HaloState", document_id: int) -> Doc:
    """Void it, for good. HaloError 404 for an unknown id."""
    doc = state.find("invoices", document_id)
    if doc is None:
        raise not_found("Invoice", document_id)
    doc["voided"] = True
    state.put("invoices", doc)
    return doc


def compute_document(state: "HaloState", doc: Doc) -> None:
    """Compute every line and the totals anew."""
    for line in doc["lines"]:
        compute_line(state, doc, line)
    compute_totals(doc)
    doc["last_modified"] = write_date(state.clock.now())


def new_invoice(state: "HaloState", resource: Resource, header: Doc) -> Doc:
    """A document without lines, with all that HaloPSA gives a new one; not stored yet."""
    if not header.get("client_id"):
        raise bad_request("Please specify a client.")
    doc: Doc = {
        "id": state.new_id(resource.table),
        "posted": False,
        "voided": False,
        "reference": "",
        "lines": [],
        "date_created": write_date(state.clock.now()),
        **header,
    }
    _redirect_client(state, resource, doc)
    client = state.get("clients", doc["client_id"])
    doc.setdefault("sitenumber", client.get("main_site_id"))
    doc.setdefault("paymentterms", client.get("paymentterms"))
    if state.switches.currency_forced_to is not None:
        doc["currency_code"] = state.switches.currency_forced_to
    if not doc.get("currency_code"):
        doc["currency_code"] = client.get("default_currency_code") or min(state.table("currencies"), default=None)
    if resource.table == "recurring_invoices":
        doc["is_recurring_invoice"] = True
        doc.setdefault("disabled", False)
        doc.setdefault("period", 2)
    else:
        _settle_dates_and_number(state, doc)
    _settle_header(state, doc)
    return doc


def _create(state: "HaloState", resource: Resource, header: Doc, lines: list[Doc]) -> Doc:
    doc = new_invoice(state, resource, header)
    semantic_lines = [{**line, "id": 0} for line in lines]
    change_lines(state, doc, semantic_lines)
    if state.switches.blank_default_line and resource.table == "invoices":
        add_blank_line(state, doc)
    if doc["posted"]:
        post_invoice(state, doc)
    compute_document(state, doc)
    if state.switches.renumber_after == 0 and resource.table == "invoices":
        renumber(state, doc)
    return doc


def renumber(state: "HaloState", doc: Doc) -> None:
    """The accounting sync gives the invoice the number that it has there."""
    doc["invoicenumber"] = doc["thirdpartyinvoicenumber"] = f"ACC-{doc['id']:06d}"
    doc["last_synced"] = write_date(state.clock.now())


def _redirect_client(state: "HaloState", resource: Resource, doc: Doc) -> None:
    """A client may be billed through another: HaloPSA then puts the invoice there without a word."""
    wanted = state.find("clients", doc["client_id"])
    if wanted is None:
        raise bad_request(f"Client {doc['client_id']} does not exist.")
    recurring = resource.table == "recurring_invoices" or bool(doc.get("recurring_invoice_id"))
    payer_id = wanted.get("client_to_invoice_recurring" if recurring else "client_to_invoice")
    if not recurring and state.switches.redirect_client_to is not None:
        payer_id = state.switches.redirect_client_to
    payer = state.find("clients", payer_id)
    if payer is not None and payer["id"] != wanted["id"]:
        doc["original_client_id"], doc["original_client_name"] = wanted["id"], wanted["name"]
        doc["client_id"] = payer["id"]
        doc.pop("sitenumber", None)


def _settle_dates_and_number(state: "HaloState", doc: Doc) -> None:
    if not doc.get("invoicenumber"):
        doc["invoicenumber"] = str(state.new_id("invoicenumber"))
    invoice_date = parse_date(doc.get("invoice_date")) or state.clock.now().replace(hour=0, minute=0, second=0)
    doc["invoice_date"] = write_date(invoice_date)
    if not doc.get("duedate"):
        days = doc["paymentterms"] if doc.get("paymentterms") is not None else DEFAULT_PAYMENT_DAYS
        doc["duedate"] = write_date(invoice_date + timedelta(days=days))


def name_header(state: "HaloState", doc: Doc) -> None:
    """Set the names that belong to the ids of client, site and currency."""
    client = state.find("clients", doc.get("client_id"))
    site = state.find("sites", doc.get("sitenumber"))
    currency = state.find("currencies", doc.get("currency_code"))
    doc["client_name"] = client["name"] if client else doc.get("client_name")
    doc["site_name"] = site["name"] if site else None
    doc["currency_code_name"] = currency["name"] if currency else None


def _settle_header(state: "HaloState", doc: Doc) -> None:
    for name, table, field in (
        ("Client", "clients", "client_id"),
        ("Currency", "currencies", "currency_code"),
    ):
        if doc.get(field) and state.find(table, doc[field]) is None:
            raise bad_request(f"{name} {doc[field]} does not exist.")
    name_header(state, doc)


def _refuse_locked(state: "HaloState", doc: Doc) -> None:
    if not state.switches.refuse_locked:
        return
    for why, locked in (
        ("posted", doc.get("posted")),
        ("voided", doc.get("voided")),
        ("synchronised with accounting", any(_is_set(doc.get(name)) for name in ("xeroid", "qboid"))),
    ):
        if locked:
            raise bad_request(f"Invoice {doc['id']} has been {why} and can no longer be changed.")


def _is_set(value: Any) -> bool:
    """Whether an id of accounting is one: 0, -1 and zeros are not."""
    return value not in (None, 0, -1) and bool(str(value).strip("0-"))
