"""Edits that wait for our reads: how an agent or the accounting sync comes between our read and our write."""

from typing import TYPE_CHECKING

from billing_pipeline.sandbox.faults import same_route
from billing_pipeline.sandbox.halopsa_edits import Edit, check_action, make_edit
from billing_pipeline.sandbox.halopsa_errors import HaloError
from billing_pipeline.sandbox.halopsa_invoices import renumber

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState


def schedule_edit(state: "HaloState", order: Edit) -> Edit:
    """Keep an edit until `reads` more requests of `route` were answered; the order as kept.

    `{"edit": {...}, "route": "/api/Invoice/{id}", "reads": 1, "method": "GET", "contains": "in address"}`.
    ValueError says what is wrong with it.
    """
    edit, route = order.get("edit"), order.get("route")
    if not isinstance(edit, dict) or not isinstance(route, str):
        raise ValueError('a scheduled edit is {"edit": {...}, "route": "/api/Invoice/{id}", "reads": 1}')
    if unknown := sorted(order.keys() - {"edit", "route", "reads", "method", "contains"}):
        raise ValueError(f"unknown key {unknown[0]!r}")
    kept = {"method": "GET", "reads": 1, "contains": "", **order}
    check_action(edit)
    if isinstance(kept["reads"], bool) or not isinstance(kept["reads"], int) or kept["reads"] < 1:
        raise ValueError(f"reads must be a positive integer; got {kept['reads']!r}")
    state.scheduled_edits.append(kept)
    return kept


def run_scheduled_edits(state: "HaloState", method: str, route: str, address: str) -> None:
    """Count an answered request and carry out the edits that waited for it. `address`: its path and query."""
    waiting: list[Edit] = []
    due: list[Edit] = []
    for order in state.scheduled_edits:
        if order["method"].upper() == method and same_route(order["route"], route) and order["contains"] in address:
            order["reads"] -= 1
        (due if order["reads"] <= 0 else waiting).append(order)
    state.scheduled_edits = waiting
    for order in due:
        failure: str | None = None
        edited: int | None = None
        try:
            edited = make_edit(state, order["edit"]).get("id")
        except (
            ValueError,
            HaloError,
        ) as error:  # the reader's answer must not show what went wrong for the agent
            failure = str(error)
        state.edits_made.append({"edit": order["edit"], "id": edited, "error": failure})


def renumber_read_invoices(state: "HaloState", ids: list[int]) -> None:
    """Count one read of each invoice; the accounting sync renumbers those that were read often enough."""
    limit = state.switches.renumber_after
    if not limit:
        return
    for document_id in ids:
        state.reads_of[document_id] = state.reads_of.get(document_id, 0) + 1
        doc = state.find("invoices", document_id)
        if doc is not None and state.reads_of[document_id] == limit:
            renumber(state, doc)
            state.put("invoices", doc)
