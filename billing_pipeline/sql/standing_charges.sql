-- What stands billed for invoices that are not to be billed, of the month and of earlier ones: one row a charge. What an
-- earlier correction took the place of does not stand any more; what it put there does.
-- Reads: posted_lines, corrections, reversals, posted_source_lines, normalized_charges, postings; frames credited_invoices, scope_clients.
with done as (
    select *
    from corrections
    where state = 'posted'
),

billed as (
    select
        month,
        client,
        currency,
        invoice_id,
        charge_key,
        charge_key as billed_charge_key,
        sell,
        cost,
        source_sell,
        source_cost
    from posted_lines
    where charge_key not in (select charge_key from done where charge_key is not null)
    union all by name
    select
        done.month,
        done.client,
        done.currency,
        source.invoice_id,
        done.new_charge_key as charge_key,
        done.billed_charge_key,
        done.new_sell as sell,
        done.new_cost as cost,
        done.new_source_sell as source_sell,
        done.new_source_cost as source_cost
    from done
    join (
        select
            charge_key,
            any_value(invoice_id) as invoice_id
        from posted_source_lines
        group by charge_key
    ) as source on source.charge_key = done.new_charge_key
),

first_lines as (
    select
        posted.charge_key,
        any_value(posted.row_kind) as row_kind,
        any_value(posted.collapse_group) as collapse_group,
        arg_min(source.line_no, source.line_no) as line_no,
        min(source.invoice_date) as invoice_date,
        arg_min(source.line_class, source.line_no) as line_class,
        arg_min(source.subscription_id, source.line_no) as subscription_id,
        arg_min(source.product_id, source.line_no) as product_id,
        arg_min(source.sku, source.line_no) as sku,
        arg_min(source.term, source.line_no) as term,
        arg_min(coalesce(source.product_name, source.description, ''), source.line_no) as name,
        min(source.period_start) as period_start,
        max(source.period_end) as period_end
    from posted_source_lines as posted
    join normalized_charges as source on source.line_key = posted.line_key
    where source.invoice_id in (select invoice_id from credited_invoices)
    group by posted.charge_key
)

select
    billed.client,
    billed.currency,
    billed.invoice_id,
    billed.charge_key,
    billed.billed_charge_key,
    billed.sell,
    billed.cost,
    billed.source_sell,
    billed.source_cost,
    lines.document_key,
    lines.integration,
    lines.halopsa_invoice_id,
    postings.fetch_id as posted_fetch,
    postings.detail as posted_document,
    coalesce(first_lines.row_kind, 'line') as row_kind,
    first_lines.collapse_group,
    coalesce(first_lines.line_no, 0) as line_no,
    coalesce(first_lines.invoice_date, invoices.invoice_date) as invoice_date,
    coalesce(first_lines.line_class, '') as line_class,
    first_lines.subscription_id,
    coalesce(first_lines.product_id, '') as product_id,
    coalesce(first_lines.sku, '') as sku,
    coalesce(first_lines.term, '') as term,
    coalesce(first_lines.name, '') as name,
    first_lines.period_start,
    first_lines.period_end
from billed
join credited_invoices as invoices on invoices.invoice_id = billed.invoice_id
join posted_lines as lines on lines.charge_key = billed.billed_charge_key
left join postings on postings.document_key = lines.document_key and postings.status = 'posted'
left join first_lines on first_lines.charge_key = billed.charge_key
where
    billed.client in (select client from scope_clients)
    and billed.charge_key not in (select old_charge_key from done where old_charge_key is not null)
    -- What was taken back on a credit of its own stands billed no more.
    and billed.billed_charge_key not in (select reversed_charge_key from reversals)
    -- What a later month is about to put in its place is decided there.
    and billed.charge_key not in (
        select pending.old_charge_key
        from corrections as pending
        join credited_invoices as own on own.invoice_id = pending.credited_invoice_id
        where
            pending.old_charge_key is not null
            and pending.state <> 'posted'
            and pending.month > getvariable('month')
            and own.month = getvariable('month')
    )
order by billed.client, invoice_date, billed.invoice_id, line_no, billed.charge_key
