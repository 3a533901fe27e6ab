"""Posting never happens by accident: without a typed month nothing runs, and a wrong one posts nothing."""

import dagster as dg
import pytest

from billing_pipeline.automation import POST_MONTH
from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.definitions import build_defs
from billing_pipeline.instance import open_instance
from billing_pipeline.partitions import CLIENTS, range_tags
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import ACME, MONTH, make_invoice, make_line, make_world

POSTED = dg.AssetKey("posted_halopsa_invoices")


@pytest.fixture
def prepared(provider: Provider) -> Provider:
    """A month with one sealed plan, ready to be posted."""
    provider.set_up(make_world([ACME], [make_invoice([make_line(1, ACME, "10.00")])]), [ACME])
    Steps(provider).close(post=False)
    return provider


@pytest.mark.parametrize(
    "chosen", [[POSTED], ["normalized_charges", "modified_charges", "reconciled_items", "ready_to_invoice", POSTED]]
)
def test_materialize_all_is_refused_before_anything_runs(prepared: Provider, chosen: list[dg.AssetKey | str]) -> None:
    selection = [dg.AssetKey(one) if isinstance(one, str) else one for one in chosen]
    steps_before = prepared.value("select count(*) from step_log")
    with open_instance(prepared.environment.dagster_home) as instance:
        instance.add_dynamic_partitions(CLIENTS, ["acme"])
        job = build_defs(prepared.environment).resolve_implicit_global_asset_job_def()

        with pytest.raises(dg.DagsterInvalidConfigError, match="confirm_month"):
            job.execute_in_process(instance=instance, partition_key=f"acme|{MONTH}", asset_selection=selection)

        assert instance.get_runs_count() == 0
    assert prepared.value("select count(*) from step_log") == steps_before
    assert prepared.posts() == 0


def test_a_month_that_is_not_the_runs_is_refused(prepared: Provider) -> None:
    with open_instance(prepared.environment.dagster_home) as instance:
        instance.add_dynamic_partitions(CLIENTS, ["acme"])
        job = build_defs(prepared.environment).resolve_job_def(POST_MONTH)

        with pytest.raises(
            PostingRefused, match=r"confirm_month is '2026-09', but the run is for 2026-10\. Nothing was posted"
        ):
            job.execute_in_process(
                instance=instance,
                tags=range_tags(MONTH, ["acme"]),
                run_config={"ops": {"posted_halopsa_invoices": {"config": {"confirm_month": "2026-09"}}}},
            )

    assert prepared.posts() == 0
