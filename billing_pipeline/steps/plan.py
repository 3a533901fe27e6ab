"""Seal the plan of each client's month, and write down every hold. Nothing is written to HaloPSA here."""

import json
import logging
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from time import monotonic
from typing import Any

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.caps import ClientHistory, PassedCap, find_passed_caps
from billing_pipeline.billing.credited_invoices import CorrectionCase
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan import (
    PlanRules,
    find_client_holds,
    hold_client,
    new_items,
    plan_client,
    route_holds,
)
from billing_pipeline.billing.plan_types import BilledClient, ChargeToPlan, ClientPlan, Hold, PlannedDocument
from billing_pipeline.billing.reasons import reason_rank
from billing_pipeline.billing.routing import Routes, Targets, route_charges
from billing_pipeline.resources.warehouse import Session, read_sql
from billing_pipeline.steps.approvals import Approvals, forget_fallen_findings, read_approvals
from billing_pipeline.steps.correct import answer_case
from billing_pipeline.steps.failed_rules import Failure, describe_failure, failed_clients, hold_failures
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.forced_caps import store_forced_caps
from billing_pipeline.steps.halo_facts import billed_client, currencies_by_id, currency_codes, rows_by_id
from billing_pipeline.steps.look_back import find_unknown_credited
from billing_pipeline.steps.month_cap import MonthCap, ask_month_cap
from billing_pipeline.steps.month_history import client_histories, lines_in_flight, open_postings
from billing_pipeline.steps.read_corrections import read_cases
from billing_pipeline.steps.read_targets import ReadInvoices, TargetsRead, read_targets, take_invoices
from billing_pipeline.steps.record_corrections import (
    clear_open_corrections,
    replacing_key,
    store_open_corrections,
)
from billing_pipeline.steps.routing_findings import store_doubts, store_left_lines, store_routing_findings
from billing_pipeline.steps.snapshots import Snapshot, latest_snapshot
from billing_pipeline.steps.work import Work, finish_step, scope_frame

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlannedClient:
    """What planning came to for one client: its plan, and the holds that keep it from being posted.

    `awaits` says which approval the plan waits for, None where it needs none: that is no hold.

    `corrections` are the documents that would correct what was posted for a credited invoice; they stand in the plan
    if a person asked for them, and else are a proposal. `forced` are the caps that it passes and that a person forced.
    """

    client: str
    plan: ClientPlan
    holds: tuple[Hold, ...]
    corrections: tuple[PlannedDocument, ...] = ()
    routes: Routes | None = None
    forced: tuple[PassedCap, ...] = ()
    awaits: str | None = None


@dataclass(frozen=True)
class _Sources:
    fetch_id: int
    clients: Snapshot
    currencies: Snapshot
    observed: Mapping[str, BilledClient]
    currency_ids: Mapping[str, int]
    existing: TargetsRead


