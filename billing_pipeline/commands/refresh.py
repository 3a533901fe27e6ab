"""Ask Pax8 and HaloPSA what they have now, and keep it as snapshots: what a proposal is made from."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.snapshots import store_snapshot

Rows = list[dict[str, Any]]

PAX8_READS: Mapping[str, Callable[[Pax8Client], Rows]] = {"pax8_companies": Pax8Client.companies}
HALOPSA_READS: Mapping[str, Callable[[HaloClient], Rows]] = {
    "halopsa_clients": HaloClient.clients,
    "halopsa_items": HaloClient.items,
}


def open_pax8(environment: Environment, config: LoadedSettings) -> Pax8Client:
    """Pax8, with the credentials of the environment; raises SettingsError naming what is missing."""
    access = environment.require_pax8()
    return Pax8Client(
        access.base_url,
        access.token_url,
        access.audience,
        access.client_id,
        access.client_secret.get_secret_value(),
        requests_per_minute=config.settings.pax8.requests_per_minute,
        timeout_seconds=config.settings.pax8.timeout_seconds,
    )


def open_halopsa(environment: Environment, config: LoadedSettings) -> HaloClient:
    """HaloPSA, with the credentials of the environment; raises SettingsError naming what is missing."""
    access = environment.require_halopsa()
    return HaloClient(
        access.resource_server,
        access.authorisation_server,
        access.tenant,
        access.client_id,
        access.client_secret.get_secret_value(),
        requests_per_5_minutes=config.settings.halopsa.requests_per_5_minutes,
        timeout_seconds=config.settings.halopsa.timeout_seconds,
    )


def refresh(environment: Environment, config: LoadedSettings, warehouse: Warehouse, *kinds: str) -> None:
    """Take a snapshot of each kind, all of them or none; the Pax8 service is opened only where one is Pax8's."""
    found: dict[str, tuple[Rows, str]] = {}
    with ExitStack() as stack:
        if any(kind in PAX8_READS for kind in kinds):
            pax8 = stack.enter_context(open_pax8(environment, config))
            found |= {kind: (PAX8_READS[kind](pax8), environment.pax8_base_url) for kind in kinds if kind in PAX8_READS}
        halopsa = stack.enter_context(open_halopsa(environment, config))
        found |= {kind: (HALOPSA_READS[kind](halopsa), halopsa.address) for kind in kinds if kind in HALOPSA_READS}
    now = environment.now().replace(tzinfo=None)
    with warehouse.session("store snapshots") as session:
        for kind, (rows, source) in found.items():
            store_snapshot(session, kind, rows, source, now)
