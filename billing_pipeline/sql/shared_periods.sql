-- What a credited invoice and one of a later month both charge for, and in which periods: a replacement repeats the
-- periods of what it replaces, the regular invoice of the next month has later ones. One row a pair that shares a thing.
-- Reads: raw_invoice_items; frame compared_invoices (invoice_id, content_hash, credited).
with things as (
    select distinct
        invoices.invoice_id,
        invoices.credited,
        items.start_period,
        concat_ws(
            '|',
            coalesce(items.company_id, ''),
            coalesce(items.currency, ''),
            lower(coalesce(items.type, '')),
            coalesce(items.subscription_id, concat_ws('|', items.product_id, items.sku, items.term, items.description))
        ) as thing
    from raw_invoice_items as items
    join compared_invoices as invoices using (invoice_id, content_hash)
    where items.start_period is not null
),

shared as (
    select
        credited.invoice_id as credited_invoice_id,
        later.invoice_id,
        later.thing,
        bool_or(later.start_period = credited.start_period) as is_same,
        bool_and(later.start_period > credited.start_period) as is_later
    from things as credited
    join things as later on later.thing = credited.thing and not later.credited
    where credited.credited
    group by all
)

select
    credited_invoice_id,
    invoice_id,
    count(*) filter (where is_same) as same,
    count(*) filter (where is_later) as later
from shared
group by all
