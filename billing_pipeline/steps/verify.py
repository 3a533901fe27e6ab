"""Verify a month: the journal is whole, every cent of the invoice is explained, and HaloPSA still has what was posted.

HaloPSA is read in bulk; a document is asked for by itself only where the bulk read does not have it. What differs is
written down and told, and never repaired.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from time import monotonic
from typing import Any

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.billing.finding_kinds import CLOSED_MEANWHILE
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps import journal
from billing_pipeline.steps.changed_lines import is_issued_from
from billing_pipeline.steps.drift import Drift, find_drift
from billing_pipeline.steps.halo_documents import Row
from billing_pipeline.steps.ledger_checks import find_unexplained, find_unjournalled
from billing_pipeline.steps.month_history import open_postings
from billing_pipeline.steps.posted_ledger import PostedDocument, read_posted
from billing_pipeline.steps.posting_state import make_writer
from billing_pipeline.steps.settle import look_since, name_gaps
from billing_pipeline.steps.stray_keys import find_stray_keys
from billing_pipeline.steps.verified_month import Verified, figures_of, prove_clients
from billing_pipeline.steps.work import Work


def verify(work: Work, halo: HaloClient) -> Verified:
    """Prove the month of `work` anew, and write down what was found; `work.clients` are not needed.

    Raises PostingRefused where the journal is broken, cut off, or another HaloPSA's, BillingPipelineError where the
    month was never fetched, and what the HaloPSA client raises for reads: then nothing is written.
    """
    started = monotonic()
    with work.warehouse.session(f"read what was posted for {work.month}") as session:
        if not session.value("select count(*) from raw_fetches where month = ?", [work.month]):
            raise BillingPipelineError(
                f"{work.month} was never fetched into {work.warehouse.path}: close it first "
                f"(billing-pipeline close {work.month})."
            )
        said, then = f"Nothing of {work.month} is proved.", f"run billing-pipeline verify {work.month} again"
        journal.refuse_other_tenant(session, halo.address, halo.tenant, said, then)
        journal.refuse_broken(session, work.warehouse.published, said, then)
        before = read_posted(session, work.month)
    rows, gap = _read_halopsa(halo, before, work.month)
    with work.warehouse.session(f"write what verifying {work.month} found") as session:
        # Somebody may have posted or released meanwhile: what was read then says nothing of that.
        seen = {document.document_key for document in before}
        verified = _compare(session, work, read_posted(session, work.month), seen, rows, gap)
        _store(session, work, verified)
        _forget_closed(session, before, verified, rows, work.config.settings.halopsa_fields)
        head = journal.append(
            session,
            make_writer(halo, work.run_id),
            "verified",
            work.now_utc,
            month=work.month,
            outcome="as posted" if verified.agrees else f"differences found: {verified.differences}",
            detail=figures_of(verified),
        )
        seconds = Decimal(int((monotonic() - started) * 1000)) / 1000
        session.log_step("verify", work.month, len(verified.clients), verified.lines, seconds, work.run_id)
    journal.write_head(head, work.warehouse.published / journal.HEAD_FILE)
    return verified


def _read_halopsa(
    halo: HaloClient, documents: Sequence[PostedDocument], month: str
) -> tuple[dict[int, Row], str | None]:
    """HaloPSA's documents by id: all since well before the month, all recurring ones, and each of ours by itself that
    was not among them, for an agent may have moved it to an earlier date. Beside them, why others of ours may be there
    all the same, None where they may not."""
    dated = [{"invoice_date": one.invoice_date.isoformat()} for one in documents if one.invoice_date is not None]
    lists = [halo.invoices(since=look_since(dated, month)), halo.recurring_invoices()]
    rows: dict[int, Row] = {int(row["id"]): row for listed in lists for row in listed}
    for halopsa_id in sorted({document.halopsa_id for document in documents} - rows.keys()):
        row = halo.recurring_invoice(halopsa_id) if halopsa_id < 0 else halo.invoice(halopsa_id)
        if row is not None:
            rows[halopsa_id] = row
    return rows, name_gaps(*lists)


def _compare(
    session: Session,
    work: Work,
    posted: Sequence[PostedDocument],
    seen: Collection[str],
    rows: Mapping[int, Row],
    gap: str | None,
) -> Verified:
    month, fields = work.month, work.config.settings.halopsa_fields
    documents = [one for one in posted if one.document_key in seen]
    drift: list[Drift] = []
    for document in documents:
        row = rows.get(document.halopsa_id)
        drift += find_drift(document, row, fields, taxed_by_halopsa=_is_taxed_by_halopsa(work, document))
    clients = {row.halopsa_client_id: row.client for row in work.config.clients if row.halopsa_client_id is not None}
    drift += find_stray_keys(session, month, list(rows.values()), documents, clients, fields)
    drift.sort(key=lambda one: (one.client is None, one.client or "", one.halopsa_id, one.line_id or 0, one.kind))
    held = session.value("select count(distinct client) from holds where month = ?", [month])
    opened = open_postings(session, month)
    return Verified(
        month=month,
        clients=tuple(prove_clients(session, month, documents, drift)),
        documents=len(documents),
        lines=sum(len(document.lines) for document in documents),
        replaced_by=dict(
            sorted(Counter(line.replaced_by for one in documents for line in one.lines if line.replaced_by).items())
        ),
        drift=tuple(drift),
        unexplained=(
            *find_unexplained(session, work),
            *find_unjournalled(session, month, posted),
            *([] if gap is None else [f"whether anything of {month} is there twice is not known: {gap}"]),
        ),
        opened=tuple(f"{client}: {said}" for client, said in sorted(opened.items())),
        held_clients=int(held),
        head=journal.read_head(session),
        noted=journal.read_noted_head(work.warehouse.published / journal.HEAD_FILE),
    )


def _is_taxed_by_halopsa(work: Work, document: PostedDocument) -> bool:
    """Whether no accounting computes the tax of any line anew."""
    integrations = {line.integration for line in document.lines}
    engines = {work.config.resolve(document.client, name).charge.tax_engine for name in integrations}
    return engines <= {"halopsa", "none"}


def _store(session: Session, work: Work, verified: Verified) -> None:
    """Write the findings of this month in the place of those of the last time."""
    session.execute("delete from findings where month = ? and step = 'verify'", [work.month])
    rows: list[dict[str, Any]] = [
        {
            "month": work.month,
            "client": one.client,
            "charge_key": one.charge_key,
            "document_key": one.document_key,
            "step": "verify",
            "kind": one.kind,
            "detail": one.told,
            "currency": one.currency or None,
            "sell": one.difference,
        }
        for one in verified.drift
    ]
    rows += [
        {"month": work.month, "step": "verify", "kind": "not_explained", "detail": said}
        for said in verified.unexplained
    ]
    session.insert("findings", rows)


def _forget_closed(
    session: Session,
    documents: Sequence[PostedDocument],
    verified: Verified,
    rows: Mapping[int, Row],
    fields: HaloPsaFields,
) -> None:
    """Documents that were closed while they were changed, and whose lines stand as posted all the same, are told no
    more: of a recurring invoice, the lines of an invoice that HaloPSA issued from it."""
    differing = {drift.document_key for drift in verified.drift}
    proved = [
        one.document_key
        for one in documents
        if one.document_key not in differing
        and (one.halopsa_id > 0 or any(is_issued_from(row, one, fields) for row in rows.values()))
    ]
    session.execute(
        "delete from findings where kind = ? and document_key in (select unnest(?::text[]))",
        [CLOSED_MEANWHILE, proved],
    )
