-- What analysts read: one fate for each source line, the three-way proof, and what a clerk looks at first.

-- One row a source line: what the distributor sent, in `charged_*` what counts where a person decided otherwise, and the
-- credit that took a posted line back.
create or replace view traced_lines as
with first_holds as (
    select month, client, arg_min(reason, reason_rank) as reason
    from holds
    group by month, client
),

-- Plans that wait for an approval: no hold, whatever else may hold their client.
awaiting as (
    select month, client
    from plans
    where awaiting_approval is not null
),

-- What a correction took the place of, carried out or planned: before that the credited lines stay as they were billed.
corrected as (
    select *
    from corrections
    where state = 'posted'
    union all
    select corrections.*
    from corrections
    anti join holds on holds.month = corrections.month and holds.client = corrections.client
    where corrections.state = 'planned'
),

-- Posted lines that a credit of ours took back: they stay posted, and bill nothing any more.
reversed as (
    select
        reversed_charge_key,
        min(halopsa_invoice_id) as credit_halopsa_invoice_id
    from reversals
    group by reversed_charge_key
),

lines as (
    select
        normalized.month,
        normalized.client,
        normalized.integration,
        normalized.invoice_id,
        normalized.source_line_id,
        normalized.line_no,
        case when normalized.decisions is null then normalized.currency else normalized.sent_currency end as currency,
        case when normalized.decisions is null then normalized.sell else normalized.sent_sell end as sell,
        case when normalized.decisions is null then normalized.cost else normalized.sent_cost end as cost,
        normalized.currency as charged_currency,
        normalized.sell as charged_sell,
        normalized.cost as charged_cost,
        normalized.decisions,
        normalized.line_class,
        modified.outcome,
        case
            when taken_back.old_charge_key is not null then 'excluded'
            when posted.line_key is not null
                then case when posted.row_kind = 'collapsed' then 'collapsed' else 'posted' end
            when normalized.exclude_reason is not null then 'excluded'
            when normalized.block_reason is not null then 'blocked'
            when reconciled.block_reason is not null then 'blocked'
            when modified.outcome = 'dropped' then 'dropped'
            when first_holds.reason is not null then 'held'
            when modified.outcome = 'collapsed' then 'collapsed'
            when modified.outcome = 'kept' then 'planned'
        end as disposition,
        coalesce(
            case when taken_back.old_charge_key is not null then 'invoice_status' end,
            normalized.exclude_reason,
            normalized.block_reason,
            reconciled.block_reason
        ) as own_reason,
        modified.reason as modifier_reason,
        first_holds.reason as hold_reason,
        case when awaiting.client is not null and posted.line_key is null then 'awaiting_approval' end as wait_reason,
        coalesce(posted.setting_level, modified.setting_level) as setting_level,
        coalesce(posted.charge_key, modified.charge_key, normalized.line_key) as charge_key,
        posted_lines.halopsa_invoice_id,
        posted_lines.halopsa_line_id,
        reversed.credit_halopsa_invoice_id
    from normalized_charges as normalized
    left join modified_charges as modified
        on modified.month = normalized.month
        and modified.client = normalized.client
        and modified.line_key = normalized.line_key
        and modified.row_kind = 'line'
    left join reconciled_items as reconciled
        on reconciled.month = modified.month
        and reconciled.client = modified.client
        -- A condition on the left table alone would make this join try every pair of rows.
        and reconciled.charge_key = case when modified.outcome in ('kept', 'collapsed') then modified.charge_key end
    left join first_holds on first_holds.month = normalized.month and first_holds.client = normalized.client
    left join awaiting on awaiting.month = normalized.month and awaiting.client = normalized.client
    left join posted_source_lines as posted on posted.line_key = normalized.line_key
    left join corrected as taken_back on taken_back.old_charge_key = posted.charge_key
    -- Where nothing differs, the line of the credited invoice bills the one that took its place.
    left join corrected as put_in_place on put_in_place.new_charge_key = posted.charge_key
    left join posted_lines
        on posted_lines.charge_key = coalesce(put_in_place.billed_charge_key, posted.charge_key)
    left join reversed on reversed.reversed_charge_key = posted_lines.charge_key
)