def plan(
    work: Work,
    forced_caps: Sequence[str] = (),
    read_invoices: ReadInvoices | None = None,
    source: str = "",
    *,
    correct: bool = False,
) -> list[PlannedClient]:
    """Write the slices of `plans`, `ready_to_invoice` and `holds`; what became of each client, in their order.

    `forced_caps` are names of caps that a person has chosen to pass this time. `read_invoices` reads HaloPSA's
    invoices from a date on, at the address `source`; it is called only if a client adds to invoices that exist.
    `correct` says that a person wants the differences of invoices posted that were credited since.
    """
    started = monotonic()
    with work.warehouse.session(f"store the invoices that {work.month} may add to") as session:
        invoices = take_invoices(session, work, read_invoices, source)
    with work.warehouse.session(f"plan {work.month}") as session:
        scope_frame(session, work.clients)
        sources = _read_sources(session, work, invoices)
        session.set_variables(month=work.month)
        charges: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in session.rows(read_sql("charges_to_plan")):
            charges[row["client"]].append(row)
        blocked, failed = _blocked_lines(session, work), failed_clients(session, work)
        month_hold = _find_month_hold(session, work)
        histories = client_histories(session, work.month, work.clients)
        cases = read_cases(session, work)
        unknown = {**find_unknown_credited(session, work.month), **open_postings(session, work.month)}
        in_flight = lines_in_flight(session)
        planned = []
        for client in work.clients:
            holds = blocked[client] + [_blocked_charge(row) for row in charges[client] if row["block_reason"]]
            holds += failed[client]
            to_plan = [_charge(row) for row in charges[client] if not row["block_reason"]]
            planned.append(
                _plan_or_hold(
                    work,
                    sources,
                    client,
                    to_plan,
                    {row["charge_key"]: row["source_line_id"] for row in charges[client]},
                    holds,
                    month_hold,
                    unknown.get(client) or _find_in_flight(to_plan, cases.get(client), in_flight),
                    histories[client],
                    forced_caps,
                    cases.get(client),
                    correct,
                )
            )
        cap = ask_month_cap(session, work, [one.plan for one in planned if not one.holds], forced_caps)
        planned = [one if one.holds else _ask_cap(cap, one) for one in planned]
        if work.config.settings.approval == "required":
            approvals = read_approvals(session, work.month)
            planned = [_ask_approval(approvals, one) for one in planned]
        awaiting = [one.client for one in planned if one.awaits is not None]
        forget_fallen_findings(session, work.month, awaiting)
        _store(session, work, planned, sources)
        lines = sum(len(document.lines) for one in planned for document in one.plan.documents)
        finish_step(session, work, "ready_to_invoice", started, lines, _source_ids(sources))
    return planned


def _find_in_flight(
    charges: Sequence[ChargeToPlan], case: CorrectionCase | None, in_flight: Mapping[str, str]
) -> str | None:
    """What is not known yet of a document that bears one of these charges for another client, or that takes the place
    of what stands billed in another month."""
    keys = [key for charge in charges for key in charge.line_keys]
    keys += [replacing_key(charge.charge_key) for charge in (case.standing if case is not None else ())]
    return next((in_flight[key] for key in keys if key in in_flight), None)


def _source_ids(sources: _Sources) -> dict[str, Any]:
    return {
        "fetch_id": sources.fetch_id,
        "snapshot_ids": [sources.clients.snapshot_id, sources.currencies.snapshot_id, *sources.existing.snapshot_ids],
    }


def _read_sources(session: Session, work: Work, invoices: Snapshot | None) -> _Sources:
    fetch_id, _ = month_invoices(session, work.month)
    clients, currencies = (
        latest_snapshot(session, "halopsa_clients"),
        latest_snapshot(session, "halopsa_currencies"),
    )
    codes = currency_codes(currencies.rows)
    by_id, known = rows_by_id(clients.rows), currencies_by_id(currencies.rows)
    observed = {
        row.client: billed_client(row.client, by_id[row.halopsa_client_id], by_id, known)
        for row in work.config.clients
        if row.halopsa_client_id in by_id
    }
    ids = {code: currency_id for currency_id, code in sorted(codes.items(), reverse=True)}
    existing = read_targets(session, work, invoices, observed)
    return _Sources(fetch_id, clients, currencies, observed, ids, existing)


def _plan_or_hold(
    work: Work,
    sources: _Sources,
    client: str,
    charges: Sequence[ChargeToPlan],
    line_ids: Mapping[str, str | None],
    holds: list[Hold],
    month_hold: str | None,
    unknown: str | None,
    history: ClientHistory,
    forced_caps: Sequence[str],
    case: CorrectionCase | None,
    correct: bool,
) -> PlannedClient:
    """Plan one client. What makes a rule fail holds this client, and nobody else."""
    try:
        return _plan_one(
            work, sources, client, charges, holds, month_hold, unknown, history, forced_caps, case, correct
        )
    except MemoryError:
        raise
    except Exception as error:
        _logger.exception("A rule failed when %s of %s was planned", client, work.month)
        failures = _find_failing(work, sources, client, charges) or [Failure(describe_failure(error))]
        empty = ClientPlan(work.month, client, (), ())
        return PlannedClient(client, empty, tuple(holds + hold_failures(failures, charges, line_ids)))


