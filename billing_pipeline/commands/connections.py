"""Clients of Pax8 and HaloPSA for commands that ask them directly."""

from billing_pipeline.billing.settings import BillingSettings
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.settings.environment import Environment


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
    )
