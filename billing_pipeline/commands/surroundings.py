"""The environment of a command, read once, with the log file beside the database."""

import os
from pathlib import Path

from billing_pipeline.billing.errors import BillingPipelineError, SettingsError, WarehouseError
from billing_pipeline.billing.months import is_month
from billing_pipeline.commands.log_file import open_log
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.environment import Environment, load_environment
from billing_pipeline.steps.journal import HEAD_FILE


class NothingThere(BillingPipelineError):
    """What is asked for was not made yet."""


def read_environment() -> Environment:
    """The process's variables over those of `.env`; from here on everything is logged beside the database."""
    environment = load_environment(os.environ, Path(".env"))
    secrets = (environment.pax8_client_secret, environment.halopsa_client_secret)
    open_log(environment.warehouse.parent, [secret.get_secret_value() for secret in secrets if secret is not None])
    return environment


def existing_warehouse(environment: Environment) -> Warehouse:
    """The warehouse, which a command that only reads must not make. Raises NothingThere, or WarehouseError where
    the database was there once."""
    if not environment.warehouse.exists():
        published = Warehouse(environment.warehouse).published
        if (published / HEAD_FILE).exists():
            raise WarehouseError(
                f"There is no database at {environment.warehouse}, but one was published to {published}. Find it, or "
                f"put the newest whole copy in its place, a backup or {published / 'billing.duckdb'}: a new database "
                "would not know what was posted. If yours is elsewhere, correct BILLING_WAREHOUSE."
            )
        raise NothingThere(
            f"There is no database at {environment.warehouse} yet: close a month first (billing-pipeline close MONTH), "
            "or set BILLING_WAREHOUSE to yours."
        )
    return Warehouse(environment.warehouse, environment.lock_wait_seconds)


def demand_month(month: str) -> None:
    """Raise SettingsError for what is no month."""
    if not is_month(month):
        raise SettingsError(f"{month!r} is no month: write it as YYYY-MM.")
