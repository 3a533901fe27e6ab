-- Every source line of a month with its one fate, in the order of the invoices: what stands behind a document line.
select
    fates.client,
    normalized.line_key,
    fates.integration,
    fates.invoice_id,
    fates.line_no,
    fates.source_line_id,
    coalesce(normalized.company_name, '') as company_name,
    coalesce(normalized.product_name, normalized.sku, '') as product,
    coalesce(normalized.description, '') as description,
    normalized.period_start,
    normalized.period_end,
    normalized.quantity,
    coalesce(fates.charged_currency, '') as currency,
    fates.charged_sell as sell,
    fates.charged_cost as cost,
    coalesce(fates.line_class, '') as line_class,
    fates.disposition,
    fates.reason,
    fates.setting_level,
    fates.charge_key,
    fates.decisions,
    fates.currency as sent_currency,
    fates.sell as sent_sell,
    fates.cost as sent_cost
from traced_lines as fates
join normalized_charges as normalized
    on normalized.month = fates.month
    and normalized.client = fates.client
    and normalized.integration = fates.integration
    and normalized.invoice_id = fates.invoice_id
    and normalized.line_no = fates.line_no
where fates.month = $month and ($everyone or fates.client in (select unnest($clients::text[])))
order by fates.client, fates.integration, fates.invoice_id, fates.line_no