select
    month,
    client,
    integration,
    invoice_id,
    source_line_id,
    line_no,
    currency,
    sell,
    cost,
    line_class,
    disposition,
    case disposition
        when 'excluded' then own_reason
        when 'blocked' then own_reason
        when 'dropped' then modifier_reason
        when 'held' then hold_reason
        when 'planned' then wait_reason
        when 'collapsed' then wait_reason
    end as reason,
    case when disposition in ('dropped', 'collapsed') then setting_level end as setting_level,
    charge_key,
    halopsa_invoice_id,
    halopsa_line_id,
    credit_halopsa_invoice_id,
    charged_currency,
    charged_sell,
    charged_cost,
    decisions
from lines;

-- What others rely on: no column more.
create or replace view dispositions as
select
    month,
    client,
    integration,
    invoice_id,
    source_line_id,
    line_no,
    currency,
    sell,
    cost,
    line_class,
    disposition,
    reason,
    setting_level,
    charge_key,
    halopsa_invoice_id,
    halopsa_line_id
from traced_lines;

-- In which month a charge counts: its own, or, where a correction of a later month took its place, that one. What was billed
-- for it then bills what took its place.
create or replace view counted_months as
with recursive given_way as (
    select
        old_charge_key,
        new_charge_key,
        month
    from corrections
    where old_charge_key is not null and state = 'posted'
    union all
    select
        corrections.old_charge_key,
        corrections.new_charge_key,
        corrections.month
    from corrections
    anti join holds on holds.month = corrections.month and holds.client = corrections.client
    where corrections.old_charge_key is not null and corrections.state = 'planned'
),

chains as (
    select
        old_charge_key as charge_key,
        new_charge_key,
        month,
        1 as length
    from given_way
    union all
    select
        chains.charge_key,
        given_way.new_charge_key,
        given_way.month,
        chains.length + 1
    from chains
    join given_way on given_way.old_charge_key = chains.new_charge_key
)

select
    charge_key,
    arg_max(month, length) as month
from chains
group by charge_key;

create or replace view three_way as
with line_money as (
    select
        month,
        client,
        currency,
        sell as source_sell,
        cost as source_cost,
        -- In another currency, all that was sent in this one is taken away here and stands there.
        case when charged_currency is not distinct from currency then charged_sell else 0 end as charged_sell,
        case when charged_currency is not distinct from currency then charged_cost else 0 end as charged_cost,
        disposition in ('dropped', 'excluded', 'blocked', 'held') as is_not_billed
    from traced_lines
    union all
    select
        month,
        client,
        charged_currency as currency,
        0 as source_sell,
        0 as source_cost,
        charged_sell,
        charged_cost,
        disposition in ('dropped', 'excluded', 'blocked', 'held') as is_not_billed
    from traced_lines
    where decisions is not null and charged_currency is distinct from currency
),

source as (
    select
        month,
        client,
        currency,
        coalesce(sum(source_sell), 0) as source_sell,
        coalesce(sum(source_cost), 0) as source_cost,
        coalesce(sum(charged_sell), 0) - coalesce(sum(source_sell), 0) as decided_sell,
        coalesce(sum(charged_cost), 0) - coalesce(sum(source_cost), 0) as decided_cost,
        coalesce(sum(charged_sell) filter (where is_not_billed), 0) as not_billed_sell,
        coalesce(sum(charged_cost) filter (where is_not_billed), 0) as not_billed_cost
    from line_money
    group by month, client, currency
),

held_clients as (
    select distinct month, client
    from holds
),

open_plan as (
    select
        plan.month,
        plan.client,
        plan.currency,
        sum(plan.sell) as sell,
        sum(plan.cost) as cost,
        sum(plan.source_sell - plan.sell) as residual_sell,
        sum(plan.source_cost - plan.cost) as residual_cost
    from ready_to_invoice as plan
    anti join held_clients on held_clients.month = plan.month and held_clients.client = plan.client
    anti join posted_lines on posted_lines.charge_key = plan.charge_key
    group by plan.month, plan.client, plan.currency
),

-- Two parts, so that asking for one month does not pass over all that was ever posted.
counted_lines as (
    select posted_lines.*
    from posted_lines
    anti join counted_months on counted_months.charge_key = posted_lines.charge_key
    union all by name
    select posted_lines.* replace (counted_months.month as month)
    from posted_lines
    join counted_months on counted_months.charge_key = posted_lines.charge_key
),

posted as (
    select
        month,
        client,
        currency,
        sum(sell) as sell,
        sum(cost) as cost,
        coalesce(sum(readback_sell), 0) as readback_sell,
        coalesce(sum(readback_cost), 0) as readback_cost,
        sum(source_sell - sell) as residual_sell,
        sum(source_cost - cost) as residual_cost
    from counted_lines
    group by month, client, currency
),

