"""Record that a person approved the sealed plans of a month."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from billing_pipeline.billing.canonical import canonical_json
from billing_pipeline.billing.errors import ApprovalRefused, SettingsError
from billing_pipeline.billing.line_decisions import decided_by
from billing_pipeline.billing.names import is_same_name
from billing_pipeline.billing.people import is_same_person
from billing_pipeline.billing.stored_plan import PlanTotals, StoredPlan, documents_left, name_plan, sum_documents
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.last_change import SettingsHistory
from billing_pipeline.settings.nearest import suggest
from billing_pipeline.steps import journal
from billing_pipeline.steps.approvals import OWN_CHANGE, Approvals, note_awaiting, read_approvals
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.posting_gates import find_stale
from billing_pipeline.steps.settings_files import keep_settings_files
from billing_pipeline.steps.system_user import system_user
from billing_pipeline.steps.work import Work

_LONGEST_NAME = 200


@dataclass(frozen=True)
class ApprovedPlan:
    """A plan that was approved now. `corrects` says that it corrects credited invoices, `remark` what to look at."""

    client: str
    plan_hash: str
    totals: tuple[PlanTotals, ...]
    forced_caps: tuple[str, ...]
    corrects: bool
    remark: str | None


@dataclass(frozen=True)
class ApprovingResult:
    """What was approved, which clients the same person had approved before, and which something else holds."""

    approver: str
    approved: tuple[ApprovedPlan, ...]
    approved_before: tuple[str, ...]
    held: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class HaloPsaPlace:
    """The HaloPSA that the plans are for: its address and tenant."""

    address: str
    tenant: str


@dataclass(frozen=True)
class PlanToApprove:
    """A plan: its row of `plans`, or what stands in one, and its content."""

    row: Mapping[str, Any]
    content: StoredPlan

    @property
    def client(self) -> str:
        return str(self.row["client"])


def approve(work: Work, approver: str, place: HaloPsaPlace | None = None) -> ApprovingResult:
    """Record the approval of the sealed plans of `work.clients`, or, where none is named, of all that await one.

    Nothing is recorded unless all of them can be approved. Raises SettingsError for a name that says nothing, a
    client that does not exist, or settings that ask for no approval; ApprovalRefused for a month that was not
    prepared, a plan that is not of the newest state, is held by something else, or has nothing to post;
    PostingRefused where the journal is broken, cut, or belongs to another HaloPSA than `place`.
    """
    name = read_name(approver)
    refuse_without_need(work)
    with work.warehouse.session(f"approve plans of {work.month}") as session:
        said, then = (
            f"Nothing was approved for {work.month}.",
            f"run billing-pipeline approve {work.month} --by NAME again",
        )
        journal.refuse_broken(session, work.warehouse.published, said, then)
        if place is not None:
            journal.refuse_other_tenant(session, place.address, place.tenant, said, then)
        plans = _read_plans(session, work)
        holds = _read_holds(session, work.month)
        approvals = read_approvals(session, work.month)
        asked = _find_asked(work, plans, holds, approvals)
        _refuse_what_cannot_be(session, work, asked, holds, approvals)
        before = [plan for plan in asked if has_approved(approvals, plan, name)]
        history = SettingsHistory(work.config)
        approved = [record_approval(session, work, plan, name, place, history) for plan in asked if plan not in before]
        if approved:
            note_awaiting(session, work.month, [one.client for one in approved], None)
            keep_settings_files(session, work.settings_hash, work.config, work.now_utc)
        head = journal.read_head(session)
    if approved:
        journal.write_head(head, work.warehouse.published / journal.HEAD_FILE)
    held = {client: tuple(reasons) for client, reasons in holds.items()}
    return ApprovingResult(name, tuple(approved), tuple(plan.client for plan in before), held)


def read_name(by: str, deed: str = "approves") -> str:
    """The name of who does a deed, single-spaced. Raises SettingsError for one that says nothing."""
    name = " ".join(by.split())
    if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise SettingsError(
            f"--by {by!r} names nobody: write the name of the person who {deed}, as in --by 'Jane Doe'."
        )
    return name


def refuse_without_need(work: Work) -> None:
    """Raise SettingsError where the settings ask for no approval."""
    if work.config.settings.approval == "required":
        return
    origin = work.config.origin(("approval",))
    where = f"{origin[0]}:{origin[1]}" if origin else str(work.config.folder / "billing.yaml")
    raise SettingsError(
        f"{where}: approval is none, so plans are posted without one and there is nothing to approve. To ask for "
        f"approvals, set approval: required, then run billing-pipeline close {work.month}."
    )


def _read_plans(session: Session, work: Work) -> dict[str, PlanToApprove]:
    rows = session.rows("select * from plans where month = ? order by client", [work.month])
    if not rows:
        raise ApprovalRefused(
            f"{work.month} was never prepared, so there is no plan to approve. Prepare it, then look at it: "
            f"billing-pipeline close {work.month}"
        )
    return {row["client"]: PlanToApprove(row, json.loads(row["plan"])) for row in rows}


def _read_holds(session: Session, month: str) -> dict[str, dict[str, str]]:
    """By client each reason with one of its texts, the first cause first."""
    rows = session.rows(
        "select client, reason, min(reason_rank) as reason_rank, min(detail) as detail from holds where month = ? "
        "group by client, reason order by client, reason_rank, reason",
        [month],
    )
    holds: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        holds[row["client"]][row["reason"]] = row["detail"]
    return dict(holds)


def _find_asked(
    work: Work, plans: Mapping[str, PlanToApprove], holds: Mapping[str, Mapping[str, str]], approvals: Approvals
) -> list[PlanToApprove]:
    if not work.clients:
        return [
            plan
            for client, plan in plans.items()
            if client not in holds and approvals.awaited(client, plan.row["plan_hash"], plan.content) is not None
        ]
    unknown = [client for client in work.clients if client not in plans]
    if unknown:
        raise SettingsError(
            "\n".join(f"{client!r} is no client of {work.month}: {suggest(client, list(plans))}" for client in unknown)
        )
    return [plans[client] for client in dict.fromkeys(work.clients)]


def _refuse_what_cannot_be(
    session: Session,
    work: Work,
    asked: Sequence[PlanToApprove],
    holds: Mapping[str, Mapping[str, str]],
    approvals: Approvals,
) -> None:
    fetch_id, _ = month_invoices(session, work.month)
    again = f"billing-pipeline close {work.month}"
    texts = []
    for plan in asked:
        said = name_plan(work.month, plan.client, plan.content)
        others = holds.get(plan.client)
        if others:
            causes = "; ".join(f"{detail} ({reason})" for reason, detail in others.items())
            forced = "".join(f" --force-cap {one.partition(':')[2]}" for one in others if one.startswith("cap:"))
            forced += " --force-cap negative_invoice" if "negative_total" in others else ""
            texts.append(
                f"{said} is held, and a held plan cannot be approved: {causes}. Settle that first (billing-pipeline "
                f"review {work.month}), then {again}{forced}, then approve."
            )
        elif not plan.content["documents"]:
            texts.append(f"{said} is empty: there is nothing to post, and nothing to approve.")
        elif (stale := find_stale(dict(plan.row), fetch_id, work.settings_hash, dict(plan.content))) is not None:
            texts.append(f"{said} {stale}. Prepare it again: {again}, then review and approve it.")
        elif not documents_left(plan.content, approvals.done):
            texts.append(f"{said} was posted already: what was posted is final, and nothing of it is left to approve.")
    if texts:
        raise ApprovalRefused("\n".join([*texts, "Nothing was approved."]))


def has_approved(approvals: Approvals, plan: PlanToApprove, name: str) -> bool:
    """Whether this person approved this plan before."""
    covering = approvals.covering(plan.client, plan.row["plan_hash"], plan.content)
    return any(is_same_name(one.approver, name) for one in covering)


def record_approval(
    session: Session, work: Work, plan: PlanToApprove, name: str, place: HaloPsaPlace | None, history: SettingsHistory
) -> ApprovedPlan:
    """Write that a person approved a plan: in the journal, in `approvals`, and what is worth a look."""
    user, totals = system_user(), tuple(sum_documents(plan.content["documents"]).values())
    forced = tuple(plan.row["forced_caps"] or ())
    files = dict(sorted(work.config.digests.items()))
    writer = journal.Writer(
        work.run_id,
        user,
        version("billing-pipeline"),
        place.address if place is not None else None,
        place.tenant if place is not None else None,
    )
    head = journal.append(
        session,
        writer,
        "approved",
        work.now_utc,
        month=work.month,
        client=plan.client,
        plan_hash=plan.row["plan_hash"],
        outcome=f"approved by {name}",
        detail={
            "approver": name,
            "totals": [vars(one) for one in totals],
            "forced_caps": forced,
            "settings_files": files,
        },
    )
    shared = {
        "month": work.month,
        "client": plan.client,
        "plan_hash": plan.row["plan_hash"],
        "approver": name,
        "system_user": user,
        "approved_at": work.now_utc.replace(microsecond=0),
        "forced_caps": list(forced),
        "settings_hash": work.settings_hash,
        "settings_files": canonical_json(files),
        "plan": plan.row["plan"],
        "journal_seq": head.rows,
    }
    session.insert("approvals", [{**shared, **vars(one)} for one in totals])
    remark = _report_own_change(session, work, plan, (name, user), history)
    corrects = any(document.get("corrects") for document in plan.content["documents"])
    return ApprovedPlan(plan.client, plan.row["plan_hash"], totals, forced, corrects, remark)


def _report_own_change(
    session: Session, work: Work, plan: PlanToApprove, names: tuple[str, str], history: SettingsHistory
) -> str | None:
    """Note an approver who was also the last to change the client's mapping or settings, or who decided what its lines
    come to; it stops nothing."""
    own = []
    change = history.last_change(plan.client)
    if change is not None and is_same_person(names, change.names):
        own.append(f"was also the last to change this client's mapping or settings: {change.file}, {change.described}")
    decided = _count_decided(session, work.month, plan.client, names)
    if decided:
        own.append(f"decided what counts for {decided} of its lines (line_decisions.csv)")
    if not own:
        return None
    name, user = names
    remark = f"approved by {name} (system user {user}), who {'; and who '.join(own)}"
    session.insert(
        "findings",
        [
            {
                "month": work.month,
                "client": plan.client,
                "document_key": plan.content["documents"][0]["document_key"],
                "step": "approve",
                "kind": OWN_CHANGE,
                "detail": remark,
            }
        ],
    )
    return remark


def _count_decided(session: Session, month: str, client: str, names: tuple[str, str]) -> int:
    """For how many lines of the client that are not posted this person decided something."""
    rows = session.rows(
        "select decisions from normalized_charges where month = ? and client = ? and decisions is not null "
        "and line_key not in (select line_key from posted_source_lines)",
        [month, client],
    )
    return sum(is_same_person(names, decided_by(row["decisions"])) for row in rows)
