"""Which sealed plans are approved, and what the others wait for. Planning and posting ask the same."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.stored_plan import (
    PlanTotals,
    StoredPlan,
    documents_left,
    is_rest_of,
    plan_content_hash,
    sum_documents,
)
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.carried_out import read_carried_out
from billing_pipeline.steps.record_reversals import is_reversal

REASON = "awaiting_approval"
# The finding that an approver was also the last to change the client's mapping or settings.
OWN_CHANGE = "approver_changed_settings"
_NOTHING = PlanTotals("", 0, 0, Decimal(0), Decimal(0))


@dataclass(frozen=True)
class Approval:
    """One approval of one plan. `approved_at` is naive UTC."""

    client: str
    plan_hash: str
    approver: str
    system_user: str
    approved_at: datetime
    content: StoredPlan


@dataclass(frozen=True)
class Approvals:
    """The approvals of a month by client, the oldest first, and what was carried out of their plans."""

    month: str
    by_client: Mapping[str, Sequence[Approval]] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    created_items: Mapping[int, str] = field(default_factory=dict)

    def covering(self, client: str, plan_hash: str, content: StoredPlan) -> list[Approval]:
        """The approvals of this very plan, and of one of which it is the rest after some documents were posted."""
        return [
            one
            for one in self.by_client.get(client, ())
            if one.plan_hash == plan_hash or is_rest_of(content, one.content, self.done, self.created_items)
        ]

    def awaited(self, client: str, plan_hash: str, content: StoredPlan) -> str | None:
        """What a plan that is not approved waits for, with its money and the command; None if it is approved, or if
        nothing of it is left."""
        left = documents_left(content, self.done)
        if not left or self.covering(client, plan_hash, content):
            return None
        fallen = self.fallen(client, content)
        before = f"{fallen}; " if fallen else ""
        what = " and ".join(map(_describe_totals, sum_documents(left).values()))
        waits = "waits" if len(left) == 1 else "wait"
        return (
            f"{before}{what} {waits} for an approval of plan {short(plan_hash)}: billing-pipeline approve {self.month} "
            f"--client {client} --by NAME"
        )

    def fallen(self, client: str, content: StoredPlan) -> str:
        """Who had approved another plan, and how its lines differ from these; nothing where all of it was posted."""
        before = [
            one
            for one in self.by_client.get(client, ())
            if documents_left(one.content, self.done) and not any(map(is_reversal, one.content["documents"]))
        ]
        if not before:
            return ""
        last = before[-1]
        then = sum_documents(documents_left(last.content, self.done))
        now = sum_documents(documents_left(content, self.done))
        changes = [
            _change(then.get(currency, _NOTHING).sell, now.get(currency, _NOTHING).sell, currency)
            for currency in sorted(then.keys() | now.keys())
        ]
        return (
            f"{last.approver} approved plan {short(last.plan_hash)} on {last.approved_at:%Y-%m-%d}; our lines changed "
            f"since, {' and '.join(changes)}"
        )


def note_awaiting(session: Session, month: str, clients: Iterable[str], detail: str | None) -> None:
    """Write what the plans of `clients` wait for; None that they wait no more."""
    session.execute(
        "update plans set awaiting_approval = ? where month = ? and client in (select unnest(?::text[]))",
        [detail, month, list(clients)],
    )


def short(plan_hash: str) -> str:
    """A plan's hash as people see it: its first 12 digits."""
    return plan_hash[:12]


def read_approvals(session: Session, month: str) -> Approvals:
    """The approvals of a month. One that the posting journal does not tell of, or whose plan was edited, is none; nor
    is one from before the client's month was released, or from before its credit was gone: it was for posting once."""
    rows = session.rows(
        "select distinct approvals.client, approvals.plan_hash, approvals.approver, approvals.system_user, "
        "approvals.approved_at, approvals.plan, approvals.journal_seq from approvals "
        "join posting_journal as journal on journal.seq = approvals.journal_seq and journal.event = 'approved' "
        "and journal.month = approvals.month and journal.client = approvals.client "
        "and journal.plan_hash = approvals.plan_hash "
        "where approvals.month = ? and not exists (select 1 from posting_journal as later "
        "where later.month = approvals.month and later.client = approvals.client "
        "and later.seq > approvals.journal_seq and (later.event = 'released' or (later.event = 'credit_released' "
        "and list_has_any(json_extract_string(later.detail, '$.document_keys[*]'), "
        "json_extract_string(approvals.plan, '$.documents[*].document_key'))))) order by approvals.journal_seq",
        [month],
    )
    by_client: dict[str, list[Approval]] = defaultdict(list)
    for row in rows:
        content = json.loads(row["plan"])
        if plan_content_hash(content) == row["plan_hash"]:
            by_client[row["client"]].append(
                Approval(
                    row["client"],
                    row["plan_hash"],
                    row["approver"],
                    row["system_user"],
                    row["approved_at"],
                    content,
                )
            )
    done = frozenset(key for key, _ in read_carried_out(session, month))
    return Approvals(month, dict(by_client), done, _created_items(session))


def forget_fallen_findings(session: Session, month: str, clients: Sequence[str]) -> None:
    """Take back what was found of approvals of `clients` that count no more; of what was sent it stays."""
    session.execute(
        "delete from findings where month = ? and kind = ? and client in (select unnest(?::text[])) "
        "and document_key not in (select document_key from postings where status in ('posted', 'sending', 'unknown'))",
        [month, OWN_CHANGE, list(clients)],
    )


def _created_items(session: Session) -> dict[int, str]:
    rows = session.rows(
        "select halopsa_item_id, item_reference from confirmed_products where item_reference is not null"
    )
    return {int(row["halopsa_item_id"]): row["item_reference"] for row in rows}


def _describe_totals(totals: PlanTotals) -> str:
    documents = f"{totals.documents} document{'s' if totals.documents != 1 else ''}"
    lines = f"{totals.lines} line{'s' if totals.lines != 1 else ''}"
    return f"{documents} with {lines} over {show_amount(totals.sell, totals.currency)}"


def _change(before: Decimal, now: Decimal, currency: str) -> str:
    if now == before:
        return f"to the same {show_amount(now, currency)}"
    more = "more" if now > before else "less"
    return (
        f"from {show_amount(before, currency)} to {show_amount(now, currency)}, "
        f"{show_amount(abs(now - before), currency)} {more}"
    )
