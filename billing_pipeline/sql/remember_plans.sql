-- Keep what each new plan with documents was made from. A plan that was sealed before keeps its first row.
-- Reads: plans, slice_sources; frames scope_clients, correcting_clients.
insert into plan_sources by name
with earlier_steps as (
    select
        client,
        flatten(list(snapshot_ids)) as snapshot_ids
    from slice_sources
    where month = getvariable('month') and step in ('normalized_charges', 'reconciled_items')
    group by client
)

select
    plans.month,
    plans.client,
    plans.plan_hash,
    plans.fetch_id,
    list_sort(list_distinct(list_concat(plans.snapshot_ids, earlier_steps.snapshot_ids))) as snapshot_ids,
    plans.settings_hash,
    plans.client in (select client from correcting_clients) as corrects,
    plans.sealed_at
from plans
left join earlier_steps on earlier_steps.client = plans.client
anti join plan_sources as known
    on known.month = plans.month and known.client = plans.client and known.plan_hash = plans.plan_hash
where
    plans.month = getvariable('month')
    and plans.client in (select client from scope_clients)
    and plans.documents > 0;
