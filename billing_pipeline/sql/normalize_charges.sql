-- Source lines of a month in one shape: typed, classified, mapped to a client. One row a source line.
-- Reads: raw_invoice_items, posted_source_lines; frames month_invoices, client_companies, terms, scope_clients.
delete from normalized_charges
where month = getvariable('month') and client in (select client from scope_clients);

insert into normalized_charges by name
with source_lines as (
    select
        items.*,
        invoices.invoice_date,
        invoices.status as invoice_status,
        invoices.standing,
        case getvariable('sell_field') when 'subTotal' then items.sub_total else items.total end as sell_amount,
        items.cost_total as cost_amount,
        lower(coalesce(items.type, '')) as folded_type,
        replace(replace(lower(coalesce(items.term, '')), ' ', ''), '-', '') as folded_term,
        lower(coalesce(items.product_name, '')) as folded_name,
        lower(coalesce(items.description, '')) as folded_description,
        lower(coalesce(items.vendor_name, '')) as folded_vendor
    from raw_invoice_items as items
    join month_invoices as invoices
        on invoices.invoice_id = items.invoice_id and invoices.content_hash = items.content_hash
),

typed as (
    select
        source_lines.*,
        terms.term as known_term,
        upper(coalesce(source_lines.sku, '')) as folded_sku,
        folded_name like '%azure%' or folded_description like '%azure%' as names_azure,
        -- A name that begins with the vendor says as much as the vendor, which older lines leave out; other vendors
        -- name Azure too, and write their customers' names.
        case
            when folded_vendor <> '' then folded_vendor like 'microsoft%'
            else regexp_matches(folded_name, '^(\[deprecated\] *)?(microsoft|azure)\b')
                or regexp_matches(folded_description, '(^|: |\) prorated |\] *)(microsoft|azure)\b')
        end as is_microsoft,
        -- The customer's own name of a subscription, before its GUID, says nothing of what was bought. Only a line
        -- that could be a commitment is worth the look.
        case
            when names_azure and (regexp_matches(folded_name, 'reserv|savings') or regexp_matches(folded_description, 'reserv|savings'))
                then concat_ws(' ', folded_name, regexp_replace(
                    folded_description,
                    '^(.*?) - .* - [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
                    '\1'
                ))
        end as bought,
        folded_type in ('rebate', 'service-credit', 'payment-credit', 'invoice-credit') as is_credit,
        -- Lines that were read before amounts kept 18 decimals, and not fetched since: their months stay as they were.
        case
            when len(too_precise) = 0 then false
            else list_has_any(too_precise, [getvariable('sell_field'), getvariable('cost_field'), 'quantity'])
        end as is_too_precise,
        -- Sums of such amounts may not fit any more, and a sum that fails would fail for everybody.
        coalesce(greatest(abs(sell_amount), abs(cost_amount)) >= 1000000000000000, false) as is_too_large
    from source_lines
    left join terms on terms.folded = source_lines.folded_term
),

ruled as (
    select
        typed.*,
        case
            when is_credit then '1-credit'
            when folded_sku like 'MST-ARI%' then '1-commitment-sku'
            when names_azure
                and is_microsoft
                and regexp_matches(bought, 'reserved (vm )?instance|reserved capacity|reservation|savings plan')
                then '1-commitment-name'
            when is_microsoft
                and regexp_matches(
                    folded_description,
                    'azure.* - [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}( |$)'
                )
                then '1-azure-guid'
            when folded_sku like 'MST-AZR%' or folded_sku like 'AZR-ARR%' then '1-azure-sku'
            when names_azure
                and known_term = 'arrears'
                and is_microsoft
                and not regexp_matches(
                    concat_ws(' ', folded_name, folded_description), 'azure (active directory|ad\b|information protection|rights management|advanced threat)'
                )
                then '1-azure-arrears'
            when folded_type = 'prorate' then '1-prorate'
            when folded_type = 'one-time' or known_term in ('one-time', 'activation') then '1-one-time'
            when folded_type = 'service-charge' then '1-fee'
            when known_term = 'arrears' then '1-arrears'
            else '1-license'
        end as rule_id
    from typed
),

