"""A month as a person reviews it before and after posting: what changes in HaloPSA for each client, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.exact_json import read_exact_json
from billing_pipeline.billing.line_decisions import describe_decisions
from billing_pipeline.billing.settings import BillingSettings
from billing_pipeline.resources.warehouse import Session, Warehouse, read_sql
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.correction_summary import CorrectedClient
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.halo_facts import text
from billing_pipeline.steps.month_summary import ClientMonth, Finding, HeldCause, MonthSummary, read_summary
from billing_pipeline.steps.posting_gates import find_stale
from billing_pipeline.steps.review_documents import DocumentReview, read_documents
from billing_pipeline.steps.settings_files import hash_settings

MOST_MONTHS = 12
NOT_BILLED = ("dropped", "excluded", "blocked", "held")


@dataclass(frozen=True)
class SourceLine:
    """One line of the distributor's invoice and its fate; periods are half-open, amounts exact and None if unknown.

    `sell`, `cost` and `currency` are what counts, `sent_*` what the distributor sent; `decided` says in words what a
    person decided for the line, by whom and why, and is empty where nobody did.
    """

    line_key: str
    integration: str
    invoice_id: str
    line_no: int
    source_line_id: str
    company_name: str
    product: str
    description: str
    period_start: date | None
    period_end: date | None
    quantity: Decimal | None
    currency: str
    sell: Decimal | None
    cost: Decimal | None
    line_class: str
    disposition: str | None
    reason: str | None
    setting_level: str | None
    charge_key: str | None
    sent_currency: str | None
    sent_sell: Decimal | None
    sent_cost: Decimal | None
    decided: str


@dataclass(frozen=True)
class MonthTotals:
    """What one month comes to in one currency: posted, less what credits took back, and planned but not posted; before
    tax."""

    month: str
    currency: str
    posted_sell: Decimal
    open_sell: Decimal
    posted_cost: Decimal
    open_cost: Decimal


@dataclass(frozen=True)
class PlannedItem:
    """An item that posting will create in HaloPSA."""

    reference: str
    name: str
    item_group: str


@dataclass(frozen=True)
class ClientReview:
    """One client's month: a `ClientMonth` for each currency, its documents with every line, and its source lines.

    `plan_hash` and `sealed_at` are those of the newest plan, `stale` says why that one would not be posted.
    """

    client: str
    name: str
    months: tuple[ClientMonth, ...]
    documents: tuple[DocumentReview, ...]
    new_items: tuple[PlannedItem, ...]
    holds: tuple[HeldCause, ...]
    corrections: tuple[CorrectedClient, ...]
    findings: tuple[Finding, ...]
    source_lines: tuple[SourceLine, ...]
    plan_hash: str | None
    sealed_at: datetime | None
    stale: str | None

    @property
    def not_billed(self) -> tuple[SourceLine, ...]:
        """The source lines that no document bills. A line that waits for an approval stands on its document."""
        return tuple(line for line in self.source_lines if line.disposition in NOT_BILLED)

    def count(self, change: str) -> int:
        """How many document lines are `added`, `changed`, `made_inactive`, `unchanged` or `kept`."""
        return sum(document.count(change) for document in self.documents)


@dataclass(frozen=True)
class MonthReview:
    """The review of a month. `history` is oldest first and ends with the month itself.

    `prepared` says whether anything of the month was planned yet. `item_names` are HaloPSA's, by id.
    `settings_problem` says why the settings folder cannot be read, if so.
    """

    summary: MonthSummary
    clients: tuple[ClientReview, ...]
    history: tuple[MonthTotals, ...]
    item_names: Mapping[int, str]
    fetched_at: datetime
    prepared: bool
    settings_problem: str | None

    @property
    def stale_clients(self) -> tuple[ClientReview, ...]:
        """The clients whose plan would not be posted as it stands."""
        return tuple(client for client in self.clients if client.stale is not None)


def review_month(
    warehouse: Warehouse,
    month: str,
    config: LoadedSettings | None,
    clients: Sequence[str] = (),
    settings_problem: str | None = None,
) -> MonthReview | None:
    """Read the review of a month in one session; None where it was never fetched. `clients` empty means all.

    `config` are the settings of now, None where they cannot be read: then `settings_problem` says why.
    """
    with warehouse.session(f"read the review of {month}") as session:
        summary = read_summary(session, month, clients)
        if summary is None:
            return None
        scope = {"month": month, "clients": list(clients), "everyone": not clients}
        plans = {row["client"]: row for row in session.rows(_PLANS, scope)}
        fields = (config.settings if config is not None else BillingSettings()).halopsa_fields
        held = {cause.client for cause in summary.held}
        documents = read_documents(session, month, plans.values(), held, fields, config)
        lines: dict[str, list[SourceLine]] = {}
        for row in session.rows(read_sql("review_source_lines"), scope):
            client, decided = row.pop("client"), describe_decisions(row.pop("decisions"))
            lines.setdefault(client, []).append(SourceLine(**row, decided=decided))
        stale = _find_stale(session, month, plans, config)
        names = _read_names(config, lines)
        known = dict.fromkeys([*(one.client for one in summary.clients), *(one.client for one in summary.held)])
        known.update(dict.fromkeys(sorted(client for client in documents if not clients or client in clients)))
        return MonthReview(
            summary=summary,
            clients=tuple(
                _review_client(
                    client,
                    names.get(client, ""),
                    summary,
                    plans.get(client),
                    documents.get(client, ()),
                    lines.get(client, ()),
                    stale.get(client),
                )
                for client in known
            ),
            history=tuple(MonthTotals(**row) for row in session.rows(_HISTORY, {**scope, "months": MOST_MONTHS})),
            item_names=_read_item_names(session, documents),
            fetched_at=session.value("select max(fetched_at) from raw_fetches where month = ?", [month]),
            prepared=bool(
                session.value("select count(*) from step_log where month = ? and step = 'ready_to_invoice'", [month])
            ),
            settings_problem=settings_problem,
        )


def _review_client(
    client: str,
    name: str,
    summary: MonthSummary,
    plan: Mapping[str, Any] | None,
    documents: Sequence[DocumentReview],
    lines: Sequence[SourceLine],
    stale: str | None,
) -> ClientReview:
    is_open = any(document.stage in ("to_approve", "to_post", "held") for document in documents)
    return ClientReview(
        client=client,
        name=name,
        months=tuple(one for one in summary.clients if one.client == client),
        documents=tuple(documents),
        new_items=_planned_items(plan) if plan is not None and is_open else (),
        holds=tuple(cause for cause in summary.held if cause.client == client),
        corrections=tuple(one for one in summary.corrections if one.client == client),
        findings=tuple(finding for finding in (*summary.drift, *summary.findings) if finding.client == client),
        source_lines=tuple(lines),
        plan_hash=plan["plan_hash"] if plan is not None else None,
        sealed_at=plan["sealed_at"] if plan is not None else None,
        # What was posted is final: that the settings changed since is nothing to prepare again.
        stale=stale if is_open else None,
    )


def _find_stale(
    session: Session, month: str, plans: Mapping[str, dict[str, Any]], config: LoadedSettings | None
) -> dict[str, str | None]:
    """By client, why its plan is not of the newest state.

    Where the settings cannot be read nothing is posted at all, which is said once for all clients.
    """
    fetch_id, _ = month_invoices(session, month)
    settings_hash = None if config is None else hash_settings(config.digests)
    return {
        client: find_stale(plan, fetch_id, settings_hash or plan["settings_hash"], json.loads(plan["plan"]))
        for client, plan in plans.items()
    }


def _planned_items(plan: Mapping[str, Any]) -> tuple[PlannedItem, ...]:
    items = json.loads(plan["plan"])["new_items"]
    return tuple(PlannedItem(one["reference"], one["name"], one["item_group"]) for one in items)


def _read_names(config: LoadedSettings | None, lines: Mapping[str, Sequence[SourceLine]]) -> dict[str, str]:
    """The name of each client: that of clients.csv, else the one the distributor knows its company by."""
    names = {client: next((one.company_name for one in told if one.company_name), "") for client, told in lines.items()}
    names.update({row.client: row.name for row in (config.clients if config is not None else ()) if row.name})
    return names


def _read_item_names(session: Session, documents: Mapping[str, Sequence[DocumentReview]]) -> dict[int, str]:
    ids = {
        state.item_id
        for made in documents.values()
        for document in made
        for line in document.lines
        for state in (line.before, line.after)
        if state is not None and state.item_id is not None
    }
    rows = session.rows(
        "select row_id, payload from snapshot_rows where kind = 'halopsa_items' and content_hash = ("
        "select arg_max(content_hash, snapshot_id) from snapshots where kind = 'halopsa_items') "
        "and row_id in (select unnest(?::text[]))",
        [sorted(map(str, ids))],
    )
    return {int(row["row_id"]): text(read_exact_json(row["payload"]).get("name")) for row in rows}


_PLANS = """
    select *
    from plans
    where month = $month and ($everyone or client in (select unnest($clients::text[])))
    order by client
"""

_HISTORY = """
    select
        month,
        coalesce(three_way.currency, '') as currency,
        sum(posted_sell - coalesce(undone.sell, 0))::decimal(38, 18) as posted_sell,
        sum(planned_sell - posted_sell)::decimal(38, 18) as open_sell,
        sum(posted_cost - coalesce(undone.cost, 0))::decimal(38, 18) as posted_cost,
        sum(planned_cost - posted_cost)::decimal(38, 18) as open_cost
    from three_way
    left join reversed_months as undone using (month, client, currency)
    where
        month <= $month
        and month > strftime(cast($month || '-01' as date) - to_months($months), '%Y-%m')
        and ($everyone or client in (select unnest($clients::text[])))
    group by all
    having currency <> '' or sum(planned_sell) <> 0
    order by month, currency
"""
