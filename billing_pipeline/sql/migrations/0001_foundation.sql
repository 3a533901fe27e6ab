-- The warehouse: append-only sources, one slice a month and client for each step, an append-only journal.
-- No primary or foreign keys: slices are replaced in one transaction, and foreign keys break COPY FROM DATABASE.

create table step_log (
    run_id text,
    step text,
    month text,
    clients integer,
    row_count bigint,
    seconds decimal(18, 3),
    finished_at timestamp
);

-- Snapshots: rows are stored once for each content, a snapshot says when that content was seen.
create table snapshots (
    snapshot_id bigint,
    kind text,
    content_hash text,
    row_count bigint,
    source text,
    taken_at timestamp
);

create table snapshot_rows (
    kind text,
    content_hash text,
    row_no integer,
    row_id text,
    payload text
);

-- Distributor invoices.
create table raw_fetches (
    fetch_id bigint,
    integration text,
    month text,
    source text,
    invoice_versions bigint[],
    fetched_at timestamp
);

create table raw_invoices (
    version_id bigint,
    integration text,
    month text,
    invoice_id text,
    content_hash text,
    status text,
    invoice_date date,
    due_date date,
    currency text,
    total decimal(28, 10),
    balance decimal(28, 10),
    carried_balance decimal(28, 10),
    total_text text,
    balance_text text,
    carried_balance_text text,
    partner_name text,
    company_id text,
    external_id text,
    item_count bigint,
    total_elements bigint,
    payload text,
    first_seen_at timestamp
);

create table raw_invoice_pages (
    invoice_id text,
    content_hash text,
    page_no integer,
    body text,
    body_hash text
);

create table raw_invoice_items (
    invoice_id text,
    content_hash text,
    line_no integer,
    source_line_id text,
    line_key text,
    type text,
    term text,
    company_id text,
    company_name text,
    external_id text,
    purchase_order text,
    sku text,
    description text,
    details text,
    product_id text,
    product_name text,
    vendor_name text,
    subscription_id text,
    unit_of_measure text,
    rate_type text,
    charge_type text,
    currency text,
    start_period date,
    end_period date,
    quantity decimal(28, 10),
    price decimal(28, 10),
    sub_total decimal(28, 10),
    total decimal(28, 10),
    cost decimal(28, 10),
    cost_total decimal(28, 10),
    sales_tax decimal(28, 10),
    amount_due decimal(28, 10),
    quantity_text text,
    price_text text,
    sub_total_text text,
    total_text text,
    cost_text text,
    cost_total_text text,
    sales_tax_text text,
    amount_due_text text,
    too_precise text[],
    unreadable text[],
    payload text
);

-- One slice a month and client.
create table settings_used (
    month text,
    client text,
    integration text,
    key text,
    value text,
    level text
);

create table normalized_charges (
    month text,
    client text,
    integration text,
    line_key text,
    invoice_id text,
    invoice_status text,
    invoice_date date,
    source_line_id text,
    line_no integer,
    company_id text,
    company_name text,
    purchase_order text,
    type text,
    term text,
    sku text,
    product_id text,
    product_name text,
    description text,
    details text,
    vendor_name text,
    subscription_id text,
    azure_subscription_id text,
    period_start date,
    period_end date,
    currency text,
    quantity decimal(28, 10),
    price decimal(28, 10),
    sell decimal(28, 10),
    cost decimal(28, 10),
    line_class text,
    rule_id text,
    exclude_reason text,
    block_reason text,
    block_detail text
);

create table modified_charges (
    month text,
    client text,
    integration text,
    charge_key text,
    line_key text,
    row_kind text,
    invoice_id text,
    source_line_id text,
    line_no integer,
    line_class text,
    currency text,
    quantity decimal(28, 10),
    price decimal(28, 10),
    sell decimal(28, 10),
    cost decimal(28, 10),
    product_id text,
    sku text,
    term text,
    product_name text,
    collapse_group text,
    member_count integer,
    outcome text,
    reason text,
    detail text,
    setting_level text
);

create table reconciled_items (
    month text,
    client text,
    integration text,
    charge_key text,
    row_kind text,
    invoice_id text,
    line_no integer,
    line_class text,
    currency text,
    quantity decimal(28, 10),
    price decimal(28, 10),
    sell decimal(28, 10),
    cost decimal(28, 10),
    halopsa_client_id bigint,
    halopsa_item_id bigint,
    item_reference text,
    match_rule text,
    income_account text,
    expense_account text,
    tax_id bigint,
    block_reason text,
    block_detail text
);

create table findings (
    month text,
    client text,
    integration text,
    charge_key text,
    document_key text,
    step text,
    kind text,
    detail text,
    currency text,
    sell decimal(28, 10),
    cost decimal(28, 10),
    source_line_id text
);

