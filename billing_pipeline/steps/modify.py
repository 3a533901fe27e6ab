"""Modify: drop and collapse, in the fixed order; nothing is deleted, everything is given a reason."""

from decimal import Decimal
from time import monotonic
from typing import get_args

from billing_pipeline.billing.settings import AzureClass
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.failed_rules import run_apart
from billing_pipeline.steps.work import Work, finish_step, scope_frame

# How far from the expected margin, in points of a percent of cost, rounding by the distributor may lead.
MARGIN_TOLERANCE_PERCENT = Decimal("0.5")

_SETTINGS = {
    "client": "VARCHAR",
    "integration": "VARCHAR",
    "drop_azure": "BOOLEAN",
    "drop_azure_level": "VARCHAR",
    "drop_favorable_prorata": "BOOLEAN",
    "drop_favorable_prorata_level": "VARCHAR",
    "drop_zero": "BOOLEAN",
    "drop_zero_level": "VARCHAR",
    "zero_test": "VARCHAR",
    "collapse_azure": "BOOLEAN",
    "collapse_azure_level": "VARCHAR",
    "collapse_by": "VARCHAR",
    # Not as one list: a list is copied for every line that is joined with it.
    "takes_azure_consumption": "BOOLEAN",
    "takes_azure_commitment": "BOOLEAN",
    "takes_other_arrears": "BOOLEAN",
}
_AZURE_CLASSES = get_args(AzureClass)
_SWITCHES = ("drop_azure", "drop_favorable_prorata", "drop_zero", "collapse_azure")


def modify(work: Work) -> int:
    """Write the slices of `modified_charges`; how many rows there are, collapsed lines included.

    Where the lines of a client make a modifier fail, as amounts that are too large to be summed do, all of them are
    blocked with `rule_failed`.
    """
    return run_apart(work, _modify, _set_aside)


def _modify(work: Work) -> int:
    started = monotonic()
    settings = []
    for client in work.clients:
        for integration in work.config.settings.enabled_integrations:
            resolved = work.config.resolve(client, integration)
            modifiers = resolved.charge.modifiers
            settings.append(
                {
                    "client": client,
                    "integration": integration,
                    **{switch: getattr(modifiers, switch) for switch in _SWITCHES},
                    **{f"{switch}_level": resolved.level(f"modifiers.{switch}") for switch in _SWITCHES},
                    "zero_test": modifiers.zero_test,
                    "collapse_by": modifiers.collapse_by,
                    **{f"takes_{name}": name in modifiers.azure_classes for name in _AZURE_CLASSES},
                }
            )
    with work.warehouse.session(f"modify {work.month}") as session:
        scope_frame(session, work.clients)
        session.frame("modifier_settings", _SETTINGS, settings)
        session.run(
            "modify_charges",
            month=work.month,
            expected_margin_percent=work.config.settings.integrations.pax8.expected_azure_margin_percent,
            margin_tolerance_percent=MARGIN_TOLERANCE_PERCENT,
        )
        return _finish(session, work, started)


def _set_aside(work: Work, said: str) -> int:
    started = monotonic()
    with work.warehouse.session(f"hold what failed in {work.month}") as session:
        scope_frame(session, work.clients)
        session.run("modify_nothing", month=work.month, failure=said)
        return _finish(session, work, started)


def _finish(session: Session, work: Work, started: float) -> int:
    count = int(
        session.value(
            "select count(*) from modified_charges semi join scope_clients using (client) where month = ?",
            [work.month],
        )
    )
    finish_step(session, work, "modified_charges", started, count, {})
    return count
