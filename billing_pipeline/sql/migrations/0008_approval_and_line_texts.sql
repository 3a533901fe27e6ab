-- A plan that waits for its approval is no held plan: that it waits stands with the plan itself. And what a line said
-- when it was posted stands with the posted line, whatever is prepared again later.
alter table plans add column awaiting_approval text;

update plans
set awaiting_approval = waiting.detail
from (
    select
        month,
        client,
        arg_min(detail, currency) as detail
    from holds
    where reason = 'awaiting_approval'
    group by month, client
) as waiting
where waiting.month = plans.month and waiting.client = plans.client;

delete from holds
where reason = 'awaiting_approval';

alter table posted_lines add column short_description text;
alter table posted_lines add column long_description text;
alter table posted_lines add column item_reference text;
alter table posted_lines add column tax_id bigint;
alter table posted_lines add column income_account text;
alter table posted_lines add column expense_account text;

alter table reversals add column long_description text;
alter table reversals add column item_reference text;
alter table reversals add column tax_id bigint;
alter table reversals add column income_account text;
alter table reversals add column expense_account text;

-- Months that were posted before: the document as it was sent is kept with its posting. No amount is read from it.
create temp table sent_lines as
with documents as (
    select
        document_key,
        json_transform(
            json_extract(detail, '$.document'),
            '{"lines": [{"charge_key": "VARCHAR", "short_description": "VARCHAR", "long_description": "VARCHAR",
              "item_reference": "VARCHAR", "tax_id": "BIGINT", "income_account": "VARCHAR",
              "expense_account": "VARCHAR"}]}'
        ).lines as lines
    from postings
    where status = 'posted'
)

select
    document_key,
    unnest(lines, recursive := true)
from documents;

update posted_lines
set
    short_description = sent.short_description,
    long_description = sent.long_description,
    item_reference = sent.item_reference,
    tax_id = sent.tax_id,
    income_account = sent.income_account,
    expense_account = sent.expense_account
from sent_lines as sent
where sent.document_key = posted_lines.document_key and sent.charge_key = posted_lines.charge_key;

update reversals
set
    long_description = sent.long_description,
    item_reference = sent.item_reference,
    tax_id = sent.tax_id,
    income_account = sent.income_account,
    expense_account = sent.expense_account
from sent_lines as sent
where sent.document_key = reversals.document_key and sent.charge_key = reversals.charge_key;

drop table sent_lines;
