"""The rows of the page: a client in one currency, with its documents, holds and lines, and what it can be found by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.billing.document_changes import LineChange
from billing_pipeline.commands.review_words import name_state
from billing_pipeline.steps.month_review import ClientReview, MonthReview, SourceLine
from billing_pipeline.steps.month_summary import ClientMonth, Finding, HeldCause
from billing_pipeline.steps.review_documents import DocumentReview

_ZERO = Decimal(0)
# What the rows can be filtered by, in the order shown: (name, words, whether it tells what changes or how it stands).
WHAT = (("create", "creates an invoice"), ("change", "changes a document"), ("inactive", "makes lines inactive"))
STANDS = (
    ("to_approve", "to approve"),
    ("to_post", "to post"),
    ("posted", "posted"),
    ("reversed", "reversed"),
    ("held", "held"),
    ("unknown", "outcome unknown"),
    ("stale", "to prepare again"),
    ("nothing", "nothing to bill"),
)


@dataclass(frozen=True)
class Entry:
    """One client in one currency. `tags` are names of `WHAT` and `STANDS`."""

    client: ClientReview
    currency: str
    state: str
    tags: tuple[str, ...]
    lines: int
    sell: Decimal
    cost: Decimal
    held_sell: Decimal
    previous_sell: Decimal | None
    change: Decimal | None
    documents: tuple[DocumentReview, ...]
    holds: tuple[HeldCause, ...]
    not_billed: tuple[SourceLine, ...]
    findings: tuple[Finding, ...]
    sources: Mapping[str, SourceLine]

    @property
    def is_mixed(self) -> bool:
        """Whether its source lines are of several invoices, so that a line's number alone does not name it."""
        return len({line.invoice_id for line in self.sources.values()}) > 1

    def sources_of(self, line: LineChange) -> list[SourceLine]:
        """The source lines that a document line bills, in the order of the invoice."""
        return [self.sources[key] for key in line.line_keys if key in self.sources]

    def invoices_of(self, document: DocumentReview) -> list[str]:
        """The distributor's invoices whose charges a document bills."""
        return sorted({source.invoice_id for line in document.lines for source in self.sources_of(line)})

    def count(self, change: str) -> int:
        """How many document lines are `added`, `changed` or `made_inactive`."""
        return sum(document.count(change) for document in self.documents)


def make_entries(review: MonthReview) -> list[Entry]:
    """The rows in the order of the clients."""
    return [entry for client in review.clients for entry in _entries_of(client)]


def _entries_of(client: ClientReview) -> list[Entry]:
    months = {month.currency: month for month in client.months}
    currencies = list(dict.fromkeys([*months, *(document.currency for document in client.documents)])) or [""]
    sources = {line.line_key: line for line in client.source_lines}
    # What has no currency of its own is told with the first.
    homeless = [cause for cause in client.holds if cause.currency not in currencies]
    entries = []
    for place, currency in enumerate(currencies):
        documents = tuple(one for one in client.documents if one.currency == currency)
        holds = [cause for cause in client.holds if cause.currency == currency] + (homeless if not place else [])
        month = months.get(currency)
        state = _name_state(month, documents, held=bool(holds))
        entries.append(
            Entry(
                client=client,
                currency=currency,
                state=state,
                tags=_tags(client, documents, held=bool(holds) or state == "held", is_reversed=state == "reversed"),
                lines=month.lines if month is not None else 0,
                sell=month.sell if month is not None else _ZERO,
                cost=month.cost if month is not None else _ZERO,
                held_sell=month.held_sell if month is not None else _ZERO,
                previous_sell=month.previous_sell if month is not None else None,
                change=month.change if month is not None else None,
                documents=documents,
                holds=tuple(holds),
                not_billed=tuple(one for one in client.not_billed if one.currency == currency),
                findings=client.findings if not place else (),
                sources=sources,
            )
        )
    return entries


def _name_state(month: ClientMonth | None, documents: Sequence[DocumentReview], *, held: bool) -> str:
    state = name_state(month) if month is not None else "nothing"
    if state != "nothing":
        return state
    # Lines that only end have no money: their document stands in no sum.
    stages = {document.stage for document in documents}
    if held or "held" in stages:
        return "held"
    if "to_approve" in stages:
        return "to_approve"
    if "posted" in stages:
        return "partly" if "to_post" in stages else "posted"
    return "planned" if stages else "nothing"


def _tags(
    client: ClientReview, documents: Sequence[DocumentReview], *, held: bool, is_reversed: bool
) -> tuple[str, ...]:
    found: set[str] = set()
    for document in documents:
        found.add(document.stage)
        if document.action == "create":
            found.add("create")
        elif document.action != "record":
            found.add("change")
        if document.count("made_inactive"):
            found.add("inactive")
    if held:
        found.add("held")
    if is_reversed:
        found.add("reversed")
    if client.stale is not None:
        found.add("stale")
    if not found:
        found.add("nothing")
    return tuple(name for name, _ in (*WHAT, *STANDS) if name in found)
