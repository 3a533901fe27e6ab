"""Normalise: one shape, typed, classified, mapped to a client; and the settings that each client resolves to."""

from time import monotonic

from billing_pipeline.billing.canonical import canonical_json
from billing_pipeline.billing.terms import TERMS
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.halo_facts import integer
from billing_pipeline.steps.line_decisions import decisions_of_month, store_decisions_frame, store_unused
from billing_pipeline.steps.map_companies import map_companies
from billing_pipeline.steps.snapshots import latest_snapshot
from billing_pipeline.steps.work import Work, finish_step, scope_frame


def normalize(work: Work) -> int:
    """Write the slices of `normalized_charges` and `settings_used`; how many lines there are."""
    started = monotonic()
    with work.warehouse.session(f"normalise {work.month}") as session:
        pax8 = work.config.settings.integrations.pax8
        fetch_id, invoices = month_invoices(session, work.month, pax8.invoice_statuses)
        clients = latest_snapshot(session, "halopsa_clients")
        halopsa_ids = {halopsa_id for row in clients.rows if (halopsa_id := integer(row.get("id"))) is not None}
        scope_frame(session, work.clients)
        session.frame(
            "month_invoices",
            {
                "invoice_id": "VARCHAR",
                "content_hash": "VARCHAR",
                "status": "VARCHAR",
                "invoice_date": "DATE",
                "standing": "VARCHAR",
            },
            invoices,
        )
        session.frame(
            "client_companies",
            {
                "company_id": "VARCHAR",
                "client": "VARCHAR",
                "mapped": "BOOLEAN",
                "excluded": "BOOLEAN",
                "problem": "VARCHAR",
            },
            [vars(company) for company in map_companies(session, work.config, work.month, frozenset(halopsa_ids))],
        )
        session.frame(
            "terms",
            {"folded": "VARCHAR", "term": "VARCHAR"},
            [{"folded": folded, "term": term} for folded, term in TERMS.items()],
        )
        excluded = {row.client for row in work.config.clients if row.excluded}
        store_decisions_frame(session, decisions_of_month(session, work.config, work.month), excluded)
        session.run(
            "normalize_charges",
            month=work.month,
            sell_field=pax8.sell_field,
            cost_field=pax8.cost_field,
            reports_unassigned=pax8.unassigned == "report",
        )
        store_unused(session, work.config, work.month)
        _store_settings(session, work)
        count = int(
            session.value(
                "select count(*) from normalized_charges semi join scope_clients using (client) where month = ?",
                [work.month],
            )
        )
        used = [clients.snapshot_id]
        if pax8.trust_external_id:
            used.append(latest_snapshot(session, "pax8_companies").snapshot_id)
        sources = {"fetch_id": fetch_id, "snapshot_ids": used}
        finish_step(session, work, "normalized_charges", started, count, sources)
    return count


def _store_settings(session: Session, work: Work) -> None:
    session.execute(
        "delete from settings_used where month = ? and client in (select client from scope_clients)",
        [work.month],
    )
    clients: list[dict[str, object]] = []
    answers: list[dict[str, object]] = []
    for integration in work.config.settings.enabled_integrations:
        # Nearly all clients share one answer, which is written out once.
        numbers: dict[int, int] = {}
        for client in work.clients:
            resolved = work.config.resolve(client, integration)
            if id(resolved) not in numbers:
                number = numbers[id(resolved)] = len(answers)
                answers += [
                    {"answer": number, "key": key, "value": canonical_json(value), "level": level}
                    for key, value, level in resolved.values()
                ]
            clients.append({"client": client, "integration": integration, "answer": numbers[id(resolved)]})
    session.frame("client_answers", {"client": "VARCHAR", "integration": "VARCHAR", "answer": "BIGINT"}, clients)
    session.frame(
        "settings_answers", {"answer": "BIGINT", "key": "VARCHAR", "value": "VARCHAR", "level": "VARCHAR"}, answers
    )
    session.execute(
        "insert into settings_used by name select cast(? as text) as month, * exclude (answer) "
        "from client_answers join settings_answers using (answer)",
        [work.month],
    )
