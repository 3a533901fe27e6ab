"""Which of a month's documents were carried out, and by which plan: gates, approvals and review ask the same."""

from collections.abc import Collection

from billing_pipeline.resources.warehouse import Session


def read_carried_out(session: Session, month: str, statuses: Collection[str] = ("posted",)) -> set[tuple[str, str]]:
    """Document key and plan hash of what stands with one of `statuses`, or was recorded where nothing had to be sent.

    What was recorded before the client's month was released counts no more.
    """
    rows = session.rows(
        "select document_key, plan_hash from postings where month = ? and status in (select unnest(?::text[])) "
        "union select document_key, plan_hash from posting_journal as written "
        "where month = ? and event = 'corrected' and not exists (select 1 from posting_journal as later "
        "where later.event = 'released' and later.month = written.month and later.client = written.client "
        "and later.seq > written.seq)",
        [month, list(statuses), month],
    )
    return {(row["document_key"], row["plan_hash"]) for row in rows}
