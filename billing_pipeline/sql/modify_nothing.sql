-- A modifier failed on the lines of these clients: every line that is left to bill is blocked, and nothing is collapsed.
-- Reads: normalized_charges, posted_source_lines; the frame scope_clients; the variable failure, what failed.
delete from modified_charges
where month = getvariable('month') and client in (select client from scope_clients);

delete from findings
where
    month = getvariable('month')
    and step = 'modify'
    and client in (select client from scope_clients)
    and (charge_key is null or charge_key not in (select charge_key from posted_lines));

insert into modified_charges by name
select
    normalized.month,
    normalized.client,
    normalized.integration,
    coalesce(posted.charge_key, normalized.line_key) as charge_key,
    normalized.line_key,
    'line' as row_kind,
    normalized.invoice_id,
    normalized.source_line_id,
    normalized.line_no,
    normalized.line_class,
    normalized.currency,
    normalized.quantity,
    normalized.price,
    normalized.sell,
    normalized.cost,
    normalized.product_id,
    normalized.sku,
    normalized.term,
    coalesce(normalized.product_name, normalized.description) as product_name,
    case
        when posted.line_key is not null then 'settled'
        when normalized.exclude_reason is not null then 'excluded'
        else 'blocked'
    end as outcome,
    case
        when posted.line_key is not null then null
        else coalesce(normalized.exclude_reason, normalized.block_reason, 'rule_failed')
    end as reason,
    case
        when posted.line_key is not null or normalized.exclude_reason is not null then null
        else coalesce(normalized.block_detail, getvariable('failure'))
    end as detail
from normalized_charges as normalized
left join posted_source_lines as posted on posted.line_key = normalized.line_key
where normalized.month = getvariable('month') and normalized.client in (select client from scope_clients);