-- Pairs in which no rounded amount differs have no line; their exact amounts may differ by less than a cent.
unchanged as (
    select
        coalesce(counted_months.month, corrections.month) as month,
        corrections.client,
        corrections.currency,
        sum(corrections.new_source_sell - corrections.old_source_sell) as residual_sell,
        sum(corrections.new_source_cost - corrections.old_source_cost) as residual_cost
    from corrections
    left join counted_months on counted_months.charge_key = corrections.new_charge_key
    left join held_clients on held_clients.month = corrections.month and held_clients.client = corrections.client
    where
        corrections.charge_key is null
        and (
            corrections.state = 'posted'
            or (corrections.state = 'planned' and held_clients.client is null)
        )
    group by all
),

money as (
    select month, client, currency
    from source
    union
    select month, client, currency
    from open_plan
    union
    select month, client, currency
    from posted
),

joined as (
    select
        money.month,
        money.client,
        money.currency,
        coalesce(source.source_sell, 0) as source_sell,
        coalesce(source.source_cost, 0) as source_cost,
        coalesce(source.decided_sell, 0) as decided_sell,
        coalesce(source.decided_cost, 0) as decided_cost,
        coalesce(source.not_billed_sell, 0) as not_billed_sell,
        coalesce(source.not_billed_cost, 0) as not_billed_cost,
        coalesce(open_plan.residual_sell, 0) + coalesce(posted.residual_sell, 0)
            + coalesce(unchanged.residual_sell, 0) as residual_sell,
        coalesce(open_plan.residual_cost, 0) + coalesce(posted.residual_cost, 0)
            + coalesce(unchanged.residual_cost, 0) as residual_cost,
        coalesce(open_plan.sell, 0) as open_sell,
        coalesce(open_plan.cost, 0) as open_cost,
        coalesce(posted.sell, 0) as posted_sell,
        coalesce(posted.cost, 0) as posted_cost,
        coalesce(posted.readback_sell, 0) as readback_sell,
        coalesce(posted.readback_cost, 0) as readback_cost
    from money
    left join source
        on source.month = money.month
        and source.client = money.client
        and source.currency is not distinct from money.currency
    left join open_plan
        on open_plan.month = money.month
        and open_plan.client = money.client
        and open_plan.currency = money.currency
    left join posted
        on posted.month = money.month and posted.client = money.client and posted.currency = money.currency
    left join unchanged
        on unchanged.month = money.month and unchanged.client = money.client and unchanged.currency = money.currency
)

select
    month,
    client,
    currency,
    cast(source_sell as decimal(38, 18)) as source_sell,
    cast(source_cost as decimal(38, 18)) as source_cost,
    cast(decided_sell as decimal(38, 18)) as decided_sell,
    cast(decided_cost as decimal(38, 18)) as decided_cost,
    cast(not_billed_sell as decimal(38, 18)) as not_billed_sell,
    cast(not_billed_cost as decimal(38, 18)) as not_billed_cost,
    cast(residual_sell as decimal(38, 18)) as residual_sell,
    cast(residual_cost as decimal(38, 18)) as residual_cost,
    cast(open_sell + posted_sell as decimal(38, 18)) as planned_sell,
    cast(open_cost + posted_cost as decimal(38, 18)) as planned_cost,
    cast(posted_sell as decimal(38, 18)) as posted_sell,
    cast(posted_cost as decimal(38, 18)) as posted_cost,
    cast(readback_sell as decimal(38, 18)) as readback_sell,
    cast(readback_cost as decimal(38, 18)) as readback_cost,
    cast(
        source_sell + decided_sell - not_billed_sell - residual_sell - readback_sell - open_sell as decimal(38, 18)
    ) as sell_gap,
    cast(
        source_cost + decided_cost - not_billed_cost - residual_cost - readback_cost - open_cost as decimal(38, 18)
    ) as cost_gap
from joined;

-- What may be posted once a person has approved it: planned, and neither held nor sent.
create or replace view to_approve as
with waiting as (
    select
        plans.month,
        plans.client,
        plans.plan_hash,
        plans.awaiting_approval,
        unnest(
            json_transform(plans.plan, '{"documents": [{"document_key": "VARCHAR", "currency": "VARCHAR"}]}').documents
        ) as document
    from plans
    anti join holds on holds.month = plans.month and holds.client = plans.client
    where plans.awaiting_approval is not null
),

lines as (
    select
        plan.month,
        plan.client,
        plan.document_key,
        count(*) as lines,
        sum(plan.sell) as sell,
        sum(plan.cost) as cost
    from ready_to_invoice as plan
    group by plan.month, plan.client, plan.document_key
)

