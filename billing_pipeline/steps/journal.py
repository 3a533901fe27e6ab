"""The posting journal: append-only, each row carrying the hash of the one before.

A row says what was about to be done or what was found, for whom, with which plan, and at which HaloPSA.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from billing_pipeline.billing.canonical import canonical_json, content_hash
from billing_pipeline.billing.errors import PostingRefused, WarehouseError
from billing_pipeline.resources.warehouse import Session

GENESIS = "0" * 64
# Beside the published database: where the journal stood.
HEAD_FILE = "journal-head.json"
_HASHED = (
    "seq",
    "recorded_at",
    "event",
    "month",
    "client",
    "document_key",
    "plan_hash",
    "run_id",
    "actor",
    "code_version",
    "halopsa_address",
    "halopsa_tenant",
    "request_digest",
    "halopsa_invoice_id",
    "outcome",
    "detail",
    "previous_hash",
)


class UnreadableNote(WarehouseError):
    """The note of where the journal stood is there, but cannot be read: whether rows were cut off is not known."""


@dataclass(frozen=True)
class JournalHead:
    """Where the journal stands: how many rows, and the hash of the last."""

    rows: int
    row_hash: str


@dataclass(frozen=True)
class Writer:
    """Who writes to the journal, and to which HaloPSA the rows belong; None where none was named."""

    run_id: str
    actor: str
    code_version: str
    halopsa_address: str | None
    halopsa_tenant: str | None


def read_head(session: Session) -> JournalHead:
    """The newest row's number and hash."""
    # Asked before each new row: sorting all of them for the last would take longer with each month.
    (row,) = session.rows("select max(seq) as seq, arg_max(row_hash, seq) as row_hash from posting_journal")
    return JournalHead(int(row["seq"]), row["row_hash"]) if row["seq"] is not None else JournalHead(0, GENESIS)


def knows_posted(session: Session, month: str) -> bool:
    """Whether any document of a month before `month` ever went out from here and was answered. A journal that is new,
    or was lost, knows of none, whatever HaloPSA has; nor does it know the whole of the month once it posted a part."""
    return bool(session.value("select count(*) from posting_journal where event = 'posted' and month < ?", [month]))


def append(session: Session, writer: Writer, event: str, now: datetime, **columns: Any) -> JournalHead:
    """Append one row; `now` is naive UTC, `columns` are those of `posting_journal`, `detail` any JSON value."""
    head = read_head(session)
    row: dict[str, Any] = dict.fromkeys(_HASHED)
    row.update(vars(writer))
    row.update(columns)
    detail = columns.get("detail")
    row.update(
        {
            "seq": head.rows + 1,
            "recorded_at": now.replace(microsecond=0),
            "event": event,
            "detail": None if detail is None else canonical_json(detail),
            "previous_hash": head.row_hash,
        }
    )
    row_hash = hash_row(row)
    session.insert("posting_journal", [{**row, "row_hash": row_hash}])
    return JournalHead(head.rows + 1, row_hash)


def hash_row(row: Mapping[str, Any]) -> str:
    """The hash that a row must carry."""
    return content_hash({name: _hashable(row[name]) for name in _HASHED})


