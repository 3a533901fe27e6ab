"""Runs whose process died are marked as failed; everything else is left alone."""

import os
import socket

import dagster as dg

from billing_pipeline.instance import HOST_TAG, PROCESS_TAG, fail_dead_runs, process_tags


@dg.job
def one_of_ours() -> None:
    """A job without steps."""


def test_only_runs_of_this_hosts_dead_processes_are_failed() -> None:
    host = socket.gethostname()
    with dg.DagsterInstance.ephemeral() as instance:
        alive = instance.create_run_for_job(one_of_ours, tags=process_tags())
        # The id was given again: the process that bears it now started at another time.
        reused = instance.create_run_for_job(one_of_ours, tags={HOST_TAG: host, PROCESS_TAG: f"{os.getpid()}@1.00"})
        elsewhere = instance.create_run_for_job(one_of_ours, tags={HOST_TAG: "other", PROCESS_TAG: "1@1.00"})
        of_the_daemon = instance.create_run_for_job(one_of_ours)

        failed = fail_dead_runs(instance)

        assert failed == [reused.run_id]
        statuses = {
            run.run_id: instance.get_run_by_id(run.run_id).status  # type: ignore[union-attr]
            for run in (alive, reused, elsewhere, of_the_daemon)
        }
    assert statuses.pop(reused.run_id) == dg.DagsterRunStatus.FAILURE
    assert dg.DagsterRunStatus.FAILURE not in statuses.values()
