-- Who approved which sealed plan; append-only. One row an approval and currency of the plan.
create table approvals (
    month text,
    client text,
    plan_hash text,
    approver text,
    system_user text,
    approved_at timestamp,
    currency text,
    documents integer,
    lines integer,
    sell decimal(28, 10),
    cost decimal(28, 10),
    forced_caps text[],
    settings_hash text,
    settings_files text,
    plan text,
    journal_seq bigint
);

-- The settings files that slices and plans were made with, once for each content, kept for good.
create table settings_files (
    settings_hash text,
    name text,
    content text,
    sha256 text,
    stored_at timestamp
);

-- The caps that a plan passes and that a person forced when it was sealed.
alter table plans add column forced_caps text[];
