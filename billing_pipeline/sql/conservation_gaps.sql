-- Currencies in which the stored invoice lines and the dispositions differ. No row means all is explained.
-- Clients that wait to be prepared are left out: a close of some clients says nothing about the others.
-- Reads: frames checked_invoices, company_clients, decided_clients, waiting_clients.
with sized_items as (
    select
        *,
        coalesce(greatest(
            abs(case $sell_field when 'subTotal' then sub_total else total end), abs(cost_total)
        ) >= 1000000000000000, false) as is_too_large
    from raw_invoice_items
),

source as (
    select
        coalesce(upper(items.currency), '') as currency,
        count(*) as lines,
        coalesce(sum(case $sell_field when 'subTotal' then items.sub_total else items.total end)
            filter (where not list_has_any(items.too_precise, [$sell_field, $cost_field, 'quantity'])
                and not items.is_too_large), 0) as sell,
        coalesce(sum(items.cost_total)
            filter (where not list_has_any(items.too_precise, [$sell_field, $cost_field, 'quantity'])
                and not items.is_too_large), 0) as cost
    from sized_items as items
    join checked_invoices using (invoice_id, content_hash)
    left join company_clients on company_clients.company_id = items.company_id
    left join posted_source_lines as posted on posted.line_key = items.line_key
    left join decided_clients on decided_clients.line_key = items.line_key
    where coalesce(posted.client, decided_clients.client, company_clients.client, 'unassigned') not in (select client from waiting_clients)
    group by 1
),

fates as (
    select
        coalesce(currency, '') as currency,
        count(*) as lines,
        count(*) filter (where disposition is null) as without_fate,
        coalesce(sum(sell), 0) as sell,
        coalesce(sum(cost), 0) as cost
    from dispositions
    where month = $month and client not in (select client from waiting_clients)
    group by 1
)

select
    coalesce(source.currency, fates.currency) as currency,
    coalesce(source.lines, 0) as source_lines,
    coalesce(fates.lines, 0) as explained_lines,
    coalesce(fates.without_fate, 0) as lines_without_fate,
    coalesce(source.sell, 0) - coalesce(fates.sell, 0) as sell_gap,
    coalesce(source.cost, 0) - coalesce(fates.cost, 0) as cost_gap
from source
full join fates on fates.currency = source.currency
where
    coalesce(source.lines, 0) <> coalesce(fates.lines, 0)
    or coalesce(fates.without_fate, 0) > 0
    or coalesce(source.sell, 0) <> coalesce(fates.sell, 0)
    or coalesce(source.cost, 0) <> coalesce(fates.cost, 0)
order by 1
