-- The status of each invoice as it was seen last, when its own month was fetched or when a later month looked back.
-- Reads: raw_fetches, raw_invoices, invoice_statuses.
with seen as (
    select
        fetches.fetch_id,
        invoices.invoice_id,
        invoices.month,
        coalesce(invoices.status, '') as status,
        true as listed
    from (
        select fetch_id, unnest(invoice_versions) as version_id
        from raw_fetches
        where integration = 'pax8'
    ) as fetches
    join raw_invoices as invoices using (version_id)
    union all
    select
        fetch_id,
        invoice_id,
        month,
        status,
        listed
    from invoice_statuses
)

select
    invoice_id,
    arg_max(month, fetch_id) as month,
    arg_max(status, fetch_id) as status,
    arg_max(listed, fetch_id) as listed
from seen
group by invoice_id
