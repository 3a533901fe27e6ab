"""Settings that are known but that this version does not carry out: refused, for silence would be a wrong bill."""

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.settings import BillingSettings


def refuse_what_is_not_carried_out(settings: BillingSettings) -> None:
    """Raise SettingsError naming each such setting, one a line."""
    problems = []
    if not settings.integrations.pax8.enabled:
        problems.append("integrations.pax8.enabled is false: without Pax8 there is nothing to bill; set it to true")
    if settings.integrations.halopsa_contracts.enabled:
        problems.append("integrations.halopsa_contracts is not carried out: set enabled to false")
    if settings.mode == "automatic":
        problems.append("mode: automatic is not carried out: set it to manual, and close each month by hand")
    if problems:
        raise SettingsError("\n".join(f"billing.yaml: {problem}" for problem in problems))
