"""Write down what a person decides for single lines: one row a decision in line_decisions.csv, all of them or none."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.line_decisions import Decision, check_decision
from billing_pipeline.billing.mapping_rows import LineDecisionRow
from billing_pipeline.billing.setting_types import INTEGRATIONS
from billing_pipeline.resources.warehouse import Session, Warehouse
from billing_pipeline.settings.csv_files import read_rows
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.settings.mapping_files import COLUMNS, read_line_decisions
from billing_pipeline.settings.nearest import find_nearest, suggest
from billing_pipeline.settings.problems import Problem, raise_problems
from billing_pipeline.settings.proposal_files import csv_text, plain_cell, replace_file
from billing_pipeline.steps.line_decisions import final_lines

FILE = "line_decisions.csv"
_COLUMNS = COLUMNS[FILE]
_ZERO = Decimal(0)
_KEY = ("integration", "invoice_id", "source_line_id", "decision")


@dataclass(frozen=True)
class OpenLine:
    """A line of a month that is not posted. `problem` is why it cannot be billed, in words; empty where it can."""

    line_key: str
    integration: str
    invoice_id: str
    source_line_id: str
    line_no: int
    client: str
    product: str
    reason: str | None
    problem: str
    line_class: str
    currency: str | None
    sell: Decimal | None
    cost: Decimal | None


@dataclass(frozen=True)
class DecidedChange:
    """One decision that was written: for which line, and what it says there instead of what."""

    line: OpenLine
    decision: Decision
    value: str
    before: str


def open_lines(warehouse: Warehouse, month: str, client: str | None = None) -> list[OpenLine]:
    """The lines of a month that wait for a decision, the most money first; with `client` every line of it that is
    not posted. Raises SettingsError where the month was not prepared yet, and for a client without a line in it."""
    with warehouse.session(f"read the lines of {month}") as session:
        if client is not None:
            _refuse_unknown(session, month, client)
        lines = _read_lines(session, month, client=client, waiting=client is None)
        final = final_lines(session, [line.line_key for line in lines])
    wanted = [line for line in lines if line.line_key not in final]
    return sorted(wanted, key=lambda line: (-abs(line.sell or _ZERO), line.client, line.invoice_id, line.line_no))


def _refuse_unknown(session: Session, month: str, client: str) -> None:
    rows = session.rows("select distinct client from normalized_charges where month = ? order by all", [month])
    known = [row["client"] for row in rows]
    if known and client not in known:
        raise SettingsError(f"{client!r} has no line in {month}: {suggest(client, known)}")


def lines_of_client(warehouse: Warehouse, client: str, line_keys: Sequence[str]) -> set[str]:
    """Those of the source lines, by their keys, that are the client's in any month."""
    with warehouse.session(f"find decided lines of {client}") as session:
        rows = session.rows(
            "select distinct line_key from normalized_charges where client = ? "
            "and line_key in (select unnest(?::text[]))",
            [client, list(line_keys)],
        )
    return {row["line_key"] for row in rows}


def decide(
    config: LoadedSettings,
    warehouse: Warehouse,
    month: str,
    line_ids: Sequence[str],
    invoice_id: str | None,
    values: Mapping[Decision, str],
    by: str,
    why: str,
) -> list[DecidedChange]:
    """Write the decisions for the lines to line_decisions.csv, in the place of those that were there.

    Raises SettingsError, and then nothing is written: for a line that the month does not have or that was posted, a
    value that its decision cannot have, or a file that is not right.
    """
    checked = {decision: _check(config, decision, value) for decision, value in values.items()}
    who, reason = _one_line("--by", by), _one_line("--why", why)
    with warehouse.session(f"find the lines of {month} that are decided") as session:
        lines = [_find(session, month, line_id, invoice_id) for line_id in dict.fromkeys(line_ids)]
    rows = [
        LineDecisionRow(
            next(name for name in INTEGRATIONS if name == line.integration),
            line.invoice_id,
            line.source_line_id,
            decision,
            value,
            who,
            reason,
        )
        for line in lines
        for decision, value in checked.items()
    ]
    _write(config, rows)
    return [
        DecidedChange(line, decision, value, _before(line, decision))
        for line in lines
        for decision, value in checked.items()
    ]


def _check(config: LoadedSettings, decision: Decision, value: str) -> str:
    try:
        checked = check_decision(decision, value.strip())
    except ValueError as error:
        raise SettingsError(f"--{decision} {error}. Nothing was written.") from error
    clients = dict.fromkeys(row.client for row in config.clients)
    if decision == "client" and checked not in clients:
        end = suggest(checked, clients) if clients else "clients.csv has no client yet"
        raise SettingsError(f"--client {checked!r} is no client of clients.csv: {end}. Nothing was written.")
    return checked


def _one_line(option: str, text: str) -> str:
    told = " ".join(text.split())
    if not told:
        raise SettingsError(f"{option} is empty: it stands with the decision for good. Nothing was written.")
    return told


