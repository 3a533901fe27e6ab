-- The modifiers, in their fixed order. Every source line stays, with what became of it and which level decided;
-- each collapse group adds one line of its own.
-- Reads: normalized_charges, posted_source_lines; frames modifier_settings, scope_clients.
delete from modified_charges
where month = getvariable('month') and client in (select client from scope_clients);

-- What was found about a charge that was posted since stays.
delete from findings
where
    month = getvariable('month')
    and step = 'modify'
    and client in (select client from scope_clients)
    and (charge_key is null or charge_key not in (select charge_key from posted_lines));

-- A view: DuckDB reads a table that this transaction has just made with one thread only.
create or replace temp view modified_lines as
with charges as (
    select
        normalized.month,
        normalized.client,
        normalized.integration,
        normalized.line_key,
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
        -- A credit often has no product: what it is called then is what the distributor wrote.
        coalesce(normalized.product_name, normalized.description) as product_name,
        normalized.azure_subscription_id,
        normalized.period_start,
        normalized.period_end,
        normalized.exclude_reason,
        normalized.block_reason,
        normalized.block_detail,
        settings.drop_azure,
        settings.drop_azure_level,
        settings.drop_favorable_prorata,
        settings.drop_favorable_prorata_level,
        settings.drop_zero,
        settings.drop_zero_level,
        settings.zero_test,
        settings.collapse_azure,
        settings.collapse_azure_level,
        settings.collapse_by,
        case normalized.line_class
            when 'azure_consumption' then settings.takes_azure_consumption
            when 'azure_commitment' then settings.takes_azure_commitment
            when 'other_arrears' then settings.takes_other_arrears
            else false
        end as is_azure,
        posted.charge_key as posted_charge_key,
        posted.row_kind as posted_kind
    from normalized_charges as normalized
    left join modifier_settings as settings
        on settings.client = normalized.client and settings.integration = normalized.integration
    left join posted_source_lines as posted on posted.line_key = normalized.line_key
    where normalized.month = getvariable('month') and normalized.client in (select client from scope_clients)
),

ruled as (
    select
        charges.*,
        case
            when exclude_reason is not null then 'excluded'
            when block_reason is not null then 'blocked'
            when drop_azure and is_azure then 'drop_azure'
            when drop_favorable_prorata and line_class = 'prorate' and sell < 0 then 'favorable_prorata'
            when drop_zero and case zero_test
                when 'sell' then sell = 0
                when 'cost' then cost = 0
                else sell = 0 and cost = 0
            end then 'zero'
            when collapse_azure and is_azure then 'collapsed'
            else 'kept'
        end as rule
    from charges
),

decided as (
    select
        ruled.*,
        case when posted_charge_key is null then rule else 'settled' end as decision,
        posted_charge_key is not null
        and rule <> case posted_kind when 'collapsed' then 'collapsed' else 'kept' end as is_overruled
    from ruled
)

select
    decided.*,
    case
        when decision <> 'collapsed' then null
        when collapse_by = 'period'
            then concat('period ', coalesce(cast(period_start as text), 'unknown'), ' ', coalesce(cast(period_end as text), 'unknown'))
        when collapse_by = 'azure_subscription' then concat('subscription ', coalesce(azure_subscription_id, 'none'))
        else 'client'
    end as collapse_group
from decided;

create or replace temp table collapsed_lines as
with posted_before as (
    select client, invoice_id, currency, collapse_group, count(distinct charge_key) as times
    from posted_source_lines
    where row_kind = 'collapsed'
    group by all
),

collapse_groups as (
    select
        month,
        client,
        integration,
        currency,
        invoice_id,
        collapse_group,
        count(*) as member_count,
        min(line_no) as line_no,
        sum(sell) as sell,
        sum(cost) as cost,
        min(period_start) as period_start,
        max(period_end) as period_end,
        any_value(collapse_azure_level) as setting_level
    from modified_lines
    where decision = 'collapsed'
    group by all
)

select
    collapse_groups.*,
    'bp-c-' || substr(
        sha256(concat_ws(
            '|',
            'collapse',
            collapse_groups.integration,
            collapse_groups.invoice_id,
            collapse_groups.client,
            collapse_groups.currency,
            collapse_groups.collapse_group,
            cast(coalesce(posted_before.times, 0) as text)
        )), 1, 32
    ) as charge_key
from collapse_groups
left join posted_before
    on posted_before.client = collapse_groups.client
    and posted_before.invoice_id = collapse_groups.invoice_id
    and posted_before.currency = collapse_groups.currency
    and posted_before.collapse_group = collapse_groups.collapse_group;

