"""Modify: drop and collapse, in the fixed order; nothing is deleted, everything is given a reason."""

from decimal import Decimal
from time import monotonic
from typing import Any, get_args

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.money import margin_is_off
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


def _find_odd_margins(session: Session, work: Work) -> list[dict[str, Any]]:
    """A finding for each collapsed line of at least one unit of money that is not sold at the expected margin."""
    expected = work.config.settings.integrations.pax8.expected_azure_margin_percent
    if expected is None:
        return []
    collapsed = session.rows(
        "select month, client, integration, charge_key, invoice_id, currency, sell, cost from modified_charges "
        "semi join scope_clients using (client) where month = ? and row_kind = 'collapsed' "
        "and greatest(abs(sell), abs(cost)) >= 1 order by client, invoice_id, charge_key",
        [work.month],
    )
    return [
        {
            **{
                name: row[name] for name in ("month", "client", "integration", "charge_key", "currency", "sell", "cost")
            },
            "step": "modify",
            "kind": "margin",
            "detail": f"Azure of invoice {row['invoice_id']} sells at {decimal_text(row['sell'])} for a cost of "
            f"{decimal_text(row['cost'])} {row['currency']}, not at the expected {decimal_text(expected)} % above cost",
        }
        for row in collapsed
        # In Python: DuckDB's decimals overflow where two amounts are multiplied.
        if margin_is_off(row["sell"], row["cost"], expected, MARGIN_TOLERANCE_PERCENT)
    ]


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
        session.run("modify_charges", month=work.month)
        session.insert("findings", _find_odd_margins(session, work))
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