def _find_failing(work: Work, sources: _Sources, client: str, charges: Sequence[ChargeToPlan]) -> list[Failure]:
    """The charges that make a rule fail by themselves; none where it takes several of them, or something else."""
    failures = []
    for charge in charges:
        try:
            _plan_one(work, sources, client, [charge], [], None, None, ClientHistory(), (), None, correct=False)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (told in the hold, and logged for the whole client)
            failures.append(Failure(describe_failure(error), charge))
    return failures


def _plan_one(
    work: Work,
    sources: _Sources,
    client: str,
    charges: Sequence[ChargeToPlan],
    holds: list[Hold],
    month_hold: str | None,
    unknown: str | None,
    history: ClientHistory,
    forced_caps: Sequence[str],
    case: CorrectionCase | None,
    correct: bool,
) -> PlannedClient:
    empty = ClientPlan(work.month, client, (), ())
    observed = sources.observed.get(client)
    settings = work.config.settings
    if charges and month_hold is not None:
        holds = holds + hold_client("invoice_status", month_hold, charges)
    if unknown is not None:
        money = hold_client("unknown_outcome", unknown, charges)
        holds = holds + (money or [Hold("held", "unknown_outcome", unknown, None, None, None)])
    if observed is None and charges:
        missing = (
            "HaloPSA no longer has the client that clients.csv ties it to; correct the row, then run billing-pipeline "
            f"close {work.month} --client {client}"
        )
        holds = holds + hold_client("unmapped_client", missing, charges)
    targets = sources.existing.targets.get(client, Targets())
    if observed is None or not (charges or targets.with_our_lines or case):
        return PlannedClient(client, empty, tuple(holds))
    rules = PlanRules(
        settings={name: work.config.resolve(client, name).charge for name in settings.enabled_integrations},
        currency_ids=sources.currency_ids,
        unit_price_decimals=settings.halopsa.unit_price_decimals,
        today=work.today,
    )
    excluded = any(row.excluded for row in work.config.clients if row.client == client)
    answer = answer_case(work.month, observed, case, charges, rules, correct=correct, excluded=excluded)
    holds = holds + find_client_holds(observed, charges) + list(answer.holds)
    if holds:
        return PlannedClient(client, empty, tuple(holds), answer.documents)
    routes = route_charges(
        work.month, observed, answer.others, rules.settings, rules.currency_ids, targets, rules.today
    )
    holds = route_holds(routes)
    if holds:
        # A client that cannot be posted as a whole has no plan: nothing of it will change in HaloPSA.
        return PlannedClient(client, empty, tuple(holds), answer.documents, routes)
    sealed = plan_client(work.month, observed, routes, rules)
    if answer.planned:
        documents = (*sealed.documents, *answer.documents)
        sealed = replace(sealed, new_items=new_items(charges, rules), documents=documents)
    passed = find_passed_caps(sealed, settings.caps, history)
    capped = tuple(one.hold for one in passed if one.name not in forced_caps)
    forced = tuple(one for one in passed if one.name in forced_caps)
    return PlannedClient(client, sealed, capped, answer.documents, routes, forced)


def _ask_cap(cap: MonthCap, one: PlannedClient) -> PlannedClient:
    passed = cap.passed_by(one.plan)
    if cap.forced:
        return replace(one, forced=(*one.forced, *passed))
    return replace(one, holds=tuple(each.hold for each in passed))


def _ask_approval(approvals: Approvals, one: PlannedClient) -> PlannedClient:
    """Let a plan that is not approved wait, whatever holds it besides: what is settled first does not let it go."""
    return replace(one, awaits=approvals.awaited(one.client, one.plan.plan_hash, json.loads(one.plan.as_json())))


