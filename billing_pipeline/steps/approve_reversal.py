"""Record that a person approved what takes a client's posted month back."""

import json

from billing_pipeline.billing.errors import ApprovalRefused
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.settings.last_change import SettingsHistory
from billing_pipeline.steps import journal
from billing_pipeline.steps.approvals import read_approvals
from billing_pipeline.steps.approve import (
    ApprovingResult,
    HaloPsaPlace,
    PlanToApprove,
    has_approved,
    read_name,
    record_approval,
    refuse_without_need,
)
from billing_pipeline.steps.reverse import Reversal, plan_to_reverse
from billing_pipeline.steps.settings_files import keep_settings_files
from billing_pipeline.steps.work import Work


def approve_reversal(work: Work, halo: HaloClient, approver: str) -> tuple[Reversal, ApprovingResult]:
    """Plan the reversal of the one client of `work`, and record that `approver` approves it. HaloPSA is only read.

    Raises SettingsError for a name that says nothing or settings that ask for no approval, ApprovalRefused where
    nothing is left to take back, PostingRefused where it cannot be taken back from here or the journal is broken,
    and what HaloPSA raises for reads. Nothing was recorded then.
    """
    name, client = read_name(approver), work.clients[0]
    refuse_without_need(work)
    reversal = plan_to_reverse(work, halo)
    if not reversal.plan.documents:
        notes = " ".join(reversal.notes)
        raise ApprovalRefused(
            f"Nothing of {work.month} is left to take back of {client}, so there is nothing to approve."
            f"{f' {notes}' if notes else ''}"
        )
    sealed = reversal.plan.as_json()
    row = {"client": client, "plan_hash": reversal.plan.plan_hash, "plan": sealed, "forced_caps": ()}
    plan = PlanToApprove(row, json.loads(sealed))
    with work.warehouse.session(f"approve taking back {work.month} of {client}") as session:
        said = f"Nothing was approved for {work.month}."
        then = f"run billing-pipeline approve {work.month} --client {client} --reversal --by NAME again"
        journal.refuse_broken(session, work.warehouse.published, said, then)
        if has_approved(read_approvals(session, work.month), plan, name):
            return reversal, ApprovingResult(name, (), (client,), {})
        place = HaloPsaPlace(halo.address, halo.tenant)
        approved = record_approval(session, work, plan, name, place, SettingsHistory(work.config))
        keep_settings_files(session, work.settings_hash, work.config, work.now_utc)
        head = journal.read_head(session)
    journal.write_head(head, work.warehouse.published / journal.HEAD_FILE)
    return reversal, ApprovingResult(name, (approved,), (), {})
