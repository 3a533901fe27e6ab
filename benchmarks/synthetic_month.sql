-- A month of `lines` invoice lines for `clients` companies, made of numbers alone. Of ten lines of a company six are
-- seats (one of them free), one is a prorate of either sign, three are Azure usage.
insert into raw_invoices by name
select
    1 as version_id,
    'pax8' as integration,
    getvariable('month') as month,
    'invoice-1' as invoice_id,
    'content-1' as content_hash,
    'Unpaid' as status,
    cast(getvariable('month') || '-04' as date) as invoice_date,
    'USD' as currency,
    getvariable('lines') as item_count,
    getvariable('lines') as total_elements,
    '{}' as payload;

insert into raw_fetches by name
select 1 as fetch_id, 'pax8' as integration, getvariable('month') as month, 'synthetic' as source, [1] as invoice_versions;

insert into raw_invoice_items by name
with numbered as (
    select
        line,
        line % getvariable('clients') as company,
        (line // getvariable('clients')) % 10 as kind,
        (line * 7919 + line // 10) % 200 as product,
        1 + (line * 31) % 60 as seats,
        cast(100 + (line * 104729) % 500000 as decimal(38, 18)) as ten_thousandths
    from range(getvariable('lines')) as lines(line)
),

described as (
    select
        *,
        md5(concat('company ', company)) as company_hash,
        md5(concat('product ', product)) as product_hash,
        md5(concat('subscription ', company, ' ', product)) as subscription_hash
    from numbered
),

priced as (
    select
        *,
        cast(case
            when kind = 0 then 0
            when kind < 6 then seats * (2 + product % 40)
            when kind = 6 then cast((line % 3 - 1) * (1 + product % 40) as decimal(38, 18)) * cast(1.3333 as decimal(9, 4))
            else ten_thousandths * cast(0.00011 as decimal(9, 5))
        end as decimal(38, 18)) as sell,
        cast(case
            when kind = 0 then 0
            when kind < 6 then seats * cast((2 + product % 40) * 0.8 as decimal(38, 18))
            when kind = 6 then cast((line % 3 - 1) * (1 + product % 40) as decimal(38, 18))
            else ten_thousandths * cast(0.0001 as decimal(9, 4))
        end as decimal(38, 18)) as spent
    from described
)

select
    'invoice-1' as invoice_id,
    'content-1' as content_hash,
    cast(line + 1 as integer) as line_no,
    md5(concat('line ', line)) as source_line_id,
    concat('bp-c-', md5(concat('key ', line))) as line_key,
    case when kind < 6 then 'subscription' when kind = 6 then 'prorate' else 'subscription' end as type,
    case when kind >= 7 then 'Arrears' when product % 4 = 0 then 'Annual' else 'Monthly' end as term,
    regexp_replace(company_hash, '(.{8})(.{4})(.{4})(.{4})(.{12})', '\1-\2-\3-\4-\5') as company_id,
    concat('Client ', company, ' LLC') as company_name,
    case when company % 20 = 0 then concat('PO-', company) end as purchase_order,
    case when kind >= 7 then concat('MST-AZR-', product % 40) else concat('SKU-', product) end as sku,
    case
        when kind >= 7
            then concat(
                'Microsoft Azure Plan - Arrears Charge - Production - ',
                regexp_replace(company_hash, '(.{8})(.{4})(.{4})(.{4})(.{12})', '\1-\2-\3-\4-\5'),
                ' - Category ', product
            )
        when kind = 6 then concat('Oct Partial: Product ', product)
        else concat('Product ', product, ' for business, per seat and month')
    end as description,
    case when kind >= 7 then 'azure' || product % 3 else product_hash end as product_id,
    case when kind >= 7 then 'Microsoft Azure Plan' else concat('Product ', product) end as product_name,
    case when kind >= 7 or product % 2 = 0 then 'Microsoft' else 'Another Vendor' end as vendor_name,
    subscription_hash as subscription_id,
    'USD' as currency,
    cast(getvariable('month') || '-01' as date) as start_period,
    last_day(cast(getvariable('month') || '-01' as date)) as end_period,
    cast(case when kind < 6 then seats else 1 end as decimal(38, 18)) as quantity,
    cast(case when kind < 6 then 2 + product % 40 else 0 end as decimal(38, 18)) as price,
    sell as total,
    sell as sub_total,
    spent as cost_total,
    cast(sell as text) as total_text,
    cast(spent as text) as cost_total_text,
    cast([] as text[]) as too_precise,
    cast([] as text[]) as unreadable,
    '{}' as payload
from priced;
