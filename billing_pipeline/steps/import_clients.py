"""Confirm clients from a file that a person brings: all of its rows, or none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from billing_pipeline.billing.client_keys import fold_id
from billing_pipeline.billing.mapping_rows import ClientRow
from billing_pipeline.settings.brought_files import read_brought_file
from billing_pipeline.settings.csv_files import CsvRow, read_rows
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.settings.mapping_files import COLUMNS, PROPOSED_COLUMNS, read_clients
from billing_pipeline.settings.problems import Problem, raise_problems
from billing_pipeline.steps.confirmed_rows import append_rows

_FILE = "clients.csv"
_COLUMNS = COLUMNS[_FILE]
_PROPOSED = PROPOSED_COLUMNS[_FILE]
# What all rows of a client say alike.
_OF_CLIENT = ("client", "name", "excluded", "recurring_invoice_id", "contract_id")


@dataclass(frozen=True)
class HaloClientFacts:
    """What HaloPSA says of a client that a row is about."""

    name: str
    inactive: bool


@dataclass(frozen=True)
class ImportedClients:
    """The rows that clients.csv has gained, how many of the file it had already, how many nobody filled in, and what
    else to know."""

    file: Path
    added: tuple[ClientRow, ...]
    known: int
    skipped: int
    notes: tuple[str, ...]


def import_clients(
    config: LoadedSettings, file: Path, halopsa: Mapping[int, HaloClientFacts], companies: Collection[str]
) -> ImportedClients:
    """Add the file's rows to clients.csv, after those that are there, which stay as they are.

    The file has the columns of clients.csv, and may have those of clients.proposed.csv. A row that names neither a
    HaloPSA client nor `excluded` is one that nobody filled in: it is skipped. `halopsa` are HaloPSA's clients by id,
    `companies` the folded ids that Pax8 lists. Raises SettingsError with every problem of every row, one a line:
    clients.csv is then as it was.
    """
    problems: list[Problem] = []
    table = read_brought_file(file, _COLUMNS, _PROPOSED, problems)
    rows = [row for row in table.rows if _is_filled_in(row)]
    skipped = len(table.rows) - len(rows)
    joined: list[str] = []
    if table.columns & set(_PROPOSED):
        rows, joined = _join_clients(rows, config.clients)
    for row in rows:
        halopsa_id = row.integer("halopsa_client_id")
        if halopsa_id is not None and halopsa_id not in halopsa:
            row.complain("halopsa_client_id", f"HaloPSA has no client {halopsa_id}: look its id up there")
    there = set(config.clients)
    # A row that is there already, word for word, is no second one.
    new = [row for row in rows if not there.issuperset(read_clients([row]) or {None})]
    before = read_rows(str(config.folder / _FILE), config.contents.get(_FILE, b""), _COLUMNS, [], _PROPOSED)
    added = read_clients([*before, *new])[len(config.clients) :]
    raise_problems(problems)
    if added:
        append_rows(config, _FILE, added, read_clients)
    notes = (*table.notes, *joined, *_notes(added, halopsa, companies))
    return ImportedClients(config.folder / _FILE, added, len(rows) - len(new), skipped, notes)


def _is_filled_in(row: CsvRow) -> bool:
    """Whether somebody said who the company is. What is no true or false is told later, so it counts as filled in."""
    return row.text("halopsa_client_id") is not None or (row.text("excluded") or "false").lower() != "false"


def _join_clients(rows: Sequence[CsvRow], clients: Sequence[ClientRow]) -> tuple[list[CsvRow], list[str]]:
    """The rows of a proposal, with what its client says already where the id is that of a client that is there.

    The key and name of a doubtful row are made from its company, for nobody knew its client when it was proposed.
    """
    of_client = {str(row.halopsa_client_id): _client_cells(row) for row in clients if row.halopsa_client_id is not None}
    joined, notes = [], []
    for row in rows:
        halopsa_id = row.text("halopsa_client_id")
        cells = of_client.setdefault(halopsa_id, {name: row.cells[name] for name in _OF_CLIENT}) if halopsa_id else {}
        if cells.get("client", row.cells["client"]) != row.cells["client"]:
            notes.append(
                f"{row.file}:{row.line}: HaloPSA client {halopsa_id} is client {cells['client']}, so the row is added "
                f"to that one, not to {row.cells['client'] or 'a new one'}"
            )
            row = replace(row, cells={**row.cells, **cells})
        joined.append(row)
    return joined, notes


def _client_cells(row: ClientRow) -> dict[str, str]:
    values = {name: getattr(row, name) for name in _OF_CLIENT}
    values["excluded"] = str(row.excluded).lower()
    return {name: "" if value is None else str(value) for name, value in values.items()}


def _notes(added: Sequence[ClientRow], halopsa: Mapping[int, HaloClientFacts], companies: Collection[str]) -> list[str]:
    """What is worth a look: rows that bill nothing yet, which a slip of the pen looks like."""
    notes = [
        f"{row.client}: Pax8 lists no company {row.pax8_company_id}: is it written right?"
        for row in added
        if row.pax8_company_id is not None and fold_id(row.pax8_company_id) not in companies
    ]
    notes += [
        f"{row.client}: HaloPSA client {row.halopsa_client_id} ({halopsa[row.halopsa_client_id].name}) is inactive: "
        "its charges are held"
        for row in added
        if row.halopsa_client_id is not None and halopsa[row.halopsa_client_id].inactive and not row.excluded
    ]
    return notes
