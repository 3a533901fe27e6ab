"""What happens in a golden case beside closing its month: what Pax8, HaloPSA and its agents do, and what fails."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing_pipeline.sandbox.faults import read_fault
from billing_pipeline.sandbox.halopsa_edits import make_edit
from billing_pipeline.steps.month_history import open_postings
from billing_pipeline_tests.golden.case_files import Case
from billing_pipeline_tests.golden.case_run import CaseRun

# What we do, with the month that it is done for.
DEEDS = ("close", "prepare", "post")
EVENTS = ("pax8_releases", "pax8_changes", "halopsa_issues", "agent", "fault")
_USUAL_TIME = "06T15:00:00+00:00"


def month_of(step: Mapping[str, Any]) -> str | None:
    """The month that a step of ours is for; None for what others do."""
    return next((str(step[deed]) for deed in DEEDS if deed in step), None)


def turn_to(run: CaseRun, step: Mapping[str, Any]) -> None:
    """Set the clock for a step of ours: the 6th of its month, unless the step says `at`."""
    month = month_of(step)
    assert month is not None
    run.turn_to(month, datetime.fromisoformat(step.get("at", f"{month}-{_USUAL_TIME}")))


def settle_first(run: CaseRun) -> None:
    """Look for what is unknown before the month is planned again, as `close --post` does."""
    with run.warehouse.session("ask what is unknown") as session:
        unknown = open_postings(session, run.work.month)
    if unknown:
        run.post()


def let_it_happen(run: CaseRun, case: Case, step: Mapping[str, Any]) -> None:
    """Do what others do in a step."""
    sandbox = run.services.sandbox
    match dict(step):
        case {"pax8_releases": invoice_id}:
            (invoice,) = (one for one in case.invoices if one["invoice"]["id"] == invoice_id)
            sandbox.pax8.add_invoice(invoice)
        case {"pax8_changes": {"id": invoice_id, **changes}}:
            sandbox.pax8.edit_invoice(invoice_id, changes)
        case {"halopsa_issues": at}:
            sandbox.clock.set(datetime.fromisoformat(at))
            make_edit(sandbox.halopsa, {"action": "process"})
        case {"agent": edit}:
            make_edit(sandbox.halopsa, edit)
        case {"fault": order}:
            sandbox.halopsa_service.faults.add(read_fault({"count": 1, **order}))
        case _:
            raise ValueError(f"{case.name}: nobody knows how to do {step}")
