-- HaloPSA client, item, accounts and tax for every charge that is left to bill.
-- Reads: modified_charges; frames item_settings, halopsa_clients_of, product_matches, halopsa_items, scope_clients;
-- the variable known_tax_ids, null where nobody looked which taxes HaloPSA has.
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
        settings.has_default_accounts,
        settings.has_default_expense,
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
),

coded as (
    select
        with_item.*,
        items.item_id is not null as has_item,
        nullif(items.income_account, '') as item_income_account,
        nullif(items.expense_account, '') as item_expense_account,
        nullif(items.tax_id, 0) as item_tax_id,
        case
            when with_item.tax_engine <> 'halopsa' then null
            when with_item.taxable = false then null
            else coalesce(nullif(with_item.client_tax_id, 0), nullif(items.tax_id, 0), nullif(with_item.default_tax, 0))
        end as line_tax_id
    from with_item
    left join halopsa_items as items on items.item_id = with_item.item_id
),

checked as (
    select
        coded.*,
        case
            when decision = 'ambiguous' then 'ambiguous'
            when decision = 'block' then 'no item'
            when item_id is not null and not has_item then 'unknown item'
            when not list_contains(cast(getvariable('known_tax_ids') as bigint[]), line_tax_id) then 'unknown tax'
            when
                decision = 'create'
                and not list_contains(cast(getvariable('known_tax_ids') as bigint[]), nullif(default_tax, 0))
                then 'unknown default tax'
            when item_income_account is null and not has_default_accounts then 'unknown accounts'
            when item_expense_account is null and not has_default_expense then 'unknown expense'
        end as problem
    from coded
)

select
    month,
    client,
    integration,
    charge_key,
    row_kind,
    invoice_id,
    line_no,
    line_class,
    currency,
    quantity,
    price,
    sell,
    cost,
    halopsa_client_id,
    item_id as halopsa_item_id,
    case when decision = 'create' then reference end as item_reference,
    case when decision not in ('block', 'ambiguous') then decision end as match_rule,
    coalesce(item_income_account, default_accounts) as income_account,
    coalesce(item_expense_account, default_expense) as expense_account,
    line_tax_id as tax_id,
    case problem
        when 'ambiguous' then 'ambiguous_item'
        else if(problem is null, null, 'no_item')
    end as block_reason,
    case
        when problem = 'ambiguous'
            then concat('"', product_name, '" matches the HaloPSA items ', candidates)
        when problem = 'no item' and (mode = 'default_item' or not lifecycle_enabled)
            then 'no default item is set (codes.item)'
        when problem = 'no item' and mode = 'create'
            then 'the line has no product, SKU or name to create an item of, and no default item is set (codes.item)'
        when problem = 'no item'
            then concat(
                'no confirmed row in products.csv for "', product_name, '" (product ', coalesce(product_id, 'none'),
                ', SKU ', coalesce(sku, 'none'), ', term ', coalesce(term, 'none'), ')'
            )
        when problem = 'unknown item'
            then concat(
                'HaloPSA has no item ', item_id, ' (',
                case decision when 'default_item' then 'codes.item' else 'products.csv' end, ')'
            )
        when problem = 'unknown tax'
            then concat('HaloPSA has no tax ', line_tax_id, ' (', case
                when nullif(client_tax_id, 0) is not null then 'item_tax_code of the HaloPSA client'
                when item_tax_id is not null then concat('taxcode of HaloPSA item ', item_id)
                else 'codes.tax'
            end, ')')
        when problem = 'unknown default tax'
            then concat('HaloPSA has no tax ', default_tax, ' (codes.tax) to create an item with')
        when problem = 'unknown accounts'
            then concat(
                'HaloPSA has no account "', default_accounts,
                '" on any item, product group or recurring line (codes.accounts)'
            )
        when problem = 'unknown expense'
            then concat(
                'HaloPSA has no account "', default_expense,
                '" on any item, product group or recurring line (codes.expense)'
            )
    end as block_detail
from checked;
