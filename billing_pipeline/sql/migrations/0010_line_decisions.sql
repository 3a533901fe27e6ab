-- What a person decided for single source lines, beside what the distributor sent for them.
alter table normalized_charges add column sent_currency text;
alter table normalized_charges add column sent_sell decimal(38, 18);
alter table normalized_charges add column sent_cost decimal(38, 18);
alter table normalized_charges add column decisions text;
-- A posted line keeps the decisions that it was posted with.
alter table posted_source_lines add column decisions text;