def _blocked_lines(session: Session, work: Work) -> dict[str, list[Hold]]:
    """The lines that cannot be resolved by themselves; those of a company without client as one hold a currency."""
    holds: dict[str, list[Hold]] = defaultdict(list)
    whole = session.rows(
        "select client, block_reason, block_detail, currency, count(*) as lines, "
        "coalesce(sum(sell), 0) as sell, coalesce(sum(cost), 0) as cost "
        "from normalized_charges semi join scope_clients using (client) "
        "where month = ? and exclude_reason is null and block_reason in ('unmapped_client', 'no_company') "
        "and line_key not in (select line_key from posted_source_lines) group by all order by all",
        [work.month],
    )
    for row in whole:
        money = show_amount(row["sell"], row["currency"] or "")
        detail = f"{row['block_detail']}: {row['lines']} line{'s' * (row['lines'] != 1)}, {money}"
        if row["block_reason"] == "no_company":
            detail += f"; billing-pipeline decide {work.month} --of {row['client']} lists them"
        holds[row["client"]].append(
            Hold("blocked", row["block_reason"], detail, row["currency"], row["sell"], row["cost"])
        )
    single = session.rows(
        "select client, invoice_id, line_no, block_reason, block_detail, currency, sell, cost, source_line_id, "
        "coalesce(product_name, description, sku, '') as product, (select count(*) from normalized_charges as others "
        "where others.month = charges.month and others.source_line_id = charges.source_line_id) > 1 as is_id_shared "
        "from normalized_charges as charges semi join scope_clients using (client) "
        "where month = ? and exclude_reason is null and block_reason is not null "
        "and block_reason not in ('unmapped_client', 'no_company') "
        "and line_key not in (select line_key from posted_source_lines) order by client, invoice_id, line_no",
        [work.month],
    )
    for row in single:
        detail = f"invoice {row['invoice_id']}, line {row['line_no']} ({row['product']}): {row['block_detail']}"
        holds[row["client"]].append(
            Hold(
                "blocked",
                row["block_reason"],
                f"{detail}; {_money(row['sell'], row['currency'])}; decide it with {_decide_command(work.month, row)}",
                row["currency"],
                row["sell"],
                row["cost"],
                row["source_line_id"],
            )
        )
    return holds


def _decide_command(month: str, row: Mapping[str, Any]) -> str:
    """The command that settles a line which cannot be billed as it came, with what it lacks."""
    lacks = {"currency": "--currency CODE", "sell": "--sell AMOUNT", "cost": "--cost AMOUNT"}
    options = " ".join(option for column, option in lacks.items() if row[column] is None)
    if row["block_reason"] in ("unknown_type", "unknown_term"):
        options = " ".join(["--class CLASS", *([options] if options else [])])
    line = shlex.quote(row["source_line_id"])
    if row["is_id_shared"]:
        line += f" --invoice {shlex.quote(row['invoice_id'])}"
    return f"billing-pipeline decide {month} --line {line} {options} --by NAME --why TEXT"


def _blocked_charge(row: Mapping[str, Any]) -> Hold:
    return Hold(
        "blocked",
        row["block_reason"],
        f"invoice {row['invoice_id']}, line {row['line_no']}: {row['block_detail']}; "
        f"{_money(row['sell'], row['currency'])}",
        row["currency"],
        row["sell"],
        row["cost"],
        row["source_line_id"],
    )


def _money(amount: Decimal | None, currency: str | None) -> str:
    return "amount not known" if amount is None else show_amount(amount, currency or "")