select
    waiting.month,
    waiting.client,
    waiting.document.currency as currency,
    waiting.plan_hash,
    count(*) as documents,
    cast(coalesce(sum(lines.lines), 0) as bigint) as lines,
    cast(coalesce(sum(lines.sell), 0) as decimal(38, 18)) as sell,
    cast(coalesce(sum(lines.cost), 0) as decimal(38, 18)) as cost,
    any_value(waiting.awaiting_approval) as detail
from waiting
left join lines
    on lines.month = waiting.month
    and lines.client = waiting.client
    and lines.document_key = waiting.document.document_key
where
    waiting.document.document_key not in (
        select document_key from postings where status in ('posted', 'sending', 'unknown')
    )
group by waiting.month, waiting.client, waiting.document.currency, waiting.plan_hash;

create or replace view withheld_credits as
select
    dispositions.month,
    dispositions.client,
    dispositions.integration,
    dispositions.invoice_id,
    dispositions.source_line_id,
    dispositions.currency,
    dispositions.sell,
    dispositions.cost,
    dispositions.setting_level,
    normalized.company_name,
    normalized.product_name,
    normalized.description,
    normalized.period_start,
    normalized.period_end
from dispositions
join normalized_charges as normalized
    on normalized.month = dispositions.month
    and normalized.invoice_id = dispositions.invoice_id
    and normalized.source_line_id = dispositions.source_line_id
where dispositions.reason = 'favorable_prorata';

create or replace view margin_by_client as
select
    month,
    client,
    charged_currency as currency,
    count(*) filter (where stands) as lines,
    cast(coalesce(sum(charged_sell) filter (where stands), 0) as decimal(38, 18)) as sell,
    cast(coalesce(sum(charged_cost) filter (where stands), 0) as decimal(38, 18)) as cost,
    cast(
        coalesce(sum(charged_sell) filter (where stands), 0) - coalesce(sum(charged_cost) filter (where stands), 0)
        as decimal(38, 18)
    ) as margin
from (
    select
        *,
        credit_halopsa_invoice_id is null as stands
    from traced_lines
)
where disposition in ('planned', 'posted', 'collapsed')
group by month, client, charged_currency;

create or replace view document_lines as
select
    month,
    client,
    integration,
    invoice_id,
    charge_key,
    document_key,
    slot_key,
    currency,
    halopsa_invoice_id,
    halopsa_line_id,
    halopsa_item_id,
    item_reference,
    short_description,
    long_description,
    tax_id,
    income_account,
    expense_account,
    quantity,
    unit_price,
    sell,
    cost,
    readback_sell,
    readback_cost,
    posted_at,
    cast(null as text) as reversed_charge_key
from posted_lines
union all
select
    month,
    client,
    integration,
    invoice_id,
    charge_key,
    document_key,
    cast(null as text) as slot_key,
    currency,
    halopsa_invoice_id,
    halopsa_line_id,
    halopsa_item_id,
    item_reference,
    name as short_description,
    long_description,
    tax_id,
    income_account,
    expense_account,
    quantity,
    unit_price,
    sell,
    cost,
    readback_sell,
    readback_cost,
    posted_at,
    reversed_charge_key
from reversals;

-- What was taken back of a posted month on credits of our own: what is posted less this is what stands.
create or replace view reversed_months as
select
    coalesce(counted_months.month, reversals.month) as month,
    client,
    currency,
    count(*) as lines,
    cast(-sum(sell) as decimal(38, 18)) as sell,
    cast(-sum(cost) as decimal(38, 18)) as cost,
    cast(-coalesce(sum(readback_sell), 0) as decimal(38, 18)) as readback_sell,
    cast(-coalesce(sum(readback_cost), 0) as decimal(38, 18)) as readback_cost
from reversals
left join counted_months on counted_months.charge_key = reversals.reversed_charge_key
group by all;

-- What a posted month billed, and what of it stands: a line that was taken back on a credit does not.
-- Caps compare with `sell`: what stands, or all of it where nothing was billed in its place. What is shown stands.
create or replace view billed_months as
with lines as (
    select
        posted.month,
        posted.client,
        posted.currency,
        posted.sell,
        posted.cost,
        reversals.charge_key is null as stands
    from posted_lines as posted
    left join reversals on reversals.reversed_charge_key = posted.charge_key
),

