"""What was posted, as the database has it: documents with their lines, and which of those later months wrote over."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from billing_pipeline.resources.warehouse import Session

# What the journal calls a document that HaloPSA was known to have.
POSTED_EVENTS = ("posted", "adopted", "settled")
# What it calls documents that HaloPSA was proved to have no more.
RELEASED_EVENTS = ("released", "credit_released")


@dataclass(frozen=True)
class PostedLine:
    """A line as it was posted; `key` is what it bears in HaloPSA, `name` its short description there. Amounts are
    rounded, in the document's currency. A tax or an account of None was left out, for HaloPSA to decide.

    `replaced_by` is the month that wrote over it since or ended it: only recurring lines have one. `is_ended` says that
    it ended, so that it stands there inactive; `issue_until` is the issue mark that the recurring invoice bore by then.
    """

    charge_key: str
    key: str
    slot_key: str | None
    line_id: int | None
    item_id: int | None
    name: str
    quantity: Decimal
    unit_price: Decimal
    sell: Decimal
    cost: Decimal
    integration: str
    long_description: str = ""
    tax_id: int | None = None
    income_account: str | None = None
    replaced_by: str | None = None
    is_ended: bool = False
    issue_until: str | None = None


@dataclass(frozen=True)
class PostedDocument:
    """A document as it was posted; `issue_mark` is that of a recurring invoice, as it was when it was changed. `tax` is
    what HaloPSA answered, for our lines where they are among others'; None where it did not say. `ended` are ids of
    lines of earlier months that it set inactive, and that no later change of ours wrote or ended again. `takes_back`
    says that it is a credit of ours.
    """

    month: str
    client: str
    document_key: str
    halopsa_id: int
    action: str
    halopsa_client_id: int
    currency: str
    currency_id: int | None
    invoice_date: date | None
    issue_mark: str
    sent_at: datetime
    tax: Decimal | None
    lines: tuple[PostedLine, ...]
    ended: tuple[int, ...] = ()
    takes_back: bool = False

    @property
    def as_released(self) -> dict[str, Any]:
        """What the journal keeps of it once HaloPSA has it no more."""
        return {
            "document_key": self.document_key,
            "halopsa_invoice_id": self.halopsa_id,
            "currency": self.currency,
            "lines": len(self.lines),
            "sell": self.sell,
            "cost": self.cost,
        }

    @property
    def is_ours(self) -> bool:
        """Whether we created it; else our lines are among others'."""
        return self.action == "create"

    @property
    def sell(self) -> Decimal:
        """Σ of the lines as posted."""
        return sum((line.sell for line in self.lines), Decimal(0))

    @property
    def cost(self) -> Decimal:
        """Σ of the lines' costs as posted."""
        return sum((line.cost for line in self.lines), Decimal(0))

    @property
    def kept(self) -> tuple[PostedLine, ...]:
        """The lines that no later month wrote over."""
        return tuple(line for line in self.lines if line.replaced_by is None)


@dataclass(frozen=True)
class _Change:
    """One change of ours on a recurring invoice."""

    month: str
    document_key: str
    place: int
    issue_mark: str
    slots: frozenset[str]
    written: frozenset[int]
    ended: frozenset[int]


def read_posted(session: Session, month: str, client: str | None = None) -> list[PostedDocument]:
    """The documents that stand posted for a month, of one client or of all, by client and document key."""
    rows = session.rows(
        "select * from postings where month = $month and status = 'posted' and ($client is null or client = $client) "
        "order by client, document_key",
        {"month": month, "client": client},
    )
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in session.rows(
        "select * from document_lines where month = $month and ($client is null or client = $client) "
        "order by document_key, charge_key",
        {"month": month, "client": client},
    ):
        lines[line["document_key"]].append(line)
    places = _read_places(session)
    templates = sorted({row["halopsa_invoice_id"] for row in rows if row["halopsa_invoice_id"] < 0})
    changes = _read_changes(session, templates, places)
    return [_document(row, lines[row["document_key"]], places, changes) for row in rows]


