"""What HaloPSA's client details say of its own Pax8 billing, which its lists leave out.

A detail costs a request, so each is read once and kept. It is read again when the client's list row or one of its
recurring invoices changed, while it says that HaloPSA bills the client itself (that it no longer does shows nowhere
else), after a failure, and by `check`.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.double_billing import Pax8Import
from billing_pipeline.billing.errors import CredentialsRefused, ServiceError, ServiceUnreachable
from billing_pipeline.billing.halopsa_days import read_day
from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.mapping_rows import ClientRow
from billing_pipeline.billing.plan_types import BilledClient
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.billing.targets import Target
from billing_pipeline.resources.warehouse import Session, Warehouse
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.halo_facts import integer, paying_client, recurring_client_id, rows_by_id, text
from billing_pipeline.steps.halo_targets import line_content, read_target
from billing_pipeline.steps.key_fields import line_key
from billing_pipeline.steps.snapshots import Snapshot, latest_snapshot, newest_snapshot, store_snapshot

Row = Mapping[str, Any]
FindClient = Callable[[int], Row | None]

DETAILS_KIND = "halopsa_client_details"
# The recurring invoices that HaloPSA's own Pax8 import bills a client on, monthly and annual subscriptions apart.
IMPORT_FIELDS = ("pax8monthlyinvoice", "pax8annualinvoice")
# That many failures in a row mean that no detail can be read, and the next request would fail alike: fewer where none
# was read before, or where each failure was waited for.
_MOST_FAILURES, _MOST_LONE_FAILURES = 3, 10


@dataclass(frozen=True)
class DetailsRead:
    """The details as rows of a snapshot, with how many of them were asked for now."""

    rows: tuple[dict[str, Any], ...]
    asked: int


def take_client_details(
    warehouse: Warehouse, config: LoadedSettings, find_client: FindClient, source: str, now: datetime
) -> tuple[Snapshot, int]:
    """Store a snapshot of the details of every client we bill; the snapshot, and how many details were asked for.

    The newest snapshots of HaloPSA's clients and recurring invoices say what changed. `now` is aware.
    """
    today = now.astimezone(ZoneInfo(config.settings.time_zone)).date()
    with warehouse.session("read which client details are kept") as session:
        clients = latest_snapshot(session, "halopsa_clients").rows
        recurring = latest_snapshot(session, "halopsa_recurring_invoices").rows
        kept = newest_snapshot(session, DETAILS_KIND)
    read = read_details(config, clients, recurring, () if kept is None else kept.rows, find_client, today)
    taken_at = now.astimezone(UTC).replace(tzinfo=None)
    with warehouse.session(f"store the snapshot {DETAILS_KIND}") as session:
        return store_snapshot(session, DETAILS_KIND, read.rows, source, taken_at), read.asked


def read_details(
    config: LoadedSettings,
    clients: Iterable[Row],
    recurring: Iterable[Row],
    kept: Iterable[Row],
    find_client: FindClient,
    today: date,
    *,
    anew: bool = False,
) -> DetailsRead:
    """The detail of every client we bill, from `kept` where nothing says that it changed, unless all are asked `anew`.

    A detail that cannot be read is that client's trouble: what was known of it stays, with the cause in `trouble`.
    Raises CredentialsRefused, for then nothing of HaloPSA can be read.
    """
    fields = config.settings.halopsa_fields
    by_id = rows_by_id(clients)
    templates = {int(row["id"]): row for row in recurring}
    owned: dict[int | None, list[Row]] = defaultdict(list)
    for row in templates.values():
        for owner in _owners(row):
            owned[owner].append(row)
    before = rows_by_id(kept)
    found, asks = [], _Asks(find_client)
    for client_id in billed_client_ids(config.clients, by_id):
        fingerprint = _fingerprint(by_id[client_id], owned[client_id], fields)
        old = before.get(client_id)
        if old is not None and not anew and not _may_differ(old, fingerprint, templates, fields, today):
            found.append(dict(old))
            continue
        detail, trouble = asks.ask(client_id)
        found.append(_detail_row(client_id, fingerprint, old, detail, trouble))
    return DetailsRead(tuple(found), asks.asked)


def keep_known(session: Session, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The details as they were just read, with what was known before of clients whose detail could not be read."""
    kept = newest_snapshot(session, DETAILS_KIND)
    before = rows_by_id(() if kept is None else kept.rows)
    return [
        {**row, **{name: before[row["id"]].get(name) for name in IMPORT_FIELDS}}
        if row["trouble"] and row["id"] in before
        else dict(row)
        for row in rows
    ]


def billed_client_ids(rows: Iterable[ClientRow], by_id: Mapping[int, Row]) -> list[int]:
    """The HaloPSA clients whom we bill, and those whom HaloPSA bills them through, sorted."""
    wanted: set[int] = set()
    for row in rows:
        listed = by_id.get(row.halopsa_client_id or 0)
        if listed is None or row.excluded:
            continue
        payers = (int(paying_client(listed, by_id)["id"]), recurring_client_id(listed))
        wanted |= {int(listed["id"]), *(payer for payer in payers if payer in by_id)}
    return sorted(wanted)


def find_imports(
    client: BilledClient, details: Mapping[int, Row], targets: Mapping[int, Target], by_id: Mapping[int, str]
) -> list[Pax8Import]:
    """The recurring invoices that HaloPSA's own Pax8 import bills a client, or who it is billed through, on.

    `targets` are all recurring invoices, `by_id` the names of HaloPSA's clients.
    """
    ids = dict.fromkeys((client.halopsa_client_id, client.billed_client_id, client.recurring_client_id))
    return [
        Pax8Import(name, client_id, by_id.get(client_id, ""), client_id == client.halopsa_client_id, target)
        for client_id in ids
        if client_id in details
        for name, target in _named_targets(details[client_id], targets)
    ]


