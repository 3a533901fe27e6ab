"""The figures of a month as people want them: where each cent went, client by client, and what is held."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.finding_kinds import DIFFERENCES
from billing_pipeline.billing.months import month_before
from billing_pipeline.resources.warehouse import Session, Warehouse, read_sql
from billing_pipeline.steps.approval_summary import PlanApproval, summarize_approvals
from billing_pipeline.steps.correction_summary import CorrectedClient, summarize_corrections
from billing_pipeline.steps.read_corrections import EarlierCredit, read_earlier_credits
from billing_pipeline.steps.reversal_summary import TakenBack, summarize_reversals


@dataclass(frozen=True)
class Fate:
    """How many source lines of one currency share a disposition and a reason, and their money.

    `is_reversed` says that they were posted, and taken back on a credit since.
    Lines whose amount is not known count as zero money; `unpriced` says how many they are.
    """

    disposition: str | None
    reason: str | None
    is_reversed: bool
    currency: str
    lines: int
    unpriced: int
    sell: Decimal
    cost: Decimal


@dataclass(frozen=True)
class CurrencyTotals:
    """The three-way sums of a month in one currency. `open` is planned and not posted, `to_approve` what of it waits
    for an approval. `decided` is what persons decided for single lines, less what was sent for them. `posted` and
    `readback` are what stands, `reversed` is what was posted and taken back on credits since; a gap is not explained.
    """

    currency: str
    source_sell: Decimal
    source_cost: Decimal
    decided_sell: Decimal
    decided_cost: Decimal
    residual_sell: Decimal
    residual_cost: Decimal
    open_sell: Decimal
    open_cost: Decimal
    to_approve_sell: Decimal
    to_approve_cost: Decimal
    posted_sell: Decimal
    posted_cost: Decimal
    readback_sell: Decimal
    readback_cost: Decimal
    reversed_sell: Decimal
    reversed_cost: Decimal
    sell_gap: Decimal
    cost_gap: Decimal

    @property
    def to_post_sell(self) -> Decimal:
        """What may be posted now: planned, and waiting for no approval."""
        return self.open_sell - self.to_approve_sell

    @property
    def to_post_cost(self) -> Decimal:
        """The same in cost."""
        return self.open_cost - self.to_approve_cost


@dataclass(frozen=True)
class ClientMonth:
    """One client and currency: invoices of the month, posted or still to post, and the month before.

    `lines` are source lines, `sell` and `cost` what is billed for them, `held_sell` what its held and blocked
    lines would sell for; `previous_sell` is None where nothing was billed the month before.
    `awaits_approval` says that what is to post waits for an approval, which is no hold. `reversed_sell` was posted and
    taken back on credits since, and is not in `sell`; `is_reversed` says that nothing posted stands.
    """

    client: str
    currency: str
    lines: int
    posted_documents: int
    open_documents: int
    sell: Decimal
    cost: Decimal
    reversed_sell: Decimal
    reversed_cost: Decimal
    is_reversed: bool
    held_sell: Decimal
    hold_reasons: tuple[str, ...]
    awaits_approval: bool
    excluded: bool
    previous_sell: Decimal | None

    @property
    def change(self) -> Decimal | None:
        """Against the month before; None where nothing was billed then, and where the client is held now."""
        return None if self.hold_reasons or self.previous_sell is None else self.sell - self.previous_sell


@dataclass(frozen=True)
class HeldCause:
    """One cause of a hold as the clerk reads it; the amounts are those of the lines that cause it."""

    client: str
    reason: str
    detail: str
    currency: str
    sell: Decimal | None
    cost: Decimal | None
    lines: int


@dataclass(frozen=True)
class UnmappedMoney:
    """A company that no row of clients.csv names, or lines without a company."""

    client: str
    company_id: str | None
    company_name: str | None
    currency: str
    lines: int
    sell: Decimal
    cost: Decimal


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at, though it holds nothing."""

    kind: str
    client: str | None
    detail: str


