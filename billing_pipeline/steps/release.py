"""Release a client's month: what was posted may be posted again, once it is proved that HaloPSA has none of it.

The journal is never edited: it says that the month was released, by whom, and which charges and how much money. All
else happens in one transaction, the new plan included, so that tables, views and gates agree at every moment.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.errors import BillingPipelineError, PostingRefused
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.open_transaction import OpenTransaction
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.settings.nearest import suggest
from billing_pipeline.steps import journal
from billing_pipeline.steps.map_companies import clients_to_redo
from billing_pipeline.steps.modify import modify
from billing_pipeline.steps.month_history import open_postings
from billing_pipeline.steps.normalize import normalize
from billing_pipeline.steps.others_lines import name_target
from billing_pipeline.steps.plan import plan
from billing_pipeline.steps.posted_ledger import PostedDocument, read_posted
from billing_pipeline.steps.posting_state import make_writer
from billing_pipeline.steps.reconcile import reconcile
from billing_pipeline.steps.record_corrections import refuse_corrected_later
from billing_pipeline.steps.standing_keys import Found, Standing, look_for_standing
from billing_pipeline.steps.work import Work

_TABLES = ("posted_lines", "posted_source_lines", "corrections", "reversals")


class StillOpen(BillingPipelineError):
    """A posting of the client's month has an outcome that nobody knows yet: nothing was released."""

    exit_code = 3


