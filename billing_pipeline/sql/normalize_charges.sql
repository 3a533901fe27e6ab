-- Source lines of a month in one shape: typed, classified, mapped to a client. One row a source line.
-- What a person decided for a line takes the place of what the distributor sent, which stays beside it.
-- Reads: raw_invoice_items, posted_source_lines; frames month_invoices, client_companies, terms, line_decisions,
-- scope_clients.
delete from normalized_charges
where month = getvariable('month') and client in (select client from scope_clients);

insert into normalized_charges by name
with source_lines as (
    select
        items.*,
        invoices.invoice_date,
        invoices.status as invoice_status,
        invoices.standing,
        case getvariable('sell_field') when 'subTotal' then items.sub_total else items.total end as sent_sell,
        items.cost_total as sent_cost,
        upper(items.currency) as sent_currency,
        coalesce(decided.sell, sent_sell) as sell_amount,
        coalesce(decided.cost, sent_cost) as cost_amount,
        coalesce(decided.currency, sent_currency) as charged_currency,
        decided.told as decisions,
        coalesce(decided.excluded, false) as is_decided_out,
        decided.sell as decided_sell,
        decided.cost as decided_cost,
        decided.line_class as decided_class,
        decided.client as decided_client,
        decided.client_excluded as is_decided_client_excluded,
        lower(coalesce(items.type, '')) as folded_type,
        replace(replace(lower(coalesce(items.term, '')), ' ', ''), '-', '') as folded_term,
        lower(coalesce(items.product_name, '')) as folded_name,
        lower(coalesce(items.description, '')) as folded_description,
        lower(coalesce(items.vendor_name, '')) as folded_vendor
    from raw_invoice_items as items
    join month_invoices as invoices
        on invoices.invoice_id = items.invoice_id and invoices.content_hash = items.content_hash
    left join line_decisions as decided on decided.line_key = items.line_key
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
        coalesce(greatest(abs(sell_amount), abs(cost_amount)) >= 1000000000000000, false) as is_too_large,
        decisions is not null
        and not is_too_precise
        and not coalesce(greatest(abs(sent_sell), abs(sent_cost)) >= 1000000000000000, false) as keeps_sent_amounts
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
            else coalesce(ruled.decided_client, companies.client, 'unassigned')
        end as client_key,
        ruled.decided_client is not null or coalesce(companies.mapped, false) as is_mapped,
        coalesce(ruled.is_decided_client_excluded, companies.excluded, false) as is_excluded,
        case when ruled.decided_client is null then companies.problem end as problem,
        ruled.company_id is null and ruled.decided_client is null as is_unassigned
    from ruled
    left join client_companies as companies on companies.company_id = ruled.company_id
    left join posted_source_lines as posted on posted.line_key = ruled.line_key
),

mapped as (
    select
        owned.*,
        case
            when owned.is_unassigned then 'no_company'
            when not owned.is_mapped or owned.problem is not null then 'unmapped_client'
            when owned.decided_class is null and owned.folded_type not in (
                'subscription', 'prorate', 'one-time', 'rebate',
                'service-charge', 'service-credit', 'payment-credit', 'invoice-credit'
            ) then 'unknown_type'
            when owned.decided_class is null
                and owned.known_term is null and not (owned.is_credit and owned.folded_term = '')
                then 'unknown_term'
            when owned.is_too_precise then 'too_precise'
            when owned.sell_amount is null or owned.cost_amount is null or owned.charged_currency is null
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
    mapped.charged_currency as currency,
    coalesce(mapped.quantity, cast(1 as decimal(38, 18))) as quantity,
    mapped.price,
    case when not mapped.is_too_precise and not mapped.is_too_large then mapped.sell_amount end as sell,
    case when not mapped.is_too_precise and not mapped.is_too_large then mapped.cost_amount end as cost,
    coalesce(mapped.decided_class, rules.line_class) as line_class,
    case when mapped.decided_class is null then mapped.rule_id else 'decided' end as rule_id,
    case
        when mapped.is_excluded then 'excluded_client'
        when mapped.standing = 'not_billed' then 'invoice_status'
        when mapped.is_decided_out then 'excluded_line'
        when mapped.is_unassigned and getvariable('reports_unassigned') then 'no_company'
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
                rtrim(rtrim(cast(mapped.decided_sell as text), '0'), '.'),
                case getvariable('sell_field') when 'subTotal' then mapped.sub_total_text else mapped.total_text end,
                'missing'
            ),
            ', cost ',
            coalesce(rtrim(rtrim(cast(mapped.decided_cost as text), '0'), '.'), mapped.cost_total_text, 'missing'),
            ', currency ', coalesce(mapped.charged_currency, 'missing')
        )
    end as block_detail,
    case when mapped.decisions is not null then mapped.sent_currency end as sent_currency,
    case when mapped.keeps_sent_amounts then mapped.sent_sell end as sent_sell,
    case when mapped.keeps_sent_amounts then mapped.sent_cost end as sent_cost,
    mapped.decisions
from mapped
join line_class_rules as rules on rules.rule_id = mapped.rule_id
where mapped.client_key in (select client from scope_clients);
