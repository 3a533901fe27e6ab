"""What an agent does in HaloPSA's own pages. Nothing refuses an agent."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing_pipeline.sandbox.halopsa_invoices import compute_document, new_invoice, post_invoice, renumber
from billing_pipeline.sandbox.halopsa_lines import change_lines
from billing_pipeline.sandbox.halopsa_reading import Doc, write_date
from billing_pipeline.sandbox.halopsa_recurring import process_templates
from billing_pipeline.sandbox.halopsa_resources import INVOICE, RECURRING_INVOICE, RESOURCES
from billing_pipeline.sandbox.halopsa_switches import HaloSwitches
from billing_pipeline.sandbox.halopsa_totals import compute_totals

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState

Edit = dict[str, Any]
SENT = 2  # HaloPSA's emailstatus of a sent invoice
APPROVED = 1


def make_edit(state: "HaloState", edit: Edit) -> Doc:
    """Carry out one edit; the document as it is then, the last of several. ValueError says what is wrong.

    `{"action": ..., "id": ...}` where id is an invoice's, a recurring invoice's (negative), or "newest".
    Actions on those: `edit` (`fields`), `add_line` (`line`), `edit_line` (`line_id`, `fields`), `delete_line`
    (`line_id`), `delete`, `post`, `void`, `send`, `request_approval`, `approve`, `pay` (`amount`, else all),
    `sync` (`number`). Without id: `create` (`fields`, `lines`, at will `"recurring"`), `process` (`ids`), and
    `edit_other` / `delete_other` (`resource`: "Client", "Item", ...; `id`; `fields`).
    """
    action = check_action(edit)
    if action in _ACTIONS_ANYWHERE:
        return _ACTIONS_ANYWHERE[action](state, edit)
    doc = _find(state, edit.get("id"))
    table = _table_of(doc)
    if action == "delete":
        return state.remove(table, doc["id"])
    _ACTIONS[action](state, doc, edit)
    state.put(table, doc)
    return doc


def check_action(edit: Edit) -> str:
    """The action of an edit. ValueError names the known ones when it is none of them."""
    action = edit.get("action")
    known = sorted([*_ACTIONS, *_ACTIONS_ANYWHERE])
    if action not in known:
        raise ValueError(f"unknown action {action!r}; known: {', '.join(known)}")
    return str(action)


def _find(state: "HaloState", document_id: Any) -> Doc:
    if document_id == "newest" and state.table("invoices"):
        document_id = max(state.table("invoices"))
    table = "recurring_invoices" if isinstance(document_id, int) and document_id < 0 else "invoices"
    doc = state.find(table, document_id) if isinstance(document_id, int) else None
    if doc is None:
        raise ValueError(f"there is no invoice {document_id!r} to edit")
    return doc


def _table_of(doc: Doc) -> str:
    return "recurring_invoices" if doc["id"] < 0 else "invoices"


def _line_of(doc: Doc, edit: Edit) -> Doc:
    for line in doc["lines"]:
        if line["id"] == edit.get("line_id"):
            return dict(line)
    raise ValueError(f"invoice {doc['id']} has no line {edit.get('line_id')!r}")


def _fields_of(edit: Edit) -> Doc:
    fields = edit.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise ValueError('this action needs "fields": {name: value}')
    return fields


def _edit(state: "HaloState", doc: Doc, edit: Edit) -> None:
    doc.update(_fields_of(edit))
    compute_document(state, doc)


def _add_line(state: "HaloState", doc: Doc, edit: Edit) -> None:
    kept = [{"id": line["id"]} for line in doc["lines"]]
    _replace_lines(state, doc, [*kept, {**edit.get("line", {}), "id": 0}])


def _edit_line(state: "HaloState", doc: Doc, edit: Edit) -> None:
    line = _line_of(doc, edit)
    changed = {**line, **_fields_of(edit)}
    changed["baseprice"] = changed["unit_price"]
    doc["lines"] = [changed if old["id"] == line["id"] else old for old in doc["lines"]]
    compute_document(state, doc)


def _delete_line(state: "HaloState", doc: Doc, edit: Edit) -> None:
    line = _line_of(doc, edit)
    doc["lines"] = [old for old in doc["lines"] if old["id"] != line["id"]]
    compute_document(state, doc)


def _replace_lines(state: "HaloState", doc: Doc, lines: list[Doc]) -> None:
    """An agent's page saves what it shows, whatever the tenant makes of lines that come by the API."""
    tenant, state.switches = state.switches, HaloSwitches()
    try:
        change_lines(state, doc, lines)
    finally:
        state.switches = tenant
    compute_document(state, doc)


