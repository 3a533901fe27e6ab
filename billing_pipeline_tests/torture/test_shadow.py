"""The books of what others have in HaloPSA: what a tenant does by itself it does to what agents save as well."""

from typing import Any

import pytest

from billing_pipeline.sandbox.halopsa_edits import make_edit
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.torture.months import make_month
from billing_pipeline_tests.torture.shadow import Shadow
from billing_pipeline_tests.torture.troubles import TROUBLES

CREATES = "an agent makes an invoice after we wrote"
DELETES = "an agent deletes a line before we read (template)"


@pytest.mark.parametrize(
    ("trouble", "edit"),
    [
        ("new invoices land on another client", CREATES),
        ("tax recomputed of invoices of ours", CREATES),
        ("tax recomputed of documents of others", DELETES),
        ("a blank line more", CREATES),
    ],
)
def test_an_agents_edit_under_a_switch_of_the_tenant_is_no_difference(trouble: str, edit: str) -> None:
    month = make_month("mixed")
    sandbox = Sandbox(month.world)
    shadow = Shadow(sandbox, month.world.halopsa)
    for name, value in TROUBLES[trouble].switches.items():
        sandbox.halopsa.switches = type(sandbox.halopsa.switches)(**{name: value})
    order: dict[str, Any] = dict(TROUBLES[edit].edit or {})
    if edit == DELETES:
        document_id = next(one for one in month.documents.values() if one < 0)
        row = sandbox.halopsa.tables["recurring_invoices"][document_id]
        order = {"action": "delete_line", "id": document_id, "line_id": row["lines"][0]["id"]}
    made = make_edit(sandbox.halopsa, order)
    sandbox.halopsa.edits_made.append({"edit": order, "id": made["id"], "error": None})
    shadow.follow()
    assert shadow.differences(renumbered=False) == []