@dataclass(frozen=True)
class Released:
    """What releasing came to. Where anything is `standing` in HaloPSA nothing was released, and `documents` are those
    that would have been. `holds` keep the client from being posted again now, `awaits` is the approval that its
    new plan waits for, if it needs one."""

    month: str
    client: str
    documents: tuple[PostedDocument, ...]
    standing: tuple[Standing, ...]
    holds: tuple[str, ...] = ()
    awaits: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the month was released."""
        return not self.standing

    @property
    def money(self) -> dict[str, Decimal]:
        """What was posted, by currency."""
        money: dict[str, Decimal] = {}
        for document in self.documents:
            money[document.currency] = money.get(document.currency, Decimal(0)) + document.sell
        return money


def release(work: Work, halo: HaloClient, client: str) -> Released:
    """Release what was posted for `client` in the month of `work`, unless HaloPSA still has any of it.

    Raises PostingRefused where the journal is broken or another HaloPSA's, nothing was posted, or HaloPSA's lists lack
    rows, StillOpen where an outcome is unknown, WarehouseLocked where another process posts, and what the HaloPSA
    client raises for reads.
    Nothing was changed then, nor where the result is not done.
    """
    with work.warehouse.posting_lock(f"release {work.month} of {client}"):
        with work.warehouse.session(f"read what was posted for {client}") as session:
            _refuse(session, work, halo, client)
            documents = read_posted(session, work.month, client)
            _refuse_uncertain(session, work.month, client, documents)
        found, standing = look_for_standing(work, halo, documents)
        if standing:
            return Released(work.month, client, tuple(documents), tuple(standing))
        if found.gaps:
            raise PostingRefused(
                f"HaloPSA's lists lack rows, so that it has nothing of {work.month} of {client} is not proved "
                f"({'; '.join(found.gaps)}). Nothing was released. Run billing-pipeline release {work.month} --client "
                f"{client} again; if they stay short, ask HaloPSA's support why record_count is more than the rows."
            )
        with work.warehouse.session(f"release {work.month} of {client}") as session:
            _record(session, work, halo, client, documents, found)
            _forget(session, work.month, client, documents)
            holds = _prepare_again(session, work, halo, client, found)
            # Several currencies wait for one approval.
            sql = "select any_value(detail) from to_approve where month = ? and client = ?"
            awaits = session.value(sql, [work.month, client])
            head = journal.read_head(session)
        journal.write_head(head, work.warehouse.published / journal.HEAD_FILE)
    return Released(work.month, client, tuple(documents), (), holds, awaits)


def _refuse(session: Session, work: Work, halo: HaloClient, client: str) -> None:
    month = work.month
    said = f"Nothing was released of {client} for {month}."
    then = f"run billing-pipeline release {month} --client {client} again"
    journal.refuse_other_tenant(session, halo.address, halo.tenant, said, then)
    journal.refuse_broken(session, work.warehouse.published, said, then)
    opened = open_postings(session, month).get(client)
    if opened is not None:
        raise StillOpen(
            f"{client}: {opened}. Nothing was released for {month}. billing-pipeline close {month} --client {client} "
            "--post settles it first; then release again."
        )
    refuse_corrected_later(session, month, client, "release")
    posted = session.rows("select distinct client from postings where month = ? and status = 'posted'", [month])
    if client not in {row["client"] for row in posted} and not _is_corrected(session, month, client):
        known = sorted(row["client"] for row in posted)
        near = f" ({suggest(client, known)})" if known else ""
        raise PostingRefused(
            f"Nothing is posted for {client!r} in {month}{near}, so there is nothing to release. "
            f"billing-pipeline review {month} shows where each client stands."
        )


def _refuse_uncertain(session: Session, month: str, client: str, documents: Sequence[PostedDocument]) -> None:
    """Raise StillOpen where a change of one of these documents may still arrive: it sends every line as it was then."""
    for row in session.rows(
        "select month, client, detail from postings where status in ('sending', 'unknown') order by month, client"
    ):
        target_id = json.loads(row["detail"])["document"]["target_id"]
        if target_id is not None and target_id in {one.halopsa_id for one in documents}:
            raise StillOpen(
                f"A change of {name_target(target_id)} for {row['client']} in {row['month']} has an unknown outcome: "
                f"if it still arrives, it brings back lines that were deleted since. Nothing was released for {client} "
                f"in {month}. billing-pipeline close {row['month']} --client {row['client']} --post settles it first; "
                "then release again."
            )


def _is_corrected(session: Session, month: str, client: str) -> bool:
    """Whether only a correction without any difference stands: it sent nothing."""
    sql = "select count(*) from corrections where month = ? and client = ? and state = 'posted'"
    return bool(session.value(sql, [month, client]))


def _record(
    session: Session, work: Work, halo: HaloClient, client: str, documents: Sequence[PostedDocument], found: Found
) -> None:
    keys = session.rows(
        "select charge_key from document_lines where month = ? and client = ? union "
        "select charge_key from posted_source_lines where month = ? and client = ? order by all",
        [work.month, client, work.month, client],
    )
    detail: dict[str, Any] = {
        "charge_keys": [row["charge_key"] for row in keys],
        "document_keys": [one.document_key for one in documents],
        "documents": [one.as_released for one in documents],
    }
    journal.append(
        session,
        make_writer(halo, work.run_id),
        "released",
        work.now_utc,
        month=work.month,
        client=client,
        outcome=f"HaloPSA has none of it: {found.routes}",
        detail=detail,
    )


def _forget(session: Session, month: str, client: str, documents: Sequence[PostedDocument]) -> None:
    """Take the client's month out of what is posted. That lines of others were damaged stays told until they are
    repaired."""
    for table in _TABLES:
        session.execute(f"delete from {table} where month = ? and client = ?", [month, client])  # noqa: S608
    keys = [one.document_key for one in documents]
    session.execute(
        "update postings set status = 'released' where month = ? and client = ? and status = 'posted'", [month, client]
    )
    session.execute(
        "delete from findings where month = ? and client = ? and (step = 'verify' or (step = 'post' "
        "and kind <> 'others_changed' and document_key in (select unnest(?::text[]))))",
        [month, client, keys],
    )


def _prepare_again(session: Session, work: Work, halo: HaloClient, client: str, found: Found) -> tuple[str, ...]:
    """Make the client's slices anew from what was fetched last, so that every line has its fate; what holds it."""
    clients = clients_to_redo(session, work.config, work.month, [client])
    inside = replace(work, clients=tuple(clients), warehouse=OpenTransaction(work.warehouse, session))
    normalize(inside)
    modify(inside)
    reconcile(inside)
    plan(inside, (), lambda _: list(found.listed), halo.address)
    rows = session.rows(
        "select distinct reason, detail from holds where month = ? and client = ? order by all", [work.month, client]
    )
    return tuple(f"{row['detail']} ({row['reason']})" for row in rows)
