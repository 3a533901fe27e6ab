"""Propose a client for every Pax8 company that clients.csv does not have. A person confirms, nothing else does."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing_pipeline.billing.client_keys import UNASSIGNED, fold_id
from billing_pipeline.billing.client_match import HaloClientNames
from billing_pipeline.billing.client_proposals import Pax8Company, ProposedClient, propose_rows
from billing_pipeline.billing.mapping_rows import ClientRow
from billing_pipeline.billing.money import show_amount
from billing_pipeline.resources.warehouse import Session, Warehouse
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.settings.mapping_files import COLUMNS, PROPOSED_COLUMNS
from billing_pipeline.settings.proposal_files import candidate_cells, csv_text, money_cells, plain_cell, replace_file
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.snapshots import latest_snapshot

FILE_NAME = "clients.proposed.csv"
PROPOSAL_COLUMNS = (*COLUMNS["clients.csv"], *PROPOSED_COLUMNS["clients.csv"])

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ClientProposals:
    """The file that was written, its rows (the most money first), the month of the money, and what else to know."""

    file: Path
    month: str | None
    proposals: tuple[ProposedClient, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _UnmappedMoney:
    """What the newest prepared month has of companies without a client, by folded company id, exact by currency."""

    month: str | None
    names: Mapping[str, str]
    sell: Mapping[str, Mapping[str, Decimal]]
    notes: tuple[str, ...]


def propose_clients(warehouse: Warehouse, config: LoadedSettings) -> ClientProposals:
    """Write `clients.proposed.csv` beside clients.csv, from the newest snapshots and the newest month's charges.

    Raises BillingPipelineError where no snapshot of companies or of clients was ever taken.
    """
    with warehouse.session("propose clients") as session:
        money = _read_money(session)
        companies = _read_companies(session, money.names)
        clients = latest_snapshot(session, "halopsa_clients").rows
    halopsa = [
        HaloClientNames(int(row["id"]), (text(row.get("name")),), inactive=bool(row.get("inactive")))
        for row in clients
        if integer(row.get("id")) is not None
    ]
    mapped = {fold_id(row.pax8_company_id) for row in config.clients if row.pax8_company_id is not None}
    unmapped = {key: company for key, company in companies.items() if key not in mapped}
    wanted = [company for key, company in unmapped.items() if not company.deleted or key in money.sell]
    proposals = propose_rows(wanted, money.sell, halopsa, config.clients, companies)
    file = config.folder / FILE_NAME
    replace_file(file, csv_text(PROPOSAL_COLUMNS, map(_cells, proposals)).encode())
    notes = [*money.notes, *_notes_on_rows(config.clients, companies, halopsa)]
    if len(unmapped) > len(wanted):
        notes.append(f"Left out, for Pax8 deleted them and they have no charges: {len(unmapped) - len(wanted)}")
    return ClientProposals(file, money.month, tuple(proposals), tuple(notes))


def _read_money(session: Session) -> _UnmappedMoney:
    month = session.value("select max(month) from normalized_charges")
    names: dict[str, str] = {}
    sell: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in session.rows(
        "select company_id, company_name, currency, sell from unmapped_money "
        "where month = ? and company_id is not null order by all",
        [month],
    ):
        key = fold_id(row["company_id"])
        names[key] = row["company_name"] or names.get(key, "")
        sell[key][row["currency"] or ""] += row["sell"]
    nobodys = session.rows(
        "select currency, sum(lines) as lines, cast(sum(sell) as decimal(38, 18)) as sell from unmapped_money "
        "where month = ? and company_id is null group by currency order by currency",
        [month],
    )
    notes = [
        f"Lines of {month} that name no company: {row['lines']}, over "
        f"{show_amount(row['sell'], row['currency'] or '')}; billing-pipeline decide {month} --of {UNASSIGNED} "
        f"lists them, and billing-pipeline decide {month} --line ID --client KEY --by NAME --why TEXT says whose each "
        "is"
        for row in nobodys
    ]
    return _UnmappedMoney(month, names, sell, tuple(notes))


def _read_companies(session: Session, billed: Mapping[str, str]) -> dict[str, Pax8Company]:
    """Every company, by folded id, with the names it had in earlier snapshots and on the invoice (`billed`)."""
    former: dict[str, list[str]] = defaultdict(list)
    for row in session.rows(
        "select distinct row_id, json_extract_string(payload, '$.name') as name from snapshot_rows "
        "where kind = 'pax8_companies' order by all"
    ):
        former[fold_id(row["row_id"])].append(text(row["name"]))
    companies: dict[str, Pax8Company] = {}
    for company in latest_snapshot(session, "pax8_companies").rows:
        company_id = text(company.get("id"))
        key = fold_id(company_id)
        names = dict.fromkeys(filter(None, [text(company.get("name")), billed.get(key), *former[key]]))
        external_id = text(company.get("externalId")) or None
        companies[key] = Pax8Company(company_id, tuple(names), text(company.get("status")) or "Active", external_id)
    for key, name in billed.items():
        if key not in companies:
            companies[key] = Pax8Company(key, tuple(dict.fromkeys(filter(None, [name, *former[key]]))), listed=False)
    return companies


def _notes_on_rows(
    clients: Sequence[ClientRow], companies: Mapping[str, Pax8Company], halopsa: Sequence[HaloClientNames]
) -> list[str]:
    """What has happened to companies and clients that are confirmed: rows count by id, whatever the names say."""
    known = {one.halopsa_client_id: one for one in halopsa}
    notes = []
    for row in clients:
        company = companies.get(fold_id(row.pax8_company_id)) if row.pax8_company_id is not None else None
        if row.pax8_company_id is not None and company is None:
            notes.append(
                f"{row.client}: Pax8 no longer lists its company {row.pax8_company_id} (deleted, or merged into "
                "another); its row stays for the months that were billed"
            )
        elif company is not None and company.deleted:
            notes.append(
                f"{row.client}: its company {company.name} is deleted in Pax8; what is still charged is billed"
            )
        if company is not None and len(company.names) > 1:
            notes.append(
                f"{row.client}: its company was renamed in Pax8 from {', '.join(company.names[1:])} to {company.name}; "
                "its row counts by id and stays right"
            )
    for halopsa_id in dict.fromkeys(row.halopsa_client_id for row in clients if not row.excluded):
        keys = ", ".join(dict.fromkeys(row.client for row in clients if row.halopsa_client_id == halopsa_id))
        if halopsa_id not in known:
            notes.append(f"{keys}: HaloPSA does not have its client {halopsa_id}: correct the row in clients.csv")
        elif known[halopsa_id].inactive:
            notes.append(f"{keys}: its HaloPSA client {halopsa_id} is inactive: its charges are held")
    return notes


def _cells(one: ProposedClient) -> tuple[object, ...]:
    row = one.row
    return (
        row.client,
        plain_cell(row.name),
        row.halopsa_client_id,
        row.pax8_company_id,
        str(row.excluded).lower(),
        row.recurring_invoice_id,
        row.contract_id,
        *candidate_cells((plain_cell(candidate.described), candidate.score) for candidate in one.candidates),
        one.why,
        *money_cells(one.sell),
    )
