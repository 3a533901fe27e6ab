-- The same month in plain DuckDB SQL, as somebody would write it who needs the charges and no proof: classify, map,
-- drop and collapse, find the item, and write each result as a table. The same joins, the same sums, the same columns
-- that a document is made of, the level that decided about a line and the collapsed line that it went into; no slices,
-- findings or texts that explain a line to a clerk, and nothing that was posted before.
create table company_clients as
select lower(pax8_company_id) as company_id, client, halopsa_client_id
from read_csv(getvariable('config') || '/clients.csv', all_varchar = true);

create table client_settings as
select * from read_csv(getvariable('resolved'), types = {'client': 'text', 'accounts': 'text', 'expense': 'text'});

create table product_items as
select product_id, cast(halopsa_item_id as bigint) as item_id
from read_csv(getvariable('config') || '/products.csv', all_varchar = true);

create table items as
select
    cast(payload ->> 'id' as bigint) as item_id,
    payload ->> 'nominalcode' as income_account,
    payload ->> 'purchasenominalcode' as expense_account,
    cast(payload ->> 'taxcode' as bigint) as tax_id
from snapshot_rows
where kind = 'halopsa_items';

create table bare_normalized as
with typed as (
    select
        items.*,
        lower(items.type) as folded_type,
        lower(items.term) as folded_term,
        upper(items.sku) as folded_sku,
        lower(items.vendor_name) as folded_vendor,
        lower(items.description) as folded_description,
        lower(concat_ws(' ', items.product_name, items.description)) as text
    from raw_invoice_items as items
    join raw_invoices as invoices using (invoice_id, content_hash)
    where invoices.month = getvariable('month')
)

select
    getvariable('month') as month,
    companies.client,
    typed.line_key,
    typed.invoice_id,
    typed.source_line_id,
    typed.line_no,
    typed.company_id,
    typed.company_name,
    typed.purchase_order,
    typed.folded_type as type,
    typed.folded_term as term,
    typed.sku,
    typed.product_id,
    typed.product_name,
    typed.description,
    typed.vendor_name,
    typed.subscription_id,
    regexp_extract(typed.folded_description, '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
        as azure_subscription_id,
    typed.start_period as period_start,
    case when day(typed.end_period) = 1 then typed.end_period else typed.end_period + 1 end as period_end,
    typed.currency,
    coalesce(typed.quantity, 1) as quantity,
    typed.price,
    typed.total as sell,
    typed.cost_total as cost,
    case
        when folded_type in ('rebate', 'service-credit', 'payment-credit', 'invoice-credit') then 'credit'
        when folded_sku like 'MST-ARI%' then 'azure_commitment'
        when text like '%azure%'
            and folded_vendor like 'microsoft%'
            and regexp_matches(text, 'reserved (vm )?instance|reserved capacity|reservation|savings plan')
            then 'azure_commitment'
        when folded_vendor like 'microsoft%'
            and regexp_matches(
                folded_description,
                'azure.* - [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}( |$)'
            )
            then 'azure_consumption'
        when folded_sku like 'MST-AZR%' or folded_sku like 'AZR-ARR%' then 'azure_consumption'
        when text like '%azure%'
            and folded_vendor like 'microsoft%'
            and folded_term = 'arrears'
            and not regexp_matches(text, 'azure (active directory|ad\b|information protection|rights management)')
            then 'azure_consumption'
        when folded_type = 'prorate' then 'prorate'
        when folded_type = 'one-time' or folded_term in ('one-time', 'activation') then 'one_time'
        when folded_type = 'service-charge' then 'fee'
        when folded_term = 'arrears' then 'other_arrears'
        else 'license'
    end as line_class
from typed
left join company_clients as companies on companies.company_id = lower(typed.company_id);

create table bare_modified as
with decided as (
    select
        charges.*,
        case
            when settings.drop_azure and line_class = 'azure_consumption' then 'drop_azure'
            when settings.drop_favorable_prorata and line_class = 'prorate' and sell < 0 then 'favorable_prorata'
            when settings.drop_zero and case zero_test
                when 'sell' then sell = 0
                when 'cost' then cost = 0
                else sell = 0 and cost = 0
            end then 'zero'
            when settings.collapse_azure and line_class = 'azure_consumption' then 'collapsed'
            else 'kept'
        end as decision,
        case decision
            when 'drop_azure' then settings.drop_azure_level
            when 'favorable_prorata' then settings.drop_favorable_prorata_level
            when 'zero' then settings.drop_zero_level
            when 'collapsed' then settings.collapse_azure_level
        end as setting_level,
        case when decision = 'collapsed' then concat_ws('|', 'collapsed', charges.invoice_id, charges.client, currency) end
            as collapsed_key
    from bare_normalized as charges
    left join client_settings as settings on settings.client = charges.client
)

select
    month, client, coalesce(collapsed_key, line_key) as charge_key, line_key, invoice_id, source_line_id, line_no,
    line_class, currency, quantity, price, sell, cost, product_id, sku, term, product_name, decision, setting_level
from decided
union all
select
    month, client, collapsed_key, null, invoice_id, null, min(line_no), 'azure_consumption', currency, 1, sum(sell),
    sum(sell), sum(cost), 'azure', null, null, 'Microsoft Azure', 'kept', any_value(setting_level)
from decided
where decision = 'collapsed'
group by month, client, collapsed_key, invoice_id, currency;

create table bare_reconciled as
select
    charges.month,
    charges.client,
    charges.line_key,
    charges.invoice_id,
    charges.line_no,
    charges.line_class,
    charges.currency,
    charges.quantity,
    charges.price,
    charges.sell,
    charges.cost,
    companies.halopsa_client_id,
    items.item_id,
    coalesce(items.income_account, settings.accounts) as income_account,
    coalesce(items.expense_account, settings.expense) as expense_account,
    coalesce(items.tax_id, settings.tax) as tax_id
from bare_modified as charges
left join company_clients as companies on companies.client = charges.client
left join client_settings as settings on settings.client = charges.client
left join product_items as products on products.product_id = charges.product_id
left join items
    on items.item_id = case when settings.mode = 'default_item' then settings.default_item else products.item_id end
where charges.decision = 'kept';
