-- One row a credited invoice, the invoice that takes its place, client, currency and state: billed, due, difference.
-- What a later month puts in the place of this month's charges is told here too.
-- Reads: corrections, raw_invoices; frame last_statuses.
select
    corrections.month,
    corrections.credited_invoice_id,
    statuses.status as credited_status,
    coalesce(statuses.month, corrections.month) as credited_month,
    corrections.replacement_invoice_id,
    corrections.client,
    corrections.currency,
    corrections.state,
    cast(sum(corrections.old_sell) as decimal(38, 18)) as billed_sell,
    cast(sum(corrections.old_cost) as decimal(38, 18)) as billed_cost,
    cast(sum(corrections.new_sell) as decimal(38, 18)) as due_sell,
    cast(sum(corrections.new_cost) as decimal(38, 18)) as due_cost,
    count(corrections.charge_key) as differing,
    count(*) - count(corrections.charge_key) as unchanged
from corrections
left join last_statuses as statuses on statuses.invoice_id = corrections.credited_invoice_id
where
    (corrections.month = $month or (corrections.month > $month and statuses.month = $month))
    and ($everyone or corrections.client in (select unnest($clients::text[])))
group by all
order by
    corrections.month,
    corrections.credited_invoice_id,
    corrections.replacement_invoice_id nulls last,
    abs(sum(corrections.new_sell - corrections.old_sell)) desc,
    corrections.client,
    corrections.currency,
    corrections.state