owned as (
    select
        ruled.*,
        case
            -- What was posted stays with the client it was posted for, whatever the mapping says later.
            when posted.client is not null then posted.client
            else coalesce(companies.client, 'unassigned')
        end as client_key,
        coalesce(companies.mapped, false) as is_mapped,
        coalesce(companies.excluded, false) as is_excluded,
        companies.problem
    from ruled
    left join client_companies as companies on companies.company_id = ruled.company_id
    left join posted_source_lines as posted on posted.line_key = ruled.line_key
),

mapped as (
    select
        owned.*,
        case
            when owned.company_id is null then 'no_company'
            when not owned.is_mapped or owned.problem is not null then 'unmapped_client'
            when owned.folded_type not in (
                'subscription', 'prorate', 'one-time', 'rebate',
                'service-charge', 'service-credit', 'payment-credit', 'invoice-credit'
            ) then 'unknown_type'
            when owned.known_term is null and not (owned.is_credit and owned.folded_term = '') then 'unknown_term'
            when owned.is_too_precise then 'too_precise'
            when owned.sell_amount is null or owned.cost_amount is null or owned.currency is null
                then 'missing_amount'
            when owned.is_too_large then 'rule_failed'
        end as block_reason
    from owned
)

select
    getvariable('month') as month,
    mapped.client_key as client,
    'pax8' as integration,
    mapped.line_key,
    mapped.invoice_id,
    mapped.invoice_status,
    mapped.invoice_date,
    mapped.source_line_id,
    mapped.line_no,
    mapped.company_id,
    mapped.company_name,
    case when upper(trim(mapped.purchase_order)) in ('', 'N/A', 'NA', 'NULL') then null else mapped.purchase_order end
        as purchase_order,
    mapped.type,
    coalesce(mapped.known_term, lower(mapped.term)) as term,
    mapped.sku,
    mapped.product_id,
    mapped.product_name,
    mapped.description,
    mapped.details,
    mapped.vendor_name,
    mapped.subscription_id,
    case
        when mapped.names_azure
            then nullif(regexp_extract(
                mapped.folded_description, '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})', 1
            ), '')
    end as azure_subscription_id,
    mapped.start_period as period_start,
    case
        -- The last day of the calendar is how systems write that there is no end; no date comes after it.
        when mapped.end_period is null or mapped.end_period >= date '9999-12-31' then null
        when day(mapped.end_period) = 1 and (mapped.start_period is null or mapped.end_period > mapped.start_period)
            then mapped.end_period
        else cast(mapped.end_period + interval 1 day as date)
    end as period_end,
    upper(mapped.currency) as currency,
    coalesce(mapped.quantity, cast(1 as decimal(38, 18))) as quantity,
    mapped.price,
    case when not mapped.is_too_precise and not mapped.is_too_large then mapped.sell_amount end as sell,
    case when not mapped.is_too_precise and not mapped.is_too_large then mapped.cost_amount end as cost,
    rules.line_class,
    mapped.rule_id,
    case
        when mapped.is_excluded then 'excluded_client'
        when mapped.standing = 'not_billed' then 'invoice_status'
    end as exclude_reason,
    mapped.block_reason,
    case
        when mapped.block_reason is null then null
        when mapped.block_reason = 'no_company' then 'the line names no company'
        when mapped.block_reason = 'unmapped_client' and mapped.is_mapped then mapped.problem
        when mapped.block_reason = 'unmapped_client'
            then concat(
                'company ', mapped.company_id, ' (', coalesce(mapped.company_name, 'no name'),
                ') has no row in clients.csv', '; ' || mapped.problem
            )
        when mapped.block_reason = 'unknown_type'
            then concat('type ', coalesce('"' || mapped.type || '"', 'is missing'))
        when mapped.block_reason = 'unknown_term'
            then concat('term ', coalesce('"' || mapped.term || '"', 'is missing'))
        else concat(
            case when mapped.block_reason = 'rule_failed' then 'amounts of 10^15 and more are not summed: ' end,
            getvariable('sell_field'), ' ',
            coalesce(
                case getvariable('sell_field') when 'subTotal' then mapped.sub_total_text else mapped.total_text end,
                'missing'
            ),
            ', cost ', coalesce(mapped.cost_total_text, 'missing'),
            ', currency ', coalesce(mapped.currency, 'missing')
        )
    end as block_detail
from mapped
join line_class_rules as rules on rules.rule_id = mapped.rule_id
where mapped.client_key in (select client from scope_clients);