@dataclass(frozen=True)
class MonthSummary:
    """Everything that is shown of a month. `previous_month` is the one before, None where it has no charges.

    `drift` is what `verify` found the last time it looked; only it knows whether that was put right since. `asked` are
    the clients that it is of, none where it is of all: then `month_findings` are what is of no one client, and
    everything else is of those clients alone.
    """

    month: str
    previous_month: str | None
    invoices: int
    not_billed_invoices: int
    lines: int
    fates: tuple[Fate, ...]
    totals: tuple[CurrencyTotals, ...]
    clients: tuple[ClientMonth, ...]
    held: tuple[HeldCause, ...]
    unmapped: tuple[UnmappedMoney, ...]
    findings: tuple[Finding, ...]
    drift: tuple[Finding, ...]
    differences: tuple[str, ...]
    refused: tuple[str, ...]
    corrections: tuple[CorrectedClient, ...]
    reversals: tuple[TakenBack, ...]
    approvals: tuple[PlanApproval, ...] = ()
    earlier_credits: tuple[EarlierCredit, ...] = ()
    read_back_documents: int = 0
    asked: tuple[str, ...] = ()
    month_findings: tuple[Finding, ...] = ()

    @property
    def explained(self) -> bool:
        """Whether every line has a fate, and every cent of source, charges and HaloPSA adds up."""
        whole = all(not total.sell_gap and not total.cost_gap for total in self.totals)
        return whole and not self.differences and all(fate.disposition is not None for fate in self.fates)

    @property
    def posted_documents(self) -> int:
        """How many documents HaloPSA has of this month."""
        return sum(client.posted_documents for client in self.clients)

    @property
    def open_documents(self) -> int:
        """How many documents are planned and not posted."""
        return sum(client.open_documents for client in self.clients)

    @property
    def documents_to_approve(self) -> int:
        """How many of them wait for an approval."""
        return sum(client.open_documents for client in self.clients if client.awaits_approval)

    @property
    def clients_to_approve(self) -> int:
        """How many clients have a plan that waits for an approval."""
        return len({client.client for client in self.clients if client.awaits_approval})

    @property
    def billed_clients(self) -> int:
        """How many clients have a document, posted or to post."""
        return len({one.client for one in self.clients if one.posted_documents or one.open_documents})

    @property
    def held_clients(self) -> tuple[str, ...]:
        """The clients with a hold, unmapped ones too, in the order of `held`."""
        return tuple(dict.fromkeys(cause.client for cause in self.held))


def summarize_month(warehouse: Warehouse, month: str, clients: Sequence[str] = ()) -> MonthSummary | None:
    """Read the summary of a month; None where nothing of it was fetched yet. `clients` empty means all."""
    with warehouse.session(f"read the summary of {month}") as session:
        return read_summary(session, month, clients)


def read_summary(session: Session, month: str, clients: Sequence[str] = ()) -> MonthSummary | None:
    """The same in a session that is open already."""
    if not session.value("select count(*) from raw_fetches where month = ?", [month]):
        return None
    return _Reader(session, month, list(clients)).read()


class _Reader:
    """Reads one month, for all clients or some."""

    def __init__(self, session: Session, month: str, clients: list[str]) -> None:
        self._session = session
        self._parameters = {
            "month": month,
            "previous_month": month_before(month),
            "clients": clients,
            "everyone": not clients,
            "differences": list(DIFFERENCES),
        }
        self._month = month
        self._clients = clients

    def read(self) -> MonthSummary:
        previous = self._value(_PREVIOUS_MONTH)
        fates = tuple(Fate(**row) for row in self._rows(_FATES))
        return MonthSummary(
            month=self._month,
            previous_month=previous,
            invoices=int(self._value(_INVOICES)),
            not_billed_invoices=int(self._value(_NOT_BILLED_INVOICES)),
            lines=sum(fate.lines for fate in fates),
            fates=fates,
            totals=tuple(CurrencyTotals(**row) for row in self._rows(_TOTALS)),
            clients=tuple(
                ClientMonth(**{**row, "hold_reasons": tuple(row["hold_reasons"])})
                for row in self._rows(read_sql("month_clients"))
            ),
            held=tuple(HeldCause(**row) for row in self._rows(_HELD)),
            unmapped=tuple(UnmappedMoney(**row) for row in self._rows(_UNMAPPED)),
            findings=self._findings(_FINDINGS),
            drift=self._findings(_DRIFT),
            month_findings=self._of_the_month(),
            asked=tuple(self._clients),
            differences=tuple(row["detail"] for row in self._rows(_DIFFERING)),
            refused=tuple(row["detail"] for row in self._rows(_REFUSED)),
            corrections=summarize_corrections(self._session, self._month, self._clients),
            reversals=summarize_reversals(self._session, self._month, self._clients),
            approvals=summarize_approvals(self._session, self._month, self._clients),
            earlier_credits=read_earlier_credits(self._session, self._month, self._clients),
            read_back_documents=int(self._value(_READ_BACK)),
        )

    def _findings(self, sql: str) -> tuple[Finding, ...]:
        """Those of the clients that are asked for, or all."""
        found = (Finding(**row) for row in self._rows(sql))
        return tuple(one for one in found if not self._clients or one.client in self._clients)

    def _of_the_month(self) -> tuple[Finding, ...]:
        """Those of no one client, where only some are asked for."""
        if not self._clients:
            return ()
        found = (Finding(**row) for sql in (_FINDINGS, _DRIFT) for row in self._rows(sql))
        return tuple(one for one in found if one.client is None)

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        return self._session.rows(sql, self._used(sql))

    def _value(self, sql: str) -> Any:
        return self._session.value(sql, self._used(sql))

    def _used(self, sql: str) -> dict[str, Any]:
        # DuckDB refuses parameters that a statement does not name.
        return {name: value for name, value in self._parameters.items() if f"${name}" in sql}


# Not `three_way`, which passes over all of the month to say that it is there.
_PREVIOUS_MONTH = """
    select max(month)
    from (select month from normalized_charges union all select month from posted_lines)
    where month = $previous_month
"""

