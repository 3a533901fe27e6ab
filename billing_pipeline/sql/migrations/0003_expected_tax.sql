-- What our lines of a posted document should be taxed with, by the taxes that were sent; null where nobody can say.
alter table postings add column expected_tax decimal(28, 10);
