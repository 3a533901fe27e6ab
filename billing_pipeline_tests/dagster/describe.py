"""All definitions as plain text, so that a renamed asset or a check that no longer blocks is seen in review.

`python -m billing_pipeline_tests.dagster.describe` writes `definitions.txt` anew.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from billing_pipeline.definitions import build_defs
from billing_pipeline.settings.environment import load_environment

SNAPSHOT = Path(__file__).with_name("definitions.txt")


def load_definitions(config: Path) -> dg.Definitions:
    """The definitions with the settings that are built in."""
    (config / "billing.yaml").write_text("start_month: 2026-09\n")
    return build_defs(load_environment({"BILLING_CONFIG": str(config)}, None))


def describe(defs: dg.Definitions) -> str:
    """Assets with what they are made from, checks, jobs with what they select, sensors, resources."""
    return "\n".join([*_assets(defs), *_checks(defs), *_jobs(defs), *_sensors(defs), *_resources(defs)]) + "\n"


def _assets(defs: dg.Definitions) -> Iterator[str]:
    graph = defs.resolve_asset_graph()
    yield "ASSETS"
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        partitions = node.partitions_def
        yield f"  {key.to_user_string()}"
        yield f"    group: {node.group_name}; kinds: {', '.join(sorted(node.kinds))}"
        yield f"    partitions: {_partitions(partitions)}; backfill: {_backfill(node.backfill_policy)}"
        yield f"    made from: {', '.join(sorted(one.to_user_string() for one in node.parent_keys)) or 'nothing'}"
        yield f"    automation: {node.automation_condition or 'none'}"


def _partitions(partitions: dg.PartitionsDefinition | None) -> str:
    match partitions:
        case None:
            return "none"
        case dg.MonthlyPartitionsDefinition():
            return f"months from {partitions.start:%Y-%m}, {partitions.timezone}, end offset {partitions.end_offset}"
        case dg.DynamicPartitionsDefinition():
            return f"named {partitions.name}"
        case dg.MultiPartitionsDefinition():
            return " × ".join(f"{one.name} ({_partitions(one.partitions_def)})" for one in partitions.partitions_defs)
        case _:
            return repr(partitions)


def _backfill(policy: dg.BackfillPolicy | None) -> str:
    if policy is None:
        return "none"
    return "all in one run" if policy.max_partitions_per_run is None else f"{policy.max_partitions_per_run} a run"


def _checks(defs: dg.Definitions) -> Iterator[str]:
    yield "CHECKS"
    specs = [spec for checks in defs.asset_checks or () for spec in checks.check_specs]
    for spec in sorted(specs, key=lambda one: (one.asset_key.to_user_string(), one.name)):
        yield f"  {spec.asset_key.to_user_string()}: {spec.name}{' (blocking)' if spec.blocking else ''}"


def _jobs(defs: dg.Definitions) -> Iterator[str]:
    yield "JOBS"
    for job in sorted(defs.resolve_all_job_defs(), key=lambda one: one.name):
        if job.name.startswith("__"):
            continue
        selected = sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys)
        yield f"  {job.name}: {', '.join(selected)}"
        yield f"    executor: {job.executor_def.name}"


def _sensors(defs: dg.Definitions) -> Iterator[str]:
    yield "SENSORS"
    for sensor in sorted(defs.sensors or (), key=lambda one: one.name):
        yield f"  {sensor.name} starts {sensor.job_name}"
        yield f"    every {sensor.minimum_interval_seconds} seconds, at first {sensor.default_status.name.lower()}"


def _resources(defs: dg.Definitions) -> Iterator[str]:
    yield "RESOURCES"
    for name, resource in sorted((defs.resources or {}).items()):
        yield f"  {name}: {type(resource).__name__}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        SNAPSHOT.write_text(describe(load_definitions(Path(folder))), encoding="utf-8")
