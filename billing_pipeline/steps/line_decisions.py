"""What a person decided for single lines of a month: from line_decisions.csv, and for posted lines from the ledger."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from billing_pipeline.billing.keys import charge_key
from billing_pipeline.billing.line_decisions import DecidedLine, join_decisions, read_told
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.month_history import lines_in_flight

_SCHEMA = {
    "line_key": "VARCHAR",
    "excluded": "BOOLEAN",
    "sell": "DECIMAL(38,18)",
    "cost": "DECIMAL(38,18)",
    "currency": "VARCHAR",
    "line_class": "VARCHAR",
    "client": "VARCHAR",
    "told": "VARCHAR",
}


@dataclass(frozen=True)
class MonthDecisions:
    """The decisions that count in a month, by line key."""

    lines: Mapping[str, DecidedLine]

    def clients(self) -> dict[str, str]:
        """The client that was decided for a line, by line key."""
        return {key: line.client for key, line in self.lines.items() if line.client is not None}


def decisions_of_month(session: Session, config: LoadedSettings, month: str) -> MonthDecisions:
    """The decisions that count: those of the settings, and for lines that were posted or sent those of then."""
    wanted = join_decisions(config.line_decisions)
    kept = _kept_decisions(session, month)
    final = final_lines(session, wanted)
    lines = {key: line for key, line in wanted.items() if key not in final}
    return MonthDecisions({**lines, **{key: read_told(key, told) for key, told in kept.items()}})


def store_decisions_frame(session: Session, decisions: MonthDecisions, excluded_clients: Collection[str]) -> None:
    """Give the SQL of normalising the decisions, as the frame `line_decisions`."""
    # A line whose client was not decided is excluded or not as its company is.
    rows = [
        {**vars(line), "client_excluded": None if line.client is None else line.client in excluded_clients}
        for _, line in sorted(decisions.lines.items())
    ]
    session.frame("line_decisions", {**_SCHEMA, "client_excluded": "BOOLEAN"}, rows)


def decided_clients_frame(session: Session, decisions: MonthDecisions) -> None:
    """Give a query the clients that were decided for lines, as the frame `decided_clients`."""
    rows = [{"line_key": key, "client": client} for key, client in sorted(decisions.clients().items())]
    session.frame("decided_clients", {"line_key": "VARCHAR", "client": "VARCHAR"}, rows)


def store_unused(session: Session, config: LoadedSettings, month: str) -> None:
    """Write a finding for each decision that changes nothing: its invoice has no such line, or the line was posted.

    Reads the frame `month_invoices`.
    """
    kinds = ["decision_without_line", "decision_too_late"]
    session.execute("delete from findings where month = ? and kind in (select unnest(?::text[]))", [month, kinds])
    wanted = join_decisions(config.line_decisions)
    if not wanted:
        return
    invoices = {row["invoice_id"] for row in session.rows("select invoice_id from month_invoices")}
    lines = {(row.invoice_id, row.source_line_id): row for row in config.line_decisions if row.invoice_id in invoices}
    known = {
        (row["invoice_id"], row["source_line_id"])
        for row in session.rows(
            "select distinct invoice_id, source_line_id from raw_invoice_items "
            "where invoice_id in (select unnest(?::text[])) and source_line_id in (select unnest(?::text[]))",
            [[invoice_id for invoice_id, _ in lines], [line_id for _, line_id in lines]],
        )
    }
    kept, final = _kept_decisions(session, month), final_lines(session, wanted)
    findings = []
    for (invoice_id, line_id), row in lines.items():
        key = charge_key(row.integration, invoice_id, line_id)
        named = f"line {line_id} of invoice {invoice_id}"
        if (invoice_id, line_id) not in known:
            kind, said = kinds[0], f"{named}, which has no such line: correct the row, or take it out"
        elif key in final and kept.get(key) != wanted[key].told:
            kind, said = kinds[1], f"{named}, which was posted before: it stays as it was posted"
        else:
            continue
        detail = f"line_decisions.csv decides something for {said}"
        findings.append(
            {
                "month": month,
                "integration": row.integration,
                "step": "normalize",
                "kind": kind,
                "detail": detail,
                "source_line_id": line_id,
            }
        )
    session.insert("findings", findings)


def remember_decisions(session: Session, month: str, client: str, line_keys: Collection[str]) -> None:
    """Keep with source lines that were just posted the decisions that they were posted with."""
    decided = session.rows(
        "select line_key, decisions from normalized_charges where month = ? and client = ? and decisions is not null",
        [month, client],
    )
    for row in decided:
        if row["line_key"] in line_keys:
            session.execute(
                "update posted_source_lines set decisions = ? where line_key = ?", [row["decisions"], row["line_key"]]
            )


def final_lines(session: Session, line_keys: Collection[str]) -> set[str]:
    """Those of the source lines that are posted, or were sent with an outcome that is not known yet."""
    if not line_keys:
        return set()
    posted = session.rows(
        "select line_key from posted_source_lines where line_key in (select unnest(?::text[]))", [list(line_keys)]
    )
    return {row["line_key"] for row in posted} | (set(line_keys) & lines_in_flight(session).keys())


def _kept_decisions(session: Session, month: str) -> dict[str, str]:
    """The decisions of lines that are posted, or sent with an outcome that is not known yet, as they were then."""
    rows = session.rows("select line_key, decisions from posted_source_lines where decisions is not null")
    kept = {row["line_key"]: row["decisions"] for row in rows}
    sent = session.rows(
        "select line_key, decisions from normalized_charges where month = ? and decisions is not null", [month]
    )
    in_flight = lines_in_flight(session) if sent else {}
    return {**{row["line_key"]: row["decisions"] for row in sent if row["line_key"] in in_flight}, **kept}
