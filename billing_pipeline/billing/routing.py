"""Where each charge lands: a new document, the client's latest invoice, or its recurring invoice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from billing_pipeline.billing.double_billing import Pax8Import, find_double_billing, find_other_consumption
from billing_pipeline.billing.keys import is_slot
from billing_pipeline.billing.left_lines import LeftLines
from billing_pipeline.billing.plan_types import BilledClient, ChargeToPlan
from billing_pipeline.billing.recurring import TemplateChange, find_change, find_line_faults
from billing_pipeline.billing.settings import ChargeSettings
from billing_pipeline.billing.targets import Target, choose_latest
from billing_pipeline.billing.templates import (
    Written,
    count_issues,
    find_template_fault,
    is_one_time,
    pending_months,
    runs_longer,
)


@dataclass(frozen=True)
class Targets:
    """What HaloPSA has for one client: its invoices, its recurring invoices, and the one of them that is mapped.

    By recurring invoice: `written` are our changes of it for this client, oldest first, and `unsettled` says which
    of another month is not known to have arrived. `foreign_slots` are those of other clients, and `left` are lines of
    clients whom nobody names any more, on any recurring invoice. `writes_template` says whether the client's behaviour
    puts charges on its recurring invoice at all. `imports` are recurring invoices that HaloPSA's own Pax8 import bills.
    """

    invoices: Sequence[Target] = ()
    templates: Sequence[Target] = ()
    template_id: int | None = None
    written: Mapping[int, Sequence[Written]] = field(default_factory=dict)
    unsettled: Mapping[int, str] = field(default_factory=dict)
    foreign_slots: frozenset[str] = frozenset()
    writes_template: bool = False
    left: Sequence[LeftLines] = ()
    imports: Sequence[Pax8Import] = ()

    @property
    def template(self) -> Target | None:
        """The mapped recurring invoice, if HaloPSA has it."""
        return next((target for target in self.templates if target.target_id == self.template_id), None)

    @property
    def with_our_lines(self) -> list[Target]:
        """The recurring invoices that may bear lines of ours: the mapped one, and any that was written to."""
        return [
            target
            for target in self.templates
            if target.target_id in self.written or (self.writes_template and target.target_id == self.template_id)
        ]

    def slots_on(self, target: Target) -> frozenset[str]:
        """The slots on a recurring invoice that are this client's."""
        known = {slot for one in self.written.get(target.target_id, ()) for slot in one.slots}
        is_mapped = self.writes_template and target.target_id == self.template_id
        return frozenset(
            line.key
            for line in target.lines
            if is_slot(line.key) and (line.key in known or (is_mapped and line.key not in self.foreign_slots))
        )


@dataclass
class Routes:
    """Charges by where they land; `holds` are (reason, detail, charges) of what cannot land anywhere.

    `changes` are those of recurring invoices, `repeating_one_time` charges that will repeat on one, and
    `issued_often` says which of our lines were issued more than once. `other_consumption` says where HaloPSA imports
    usage on items of its own.
    """

    new: list[ChargeToPlan] = field(default_factory=list)
    latest: dict[str, tuple[Target, list[ChargeToPlan]]] = field(default_factory=dict)
    recurring: list[ChargeToPlan] = field(default_factory=list)
    changes: list[TemplateChange] = field(default_factory=list)
    holds: list[tuple[str, str, list[ChargeToPlan]]] = field(default_factory=list)
    repeating_one_time: list[ChargeToPlan] = field(default_factory=list)
    issued_often: list[str] = field(default_factory=list)
    other_consumption: list[str] = field(default_factory=list)


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
    for detail, doubled in find_double_billing(charges, targets.templates, targets.imports, today):
        _add_hold(routes, "double_billing", detail, doubled)
    routes.other_consumption += find_other_consumption(charges, targets.templates, today)
    own = {target.target_id for target in targets.templates}
    for left in targets.left:
        # Who is billed on that recurring invoice may be the same client with another key.
        billed = charges if left.target_id in own else [charge for charge in charges if left.bills(charge)]
        if billed:
            said = f"{left.told}; then run billing-pipeline close {month} --client {client.client} --post"
            _add_hold(routes, "double_billing", said, billed)
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
    is_writable = not routes.recurring or _has_template(client, currency_ids, targets, today, routes)
    for template in targets.with_our_lines:
        is_mapped = template.target_id == targets.template_id
        if is_writable or not is_mapped:
            lands = routes.recurring if is_mapped else []
            _change_template(month, client, template, lands, charges, targets, routes)
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
        _add_hold(routes, "no_latest_invoice", detail, [charge])


def _add_hold(routes: Routes, reason: str, detail: str, charges: Sequence[ChargeToPlan]) -> None:
    for known, said, held in routes.holds:
        if (known, said) == (reason, detail):
            held.extend(charges)
            return
    routes.holds.append((reason, detail, list(charges)))


def _has_template(
    client: BilledClient, currency_ids: Mapping[str, int], targets: Targets, today: date, routes: Routes
) -> bool:
    """Whether the mapped recurring invoice can take the charges; holds them where it cannot."""
    template = targets.template
    for currency in sorted({charge.currency for charge in routes.recurring}):
        charges = [charge for charge in routes.recurring if charge.currency == currency]
        fault = find_template_fault(
            template, targets.template_id, client.recurring_client_id, currency_ids.get(currency), today
        )
        if fault is not None:
            _add_hold(routes, "no_recurring_invoice", fault, charges)
            continue
        longer = [charge for charge in charges if template is not None and runs_longer(charge, template)]
        if longer:
            names = ", ".join(sorted({charge.product_name or charge.sku for charge in longer}))
            said = f"recurring invoice {targets.template_id} is issued more seldom than {names} is charged"
            _add_hold(routes, "no_recurring_invoice", said, longer)
    return not any(reason == "no_recurring_invoice" for reason, _, _ in routes.holds)


def _change_template(
    month: str,
    client: BilledClient,
    template: Target,
    lands: Sequence[ChargeToPlan],
    charges: Sequence[ChargeToPlan],
    targets: Targets,
    routes: Routes,
) -> None:
    """Add the change of one recurring invoice, or hold the client: what `lands` there, and what ends there."""
    written = targets.written.get(template.target_id, ())
    change = find_change(month, client.client, template, lands, written, targets.slots_on(template))
    _tell_issued_often(template, written, routes)
    if not lands and not change.ended:
        return
    faults = find_line_faults(change)
    name = f"recurring invoice {template.target_id}"
    # Lines that only end have no money of their own: they hold what else the client is charged.
    money = list(lands or charges)
    if template.target_id in targets.unsettled:
        faults.append(("unknown_outcome", targets.unsettled[template.target_id], money))
    pending = [other for other in pending_months(template, written) if other != month]
    if pending:
        said = f"{name} still holds the lines of {', '.join(pending)}, which HaloPSA has not issued since"
        faults.append(("not_issued", said, money))
    for reason, said, held in faults:
        _add_hold(routes, reason, said, held)
    if not faults:
        routes.changes.append(change)


def _tell_issued_often(template: Target, written: Sequence[Written], routes: Routes) -> None:
    """Note lines that HaloPSA issued more than once before another month took their place."""
    billing = [one for one in written if one.slots]
    if not billing:
        return
    times = count_issues(billing[-1].issue_mark, template.issue_mark, template)
    live = {line.key for line in template.lines if not line.inactive}
    if times > 1 and billing[-1].slots & live:
        routes.issued_often.append(
            f"recurring invoice {template.target_id} was issued {times} times since the lines of {billing[-1].month} "
            "were written: look for what it billed twice, and credit it"
        )
