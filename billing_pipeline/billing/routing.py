"""Where each charge lands: a new document, the client's latest invoice, or its recurring invoice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from billing_pipeline.billing.plan_types import BilledClient, ChargeToPlan
from billing_pipeline.billing.settings import ChargeSettings
from billing_pipeline.billing.targets import (
    Target,
    choose_latest,
    find_double_billing,
    find_template_fault,
    is_one_time,
    runs_longer,
)


@dataclass(frozen=True)
class Targets:
    """What HaloPSA has for one client: its invoices, all its recurring invoices, and the one that is mapped.

    `unissued_month` is another month whose lines we wrote to the template and that was not issued since; else empty.
    `kept_slots` are slots that this month's posted charges have; `writes_template` says whether the client's
    behaviour puts charges on its template at all.
    """

    invoices: Sequence[Target] = ()
    templates: Sequence[Target] = ()
    template_id: int | None = None
    unissued_month: str = ""
    kept_slots: frozenset[str] = frozenset()
    writes_template: bool = False

    @property
    def template(self) -> Target | None:
        """The mapped recurring invoice, if HaloPSA has it."""
        return next((target for target in self.templates if target.target_id == self.template_id), None)


@dataclass
class Routes:
    """Charges by where they land; `holds` are (reason, detail, charges) of what cannot land anywhere."""

    new: list[ChargeToPlan] = field(default_factory=list)
    latest: dict[str, tuple[Target, list[ChargeToPlan]]] = field(default_factory=dict)
    recurring: list[ChargeToPlan] = field(default_factory=list)
    holds: list[tuple[str, str, list[ChargeToPlan]]] = field(default_factory=list)
    repeating_one_time: list[ChargeToPlan] = field(default_factory=list)


def route_charges(
    month: str,
    client: BilledClient,
    charges: Sequence[ChargeToPlan],
    settings: Mapping[str, ChargeSettings],
    currency_ids: Mapping[str, int],
    targets: Targets,
    today: date,
) -> Routes:
    """Route every charge by its integration's behaviour; what has no target is held with the reason."""
    routes = Routes()
    doubled = find_double_billing(charges, targets.templates)
    if doubled:
        names = ", ".join(sorted({charge.product_name or charge.sku for charge in doubled}))
        said = f"HaloPSA's own sync bills {names} on an automatic line of this client's recurring invoice already"
        routes.holds.append(("double_billing", said, doubled))
    for charge in charges:
        behaviour = settings[charge.integration].behaviour
        target: str = behaviour.target
        if target == "recurring":
            target = _route_recurring(charge, behaviour.non_recurring, targets, routes)
        if target == "recurring":
            routes.recurring.append(charge)
        elif target == "latest":
            _route_latest(month, client, charge, behaviour.when_none, currency_ids, targets, routes)
        else:
            routes.new.append(charge)
    if routes.recurring:
        _hold_recurring(client, currency_ids, targets, today, routes)
    return routes


def _route_recurring(charge: ChargeToPlan, non_recurring: str, targets: Targets, routes: Routes) -> str:
    template = targets.template
    if template is None or not is_one_time(charge, template):
        return "recurring"
    if non_recurring == "recurring":
        routes.repeating_one_time.append(charge)
    return non_recurring


def _route_latest(
    month: str,
    client: BilledClient,
    charge: ChargeToPlan,
    when_none: str,
    currency_ids: Mapping[str, int],
    targets: Targets,
    routes: Routes,
) -> None:
    if charge.currency in routes.latest:
        routes.latest[charge.currency][1].append(charge)
        return
    found = choose_latest(targets.invoices, client.billed_client_id, currency_ids[charge.currency], month)
    if found is not None:
        routes.latest[charge.currency] = (found, [charge])
    elif when_none == "new":
        routes.new.append(charge)
    else:
        said = f"HaloPSA client {client.billed_client_id} has no open {charge.currency} invoice dated in {month}"
        others = sorted(
            f"{target.target_id} is {', '.join(target.closed)}"
            for target in targets.invoices
            if target.client_id == client.billed_client_id
            and target.closed
            and target.invoice_date is not None
            and f"{target.invoice_date:%Y-%m}" == month
        )
        detail = said + (f" ({'; '.join(others)})" if others else "")
        _add_hold(routes, "no_latest_invoice", detail, charge)


def _add_hold(routes: Routes, reason: str, detail: str, charge: ChargeToPlan) -> None:
    for known, said, charges in routes.holds:
        if (known, said) == (reason, detail):
            charges.append(charge)
            return
    routes.holds.append((reason, detail, [charge]))


def _hold_recurring(
    client: BilledClient, currency_ids: Mapping[str, int], targets: Targets, today: date, routes: Routes
) -> None:
    for currency in sorted({charge.currency for charge in routes.recurring}):
        charges = [charge for charge in routes.recurring if charge.currency == currency]
        fault = find_template_fault(
            targets.template, targets.template_id, client.recurring_client_id, currency_ids.get(currency), today
        )
        if fault is not None:
            routes.holds.append(("no_recurring_invoice", fault, charges))
            continue
        template = targets.template
        longer = [charge for charge in charges if template is not None and runs_longer(charge, template)]
        if longer:
            names = ", ".join(sorted({charge.product_name or charge.sku for charge in longer}))
            said = f"recurring invoice {targets.template_id} is issued more seldom than {names} is charged"
            routes.holds.append(("no_recurring_invoice", said, longer))
    if targets.unissued_month and not any(reason == "no_recurring_invoice" for reason, _, _ in routes.holds):
        said = (
            f"recurring invoice {targets.template_id} still holds the lines of {targets.unissued_month}, "
            "which HaloPSA has not issued since"
        )
        routes.holds.append(("not_issued", said, list(routes.recurring)))
