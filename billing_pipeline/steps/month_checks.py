"""What a month's checks look for. Each function returns the rows that are wrong; none means all is well."""

from typing import Any

from billing_pipeline.billing.finding_kinds import DIFFERENCES
from billing_pipeline.resources.warehouse import Session, read_sql
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.line_decisions import decided_clients_frame, decisions_of_month
from billing_pipeline.steps.map_companies import clients_of_month, map_companies


def find_incomplete_invoices(session: Session, month: str) -> list[dict[str, Any]]:
    """Invoices of which not as many lines are stored as Pax8 counts, or one line id twice, in the version in force.

    What was kept of earlier reads is no part of the month. Lines that nobody could read have no count.
    """
    return session.rows(
        "select invoices.invoice_id, max(invoices.total_elements) as pax8_counts, "
        "count(distinct items.source_line_id) as stored_ids, count(items.source_line_id) as stored_lines "
        "from (select invoice_id, content_hash, total_elements from raw_invoices where list_contains(("
        "select max_by(invoice_versions, fetch_id) from raw_fetches where integration = 'pax8' and month = ?), "
        "version_id)) as invoices "
        "left join raw_invoice_items as items using (invoice_id, content_hash) group by invoices.invoice_id "
        "having count(items.source_line_id) <> max(invoices.total_elements) "
        "or count(distinct items.source_line_id) <> count(items.source_line_id) order by all",
        [month],
    )


def find_differing_control_totals(session: Session, month: str) -> list[dict[str, Any]]:
    """Invoices whose lines sum up to none of the totals that they state."""
    return session.rows(
        "select kind, detail from findings where month = ? and step = 'fetch' and kind <> 'control_total' order by all",
        [month],
    )


def find_conservation_gaps(session: Session, month: str, config: LoadedSettings) -> list[dict[str, Any]]:
    """Currencies in which the source and the dispositions differ in lines, sell or cost; lines without a fate.

    Clients of the month that were not prepared since the newest fetch, as in a close of some, are left out.
    """
    fetch_id, invoices = month_invoices(session, month)
    session.frame(
        "checked_invoices",
        {"invoice_id": "VARCHAR", "content_hash": "VARCHAR"},
        [{"invoice_id": row["invoice_id"], "content_hash": row["content_hash"]} for row in invoices],
    )
    session.frame(
        "company_clients",
        {"company_id": "VARCHAR", "client": "VARCHAR"},
        [
            {"company_id": company.company_id, "client": company.client}
            for company in map_companies(session, config, month)
        ],
    )
    decided_clients_frame(session, decisions_of_month(session, config, month))
    prepared = {
        row["client"]
        for row in session.rows(
            "select client from slice_sources where month = ? and step = 'normalized_charges' and fetch_id = ?",
            [month, fetch_id],
        )
    }
    waiting = [client for client in clients_of_month(session, config, month) if client not in prepared]
    session.frame("waiting_clients", {"client": "VARCHAR"}, [{"client": client} for client in waiting])
    pax8 = config.settings.integrations.pax8
    fields = {"sell_field": pax8.sell_field, "cost_field": pax8.cost_field}
    return session.rows(read_sql("conservation_gaps"), {"month": month, **fields})


def find_holds(session: Session, month: str) -> list[dict[str, Any]]:
    """The holds of a month, the most money first."""
    return session.rows(
        "select client, disposition, reason, currency, sell, cost, detail from holds where month = ? "
        "order by abs(coalesce(sell, 0)) desc, client, detail",
        [month],
    )


def find_unmapped_money(session: Session, month: str) -> list[dict[str, Any]]:
    """Companies without a client, the most money first."""
    return session.rows(
        "select client, company_name, currency, lines, sell, cost from unmapped_money where month = ? "
        "order by abs(sell) desc, client",
        [month],
    )


def find_three_way_gaps(session: Session, month: str) -> list[dict[str, Any]]:
    """Clients and currencies of which a cent is not explained."""
    return session.rows(
        "select client, currency, source_sell, not_billed_sell, residual_sell, posted_sell, readback_sell, sell_gap, "
        "cost_gap from three_way where month = ? and (sell_gap <> 0 or cost_gap <> 0) order by client, currency",
        [month],
    )


def find_posting_differences(session: Session, month: str) -> list[dict[str, Any]]:
    """Where plan, HaloPSA's answer and what was read back differ, or a posted document was not read back."""
    return session.rows(
        "select client, kind, detail from findings where month = ? "
        "and kind in (select unnest(?::text[])) "
        "union all select client, 'not_read_back', 'document ' || document_key || ' was posted and not read back' "
        "from postings where month = ? and status = 'posted' and read_back_at is null order by all",
        [month, list(DIFFERENCES), month],
    )


def find_tax_differences(session: Session, month: str) -> list[dict[str, Any]]:
    """Posted documents of which HaloPSA computed another tax than the taxes sent come to."""
    return session.rows(
        "select client, document_key, currency, expected_tax, answered_tax, difference from tax_compared "
        "where month = ? and difference <> 0 order by client, currency, document_key",
        [month],
    )
