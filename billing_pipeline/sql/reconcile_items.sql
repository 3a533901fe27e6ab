-- HaloPSA client, item, accounts and tax for every charge that is left to bill.
-- Reads: modified_charges; frames item_settings, halopsa_clients_of, product_matches, halopsa_items, scope_clients.
delete from reconciled_items
where month = getvariable('month') and client in (select client from scope_clients);

insert into reconciled_items by name
with charges as (
    select modified.*
    from modified_charges as modified
    where
        modified.month = getvariable('month')
        and modified.outcome = 'kept'
        and modified.client in (select client from scope_clients)
),

matched as (
    select
        charges.*,
        clients.halopsa_client_id,
        clients.taxable,
        clients.item_tax_code as client_tax_id,
        settings.lifecycle_enabled,
        settings.mode,
        settings.default_item,
        settings.default_accounts,
        settings.default_expense,
        settings.default_tax,
        settings.tax_engine,
        products.confirmed_item,
        products.confirmed_ambiguous,
        products.matched_item,
        products.name_item,
        products.match_rule as found_by,
        products.ambiguous,
        products.candidates,
        products.item_reference as reference,
        coalesce(charges.product_id, '') = '' and coalesce(charges.sku, '') = '' as is_nameless
    from charges
    left join halopsa_clients_of as clients on clients.client = charges.client
    left join item_settings as settings
        on settings.client = charges.client and settings.integration = charges.integration
    left join product_matches as products
        on products.integration = charges.integration
        and products.product_id = coalesce(charges.product_id, '')
        and products.sku = coalesce(charges.sku, '')
        and products.term = coalesce(charges.term, '')
        and products.name = coalesce(charges.product_name, '')
),

decided as (
    select
        matched.*,
        case
            when not lifecycle_enabled or mode = 'default_item'
                then case when default_item is null then 'block' else 'default_item' end
            when mode = 'prompt'
                then case
                    when confirmed_ambiguous or (is_nameless and ambiguous) then 'ambiguous'
                    when confirmed_item is not null then 'confirmed'
                    when is_nameless and name_item is not null then 'name'
                    when is_nameless and default_item is not null then 'default_item'
                    else 'block'
                end
            when ambiguous then 'ambiguous'
            when matched_item is not null then found_by
            when is_nameless and default_item is not null then 'default_item'
            when is_nameless and coalesce(product_name, '') = '' then 'block'
            else 'create'
        end as decision
    from matched
),

with_item as (
    select
        decided.*,
        case decision
            when 'default_item' then default_item
            when 'confirmed' then coalesce(confirmed_item, matched_item)
            when 'name' then coalesce(name_item, matched_item)
            when 'create' then null
            when 'block' then null
            when 'ambiguous' then null
            else matched_item
        end as item_id
    from decided
)

select
    with_item.month,
    with_item.client,
    with_item.integration,
    with_item.charge_key,
    with_item.row_kind,
    with_item.invoice_id,
    with_item.line_no,
    with_item.line_class,
    with_item.currency,
    with_item.quantity,
    with_item.price,
    with_item.sell,
    with_item.cost,
    with_item.halopsa_client_id,
    with_item.item_id as halopsa_item_id,
    case when decision = 'create' then reference end as item_reference,
    case when decision not in ('block', 'ambiguous') then decision end as match_rule,
    coalesce(nullif(items.income_account, ''), with_item.default_accounts) as income_account,
    coalesce(nullif(items.expense_account, ''), with_item.default_expense) as expense_account,
    case
        when with_item.tax_engine <> 'halopsa' then null
        when with_item.taxable = false then null
        else coalesce(nullif(with_item.client_tax_id, 0), nullif(items.tax_id, 0), nullif(with_item.default_tax, 0))
    end as tax_id,
    case
        when decision = 'ambiguous' then 'ambiguous_item'
        when decision = 'block' then 'no_item'
        when with_item.item_id is not null and items.item_id is null then 'no_item'
    end as block_reason,
    case
        when decision = 'ambiguous'
            then concat('"', with_item.product_name, '" matches the HaloPSA items ', with_item.candidates)
        when decision = 'block' and (mode = 'default_item' or not lifecycle_enabled)
            then 'no default item is set (codes.item)'
        when decision = 'block' and mode = 'create'
            then 'the line has no product, SKU or name to create an item of, and no default item is set (codes.item)'
        when decision = 'block'
            then concat(
                'no confirmed row in products.csv for "', with_item.product_name, '" (product ',
                coalesce(with_item.product_id, 'none'), ', SKU ', coalesce(with_item.sku, 'none'),
                ', term ', coalesce(with_item.term, 'none'), ')'
            )
        when with_item.item_id is not null and items.item_id is null
            then concat('HaloPSA has no item ', with_item.item_id, ' (', case decision
                when 'default_item' then 'codes.item' else 'products.csv' end, ')')
    end as block_detail
from with_item
left join halopsa_items as items on items.item_id = with_item.item_id;