insert into modified_charges by name
select
    lines.month,
    lines.client,
    lines.integration,
    coalesce(lines.posted_charge_key, collapsed.charge_key, lines.line_key) as charge_key,
    lines.line_key,
    'line' as row_kind,
    lines.invoice_id,
    lines.source_line_id,
    lines.line_no,
    lines.line_class,
    lines.currency,
    lines.quantity,
    lines.price,
    lines.sell,
    lines.cost,
    lines.product_id,
    lines.sku,
    lines.term,
    lines.product_name,
    lines.collapse_group,
    case
        when lines.decision in ('drop_azure', 'favorable_prorata', 'zero') then 'dropped'
        else lines.decision
    end as outcome,
    case
        when lines.decision in ('drop_azure', 'favorable_prorata', 'zero') then lines.decision
        when lines.decision = 'excluded' then lines.exclude_reason
        when lines.decision = 'blocked' then lines.block_reason
    end as reason,
    case when lines.decision = 'blocked' then lines.block_detail end as detail,
    case lines.decision
        when 'drop_azure' then lines.drop_azure_level
        when 'favorable_prorata' then lines.drop_favorable_prorata_level
        when 'zero' then lines.drop_zero_level
        when 'collapsed' then lines.collapse_azure_level
    end as setting_level
from modified_lines as lines
left join collapsed_lines as collapsed
    on collapsed.client = lines.client
    and collapsed.integration = lines.integration
    and collapsed.currency = lines.currency
    and collapsed.invoice_id = lines.invoice_id
    and collapsed.collapse_group = lines.collapse_group;

insert into modified_charges by name
select
    month,
    client,
    integration,
    charge_key,
    'collapsed' as row_kind,
    invoice_id,
    line_no,
    'azure_consumption' as line_class,
    currency,
    cast(1 as decimal(38, 18)) as quantity,
    cast(sell as decimal(38, 18)) as price,
    cast(sell as decimal(38, 18)) as sell,
    cast(cost as decimal(38, 18)) as cost,
    'azure' as product_id,
    'Microsoft Azure' as product_name,
    collapse_group,
    member_count,
    'kept' as outcome,
    case when sell = 0 and cost = 0 then 'nets to zero' end as detail,
    setting_level
from collapsed_lines;

-- The few lines that something is found about, in one pass over all.
create or replace temp table noted_lines as
select
    month, client, integration, line_key, invoice_id, source_line_id, line_no, product_name, currency, sell, cost, rule,
    decision, collapse_azure, exclude_reason, block_reason, posted_charge_key, is_overruled
from modified_lines
where
    (decision = 'kept' and sell = 0 and cost <> 0)
    or (decision = 'drop_azure' and collapse_azure)
    or is_overruled;

insert into findings by name
select
    month,
    client,
    integration,
    line_key as charge_key,
    'modify' as step,
    'free_with_cost' as kind,
    concat(
        'Invoice ', invoice_id, ', line ', line_no, ' (', coalesce(product_name, 'no product'),
        ') sells at zero for a cost of ', rtrim(rtrim(cast(cost as text), '0'), '.'), ' ', currency
    ) as detail,
    currency,
    sell,
    cost,
    source_line_id
from noted_lines
where decision = 'kept' and sell = 0 and cost <> 0
union all by name
select
    month,
    client,
    integration,
    cast(null as text) as charge_key,
    'modify' as step,
    'drop_wins' as kind,
    'drop_azure and collapse_azure are both on: Azure is dropped' as detail,
    currency,
    cast(sum(sell) as decimal(38, 18)) as sell,
    cast(sum(cost) as decimal(38, 18)) as cost,
    cast(null as text) as source_line_id
from noted_lines
where decision = 'drop_azure' and collapse_azure
group by month, client, integration, currency
union all by name
select
    month,
    client,
    integration,
    cast(null as text) as charge_key,
    'modify' as step,
    'settled_before' as kind,
    concat(
        case when count(*) = 1 then '1 line was posted before and stays as it is'
            else concat(count(*), ' lines were posted before and stay as they are') end,
        ', though the rules now say ', rule,
        ' (', coalesce(any_value(coalesce(exclude_reason, block_reason)), 'by the settings'), ')'
    ) as detail,
    currency,
    cast(sum(sell) as decimal(38, 18)) as sell,
    cast(sum(cost) as decimal(38, 18)) as cost,
    cast(null as text) as source_line_id
from noted_lines
where
    is_overruled
    -- A correction has taken them back since.
    and posted_charge_key not in (
        select old_charge_key
        from corrections
        where state = 'posted' and old_charge_key is not null
    )
group by month, client, integration, currency, rule;

drop view modified_lines;
drop table noted_lines;
drop table collapsed_lines;
