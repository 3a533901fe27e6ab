"""`clients propose | import`: whom the companies are that nobody has mapped yet."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from billing_pipeline.commands.outcome import DONE, ends_with_exit_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_pipeline.billing.client_proposals import ProposedClient
    from billing_pipeline.steps.import_clients import ImportedClients
    from billing_pipeline.steps.propose_clients import ClientProposals

app = typer.Typer(help="Which HaloPSA client each Pax8 company is.", no_args_is_help=True)


@app.callback()
def clients() -> None:
    """Which HaloPSA client each Pax8 company is."""


@app.command()
@ends_with_exit_code
def propose(
    from_snapshots: Annotated[
        bool, typer.Option("--from-snapshots", help="Use what the last close saw; ask neither Pax8 nor HaloPSA.")
    ] = False,
) -> int:
    """Write clients.proposed.csv: candidates, with scores, for every Pax8 company without a row."""
    from billing_pipeline.commands.refresh import refresh_companies, refresh_halopsa
    from billing_pipeline.commands.surroundings import existing_warehouse, read_environment
    from billing_pipeline.resources.warehouse import Warehouse
    from billing_pipeline.settings.load import load_settings
    from billing_pipeline.steps.propose_clients import propose_clients

    environment = read_environment()
    config = load_settings(environment.config_folder)
    if from_snapshots:
        warehouse = existing_warehouse(environment)
    else:
        # A company that was made this morning is to be proposed this morning, before any month was closed.
        warehouse = Warehouse(environment.warehouse, environment.lock_wait_seconds)
        refresh_companies(environment, config, warehouse)
        refresh_halopsa(environment, config, warehouse, "halopsa_clients")
    _print(propose_clients(warehouse, config))
    return DONE


@app.command(name="import")
@ends_with_exit_code
def import_file(
    file: Annotated[
        Path,
        typer.Argument(help="CSV or XLSX, with rows as in clients.csv, or clients.proposed.csv after a look at it."),
    ],
) -> int:
    """Confirm the clients of a file: all of its rows are added to clients.csv, or none."""
    from billing_pipeline.billing.client_keys import fold_id
    from billing_pipeline.commands.refresh import refresh_companies, refresh_halopsa
    from billing_pipeline.commands.surroundings import read_environment
    from billing_pipeline.resources.warehouse import Warehouse
    from billing_pipeline.settings.load import load_settings
    from billing_pipeline.steps.import_clients import HaloClientFacts, import_clients
    from billing_pipeline.steps.snapshots import latest_snapshot

    environment = read_environment()
    config = load_settings(environment.config_folder)
    warehouse = Warehouse(environment.warehouse, environment.lock_wait_seconds)
    refresh_companies(environment, config, warehouse)
    rows = refresh_halopsa(environment, config, warehouse, "halopsa_clients")["halopsa_clients"]
    halopsa = {int(row["id"]): HaloClientFacts(str(row.get("name", "")), bool(row.get("inactive"))) for row in rows}
    with warehouse.session("read the companies of Pax8") as session:
        companies = {fold_id(str(row.get("id", ""))) for row in latest_snapshot(session, "pax8_companies").rows}
    result = import_clients(config, file, halopsa, companies)
    _print_imported(result, {halopsa_id: facts.name for halopsa_id, facts in halopsa.items()})
    return DONE


def _print_imported(result: "ImportedClients", names: "Mapping[int, str]") -> None:
    from billing_pipeline.commands.import_report import print_import
    from billing_pipeline.commands.terminal import new_table, show

    if result.added:
        table = new_table("Client", "Name", "HaloPSA client", "Pax8 company")
        for row in result.added:
            client = "excluded" if row.excluded else "none"
            if row.halopsa_client_id is not None:
                client = f"{names[row.halopsa_client_id]} ({row.halopsa_client_id}){', excluded' * row.excluded}"
            table.add_row(row.client, row.name, client, row.pax8_company_id or "")
        show(table)
    print_import(
        result.file, len(result.added), result.known, result.skipped, "halopsa_client_id or excluded", result.notes
    )


def _print(result: "ClientProposals") -> None:
    from billing_pipeline.commands.terminal import count, new_table, results, say
    from billing_pipeline.settings.proposal_files import MOST_CANDIDATES

    if not result.proposals:
        say(f"Every Pax8 company has its row in clients.csv. {result.file} is empty.")
    else:
        companies = count(len(result.proposals), "company has", "companies have")
        say(f"{companies} no row in clients.csv. Proposed, and not accepted:")
        table = new_table("Pax8 company", "money at stake", "HaloPSA client", "why")
        for one in result.proposals:
            best = [f"{candidate.score} % {candidate.described}" for candidate in one.candidates[:MOST_CANDIDATES]]
            table.add_row(one.company.name, _money(one), "\n".join(best) or "none", one.why)
        results().print(table)
        say(f"{result.file}")
        doubtful = sum(one.sure is None for one in result.proposals)
        if doubtful:
            say(f"    {count(doubtful, 'row is', 'rows are')} doubtful: write the right id under halopsa_client_id.")
        say("    Take out what is not right, then:")
        say(f"    billing-pipeline clients import {quote(str(result.file))}")
    for note in result.notes:
        say(note)


def _money(one: "ProposedClient") -> str:
    from billing_pipeline.commands.terminal import amount

    return "\n".join(amount(sell, currency) for currency, sell in sorted(one.sell.items())) or "none"