def _find(session: Session, month: str, line_id: str, invoice_id: str | None) -> OpenLine:
    named = [line for line in _read_lines(session, month, line_id) if invoice_id in (None, line.invoice_id)]
    if not named:
        waiting = [line.source_line_id for line in _read_lines(session, month, waiting=True)]
        nearest = find_nearest(line_id, waiting, at_least=85)
        hint = f"the nearest one is {nearest}" if nearest else f"billing-pipeline decide {month} lists what waits"
        raise SettingsError(f"{month} has no line {line_id!r} that can be billed: {hint}. Nothing was written.")
    final = final_lines(session, [line.line_key for line in named])
    left = [line for line in named if line.line_key not in final]
    if not left:
        first = named[0]
        raise SettingsError(
            f"Line {line_id} of invoice {first.invoice_id} ({first.client}, {month}) was posted, or sent to HaloPSA "
            "with an outcome that is not known yet: what was posted is final, and no decision changes it. "
            f"To take it back: billing-pipeline reverse {month} --client {first.client}. Nothing was written."
        )
    if len(left) > 1:
        names = ", ".join(line.invoice_id for line in left)
        raise SettingsError(f"Line {line_id} is on the invoices {names}: add --invoice ID. Nothing was written.")
    return left[0]


def _read_lines(
    session: Session, month: str, line_id: str | None = None, client: str | None = None, *, waiting: bool = False
) -> list[OpenLine]:
    """The lines of a month that are not excluded for what their client or invoice is: all, or those of an id or a
    client, or those that wait for a decision."""
    if not session.value("select count(*) from slice_sources where month = ? and step = 'normalized_charges'", [month]):
        raise SettingsError(
            f"{month} was not prepared yet, so nobody knows which of its lines wait for a decision: run "
            f"billing-pipeline close {month} first. Nothing was written."
        )
    rows = session.rows(
        "select line_key, integration, invoice_id, source_line_id, line_no, client, "
        "coalesce(product_name, description, sku, '') as product, "
        "case when exclude_reason = 'excluded_line' then exclude_reason else block_reason end as reason, "
        "coalesce(block_detail, '') as problem, line_class, currency, sell, cost from normalized_charges "
        "where month = $month and coalesce(exclude_reason, '') not in ('excluded_client', 'invoice_status') "
        "and ($line is null or source_line_id = $line) and ($client is null or client = $client) "
        # Whose company is not mapped needs a row in clients.csv, and no decision for each line.
        "and (not $waiting or (block_reason <> 'unmapped_client' and coalesce(exclude_reason, '') <> 'excluded_line')) "
        "order by invoice_id, line_no",
        {"month": month, "line": line_id, "client": client, "waiting": waiting},
    )
    return [OpenLine(**row) for row in rows]


def _before(line: OpenLine, decision: Decision) -> str:
    match decision:
        case "exclude":
            return ""
        case "class":
            return line.line_class
        case "client":
            return line.client
    value = {"sell": line.sell, "cost": line.cost, "currency": line.currency}[decision]
    if value is None:
        return "missing"
    return value if isinstance(value, str) else _amount(value)


def _amount(value: Decimal) -> str:
    return check_decision("sell", str(value))


def _write(config: LoadedSettings, rows: Sequence[LineDecisionRow]) -> None:
    """Put the rows into the file: in the place of the same decision of the same line, else at its end.

    Everything else stays to the byte: other rows, remarks, the order of the columns, line ends and encoding mark.
    """
    path = config.folder / FILE
    try:
        old = path.read_bytes()
    except FileNotFoundError:
        old = b""
    if sha256(old).hexdigest() != config.digests.get(FILE, sha256(b"").hexdigest()):
        raise SettingsError(f"{path} was changed while the decision was checked. Nothing was written; run this again.")
    mark = "\ufeff" if old.startswith(b"\xef\xbb\xbf") else ""
    text = old.decode("utf-8-sig")
    end = "\r\n" if "\r\n" in text else "\n"
    pending = {tuple(str(_cell(row, name)) for name in _KEY): row for row in rows}
    columns: list[str] | None = None
    kept: list[str] = []
    for chunk, cells in _chunks(text):
        if not any(cells) or cells[0].startswith("#"):
            kept.append(chunk)
        elif columns is None:
            columns = cells
            kept.append(chunk)
        else:
            known = dict(zip(columns, cells, strict=False))
            row = pending.pop(tuple(_fold(name, known.get(name, "")) for name in _KEY), None)
            kept.append(chunk if row is None else _line(columns, row) + end)
    if kept and not kept[-1].endswith(("\n", "\r")):
        kept.append(end)
    if columns is None:
        columns = list(_COLUMNS)
        kept.append(",".join(columns) + end)
    kept += [_line(columns, row) + end for row in pending.values()]
    content = (mark + "".join(kept)).encode()
    problems: list[Problem] = []
    read_line_decisions(read_rows(str(path), content, _COLUMNS, problems), {row.client for row in config.clients})
    raise_problems(problems)
    replace_file(path, content)


def _chunks(text: str) -> Iterable[tuple[str, list[str]]]:
    """Each row of a CSV text as it is written, with its line end, and its trimmed cells."""
    lines = text.splitlines(keepends=True)
    reader = csv.reader(iter(lines))
    start = 0
    for cells in reader:
        yield "".join(lines[start : reader.line_num]), [cell.strip() for cell in cells]
        start = reader.line_num


def _fold(column: str, cell: str) -> str:
    return cell.lower() if column == "decision" else cell


def _line(columns: Sequence[str], row: LineDecisionRow) -> str:
    return csv_text(columns, [[_cell(row, column) for column in columns]]).splitlines()[1]


def _cell(row: LineDecisionRow, column: str) -> Any:
    value = getattr(row, column)
    # A negative amount is no formula; names and reasons come from people.
    return plain_cell(value) if column in ("by", "why") else value