def _hashable(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def find_break(session: Session) -> str | None:
    """What is wrong with the chain: an edited or a missing row; None when it is whole."""
    previous, expected = GENESIS, 1
    for row in session.rows("select * from posting_journal order by seq"):
        if row["seq"] != expected:
            return f"row {expected} of the posting journal is missing"
        if row["previous_hash"] != previous or row["row_hash"] != hash_row(row):
            return f"row {expected} of the posting journal was changed after it was written"
        previous, expected = row["row_hash"], expected + 1
    return None


def find_cut(session: Session, head_file: Path) -> str | None:
    """What the journal lacks of what it had when it was last published; None when it lacks nothing.

    A folder is for one database: the note of another one beside it looks like a cut journal, too.

    The chain alone cannot tell that rows are missing at its end: the head that was noted beside the published
    database can. Without that note there is nothing to compare with. Raises UnreadableNote for one that is none.
    """
    noted = read_noted_head(head_file)
    if noted is None or noted.rows == 0:
        return None
    found = session.value("select row_hash from posting_journal where seq = ?", [noted.rows])
    if found is None:
        ends = read_head(session).rows
        return f"the posting journal ends at row {ends}, but had {noted.rows} rows when it was published"
    same = found == noted.row_hash
    return None if same else f"row {noted.rows} of the posting journal is not the one that was published"


def read_noted_head(head_file: Path) -> JournalHead | None:
    """Where the journal stood when it was last noted; None without that note. Raises UnreadableNote."""
    try:
        noted = json.loads(head_file.read_text(encoding="utf-8"))
        return JournalHead(int(noted["rows"]), str(noted["row_hash"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableNote(
            f"{head_file} notes where the posting journal stood, and cannot be read "
            f"({type(error).__name__}: {error}): whether rows were cut off since is not known. Put it back from a "
            "backup. Where there is none, compare posting_journal with the published copy "
            f"{head_file.parent / 'billing.duckdb'}: if it lacks no row, delete the note, then run this again."
        ) from error


def refuse_broken(session: Session, published: Path, consequence: str, then: str) -> None:
    """Raise PostingRefused where a row was edited, is missing or was cut off at the end, or where nobody can tell.

    `published` is the folder that analysts read; `consequence` says what was not done, `then` what to do afterwards.
    """
    try:
        broken = find_break(session) or find_cut(session, published / HEAD_FILE)
    except UnreadableNote as error:
        raise PostingRefused(f"{consequence} {error}") from error
    if broken is not None:
        raise PostingRefused(
            f"{broken}. {consequence} Keep this database: it may hold what no copy has. Put the newest whole "
            f"database in its place, a backup or the published copy {published / 'billing.duckdb'}, then {then}. "
            "Another database than the one that is published there needs a folder of its own (BILLING_WAREHOUSE)."
        )


def write_head(head: JournalHead, head_file: Path) -> None:
    """Note where the journal stands beside the published database, in place at once.

    It never goes back: a copy that was made before another process posted may be put in its place after that. One that
    cannot be read is left as it is: raises UnreadableNote.
    """
    noted = read_noted_head(head_file)
    if noted is not None and noted.rows > head.rows:
        return
    head_file.parent.mkdir(parents=True, exist_ok=True)
    note = head_file.with_name(f".{head_file.name}.{os.getpid()}")
    try:
        note.write_text(json.dumps({"rows": head.rows, "row_hash": head.row_hash}) + "\n", encoding="utf-8")
        note.replace(head_file)
    finally:
        note.unlink(missing_ok=True)


def refuse_other_tenant(session: Session, address: str, tenant: str, consequence: str, then: str) -> None:
    """Raise PostingRefused where the journal was written for another HaloPSA than this one.

    `consequence` says what was not done, `then` what to do afterwards.
    """
    rows = session.rows(
        "select distinct halopsa_address, halopsa_tenant from posting_journal "
        "where halopsa_address is not null order by all"
    )
    for row in rows:
        if (_place(row["halopsa_address"]), row["halopsa_tenant"]) != (_place(address), tenant):
            raise PostingRefused(
                f"This database's journal belongs to HaloPSA {row['halopsa_address']} (tenant "
                f"{row['halopsa_tenant']!r}), not to {address} (tenant {tenant!r}). {consequence} Correct "
                f"HALOPSA_RESOURCE_SERVER and HALOPSA_TENANT, then {then}. Another HaloPSA, such as one for trials, "
                "needs a database of its own, in a folder of its own (BILLING_WAREHOUSE). Never give a new database to "
                "the same HaloPSA: it would not know what was posted."
            )


def _place(address: str) -> str:
    """An address as one names a place: letter case and a trailing slash make no other HaloPSA."""
    parts = urlsplit(address.rstrip("/"))
    return f"{parts.scheme}://{parts.netloc}{parts.path}".lower()
