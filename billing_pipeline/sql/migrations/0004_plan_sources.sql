-- What each plan with documents was made from, kept for good: `plans` and `slice_sources` hold the newest only.
create table plan_sources (
    month text,
    client text,
    plan_hash text,
    fetch_id bigint,
    snapshot_ids bigint[],
    settings_hash text,
    corrects boolean,
    sealed_at timestamp
);
