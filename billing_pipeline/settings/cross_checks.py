"""Settings that are right one by one and wrong together."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from billing_pipeline.billing.settings import BillingSettings, ChargeSettings
from billing_pipeline.billing.settings_resolution import level_path, resolve
from billing_pipeline.settings.nearest import find_nearest
from billing_pipeline.settings.problems import KeyPath

Complain: TypeAlias = Callable[[KeyPath, str], None]
_CONTRACTS = "halopsa_contracts"


def check_clients(values: Mapping[str, Any], known: Collection[str], complain: Complain) -> None:
    """Call `complain` for each client with overrides that is not one of `known`, the keys of clients.csv."""
    clients = values.get("clients")
    for key in clients if isinstance(clients, dict) else ():
        if key not in known:
            nearest = find_nearest(key, known)
            hint = f"the nearest known one is {nearest}" if nearest else "add its row, or remove it here"
            complain(("clients", key), f"no row of clients.csv has this client; {hint}")


def check_combinations(settings: BillingSettings, complain: Complain) -> None:
    """Call `complain` with the path and the text of each combination that cannot be meant."""
    _check_late_is_after_release(settings, complain)
    _check_nobody_waits_for_a_prompt(settings, complain)
    _check_contracts_have_a_document(settings, complain)


def _check_late_is_after_release(settings: BillingSettings, complain: Complain) -> None:
    if settings.late_after_day < settings.release_day:
        written = "late_after_day" if "late_after_day" in settings.model_fields_set else "release_day"
        complain(
            (written,),
            f"late_after_day {settings.late_after_day} lies before release_day {settings.release_day}: "
            "set both, for an invoice cannot be late before it is looked for",
        )


def _check_nobody_waits_for_a_prompt(settings: BillingSettings, complain: Complain) -> None:
    """In automatic mode nobody is there to be asked.

    The settings without a client count too: a client that is mapped tomorrow has them.
    """
    if settings.mode != "automatic":
        return
    found: set[KeyPath] = set()
    for integration in settings.enabled_integrations:
        for client in (None, *settings.clients):
            resolved = resolve(settings, client, integration)
            lifecycle = resolved.charge.product_lifecycle
            if lifecycle.enabled and lifecycle.mode == "prompt":
                place = level_path(resolved.level("product_lifecycle.mode"), client, integration)
                found.add(("mode",) if place is None else (*place, "product_lifecycle", "mode"))
    for path in sorted(found):
        what = "the built-in product_lifecycle.mode is prompt, which" if path == ("mode",) else "prompt"
        complain(
            path,
            f"{what} waits for a person, and mode is automatic: set product_lifecycle.mode to default_item "
            "or create, or mode to manual",
        )


def _check_contracts_have_a_document(settings: BillingSettings, complain: Complain) -> None:
    """Contract charges come from recurring invoices and cannot go back onto one.

    What is written for contracts alone is refused even while they are off; what they would inherit only
    once they are on.
    """
    found: set[KeyPath] = set()
    for place, charge in _list_contract_sections(settings):
        if charge.behaviour.target == "recurring":
            found.add((*place, "settings", "behaviour", "target"))
    if _CONTRACTS in settings.enabled_integrations:
        for client in (None, *settings.clients):
            resolved = resolve(settings, client, _CONTRACTS)
            level = level_path(resolved.level("behaviour.target"), client, _CONTRACTS)
            if resolved.charge.behaviour.target == "recurring" and level is not None:
                found.add((*level, "behaviour", "target"))
    for path in sorted(found):
        hint = "" if _CONTRACTS in path else "; to keep recurring for Pax8, give contracts a target of their own"
        text = f"{_CONTRACTS} cannot land on a recurring invoice: use new or latest for contracts{hint}"
        complain(path, text)


def _list_contract_sections(settings: BillingSettings) -> list[tuple[KeyPath, ChargeSettings]]:
    sections: list[tuple[KeyPath, ChargeSettings]] = [
        (("integrations", _CONTRACTS), settings.integrations.halopsa_contracts.settings)
    ]
    for key, own in settings.clients.items():
        place = ("clients", key, "integrations", _CONTRACTS)
        sections.append((place, own.integrations.halopsa_contracts.settings))
    return sections
