"""The pipeline for Dagster: composition, and nothing else."""

import os
from pathlib import Path
from typing import Any

import dagster as dg

from billing_pipeline.assets.charges import build_charges
from billing_pipeline.assets.month_reconciliation import build_month_reconciliation
from billing_pipeline.assets.posted_invoices import build_posted_invoices
from billing_pipeline.assets.raw_invoice import build_raw_invoice
from billing_pipeline.assets.ready_to_invoice import build_ready_to_invoice
from billing_pipeline.assets.snapshots import build_snapshots
from billing_pipeline.automation import build_jobs, build_sensors
from billing_pipeline.checks import build_checks
from billing_pipeline.composition import build_resources
from billing_pipeline.partitions import build_partitions
from billing_pipeline.settings.environment import Environment, load_environment
from billing_pipeline.settings.load import load_settings


def build_defs(environment: Environment | None = None, **resource_overrides: Any) -> dg.Definitions:
    """All definitions; `resource_overrides` replace resources by name, so that tests swap parts without patching.

    Reads the settings folder for the start month and the time zone. Raises SettingsError.
    """
    if environment is None:
        environment = load_environment(os.environ, Path(".env"))
    settings = load_settings(environment.config_folder).settings
    partitions = build_partitions(settings.start_month, settings.time_zone, environment.now())
    jobs = build_jobs()
    return dg.Definitions(
        assets=[
            *build_snapshots(),
            build_raw_invoice(partitions),
            *build_charges(partitions),
            build_ready_to_invoice(partitions),
            build_posted_invoices(partitions),
            build_month_reconciliation(partitions),
        ],
        asset_checks=build_checks(),
        jobs=jobs,
        sensors=build_sensors(jobs),
        resources={**build_resources(environment, settings), **resource_overrides},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads."""
    return build_defs()
