-- The slices of plans, ready_to_invoice and holds give way to the new ones.
delete from plans
where month = getvariable('month') and client in (select client from scope_clients);

delete from ready_to_invoice
where month = getvariable('month') and client in (select client from scope_clients);

delete from holds
where month = getvariable('month') and client in (select client from scope_clients);
