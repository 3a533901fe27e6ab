"""`explain`: every setting of a client, its value, the level that gave it, and where that stands."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.setting_types import INTEGRATIONS
from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.surroundings import read_environment
from billing_pipeline.commands.terminal import head, new_table, say, show
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline.settings.load import explain as explain_settings
from billing_pipeline.settings.nearest import suggest

_LEVELS = {
    "built_in": "built in",
    "global": "global",
    "integration": "integration",
    "client": "client",
    "client_integration": "client and integration",
}


def explain(client: str, integration: str) -> int:
    """Write the settings of a client. Raises SettingsError for a client or integration that does not exist."""
    loaded = load_settings(read_environment().config_folder)
    if integration not in INTEGRATIONS:
        raise SettingsError(f"{integration!r} is no integration: {suggest(integration, INTEGRATIONS)}.")
    _describe_client(loaded, client)
    head(f"Settings for {integration}")
    table = new_table("Setting", "Value", "Level", "Where")
    for one in explain_settings(loaded, client, integration):
        where = "" if one.file is None else f"{_near(one.file)}:{one.line}"
        table.add_row(one.key, _value(one.value), _LEVELS[one.level], where)
    show(table)
    return DONE


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
