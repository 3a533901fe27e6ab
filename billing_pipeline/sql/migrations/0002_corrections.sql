-- Invoices that are credited after their charges were posted: what was billed for them, and what takes its place.

-- The newest fetch when a document was sent: what the distributor listed later was not seen at posting.
alter table postings add column fetch_id bigint;

create table corrections (
    month text,
    client text,
    currency text,
    state text,
    document_key text,
    credited_invoice_id text,
    replacement_invoice_id text,
    name text,
    old_charge_key text,
    new_charge_key text,
    charge_key text,
    billed_charge_key text,
    old_document_key text,
    old_halopsa_invoice_id bigint,
    old_sell decimal(28, 10),
    old_cost decimal(28, 10),
    old_source_sell decimal(28, 10),
    old_source_cost decimal(28, 10),
    new_sell decimal(28, 10),
    new_cost decimal(28, 10),
    new_source_sell decimal(28, 10),
    new_source_cost decimal(28, 10),
    recorded_at timestamp
);
