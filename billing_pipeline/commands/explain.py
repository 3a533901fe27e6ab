"""`explain`: every setting of a client, its value, the level that gave it, and where that stands."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.keys import charge_key
from billing_pipeline.billing.line_decisions import describe_decision
from billing_pipeline.billing.mapping_rows import LineDecisionRow
from billing_pipeline.billing.setting_types import INTEGRATIONS
from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.surroundings import existing_warehouse, read_environment
from billing_pipeline.commands.terminal import head, new_table, say, say_wrapped, show
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline.settings.load import explain as explain_settings
from billing_pipeline.settings.nearest import suggest
from billing_pipeline.steps.decide import lines_of_client

_LEVELS = {
    "built_in": "built in",
    "global": "global",
    "integration": "integration",
    "client": "client",
    "client_integration": "client and integration",
}


def explain(client: str, integration: str) -> int:
    """Write the settings of a client. Raises SettingsError for a client or integration that does not exist."""
    environment = read_environment()
    loaded = load_settings(environment.config_folder)
    if integration not in INTEGRATIONS:
        raise SettingsError(f"{integration!r} is no integration: {suggest(integration, INTEGRATIONS)}.")
    _describe_client(loaded, client)
    head(f"Settings for {integration}")
    table = new_table("Setting", "Value", "Level", "Where")
    for one in explain_settings(loaded, client, integration):
        where = "" if one.file is None else f"{_near(one.file)}:{one.line}"
        table.add_row(one.key, _value(one.value), _LEVELS[one.level], where)
    show(table)
    _describe_decisions(loaded, environment, client, integration)
    return DONE


def _describe_decisions(loaded: LoadedSettings, environment: Environment, client: str, integration: str) -> None:
    """Write what was decided for single lines of the client: its own lines of any month, and those it was given."""
    own = {row for row in loaded.line_decisions if row.decision == "client" and row.value == client}
    keys = {_key_of(row) for row in loaded.line_decisions}
    if keys and environment.warehouse.exists():
        lines = lines_of_client(existing_warehouse(environment), client, list(keys))
        own |= {row for row in loaded.line_decisions if _key_of(row) in lines}
    rows = [row for row in loaded.line_decisions if row in own and row.integration == integration]
    if not rows:
        return
    head(f"Decided for single lines ({_near(str(loaded.folder / 'line_decisions.csv'))})")
    for row in rows:
        told = f"{describe_decision(row.decision, row.value)} by {row.by} ({row.why})"
        say_wrapped(f"invoice {row.invoice_id}, line {row.source_line_id}: {told}", bullet="- ")


def _key_of(row: LineDecisionRow) -> str:
    return charge_key(row.integration, row.invoice_id, row.source_line_id)


def _describe_client(loaded: LoadedSettings, client: str) -> None:
    rows = [row for row in loaded.clients if row.client == client]
    if not rows:
        known = dict.fromkeys(row.client for row in loaded.clients)
        end = suggest(client, known) if known else "clients.csv has no client yet"
        raise SettingsError(f"{client!r} is no client of {loaded.folder / 'clients.csv'}: {end}.")
    first = rows[0]
    head(f"{client} ({first.name})")
    say("HaloPSA client " + (str(first.halopsa_client_id) if first.halopsa_client_id is not None else "none"))
    companies = [row.pax8_company_id for row in rows if row.pax8_company_id is not None]
    say("Pax8 company " + (", ".join(companies) or "none"))
    if first.excluded:
        say("Excluded: it is counted, and never billed.")
    if loaded.settings.approval == "required":
        file, line = loaded.origin(("approval",)) or (str(loaded.folder), 0)
        say(f"Approval required: a plan is posted only after billing-pipeline approve ({_near(file)}:{line})")


def _value(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _near(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file
