"""Resources from the environment and the settings."""

import os
from typing import Any

import dagster as dg
from pydantic import SecretStr

from billing_pipeline.billing.settings import BillingSettings
from billing_pipeline.resources.configuration import ConfigurationResource
from billing_pipeline.resources.halopsa import HaloResource
from billing_pipeline.resources.pax8 import Pax8Resource
from billing_pipeline.resources.warehouse import WarehouseResource
from billing_pipeline.settings.environment import Environment


def build_resources(environment: Environment, settings: BillingSettings) -> dict[str, Any]:
    """The resources by the names that assets ask for. Nothing is opened, and no credential is demanded, here."""
    return {
        "configuration": ConfigurationResource(
            folder=str(environment.config_folder), fixed_now=environment.fixed_now or ""
        ),
        "warehouse": WarehouseResource(
            path=str(environment.warehouse), lock_wait_seconds=environment.lock_wait_seconds
        ),
        "pax8": Pax8Resource(
            base_url=environment.pax8_base_url,
            token_url=environment.pax8_token_url,
            audience=environment.pax8_audience,
            client_id=environment.pax8_client_id or "",
            client_secret=_secret("PAX8_CLIENT_SECRET", environment.pax8_client_secret),
            requests_per_minute=settings.pax8.requests_per_minute or 0,
            timeout_seconds=settings.pax8.timeout_seconds,
            beside=str(environment.warehouse),
        ),
        "halopsa": HaloResource(
            resource_server=environment.halopsa_resource_server or "",
            authorisation_server=environment.halopsa_authorisation_server or "",
            tenant=environment.halopsa_tenant,
            client_id=environment.halopsa_client_id or "",
            client_secret=_secret("HALOPSA_CLIENT_SECRET", environment.halopsa_client_secret),
            requests_per_5_minutes=settings.halopsa.requests_per_5_minutes or 0,
            timeout_seconds=settings.halopsa.timeout_seconds,
            beside=str(environment.warehouse),
        ),
    }


def _secret(name: str, value: SecretStr | None) -> Any:
    """The secret as an EnvVar, which Dagster shows by its name only.

    One that stands in `.env` alone is put into this process's environment, from where Dagster reads it. One
    that is not set is empty: the resource then says so in its own words when it is opened.
    """
    if value is None:
        return ""
    os.environ[name] = value.get_secret_value()
    return dg.EnvVar(name)
