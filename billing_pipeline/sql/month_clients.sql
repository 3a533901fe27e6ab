-- One row a client and currency of a month: what is billed, posted or to post, and what was billed the month before.
-- A client without charges this month is there too when it had some the month before, for that is a change, and when a
-- document of it ends lines.
with planned as (
    select
        client,
        coalesce(currency, '') as currency,
        planned_sell as sell,
        planned_cost as cost
    from three_way
    where month = $month
),

month_before as (
    select
        client,
        coalesce(currency, '') as currency,
        sell as previous_sell
    from month_totals
    where month = $previous_month and sell <> 0
),

lines as (
    select
        client,
        coalesce(charged_currency, '') as currency,
        count(*) as lines,
        coalesce(sum(charged_sell) filter (where disposition in ('held', 'blocked')), 0) as held_sell,
        coalesce(bool_and(reason = 'excluded_client'), false) as excluded
    from traced_lines
    where month = $month
    group by all
),

reasons as (
    select
        client,
        list(distinct reason order by reason) as hold_reasons
    from holds
    where month = $month
    group by client
),

-- What credits of ours took back is billed no more.
undone as (
    select
        client,
        currency,
        sell,
        cost
    from reversed_months
    where month = $month
),

standing as (
    select
        client,
        currency,
        standing_lines
    from billed_months
    where month = $month
),

approvals as (
    select
        client,
        currency,
        documents,
        sell
    from to_approve
    where month = $month
),

posted as (
    select
        client,
        currency,
        count(*) as documents
    from postings
    where month = $month
        and status = 'posted'
        and document_key not in (select document_key from reversals)
    group by all
),

-- Documents and not their lines: one that only ends lines has none, and HaloPSA bills on until it is posted.
-- A correction without a difference sends nothing.
planned_documents as (
    select
        month,
        client,
        unnest(
            json_transform(
                plan, '{"documents": [{"document_key": "VARCHAR", "currency": "VARCHAR", "action": "VARCHAR"}]}'
            ).documents
        ) as document
    from plans
    where month = $month and documents > 0
),

to_post as (
    select
        client,
        document.currency as currency,
        count(distinct document.document_key) as documents
    from planned_documents
    where
        document.action <> 'record'
        and client not in (select client from reasons)
        and document.document_key not in (
            select document_key from postings where status in ('posted', 'sending', 'unknown')
        )
    group by all
)

select
    client,
    currency,
    coalesce(lines.lines, 0) as lines,
    coalesce(posted.documents, 0) as posted_documents,
    coalesce(to_post.documents, 0) as open_documents,
    cast(coalesce(planned.sell, 0) - coalesce(undone.sell, 0) as decimal(38, 18)) as sell,
    cast(coalesce(planned.cost, 0) - coalesce(undone.cost, 0) as decimal(38, 18)) as cost,
    cast(coalesce(undone.sell, 0) as decimal(38, 18)) as reversed_sell,
    cast(coalesce(undone.cost, 0) as decimal(38, 18)) as reversed_cost,
    undone.client is not null and coalesce(standing.standing_lines, 0) = 0 as is_reversed,
    cast(coalesce(lines.held_sell, 0) as decimal(38, 18)) as held_sell,
    coalesce(reasons.hold_reasons, []) as hold_reasons,
    approvals.client is not null as awaits_approval,
    coalesce(lines.excluded, false) as excluded,
    cast(month_before.previous_sell as decimal(38, 18)) as previous_sell
from planned
full join month_before using (client, currency)
full join posted using (client, currency)
full join to_post using (client, currency)
left join lines using (client, currency)
left join undone using (client, currency)
left join standing using (client, currency)
left join approvals using (client, currency)
left join reasons using (client)
where $everyone or client in (select unnest($clients::text[]))
order by client, currency
