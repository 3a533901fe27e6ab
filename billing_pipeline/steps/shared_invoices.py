"""Invoices that we made and that other documents of ours were added to since, as `latest` does with a late charge."""

from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.halo_documents import FoundDocument, Row, key_in_halo, read_document


def read_own_part(session: Session, row: Row, document: Row, fields: HaloPsaFields) -> FoundDocument:
    """The HaloPSA invoice `row` as far as it is the planned document, without what came with other documents of ours,
    of any month and client, posted or still under way."""
    found = read_document(row, document, fields)
    planned = {key_in_halo(line) for line in document["lines"]}
    if document["action"] != "create" or all(line.charge_key in planned for line in found.lines):
        return found
    added = session.rows(
        "select charge_key from document_lines where halopsa_invoice_id = $id and document_key <> $key "
        "union select unnest(json_extract_string(detail, '$.document.lines[*].charge_key')) from postings "
        "where status in ('sending', 'unknown') and document_key <> $key "
        "and json_extract_string(detail, '$.document.target_id')::bigint = $id",
        {"id": found.invoice_id, "key": document["document_key"]},
    )
    return read_document(row, document, fields, {line["charge_key"] for line in added})