def _find_month_hold(session: Session, work: Work) -> str | None:
    """Why no client of the month may be posted: a status nobody knows, or totals that agree with nothing."""
    statuses = work.config.settings.integrations.pax8.invoice_statuses
    _, invoices = month_invoices(session, work.month, statuses)
    said = [
        f"invoice {row['invoice_id']} has status {row['status']!r}, which is not known: write "
        f"invoice_statuses: {{{row['status']!r}: billed}}, or not_billed, under integrations: pax8: in billing.yaml"
        for row in invoices
        if row["standing"] == "unknown"
    ]
    if work.config.settings.integrations.pax8.control_total == "hold":
        differing = session.rows(
            "select detail from findings where month = ? and kind = 'control_total_differs' order by detail",
            [work.month],
        )
        said += [f"{row['detail']}, and control_total is hold" for row in differing]
    return "; ".join(said) or None


_CHARGE_FIELDS = tuple(ChargeToPlan.__dataclass_fields__)


def _charge(row: Mapping[str, Any]) -> ChargeToPlan:
    columns = {name: row[name] for name in _CHARGE_FIELDS}
    return ChargeToPlan(**{**columns, "line_keys": tuple(row["line_keys"])})


def _store(session: Session, work: Work, planned: Sequence[PlannedClient], sources: _Sources) -> None:
    session.run("clear_plans", month=work.month)
    clear_open_corrections(session, work.month)
    plans, lines, holds = [], [], []
    for one in planned:
        sealed = one.plan
        store_open_corrections(session, work.month, sealed, one.corrections, work.now_utc)
        plan_hash = sealed.plan_hash
        observed = sources.observed.get(one.client)
        plans.append(
            {
                "month": work.month,
                "client": one.client,
                "plan_hash": plan_hash,
                "observed_hash": content_hash(None if observed is None else vars(observed)),
                "documents": len(sealed.documents),
                "lines": sum(len(document.lines) for document in sealed.documents),
                "plan": sealed.as_json(),
                "settings_hash": work.settings_hash,
                "forced_caps": sorted({passed.name for passed in one.forced}),
                "awaiting_approval": one.awaits,
                "sealed_at": work.now_utc,
                **_source_ids(sources),
            }
        )
        lines += _plan_rows(work.month, one.client, sealed, plan_hash)
        holds += [
            {
                "month": work.month,
                "client": one.client,
                "reason_rank": reason_rank(hold.reason),
                **vars(hold),
            }
            for hold in one.holds
        ]
    session.insert("plans", plans)
    session.insert("ready_to_invoice", lines)
    session.insert("holds", holds)
    correcting = [one.client for one in planned if any(document.corrects for document in one.plan.documents)]
    session.frame("correcting_clients", {"client": "VARCHAR"}, [{"client": client} for client in correcting])
    session.run("remember_plans", month=work.month)
    store_forced_caps(session, work, [(one.plan, one.forced) for one in planned])
    store_routing_findings(session, work, {one.client: one.routes for one in planned if one.routes is not None})
    store_left_lines(session, work, sources.existing.left)
    charged = {one.client for one in planned if one.routes is not None}
    doubts = {client: said for client, said in sources.existing.doubts.items() if client in charged}
    store_doubts(session, work, doubts)


def _plan_rows(month: str, client: str, sealed: ClientPlan, plan_hash: str) -> list[dict[str, Any]]:
    return [
        {
            "month": month,
            "client": client,
            "integration": line.integration,
            "currency": document.currency,
            "document_key": document.document_key,
            "line_no": number,
            "charge_key": line.charge_key,
            "halopsa_client_id": document.billed_client_id,
            "halopsa_item_id": line.item_id,
            "item_reference": line.item_reference,
            "short_description": line.short_description,
            "long_description": line.long_description,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "unit_cost": line.unit_cost,
            "sell": line.sell,
            "cost": line.cost,
            "source_sell": line.source_sell,
            "source_cost": line.source_cost,
            "tax_id": line.tax_id,
            "income_account": line.income_account,
            "expense_account": line.expense_account,
            "invoice_date": document.invoice_date,
            "plan_hash": plan_hash,
        }
        for document in sealed.documents
        for number, line in enumerate(document.lines, start=1)
    ]
