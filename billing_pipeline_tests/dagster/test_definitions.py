"""The definitions as Dagster loads them, against a snapshot in plain text."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from billing_pipeline_tests.dagster.describe import SNAPSHOT, describe, load_definitions


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """All definitions, with the settings that are built in."""
    return load_definitions(tmp_path_factory.mktemp("config"))


def test_the_definitions_are_those_of_the_snapshot(definitions: dg.Definitions) -> None:
    how = "If the change is meant: python -m billing_pipeline_tests.dagster.describe, and commit what it writes."

    assert describe(definitions) == SNAPSHOT.read_text(encoding="utf-8"), how


def test_the_definitions_load_without_any_credential(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_posting_can_neither_be_automated_nor_retried(definitions: dg.Definitions) -> None:
    posted = definitions.resolve_assets_def("posted_halopsa_invoices")

    assert posted.automation_conditions_by_key == {}
    assert posted.op.retry_policy is None
    schema: Any = posted.op.config_schema.as_field().config_type
    assert {name: field.is_required for name, field in schema.fields.items()} == {"confirm_month": True}


def test_no_sensor_starts_a_posting_run(definitions: dg.Definitions) -> None:
    started = {sensor.job_name for sensor in definitions.sensors or ()}

    assert started == {"fetch_month", "prepare_month"}


def test_month_assets_and_client_assets_share_no_job(definitions: dg.Definitions) -> None:
    for job in definitions.resolve_all_job_defs():
        if not job.name.startswith("__"):
            graph = definitions.resolve_asset_graph()
            kinds = {type(graph.get(key).partitions_def) for key in job.asset_layer.executable_asset_keys} - {
                type(None)
            }
            assert len(kinds) == 1, job.name


def test_the_packaged_instance_settings_are_those_at_the_root() -> None:
    root = Path(__file__).parents[2]

    assert (root / "dagster.yaml").read_text() == (root / "billing_pipeline" / "dagster.yaml").read_text()