def _read_places(session: Session) -> dict[str, int]:
    """When each document was last known to be posted, as a number of the journal: a clock may stand still."""
    return {
        row["document_key"]: row["seq"]
        for row in session.rows(
            "select document_key, max(seq) as seq from posting_journal "
            "where event in (select unnest(?::text[])) and document_key is not null group by document_key",
            [list(POSTED_EVENTS)],
        )
    }


def _read_changes(
    session: Session, templates: Sequence[int], places: Mapping[str, int]
) -> dict[tuple[str, int], list[_Change]]:
    """Every change of ours on these recurring invoices, by client and recurring invoice, the oldest first.

    Of one that was released only what it ended counts: that stays ended in HaloPSA, whoever bills the rest again.
    """
    found: dict[tuple[str, int], list[_Change]] = defaultdict(list)
    for row in session.rows(
        "select postings.month, postings.client, postings.document_key, postings.halopsa_invoice_id, postings.detail, "
        "list(posted_lines.slot_key) filter (where posted_lines.slot_key is not null) as slots, "
        "list(posted_lines.halopsa_line_id) filter (where posted_lines.halopsa_line_id is not null) as written "
        "from postings left join posted_lines using (document_key) where postings.status in ('posted', 'released') "
        "and postings.halopsa_invoice_id in (select unnest(?::bigint[])) group by all",
        [list(templates)],
    ):
        detail = json.loads(row["detail"])
        document = detail["document"]
        change = _Change(
            row["month"],
            row["document_key"],
            places.get(row["document_key"], 0),
            str(document["issue_mark"]),
            frozenset(row["slots"] or ()),
            frozenset(row["written"] or ()),
            frozenset((*document["deactivate"], *detail.get("ended_before", ()))),
        )
        found[(row["client"], row["halopsa_invoice_id"])].append(change)
    return {key: sorted(changes, key=lambda one: one.place) for key, changes in found.items()}


def _document(
    row: Mapping[str, Any],
    lines: Iterable[Mapping[str, Any]],
    places: Mapping[str, int],
    changes: Mapping[tuple[str, int], Sequence[_Change]],
) -> PostedDocument:
    planned = json.loads(row["detail"])["document"]
    as_sent = {line["charge_key"]: line for line in planned["lines"]}
    place = places.get(row["document_key"], 0)
    later = [one for one in changes.get((row["client"], row["halopsa_invoice_id"]), ()) if one.place > place]
    touched = frozenset[int]().union(*(one.written | one.ended for one in later))
    return PostedDocument(
        month=row["month"],
        client=row["client"],
        document_key=row["document_key"],
        halopsa_id=row["halopsa_invoice_id"],
        action=planned["action"],
        halopsa_client_id=row["halopsa_client_id"],
        currency=row["currency"],
        currency_id=planned["currency_id"],
        invoice_date=date.fromisoformat(planned["invoice_date"]) if planned["invoice_date"] else None,
        issue_mark=str(planned.get("issue_mark") or ""),
        sent_at=row["sent_at"],
        tax=row["answered_tax"],
        lines=tuple(_line(line, as_sent.get(line["charge_key"], {}), later) for line in lines),
        ended=tuple(line_id for line_id in planned["deactivate"] if line_id not in touched),
        takes_back=bool(planned.get("reverses")),
    )


def _line(line: Mapping[str, Any], sent: Mapping[str, Any], later: Sequence[_Change]) -> PostedLine:
    replaced = None
    if line["slot_key"] is not None:
        replaced = next(
            (one for one in later if line["slot_key"] in one.slots or line["halopsa_line_id"] in one.ended), None
        )
    return PostedLine(
        charge_key=line["charge_key"],
        key=line["slot_key"] or line["charge_key"],
        slot_key=line["slot_key"],
        line_id=line["halopsa_line_id"],
        item_id=line["halopsa_item_id"],
        name=sent.get("short_description", ""),
        quantity=line["quantity"],
        unit_price=line["unit_price"],
        sell=line["sell"],
        cost=line["cost"],
        integration=sent.get("integration", ""),
        long_description=sent.get("long_description", ""),
        tax_id=sent.get("tax_id"),
        income_account=sent.get("income_account"),
        replaced_by=replaced.month if replaced is not None else None,
        is_ended=replaced is not None and not any(line["slot_key"] in one.slots for one in later),
        issue_until=replaced.issue_mark if replaced is not None else None,
    )
