"""Which client each company of a month is: by the confirmed rows of clients.csv.

By its external id only where `integrations.pax8.trust_external_id` says so, and then as narrowly as
`billing.trusted_companies` has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from billing_pipeline.billing.client_keys import UNASSIGNED, fold_id, unmapped_client_key
from billing_pipeline.billing.mapping_rows import ClientRow
from billing_pipeline.billing.trusted_companies import Trusted, trust_external_ids
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.fetch_invoices import month_invoices
from billing_pipeline.steps.halo_facts import text
from billing_pipeline.steps.line_decisions import decided_clients_frame, decisions_of_month
from billing_pipeline.steps.snapshots import latest_snapshot


@dataclass(frozen=True)
class CompanyClient:
    """The client of a company.

    `problem` says why a mapped one cannot be billed all the same, or why the external id of an unmapped one is not
    trusted.
    """

    company_id: str
    client: str
    mapped: bool
    excluded: bool
    problem: str | None


def map_companies(
    session: Session, config: LoadedSettings, month: str, halopsa_ids: frozenset[int] | None = None
) -> list[CompanyClient]:
    """The client of every company that the month's invoices name, by company id.

    `halopsa_ids` are the clients that HaloPSA has; a client tied to another one has a problem.
    """
    rows = _confirmed(config)
    trusted = _trusted(session, config, rows)
    mapped = []
    for company_id in _companies_of(session, month):
        row = rows.get(fold_id(company_id)) or trusted.clients.get(fold_id(company_id))
        if row is None:
            refused = trusted.refused.get(fold_id(company_id))
            mapped.append(CompanyClient(company_id, unmapped_client_key(company_id), False, False, refused))
            continue
        problem = None
        if not row.excluded and halopsa_ids is not None and row.halopsa_client_id not in halopsa_ids:
            problem = (
                f"clients.csv ties {row.client} to HaloPSA client {row.halopsa_client_id}, which HaloPSA does not have"
            )
        mapped.append(CompanyClient(company_id, row.client, True, row.excluded, problem))
    return mapped


def rows_of_companies(session: Session, config: LoadedSettings) -> dict[str, ClientRow]:
    """The row of each mapped company, by its id in small letters: confirmed, or trusted where the settings say so."""
    rows = _confirmed(config)
    return {**_trusted(session, config, rows).clients, **rows}


def clients_of_month(session: Session, config: LoadedSettings, month: str) -> list[str]:
    """Every client of a month, in a stable order: those of clients.csv, then those that only the invoice knows.

    A client that a line was moved away from since the month was last prepared is there too, so that its slices
    become empty.
    """
    clients = dict.fromkeys(row.client for row in config.clients)
    clients.update(dict.fromkeys(company.client for company in map_companies(session, config, month)))
    if session.value(
        "select count(*) from raw_invoice_items where company_id is null and invoice_id in (select unnest(?::text[]))",
        [[row["invoice_id"] for row in month_invoices(session, month)[1]]],
    ):
        clients[UNASSIGNED] = None
    before = session.rows("select distinct client from normalized_charges where month = ? order by client", [month])
    clients.update(dict.fromkeys(row["client"] for row in before))
    return list(clients)


def clients_to_redo(session: Session, config: LoadedSettings, month: str, asked: list[str]) -> list[str]:
    """`asked`, and every client that lines of theirs stood with before a mapping changed, or stand with now."""
    moved = {company.company_id: company.client for company in map_companies(session, config, month)}
    redo = dict.fromkeys(asked)
    # Of single lines only those count for which something was decided, now or when they were last prepared.
    decisions = decisions_of_month(session, config, month)
    decided_clients_frame(session, decisions)
    for row in session.rows(
        "select distinct charges.client, charges.company_id, decided.client as decided_client, "
        "charges.decisions is not null as was_decided from normalized_charges as charges "
        "left join decided_clients as decided using (line_key) "
        "where charges.month = ? and (charges.company_id is not null or charges.decisions is not null "
        "or decided.client is not null) "
        "and line_key not in (select line_key from posted_source_lines) order by all",
        [month],
    ):
        without = UNASSIGNED if row["was_decided"] and row["company_id"] is None else row["client"]
        pair = {row["client"], row["decided_client"] or moved.get(row["company_id"], without)}
        if len(pair) > 1 and pair & set(asked):
            redo.update(dict.fromkeys(sorted(pair)))
    return list(redo)


def _confirmed(config: LoadedSettings) -> dict[str, ClientRow]:
    return {fold_id(row.pax8_company_id): row for row in config.clients if row.pax8_company_id is not None}


def _trusted(session: Session, config: LoadedSettings, rows: Mapping[str, ClientRow]) -> Trusted:
    if not config.settings.integrations.pax8.trust_external_id:
        return Trusted({}, {})
    companies = latest_snapshot(session, "pax8_companies").rows
    external_ids = {fold_id(text(row.get("id"))): text(row.get("externalId")) for row in companies}
    return trust_external_ids({key: value for key, value in external_ids.items() if key not in rows}, config.clients)


def _companies_of(session: Session, month: str) -> list[str]:
    invoices = [row["invoice_id"] for row in month_invoices(session, month)[1]]
    rows = session.rows(
        "select distinct company_id from raw_invoice_items where company_id is not null "
        "and invoice_id in (select unnest(?::text[])) order by company_id",
        [invoices],
    )
    return [row["company_id"] for row in rows]
