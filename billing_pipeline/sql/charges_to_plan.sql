-- What is left to bill, with all that a document line says. One row a charge, in no promised order.
select
    reconciled.client,
    reconciled.charge_key,
    reconciled.integration,
    reconciled.invoice_id,
    coalesce(normalized.invoice_date, invoices.invoice_date) as invoice_date,
    reconciled.line_no,
    reconciled.row_kind,
    reconciled.line_class,
    coalesce(modified.product_id, '') as product_id,
    coalesce(modified.product_name, '') as product_name,
    coalesce(modified.sku, '') as sku,
    coalesce(modified.term, '') as term,
    coalesce(normalized.description, '') as description,
    normalized.purchase_order,
    normalized.subscription_id,
    coalesce(normalized.period_start, members.period_start) as period_start,
    coalesce(normalized.period_end, members.period_end) as period_end,
    reconciled.currency,
    reconciled.quantity,
    reconciled.price,
    reconciled.sell,
    reconciled.cost,
    reconciled.halopsa_item_id as item_id,
    reconciled.item_reference,
    reconciled.income_account,
    reconciled.expense_account,
    reconciled.tax_id,
    reconciled.block_reason,
    reconciled.block_detail,
    modified.source_line_id,
    modified.collapse_group,
    modified.setting_level,
    coalesce(members.line_keys, [modified.line_key]) as line_keys,
    case
        when modified.row_kind = 'collapsed' and members.azure_subscriptions = 1 then members.azure_text
        when modified.row_kind = 'line' and normalized.azure_subscription_id is not null then normalized.description
        else ''
    end as azure_text
from reconciled_items as reconciled
join modified_charges as modified
    on modified.month = reconciled.month
    and modified.client = reconciled.client
    and modified.charge_key = reconciled.charge_key
    and modified.row_kind = reconciled.row_kind
left join normalized_charges as normalized
    on normalized.month = modified.month
    and normalized.client = modified.client
    and normalized.line_key = modified.line_key
left join (
    select
        collapsed.month,
        collapsed.client,
        collapsed.charge_key,
        min(source.period_start) as period_start,
        max(source.period_end) as period_end,
        count(distinct coalesce(source.azure_subscription_id, '')) as azure_subscriptions,
        coalesce(arg_min(source.description, source.line_no) filter (where source.azure_subscription_id is not null), '')
            as azure_text,
        list(source.line_key order by source.line_no, source.line_key) as line_keys
    from modified_charges as collapsed
    join normalized_charges as source
        on source.month = collapsed.month
        and source.client = collapsed.client
        and source.line_key = collapsed.line_key
    where collapsed.outcome = 'collapsed'
    group by all
) as members
    on modified.row_kind = 'collapsed'
    and members.month = modified.month
    and members.client = modified.client
    and members.charge_key = modified.charge_key
left join (
    select invoice_id, max(invoice_date) as invoice_date
    from raw_invoices
    group by invoice_id
) as invoices on invoices.invoice_id = reconciled.invoice_id
where reconciled.month = getvariable('month') and reconciled.client in (select client from scope_clients)
