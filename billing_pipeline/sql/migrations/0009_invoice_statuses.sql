-- What became of posted invoices after their month was closed: closing a later month looks back at them.

create table invoice_statuses (
    fetch_id bigint,
    month text,
    invoice_id text,
    status text,
    listed boolean,
    seen_at timestamp
);
