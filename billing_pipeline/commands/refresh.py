"""Ask Pax8 and HaloPSA what they have now, and keep it as snapshots: what proposals and matches are made from."""

from collections.abc import Callable, Mapping
from typing import Any

from billing_pipeline.commands.connections import open_halopsa, open_pax8
from billing_pipeline.commands.progress import show_waits
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import LoadedSettings
from billing_pipeline.steps.account_codes import account_codes
from billing_pipeline.steps.snapshots import store_snapshot

Rows = list[dict[str, Any]]

_HALOPSA_READS: Mapping[str, Callable[[HaloClient], Rows]] = {
    "halopsa_clients": HaloClient.clients,
    "halopsa_items": HaloClient.items,
    "halopsa_product_groups": HaloClient.product_groups,
    "halopsa_recurring_invoices": HaloClient.recurring_invoices,
    "halopsa_taxes": HaloClient.taxes,
}
_ACCOUNTS_ARE_ON = ("halopsa_items", "halopsa_product_groups", "halopsa_recurring_invoices")
CODES = (*_ACCOUNTS_ARE_ON, "halopsa_taxes")


def refresh_halopsa(
    environment: Environment, config: LoadedSettings, warehouse: Warehouse, *kinds: str
) -> dict[str, Rows]:
    """Take a snapshot of each kind, all of them or none; with all that bear accounts, of the account codes too."""
    with show_waits(), open_halopsa(environment, config.settings) as halo:
        found = {kind: _HALOPSA_READS[kind](halo) for kind in kinds}
        address = halo.address
    if set(_ACCOUNTS_ARE_ON) <= set(kinds):
        found["halopsa_account_codes"] = account_codes(*(found[kind] for kind in _ACCOUNTS_ARE_ON))
    _store(environment, warehouse, found, address)
    return found


def refresh_companies(environment: Environment, config: LoadedSettings, warehouse: Warehouse) -> None:
    """Take a snapshot of Pax8's companies."""
    with show_waits(), open_pax8(environment, config.settings) as pax8:
        companies = pax8.companies()
    _store(environment, warehouse, {"pax8_companies": companies}, environment.pax8_base_url)


def _store(environment: Environment, warehouse: Warehouse, found: Mapping[str, Rows], source: str) -> None:
    now = environment.now().replace(tzinfo=None)
    with warehouse.session("store snapshots") as session:
        for kind, rows in found.items():
            store_snapshot(session, kind, rows, source, now)
