"""The correction cases that are open in a month: what stands billed for invoices that are credited now.

An invoice of an earlier month is a case of this one where an invoice of this month takes its place.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.credited_invoices import (
    CorrectionCase,
    SeenInvoice,
    SharedPeriods,
    StandingCharge,
    open_case,
)
from billing_pipeline.billing.invoice_status import standing
from billing_pipeline.resources.warehouse import Session, read_sql
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.look_back import InvoiceStatus, read_posted_before
from billing_pipeline.steps.work import Work, scope_frame


@dataclass(frozen=True)
class _Invoices:
    """By invoice the last fetch in which it was billable, and the version of its lines in force; the invoices of the
    newest fetch with the credited ones of earlier months."""

    last_billable: dict[str, int]
    contents: dict[str, str]
    invoices: tuple[SeenInvoice, ...]

    def credited(self) -> list[SeenInvoice]:
        """Those that are not to be billed."""
        return [one for one in self.invoices if one.standing == "not_billed"]


@dataclass(frozen=True)
class EarlierCredit:
    """An invoice of an earlier month that is credited, while charges of `clients` clients stand billed for it and
    nothing of this month takes their place. `sell` is what stands, in the minor unit."""

    invoice_id: str
    month: str
    status: str
    currency: str
    clients: int
    sell: Decimal


def read_cases(session: Session, work: Work) -> dict[str, CorrectionCase]:
    """The open case of each client of the work that has one.

    Raises NotReleasedYet where the month was never fetched.
    """
    read = _read_invoices(session, work.month)
    credited = read.credited()
    if not credited:
        return {}
    charges = _read_standing(session, work.month, read, work.clients)
    shared = _read_shared_periods(session, work.month, read)
    cases = {client: open_case(read.invoices, standing, work.month, shared) for client, standing in charges.items()}
    return {client: case for client, case in cases.items() if case is not None}


def read_earlier_credits(session: Session, month: str, clients: Sequence[str] = ()) -> tuple[EarlierCredit, ...]:
    """What stands billed for credited invoices of earlier months that no correction of this month has to do with, not
    even a proposed one. `clients` empty means all.
    """
    known = [one for one in read_posted_before(session, month).values() if one.standing == "not_billed"]
    if not known:
        return ()
    everyone = [row["client"] for row in session.rows("select distinct client from posted_lines order by client")]
    read = _read_invoices(session, month)
    decided = {
        row["old_charge_key"]
        for row in session.rows(
            "select old_charge_key from corrections where month = ? and old_charge_key is not null", [month]
        )
    }
    found: dict[tuple[str, str], list[tuple[str, Decimal]]] = defaultdict(list)
    for client, standing_charges in _read_standing(session, month, read, clients or everyone).items():
        for charge in standing_charges:
            if charge.charge_key not in decided:
                found[(charge.invoice_id, charge.currency)].append((client, charge.sell))
    by_id = {one.invoice_id: one for one in known}
    return tuple(
        EarlierCredit(
            invoice_id=invoice_id,
            month=by_id[invoice_id].month,
            status=by_id[invoice_id].shown,
            currency=currency,
            clients=len({client for client, _ in money}),
            sell=sum((sell for _, sell in money), Decimal(0)),
        )
        for (invoice_id, currency), money in sorted(found.items())
        if invoice_id in by_id
    )


def _read_invoices(session: Session, month: str) -> _Invoices:
    _, newest = month_invoices(session, month)
    earlier = [one for one in read_posted_before(session, month).values() if one.standing == "not_billed"]
    seen = session.rows(
        "select fetches.fetch_id, invoices.invoice_id, invoices.content_hash, invoices.status, invoices.partner_name, "
        "invoices.company_id, invoices.currency, invoices.invoice_date "
        "from (select fetch_id, unnest(invoice_versions) as version_id from raw_fetches "
        "where integration = 'pax8') as fetches join raw_invoices as invoices using (version_id) "
        "where invoices.invoice_id in (select unnest(?::text[])) order by fetch_id, version_id",
        [[*(row["invoice_id"] for row in newest), *(one.invoice_id for one in earlier)]],
    )
    first: dict[str, int] = {}
    last_billable: dict[str, int] = {}
    heads: dict[str, dict[str, Any]] = {}
    for row in seen:
        first.setdefault(row["invoice_id"], row["fetch_id"])
        heads[row["invoice_id"]] = row
        if standing(row["status"]) != "not_billed":
            last_billable[row["invoice_id"]] = row["fetch_id"]
    listed = [InvoiceStatus(row["invoice_id"], month, row["status"], True) for row in newest]
    invoices = [
        SeenInvoice(
            invoice_id=one.invoice_id,
            status=one.shown,
            standing=one.standing,
            invoice_date=heads[one.invoice_id]["invoice_date"],
            partner_name=heads[one.invoice_id]["partner_name"],
            company_id=heads[one.invoice_id]["company_id"],
            first_fetch=first[one.invoice_id],
            month=one.month,
            currency=heads[one.invoice_id]["currency"],
        )
        for one in (*listed, *earlier)
    ]
    contents = {invoice_id: row["content_hash"] for invoice_id, row in heads.items()}
    return _Invoices(last_billable, contents, tuple(invoices))


def _read_standing(
    session: Session, month: str, read: _Invoices, clients: Sequence[str]
) -> dict[str, list[StandingCharge]]:
    """By client, the charges that stand billed for the credited invoices."""
    scope_frame(session, clients)
    session.frame(
        "credited_invoices",
        {"invoice_id": "VARCHAR", "month": "VARCHAR", "invoice_date": "DATE"},
        [
            {"invoice_id": one.invoice_id, "month": one.month, "invoice_date": one.invoice_date}
            for one in read.credited()
        ],
    )
    session.set_variables(month=month)
    items = {
        row["item_reference"]: row["halopsa_item_id"]
        for row in session.rows("select * from confirmed_products where item_reference is not null order by all")
    }
    charges: dict[str, list[StandingCharge]] = defaultdict(list)
    for row in session.rows(read_sql("standing_charges")):
        charges[row.pop("client")].append(_standing(row, read.last_billable, items))
    return charges


def _read_shared_periods(session: Session, month: str, read: _Invoices) -> dict[tuple[str, str], SharedPeriods]:
    """By credited invoice of an earlier month and invoice of this one, in which periods they charge the same things."""
    compared = [one for one in read.invoices if one.month == month or one.standing == "not_billed"]
    if all(one.month == month for one in compared):
        return {}
    session.frame(
        "compared_invoices",
        {"invoice_id": "VARCHAR", "content_hash": "VARCHAR", "credited": "BOOLEAN"},
        [
            {
                "invoice_id": one.invoice_id,
                "content_hash": read.contents[one.invoice_id],
                "credited": one.month != month,
            }
            for one in compared
        ],
    )
    return {
        (row["credited_invoice_id"], row["invoice_id"]): SharedPeriods(row["same"], row["later"])
        for row in session.rows(read_sql("shared_periods"))
    }


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