def _post(state: "HaloState", doc: Doc, _edit: Edit) -> None:
    post_invoice(state, doc)


def _void(_state: "HaloState", doc: Doc, _edit: Edit) -> None:
    doc["voided"] = True


def _send(state: "HaloState", doc: Doc, _edit: Edit) -> None:
    doc["datesent"] = write_date(state.clock.now())
    doc["emailstatus"] = SENT


def _request_approval(_state: "HaloState", doc: Doc, _edit: Edit) -> None:
    doc["requires_approval"] = True
    doc["approval_status"] = 0


def _approve(state: "HaloState", doc: Doc, _edit: Edit) -> None:
    doc["requires_approval"] = True
    doc["approval_status"] = APPROVED
    doc["approvaldatetime"] = write_date(state.clock.now())


def _pay(state: "HaloState", doc: Doc, edit: Edit) -> None:
    doc["amountpaid"] = Decimal(edit["amount"]) if "amount" in edit else doc["total"]
    compute_totals(doc)
    doc["paymentstatus"] = 2 if doc["amountdue"] <= 0 else 1
    doc["datepaid"] = write_date(state.clock.now())


def _sync(state: "HaloState", doc: Doc, edit: Edit) -> None:
    doc["xeroid"] = f"xero-{doc['id']}"
    renumber(state, doc)
    if "number" in edit:
        doc["invoicenumber"] = doc["thirdpartyinvoicenumber"] = str(edit["number"])


def _create(state: "HaloState", edit: Edit) -> Doc:
    resource = RECURRING_INVOICE if edit.get("recurring") else INVOICE
    doc = new_invoice(state, resource, _fields_of(edit))
    _replace_lines(state, doc, [{**line, "id": 0} for line in edit.get("lines", [])])
    state.put(resource.table, doc)
    return doc


def _process(state: "HaloState", edit: Edit) -> Doc:
    issued = process_templates(state, edit.get("ids", []))
    return issued[-1] if issued else {}


def _edit_other(state: "HaloState", edit: Edit) -> Doc:
    table = _other_table(edit)
    doc = {**state.get(table, edit.get("id", 0)), **_fields_of(edit)}
    state.put(table, doc)
    return doc


def _delete_other(state: "HaloState", edit: Edit) -> Doc:
    return state.remove(_other_table(edit), edit.get("id", 0))


def _other_table(edit: Edit) -> str:
    tables = {resource.name: resource.table for resource in RESOURCES}
    if edit.get("resource") not in tables:
        raise ValueError(f"unknown resource {edit.get('resource')!r}; known: {', '.join(tables)}")
    return tables[edit["resource"]]


_ACTIONS: dict[str, Callable[["HaloState", Doc, Edit], None]] = {
    "edit": _edit,
    "add_line": _add_line,
    "edit_line": _edit_line,
    "delete_line": _delete_line,
    "delete": lambda _state, _doc, _edit: None,
    "post": _post,
    "void": _void,
    "send": _send,
    "request_approval": _request_approval,
    "approve": _approve,
    "pay": _pay,
    "sync": _sync,
}
_ACTIONS_ANYWHERE: dict[str, Callable[["HaloState", Edit], Doc]] = {
    "create": _create,
    "process": _process,
    "edit_other": _edit_other,
    "delete_other": _delete_other,
}
