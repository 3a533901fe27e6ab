"""Clients of Pax8 and HaloPSA for commands that ask them directly."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from billing_pipeline.billing.settings import BillingSettings
from billing_pipeline.commands.progress import show_waits
from billing_pipeline.commands.surroundings import demand_month, existing_warehouse, read_environment
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.work import Work


def open_pax8(environment: Environment, settings: BillingSettings) -> Pax8Client:
    """A Pax8 client. Raises SettingsError that names the variables that are missing."""
    access = environment.require_pax8()
    return Pax8Client(
        access.base_url,
        access.token_url,
        access.audience,
        access.client_id,
        access.client_secret.get_secret_value(),
        requests_per_minute=settings.pax8.requests_per_minute,
        timeout_seconds=settings.pax8.timeout_seconds,
        beside=environment.warehouse,
    )


def open_halopsa(environment: Environment, settings: BillingSettings) -> HaloClient:
    """A HaloPSA client. Raises SettingsError that names the variables that are missing."""
    access = environment.require_halopsa()
    return HaloClient(
        access.resource_server,
        access.authorisation_server,
        access.tenant,
        access.client_id,
        access.client_secret.get_secret_value(),
        requests_per_5_minutes=settings.halopsa.requests_per_5_minutes,
        timeout_seconds=settings.halopsa.timeout_seconds,
        beside=environment.warehouse,
    )


@contextmanager
def open_month(month: str, command: str, *clients: str) -> Iterator[tuple[Work, HaloClient]]:
    """The work of a command that runs without Dagster, and HaloPSA; the journal knows its run by the command's name.

    Raises SettingsError for what is no month, credentials that are missing and wrong settings, and NothingThere where
    there is no database.
    """
    demand_month(month)
    environment = read_environment()
    environment.require_halopsa()
    config = load_settings(environment.config_folder)
    warehouse = existing_warehouse(environment)
    with show_waits(), open_halopsa(environment, config.settings) as halo, warehouse.kept_open():
        run_id = f"{command}-{uuid4()}"
        yield Work(month, clients, warehouse, config, environment.now(), run_id, environment.now), halo
