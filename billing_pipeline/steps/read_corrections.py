"""The correction cases that are open in a month: what stands billed for invoices that are credited now."""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from billing_pipeline.billing.credited_invoices import CorrectionCase, SeenInvoice, StandingCharge, open_case
from billing_pipeline.billing.invoice_status import DecidedStanding, standing
from billing_pipeline.resources.warehouse import Session, read_sql
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.work import Work, scope_frame


def read_cases(session: Session, work: Work) -> dict[str, CorrectionCase]:
    """The open case of each client of the work that has one.

    Raises NotReleasedYet where the month was never fetched.
    """
    last_billable, invoices = _read_invoices(
        session, work.month, work.config.settings.integrations.pax8.invoice_statuses
    )
    credited = [{"invoice_id": one.invoice_id} for one in invoices if one.standing == "not_billed"]
    if not credited:
        return {}
    dates = {one.invoice_id: one.invoice_date for one in invoices}
    scope_frame(session, work.clients)
    session.frame(
        "credited_invoices",
        {"invoice_id": "VARCHAR", "invoice_date": "DATE"},
        [{**row, "invoice_date": dates[row["invoice_id"]]} for row in credited],
    )
    session.set_variables(month=work.month)
    items = {
        row["item_reference"]: row["halopsa_item_id"]
        for row in session.rows("select * from confirmed_products where item_reference is not null order by all")
    }
    charges: dict[str, list[StandingCharge]] = defaultdict(list)
    for row in session.rows(read_sql("standing_charges")):
        charges[row.pop("client")].append(_standing(row, last_billable, items))
    cases = {client: open_case(invoices, standing) for client, standing in charges.items()}
    return {client: case for client, case in cases.items() if case is not None}


def _read_invoices(
    session: Session, month: str, statuses: Mapping[str, DecidedStanding]
) -> tuple[dict[str, int], list[SeenInvoice]]:
    """By invoice the last fetch in which it was billable, and the invoices of the newest fetch."""
    _, newest = month_invoices(session, month, statuses)
    seen = session.rows(
        "select fetches.fetch_id, invoices.invoice_id, invoices.status, invoices.partner_name, invoices.company_id "
        "from (select fetch_id, unnest(invoice_versions) as version_id from raw_fetches "
        "where integration = 'pax8' and month = ?) as fetches join raw_invoices as invoices using (version_id) "
        "order by fetch_id, version_id",
        [month],
    )
    first: dict[str, int] = {}
    last_billable: dict[str, int] = {}
    heads: dict[str, dict[str, Any]] = {}
    for row in seen:
        first.setdefault(row["invoice_id"], row["fetch_id"])
        heads[row["invoice_id"]] = row
        if standing(row["status"], statuses) != "not_billed":
            last_billable[row["invoice_id"]] = row["fetch_id"]
    invoices = [
        SeenInvoice(
            invoice_id=row["invoice_id"],
            status=row["status"],
            standing=row["standing"],
            invoice_date=row["invoice_date"],
            partner_name=heads[row["invoice_id"]]["partner_name"],
            company_id=heads[row["invoice_id"]]["company_id"],
            first_fetch=first[row["invoice_id"]],
        )
        for row in newest
    ]
    return last_billable, invoices


def _standing(row: dict[str, Any], last_billable: dict[str, int], items: dict[str, int]) -> StandingCharge:
    document = json.loads(row.pop("posted_document") or "{}").get("document", {})
    bears = {line["charge_key"]: line for line in document.get("lines", ())}
    line = bears.get(row["billed_charge_key"], {})
    reference = line.get("item_reference")
    item_id = line.get("item_id") if line.get("item_id") is not None else items.get(reference)
    posted_fetch = row.pop("posted_fetch")
    group = str(document.get("group", "client")).removeprefix("correction, ")
    return StandingCharge(
        **row,
        posted_fetch=posted_fetch if posted_fetch is not None else last_billable.get(row["invoice_id"], 0),
        group=group if document.get("action") == "create" else "client",
        item_id=item_id,
        item_reference=None if item_id is not None else reference,
        short_description=line.get("short_description") or row["name"],
        income_account=line.get("income_account"),
        expense_account=line.get("expense_account"),
        tax_id=line.get("tax_id"),
    )
