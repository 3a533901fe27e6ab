"""Credits of a client's month that HaloPSA has no more: what they took back is billed, and may be taken back again."""

from collections.abc import Sequence
from typing import Any

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.billing.money import show_amount
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.posted_ledger import PostedDocument, read_posted
from billing_pipeline.steps.posting_state import Posting
from billing_pipeline.steps.standing_keys import ROUTES, look_for_standing


def find_gone_credits(posting: Posting) -> tuple[PostedDocument, ...]:
    """The posted credits of the month of the one client of the run that are gone, proved as `release` proves it.

    Raises PostingRefused where one is gone and its keys still stand somewhere, and what HaloPSA raises for reads.
    """
    work, halo = posting.work, posting.halo
    with work.warehouse.session("read what was taken back") as session:
        posted = [one for one in read_posted(session, work.month, work.clients[0]) if one.takes_back]
    gone = [one for one in posted if halo.invoice(one.halopsa_id) is None]
    if not gone:
        return ()
    found, standing = look_for_standing(work, halo, gone)
    if standing:
        raise PostingRefused(
            f"{work.month} of {work.clients[0]} was not taken back: {name_credits(gone)} is gone, but what it took "
            f"back still stands: {' '.join(one.told for one in standing)} Then run billing-pipeline reverse "
            f"{work.month} --client {work.clients[0]} again."
        )
    if found.gaps:
        raise PostingRefused(
            f"{work.month} of {work.clients[0]} was not taken back: {name_credits(gone)} is gone, but HaloPSA's lists "
            f"lack rows ({'; '.join(found.gaps)}), so that nobody knows whether what it took back still stands. Run "
            f"billing-pipeline reverse {work.month} --client {work.clients[0]} again."
        )
    return tuple(gone)


def name_credits(taken_back: Sequence[PostedDocument]) -> str:
    """Credits by HaloPSA's id and money, as texts name them."""
    return ", ".join(f"the credit {one.halopsa_id} over {show_amount(one.sell, one.currency)}" for one in taken_back)


def forget_gone_credits(session: Session, posting: Posting, gone: Sequence[PostedDocument]) -> None:
    """Write that HaloPSA has none of these credits: the journal keeps their keys and money, the books drop them, and
    approvals of them count no more."""
    keys = [one.document_key for one in gone]
    detail: dict[str, Any] = {
        "charge_keys": [line.charge_key for one in gone for line in one.lines],
        "document_keys": keys,
        "documents": [one.as_released for one in gone],
    }
    journal.append(
        session,
        posting.writer,
        "credit_released",
        posting.now,
        month=posting.work.month,
        client=posting.work.clients[0],
        outcome=f"HaloPSA has none of it: {ROUTES}",
        detail=detail,
    )
    for sql in (
        "delete from reversals where document_key in (select unnest(?::text[]))",
        "delete from findings where document_key in (select unnest(?::text[]))",
        "update postings set status = 'released' where document_key in (select unnest(?::text[]))",
    ):
        session.execute(sql, [keys])
