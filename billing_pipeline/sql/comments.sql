comment on table step_log is 'One row a step and run: what was done, for how many clients, how many rows, how long.';