sums as (
    select
        month,
        client,
        currency,
        count(*) filter (where stands) as standing_lines,
        sum(sell) as billed_sell,
        sum(cost) as billed_cost,
        coalesce(sum(sell) filter (where stands), 0) as standing_sell,
        coalesce(sum(cost) filter (where stands), 0) as standing_cost
    from lines
    group by month, client, currency
)

select
    month,
    client,
    currency,
    cast(case when standing_lines > 0 then standing_sell else billed_sell end as decimal(38, 18)) as sell,
    cast(case when standing_lines > 0 then standing_cost else billed_cost end as decimal(38, 18)) as cost,
    standing_lines,
    cast(standing_sell as decimal(38, 18)) as standing_sell,
    cast(standing_cost as decimal(38, 18)) as standing_cost
from sums;

-- What each month comes to as it stands: planned, and posted less what was taken back.
create or replace view month_totals as
select
    proof.month,
    proof.client,
    proof.currency,
    cast(
        proof.planned_sell - proof.posted_sell + coalesce(billed.standing_sell, 0) as decimal(38, 18)
    ) as sell,
    cast(
        proof.planned_cost - proof.posted_cost + coalesce(billed.standing_cost, 0) as decimal(38, 18)
    ) as cost
from three_way as proof
left join billed_months as billed
    on billed.month = proof.month and billed.client = proof.client and billed.currency = proof.currency;

create or replace view month_over_month as
select
    current_month.month,
    current_month.client,
    current_month.currency,
    current_month.sell,
    current_month.cost,
    previous_month.month as previous_month,
    previous_month.sell as previous_sell,
    previous_month.cost as previous_cost,
    cast(current_month.sell - coalesce(previous_month.sell, 0) as decimal(38, 18)) as sell_change,
    cast(current_month.cost - coalesce(previous_month.cost, 0) as decimal(38, 18)) as cost_change
from month_totals as current_month
left join month_totals as previous_month
    on previous_month.client = current_month.client
    and previous_month.currency = current_month.currency
    and previous_month.month
    = strftime(cast(current_month.month || '-01' as date) - interval 1 month, '%Y-%m');

create or replace view unmapped_money as
select
    normalized.month,
    normalized.client,
    normalized.company_id,
    normalized.company_name,
    normalized.currency,
    count(*) as lines,
    cast(coalesce(sum(normalized.sell), 0) as decimal(38, 18)) as sell,
    cast(coalesce(sum(normalized.cost), 0) as decimal(38, 18)) as cost
from normalized_charges as normalized
where
    normalized.block_reason in ('unmapped_client', 'no_company')
    -- Lines without a company that are reported and hold nobody are excluded for just that.
    and coalesce(normalized.exclude_reason, 'no_company') = 'no_company'
    and normalized.line_key not in (select line_key from posted_source_lines)
group by
    normalized.month,
    normalized.client,
    normalized.company_id,
    normalized.company_name,
    normalized.currency;

-- Which item each product was posted with: what products.csv says later changes nothing here.
create or replace view product_matches_used as
with posted_products as (
    select distinct
        source.charge_key,
        case source.row_kind when 'collapsed' then 'azure' else normalized.product_id end as product_id,
        case source.row_kind when 'collapsed' then null else normalized.sku end as sku,
        case source.row_kind when 'collapsed' then null else normalized.term end as term,
        case
            when source.row_kind = 'collapsed' then 'Microsoft Azure'
            else coalesce(normalized.product_name, normalized.description)
        end as product_name
    from posted_source_lines as source
    join normalized_charges as normalized
        on normalized.month = source.month
        and normalized.client = source.client
        and normalized.line_key = source.line_key
)

select
    posted.month,
    posted.client,
    posted.integration,
    products.product_id,
    products.sku,
    products.term,
    products.product_name,
    posted.halopsa_item_id,
    posted.currency,
    count(*) filter (where reversals.charge_key is null) as lines,
    cast(coalesce(sum(posted.sell) filter (where reversals.charge_key is null), 0) as decimal(38, 18)) as sell,
    cast(coalesce(sum(posted.cost) filter (where reversals.charge_key is null), 0) as decimal(38, 18)) as cost
from posted_lines as posted
join posted_products as products on products.charge_key = posted.charge_key
left join reversals on reversals.reversed_charge_key = posted.charge_key
group by all;

create or replace view tax_compared as
select
    month,
    client,
    document_key,
    currency,
    expected_tax,
    answered_tax,
    cast(answered_tax - expected_tax as decimal(38, 18)) as difference
from postings
where status = 'posted';
