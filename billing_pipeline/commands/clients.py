"""`clients propose`: whom the companies may be that nobody has mapped yet."""

from typing import TYPE_CHECKING, Annotated

import typer

from billing_pipeline.commands.outcome import DONE, ends_with_exit_code

if TYPE_CHECKING:
    from billing_pipeline.billing.client_proposals import ProposedClient
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
    """Write clients.proposed.csv: a candidate, with its score, for every Pax8 company without a row."""
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


def _print(result: "ClientProposals") -> None:
    from billing_pipeline.commands.terminal import count, new_table, results, say

    if not result.proposals:
        say(f"Every Pax8 company has its row in clients.csv. {result.file} is empty.")
    else:
        companies = count(len(result.proposals), "company has", "companies have")
        say(f"{companies} no row in clients.csv. Proposed, and not accepted:")
        table = new_table("Pax8 company", "money at stake", "HaloPSA client", "score", "why", counts=("score",))
        for one in result.proposals:
            table.add_row(one.company.name, _money(one), _client(one), _score(one), one.why)
        results().print(table)
        say(f"{result.file}")
        say("    Check each row, and paste those that are right into clients.csv (its columns come first).")
    for note in result.notes:
        say(note)


def _money(one: "ProposedClient") -> str:
    from billing_pipeline.commands.terminal import amount

    return "\n".join(amount(sell, currency) for currency, sell in sorted(one.sell.items())) or "none"


def _client(one: "ProposedClient") -> str:
    if one.candidate is None:
        return "none"
    halopsa = one.candidate.halopsa
    return f"{halopsa.names[0]} ({halopsa.halopsa_client_id})"


def _score(one: "ProposedClient") -> str:
    return "" if one.candidate is None else f"{one.candidate.score} %"