def describe_doubts(client: BilledClient, details: Mapping[int, Row] | None, targets: Collection[int]) -> Iterator[str]:
    """What keeps anybody from knowing whether HaloPSA's own Pax8 import bills a client, with what to do about it.

    `details` is None where none was ever taken: then nothing is said, for nobody has asked yet.
    """
    if details is None:
        return
    name = f"HaloPSA client {client.halopsa_client_id} ({client.name})"
    look = f"look at {' and '.join(IMPORT_FIELDS)} of {name} in HaloPSA's Pax8 settings"
    row = details.get(client.halopsa_client_id)
    if row is None:
        yield (
            f"the detail of {name} was not read yet, so whether HaloPSA's own Pax8 import bills it too is not known: "
            f"{look}, or fetch again"
        )
        return
    if row["trouble"]:
        yield (
            f"the detail of {name} cannot be read, so whether HaloPSA's own Pax8 import bills it too is not known: "
            f"{look}. {row['trouble']}"
        )
    for field in IMPORT_FIELDS:
        named = integer(row.get(field))
        if named not in (None, -1) and not {named, -abs(named or 0)} & set(targets):
            yield f"{field} of {name} names recurring invoice {named}, which HaloPSA does not list: clear it there"


@dataclass
class _Asks:
    """Asks for details one by one, and no more once it is clear that none can be read."""

    find_client: FindClient
    asked: int = 0
    _has_read: bool = False
    _failures: int = 0
    _last: ServiceError | None = None

    def ask(self, client_id: int) -> tuple[Row | None, str]:
        """A client's detail, or why it could not be read."""
        is_rare = self._has_read and not isinstance(self._last, ServiceUnreachable)
        if self._failures >= (_MOST_LONE_FAILURES if is_rare else _MOST_FAILURES):
            return None, f"It was not asked for, after {self._failures} others had failed: {self._last}"
        self.asked += 1
        try:
            detail = self.find_client(client_id)
        except CredentialsRefused:
            raise
        except ServiceError as error:
            self._failures, self._last = self._failures + 1, error
            return None, str(error)
        self._has_read, self._failures = True, 0
        if detail is None:
            return None, f"HaloPSA: GET /Client/{client_id} was answered with 404, though HaloPSA lists that client."
        return detail, ""


def _detail_row(client_id: int, fingerprint: str, old: Row | None, detail: Row | None, trouble: str) -> dict[str, Any]:
    known = detail if detail is not None else old or {}
    return {
        "id": client_id,
        # Without a detail of today's there is none to keep: it is asked for again.
        "fingerprint": fingerprint if detail is not None else "",
        "trouble": "" if detail is not None else trouble,
        **{name: integer(known.get(name)) for name in IMPORT_FIELDS},
    }


def _may_differ(old: Row, fingerprint: str, templates: Mapping[int, Row], fields: HaloPsaFields, today: date) -> bool:
    if old["trouble"] or old["fingerprint"] != fingerprint:
        return True
    targets = {
        template_id: read_target(templates[template_id], fields)
        for name in IMPORT_FIELDS
        if (template_id := _find_named(old, name, templates)) is not None
    }
    return any(target.is_live(today) for target in targets.values())


def _named_targets(detail: Row, targets: Mapping[int, Target]) -> Iterator[tuple[str, Target]]:
    for name in IMPORT_FIELDS:
        target_id = _find_named(detail, name, targets)
        # Where nothing is chosen, HaloPSA may write -1, which is the id of a recurring invoice too.
        if target_id is not None and (
            target_id != -1 or detail["id"] in (targets[-1].client_id, targets[-1].original_client_id)
        ):
            yield name, targets[target_id]


def _find_named(detail: Row, name: str, known: Collection[int]) -> int | None:
    """The recurring invoice that a detail names, if HaloPSA lists it: ids are negative, and may be written without."""
    named = integer(detail.get(name))
    if named is None:
        return None
    return next((each for each in (named, -abs(named)) if each in known), None)


def _owners(row: Row) -> set[int | None]:
    return {integer(row.get("client_id")), integer(row.get("original_client_id"))}


def _fingerprint(listed: Row, recurring: Sequence[Row], fields: HaloPsaFields) -> str:
    """A hash over what, when it changes, may come with another detail: the list row, and lines that are not ours.

    What we write on a recurring invoice, and that it was issued, says nothing of HaloPSA's own import.
    """
    return content_hash(
        {
            "client": {name: text(value) for name, value in listed.items()},
            "recurring": [_recurring_facts(row, fields) for row in sorted(recurring, key=lambda row: int(row["id"]))],
        }
    )


def _recurring_facts(row: Row, fields: HaloPsaFields) -> dict[str, Any]:
    theirs = (line for line in row.get("lines") or () if not is_ours(line_key(line, fields)))
    return {
        "id": int(row["id"]),
        "disabled": bool(row.get("disabled")),
        "ends": read_day(row.get("enddate"), fields.zone),
        "lines": sorted((_line_facts(line, fields) for line in theirs), key=lambda line: line["id"]),
    }


def _line_facts(line: Row, fields: HaloPsaFields) -> dict[str, Any]:
    signs = ("consumption_line_type", "csp_invoice_id")
    return {**line_content(line, fields), **{name: text(line.get(name)) for name in signs}}
