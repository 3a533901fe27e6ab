"""What a posting run comes to, and how the outcome of each document is written down."""

from collections.abc import Callable
from dataclasses import dataclass, field

from billing_pipeline.billing.errors import NotWritten
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.halo_documents import FoundDocument, Row, differences
from billing_pipeline.steps.posting_state import (
    Posting,
    write_finding,
    write_posted,
    write_status,
)

# After these nothing else would get through either: every further document waits for the next run.
STOPS_THE_RUN = (None, 401, 403)


@dataclass
class PostingResult:
    """What a posting run came to; documents by their fate. `stopped` says why the rest was not tried.

    `rewritten` are existing documents that were changed: the hash that they were planned on, and that of now.
    `uncertain` are those that were sent a change of which nobody knows whether it arrived, or still will.
    `shared` are those that more than one document of the run changes. `replacing` are the kinds of changes after which
    a document was read again in this run and had its lines replaced, as it should.
    `full` is how HaloPSA refused the document that was sent last because its window was full.
    """

    posted: list[str] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    read_back: int = 0
    stopped: str | None = None
    rewritten: dict[int, tuple[str, str]] = field(default_factory=dict)
    uncertain: set[int] = field(default_factory=set)
    shared: set[int] = field(default_factory=set)
    replacing: set[str] = field(default_factory=set)
    full: NotWritten | None = None
    head: journal.JournalHead = field(default_factory=lambda: journal.JournalHead(0, journal.GENESIS))


class Outcomes:
    """The outcome of the document sent last, written together with the intent of the next: one transaction less
    a document. A process that dies in between leaves `sending`, which the next run settles by looking."""

    def __init__(self, posting: Posting) -> None:
        self._posting = posting
        self._kept: Callable[[Session], None] | None = None

    def keep(self, write: Callable[[Session], None]) -> None:
        """Keep what is to be written next. What is kept already is written now: not every step writes an intent."""
        self.write()
        self._kept = write

    def write(self, session: Session | None = None) -> None:
        """Write what is kept, in `session` or in a transaction of its own."""
        if self._kept is None:
            return
        if session is None:
            with self._posting.work.warehouse.session("write what was posted") as own:
                self._kept(own)
        else:
            self._kept(session)
        self._kept = None


def write_not_taken(posting: Posting, document: Row, plan_hash: str, said: str, session: Session) -> None:
    """Write that HaloPSA surely did not take the document now; it is sent again once its window has passed."""
    write_status(session, posting, "not_written", document, plan_hash, said)


def write_refused(posting: Posting, document: Row, plan_hash: str, said: str, session: Session) -> None:
    """Write that HaloPSA surely did not take the document."""
    write_status(session, posting, "not_written", document, plan_hash, said)
    write_finding(session, posting, "refused", document, f"it was refused: {said}")


def write_unknown(posting: Posting, document: Row, plan_hash: str, said: str, session: Session) -> None:
    """Write that nobody knows whether HaloPSA took the document."""
    write_status(session, posting, "unknown", document, plan_hash, said)
    # It may have waited for its turn among the requests after its intent was written.
    session.execute(
        "update postings set sent_at = ? where document_key = ? and status = 'unknown'",
        [posting.now, document["document_key"]],
    )


def write_answer(posting: Posting, document: Row, plan_hash: str, found: FoundDocument, session: Session) -> None:
    """Write that HaloPSA answered with the document, and how it differs from the planned one."""
    write_posted(session, posting, "posted", document, plan_hash, found, differences(document, found))