create table holds (
    month text,
    client text,
    disposition text,
    reason text,
    reason_rank integer,
    detail text,
    currency text,
    sell decimal(28, 10),
    cost decimal(28, 10),
    source_line_id text
);

create table plans (
    month text,
    client text,
    plan_hash text,
    observed_hash text,
    documents integer,
    lines integer,
    plan text,
    settings_hash text,
    fetch_id bigint,
    snapshot_ids bigint[],
    sealed_at timestamp
);

create table ready_to_invoice (
    month text,
    client text,
    integration text,
    currency text,
    document_key text,
    line_no integer,
    charge_key text,
    halopsa_client_id bigint,
    halopsa_item_id bigint,
    item_reference text,
    short_description text,
    long_description text,
    quantity decimal(28, 10),
    unit_price decimal(28, 10),
    unit_cost decimal(28, 10),
    sell decimal(28, 10),
    cost decimal(28, 10),
    source_sell decimal(28, 10),
    source_cost decimal(28, 10),
    tax_id bigint,
    income_account text,
    expense_account text,
    invoice_date date,
    plan_hash text
);

-- Posting: the journal is the truth, the others are what it says, in tables.
create table posting_journal (
    seq bigint,
    recorded_at timestamp,
    event text,
    month text,
    client text,
    document_key text,
    plan_hash text,
    run_id text,
    actor text,
    code_version text,
    halopsa_address text,
    halopsa_tenant text,
    request_digest text,
    halopsa_invoice_id bigint,
    outcome text,
    detail text,
    previous_hash text,
    row_hash text
);

create table postings (
    month text,
    client text,
    document_key text,
    currency text,
    halopsa_client_id bigint,
    halopsa_invoice_id bigint,
    status text,
    plan_hash text,
    lines integer,
    sell decimal(28, 10),
    cost decimal(28, 10),
    answered_sell decimal(28, 10),
    answered_tax decimal(28, 10),
    readback_sell decimal(28, 10),
    readback_cost decimal(28, 10),
    detail text,
    run_id text,
    sent_at timestamp,
    settled_at timestamp,
    read_back_at timestamp
);

create table posted_lines (
    month text,
    client text,
    integration text,
    invoice_id text,
    charge_key text,
    document_key text,
    slot_key text,
    currency text,
    halopsa_invoice_id bigint,
    halopsa_line_id bigint,
    halopsa_item_id bigint,
    quantity decimal(28, 10),
    unit_price decimal(28, 10),
    sell decimal(28, 10),
    cost decimal(28, 10),
    source_sell decimal(28, 10),
    source_cost decimal(28, 10),
    readback_sell decimal(28, 10),
    readback_cost decimal(28, 10),
    posted_at timestamp
);

-- Which source lines a posted charge billed: once a line is here it is never planned again.
create table posted_source_lines (
    line_key text,
    charge_key text,
    month text,
    client text,
    currency text,
    invoice_id text,
    row_kind text,
    collapse_group text,
    setting_level text
);

-- What each slice was made from, so that an old month can be replayed to the same bytes.
create table slice_sources (
    month text,
    client text,
    step text,
    fetch_id bigint,
    snapshot_ids bigint[],
    settings_hash text,
    run_id text,
    made_at timestamp
);

create table confirmed_products (
    integration text,
    product_id text,
    sku text,
    term text,
    halopsa_item_id bigint,
    item_reference text,
    origin text,
    confirmed_at timestamp
);

-- The ordered, versioned rules by which a line gets its class. The SQL of the normalise step picks the rule.
create table line_class_rules (
    rule_id text,
    rule_order integer,
    version integer,
    line_class text,
    meaning text
);

insert into line_class_rules values
    ('1-credit', 1, 1, 'credit', 'type rebate, service-credit, payment-credit or invoice-credit'),
    ('1-commitment-sku', 2, 1, 'azure_commitment', 'SKU MST-ARI'),
    ('1-commitment-name', 3, 1, 'azure_commitment', 'named an Azure reservation or savings plan'),
    ('1-azure-guid', 4, 1, 'azure_consumption', 'an Azure charge with its subscription GUID in the description'),
    ('1-azure-sku', 5, 1, 'azure_consumption', 'SKU MST-AZR or AZR-ARR'),
    ('1-azure-arrears', 6, 1, 'azure_consumption', 'Microsoft, named Azure but no licence, term Arrears'),
    ('1-prorate', 7, 1, 'prorate', 'type prorate'),
    ('1-one-time', 8, 1, 'one_time', 'type one-time, or term One-Time or Activation'),
    ('1-fee', 9, 1, 'fee', 'type service-charge'),
    ('1-arrears', 10, 1, 'other_arrears', 'term Arrears'),
    ('1-license', 11, 1, 'license', 'everything else');