# The newest fetch says which versions of the month's invoices count.
_INVOICES = """
    select count(*) from raw_invoices where version_id in (
        select unnest(invoice_versions) from raw_fetches
        where fetch_id = (select max(fetch_id) from raw_fetches where month = $month)
    )
"""

_NOT_BILLED_INVOICES = """
    select count(distinct invoice_id) from normalized_charges
    where month = $month and exclude_reason = 'invoice_status'
"""

# Of the documents that `month_clients` counts as posted, those that were read after it.
_READ_BACK = """
    select count(*) from postings
    where month = $month and ($everyone or client in (select unnest($clients::text[])))
        and status = 'posted' and read_back_at is not null
        and document_key not in (select document_key from reversals)
"""

_FATES = """
    select
        disposition,
        reason,
        credit_halopsa_invoice_id is not null as is_reversed,
        coalesce(charged_currency, '') as currency,
        count(*) as lines,
        count(*) filter (where charged_sell is null or charged_cost is null) as unpriced,
        coalesce(sum(charged_sell), 0)::decimal(38, 18) as sell,
        coalesce(sum(charged_cost), 0)::decimal(38, 18) as cost
    from traced_lines
    where month = $month and ($everyone or client in (select unnest($clients::text[])))
    group by all
    order by all
"""

_TOTALS = """
    select
        coalesce(three_way.currency, '') as currency,
        sum(source_sell)::decimal(38, 18) as source_sell,
        sum(source_cost)::decimal(38, 18) as source_cost,
        sum(decided_sell)::decimal(38, 18) as decided_sell,
        sum(decided_cost)::decimal(38, 18) as decided_cost,
        sum(residual_sell)::decimal(38, 18) as residual_sell,
        sum(residual_cost)::decimal(38, 18) as residual_cost,
        sum(planned_sell - posted_sell)::decimal(38, 18) as open_sell,
        sum(planned_cost - posted_cost)::decimal(38, 18) as open_cost,
        coalesce(sum(to_approve.sell), 0)::decimal(38, 18) as to_approve_sell,
        coalesce(sum(to_approve.cost), 0)::decimal(38, 18) as to_approve_cost,
        sum(posted_sell - coalesce(undone.sell, 0))::decimal(38, 18) as posted_sell,
        sum(posted_cost - coalesce(undone.cost, 0))::decimal(38, 18) as posted_cost,
        sum(three_way.readback_sell - coalesce(undone.readback_sell, 0))::decimal(38, 18) as readback_sell,
        sum(three_way.readback_cost - coalesce(undone.readback_cost, 0))::decimal(38, 18) as readback_cost,
        coalesce(sum(undone.sell), 0)::decimal(38, 18) as reversed_sell,
        coalesce(sum(undone.cost), 0)::decimal(38, 18) as reversed_cost,
        coalesce(sum(sell_gap), 0)::decimal(38, 18) as sell_gap,
        coalesce(sum(cost_gap), 0)::decimal(38, 18) as cost_gap
    from three_way
    left join to_approve using (month, client, currency)
    left join reversed_months as undone using (month, client, currency)
    where month = $month and ($everyone or client in (select unnest($clients::text[])))
    group by all
    order by abs(sum(source_sell)) desc, currency
"""

_HELD = """
    select
        client,
        reason,
        detail,
        coalesce(currency, '') as currency,
        sum(sell)::decimal(38, 18) as sell,
        sum(cost)::decimal(38, 18) as cost,
        count(source_line_id) as lines
    from holds
    where month = $month and ($everyone or client in (select unnest($clients::text[])))
    group by all
    order by min(reason_rank), abs(coalesce(sum(sell), 0)) desc, client, detail
"""

_UNMAPPED = """
    select client, company_id, company_name, coalesce(currency, '') as currency, lines, sell, cost
    from unmapped_money
    where month = $month and ($everyone or client in (select unnest($clients::text[])))
    order by abs(sell) desc, client
"""

# What was found of a line is of the client that the line is of now.
_FINDINGS = """
    select
        findings.kind,
        coalesce(findings.client, lines.client) as client,
        findings.detail
    from findings
    left join (
        select source_line_id, any_value(client) as client
        from normalized_charges
        where month = $month
        group by source_line_id
        having count(distinct client) = 1
    ) as lines on lines.source_line_id = findings.source_line_id
    where findings.month = $month
        and findings.step is distinct from 'verify'
        and findings.kind not in ('control_total', 'refused')
        and findings.kind not in (select unnest($differences::text[]))
    order by findings.kind, client nulls first, findings.detail
"""

_DRIFT = """
    select kind, client, detail
    from findings
    where month = $month and step = 'verify'
    order by client nulls first, detail
"""

_DIFFERING = """
    select detail
    from findings
    where month = $month
        and ($everyone or client in (select unnest($clients::text[])))
        and kind in (select unnest($differences::text[]))
    order by detail
"""

_REFUSED = """
    select detail
    from findings
    where month = $month and ($everyone or client in (select unnest($clients::text[]))) and kind = 'refused'
    order by detail
"""
