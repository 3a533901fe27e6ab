"""The documents of a month for people: what is planned and what was posted, each with what its target held before."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from billing_pipeline.billing.credited_invoices import name_documents
from billing_pipeline.billing.document_changes import LineChange, StandingLine, find_line_changes, total_of
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.carried_out import read_carried_out
from billing_pipeline.steps.compare_tax import expect_tax, tax_rates
from billing_pipeline.steps.standing_documents import Sought, read_standing_lines

# `to_approve` waits for an approval alone; `held` is planned, and its client may not be posted; `unknown` was sent, and
# nobody knows whether HaloPSA has it.
Stage = Literal["to_approve", "to_post", "held", "unknown", "posted"]

_UNSETTLED = ("sending", "unknown")


@dataclass(frozen=True)
class DocumentReview:
    """One document of a client's month, amounts before tax in `currency`.

    `halopsa_id` is the document's own, None for one that is still to be created. `before_total` is None for a new
    document, and where what the target held is not kept. `tax` is what HaloPSA answered, `expected_tax` what the taxes
    sent come to; either may be None. `reversed_by` are HaloPSA's ids of the credits that took back every line of it.
    `corrects` names the HaloPSA invoices that a correction belongs to, `takes_back`
    those that a credit undoes.
    """

    client: str
    document_key: str
    action: str
    stage: Stage
    halopsa_id: int | None
    billed_client_id: int
    currency: str
    invoice_date: date
    group: str
    lines: tuple[LineChange, ...]
    before_total: Decimal | None
    after_total: Decimal
    sell: Decimal
    cost: Decimal
    expected_tax: Decimal | None
    tax: Decimal | None
    plan_hash: str
    corrects: str
    takes_back: str
    reversed_by: tuple[int, ...]
    sent_at: datetime | None

    def count(self, change: str) -> int:
        """How many lines are `added`, `changed`, `made_inactive`, `unchanged` or `kept`."""
        return sum(line.change == change for line in self.lines)


@dataclass(frozen=True)
class _Found:
    content: Mapping[str, Any]
    plan_hash: str
    stage: Stage
    snapshot_ids: Sequence[int]
    posting: Mapping[str, Any]


def read_documents(
    session: Session,
    month: str,
    plans: Iterable[Mapping[str, Any]],
    held: Iterable[str],
    fields: HaloPsaFields,
    config: LoadedSettings | None,
) -> dict[str, list[DocumentReview]]:
    """By client, the documents of a month: those that were sent, in the order of sending, then those to be sent.

    `plans` are rows of the table `plans`, `held` the clients with a hold. Without settings no tax can be expected.
    """
    found = [*_read_sent(session, month), *_read_open(session, month, plans, set(held))]
    sought = {
        (one.content["target_id"], one.content["target_hash"]): Sought(
            one.content["target_id"], one.content["target_hash"], tuple(one.snapshot_ids)
        )
        for one in found
        if one.content["target_id"] is not None
    }
    standing = read_standing_lines(session, tuple(sought.values()), fields)
    rates = tax_rates(session)
    undone = _read_undone(session, month)
    documents: dict[str, list[DocumentReview]] = {}
    for one in found:
        there = standing.get((one.content["target_id"], one.content["target_hash"]))
        tax = one.posting.get("expected_tax")
        if tax is None and config is not None and one.stage != "posted":
            tax = expect_tax(config, one.content, rates)
        documents.setdefault(one.content["client"], []).append(_review(one, there, tax, undone))
    return documents


def _read_undone(session: Session, month: str) -> dict[str, int]:
    """By the charge key of each line of the month that was taken back, HaloPSA's id of the credit."""
    rows = session.rows("select reversed_charge_key, halopsa_invoice_id from reversals where month = ?", [month])
    return {row["reversed_charge_key"]: int(row["halopsa_invoice_id"]) for row in rows}


def _read_sent(session: Session, month: str) -> list[_Found]:
    rows = session.rows(
        "select postings.*, sources.snapshot_ids from postings left join plan_sources as sources "
        "using (month, client, plan_hash) where month = ? and status in ('sending', 'unknown', 'posted') "
        "order by sent_at, abs(halopsa_invoice_id), document_key",
        [month],
    )
    return [
        _Found(
            content=json.loads(row["detail"])["document"],
            plan_hash=row["plan_hash"],
            stage="unknown" if row["status"] in _UNSETTLED else "posted",
            snapshot_ids=row["snapshot_ids"] or (),
            posting=row,
        )
        for row in rows
    ]


def _read_open(session: Session, month: str, plans: Iterable[Mapping[str, Any]], held: set[str]) -> Iterable[_Found]:
    sent = read_carried_out(session, month, (*_UNSETTLED, "posted"))
    for plan in plans:
        for document in json.loads(plan["plan"])["documents"]:
            if (document["document_key"], plan["plan_hash"]) not in sent:
                waits = plan["awaiting_approval"] is not None
                stage: Stage = "held" if plan["client"] in held else "to_approve" if waits else "to_post"
                yield _Found(document, plan["plan_hash"], stage, plan["snapshot_ids"] or (), {})


def _review(
    one: _Found,
    standing: tuple[StandingLine, ...] | None,
    expected_tax: Decimal | None,
    undone: Mapping[str, int],
) -> DocumentReview:
    content, posting = one.content, one.posting
    undoing = [undone.get(line["charge_key"]) for line in content["lines"]] if one.stage == "posted" else []
    lines = find_line_changes(content, standing or ())
    sell = sum((Decimal(line["sell"]) for line in content["lines"]), Decimal(0))
    pairs = content.get("corrects", ())
    return DocumentReview(
        client=content["client"],
        document_key=content["document_key"],
        action=content["action"],
        stage=one.stage,
        halopsa_id=content["target_id"] or posting.get("halopsa_invoice_id"),
        billed_client_id=content["billed_client_id"],
        currency=content["currency"],
        invoice_date=date.fromisoformat(content["invoice_date"]),
        group=content["group"],
        lines=lines,
        before_total=None if standing is None else total_of([line.state for line in standing]),
        after_total=Decimal(content["other_sell"]) + sell,
        sell=sell,
        cost=sum((Decimal(line["cost"]) for line in content["lines"]), Decimal(0)),
        expected_tax=expected_tax,
        tax=posting.get("answered_tax"),
        plan_hash=one.plan_hash,
        corrects=name_documents(pair["old_halopsa_invoice_id"] for pair in pairs) if pairs else "",
        reversed_by=() if None in undoing else tuple(sorted({one for one in undoing if one is not None})),
        takes_back=name_documents(one["reversed_halopsa_invoice_id"] for one in content.get("reverses", ())),
        sent_at=posting.get("sent_at"),
    )
