"""From reconciled charges to the plan of a client's month, and the holds that keep it from being posted."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.keys import document_key, slot_key
from billing_pipeline.billing.line_text import long_description, short_description
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import (
    BilledClient,
    ChargeToPlan,
    ClientPlan,
    Hold,
    NewItem,
    PlannedDocument,
    PlannedLine,
)
from billing_pipeline.billing.quantities import line_amounts
from billing_pipeline.billing.routing import Routes, Targets
from billing_pipeline.billing.settings import ChargeSettings
from billing_pipeline.billing.targets import TargetLine, our_lines


@dataclass(frozen=True)
class PlanRules:
    """What planning needs to know besides the charges.

    `settings` are those of the client for each integration, `currency_ids` HaloPSA's id of each currency code.
    """

    settings: Mapping[str, ChargeSettings]
    currency_ids: Mapping[str, int]
    unit_price_decimals: int
    today: date


def money_by_currency(charges: Iterable[ChargeToPlan]) -> dict[str, tuple[Decimal, Decimal]]:
    """Σ sell and Σ cost of the charges, exact, for each currency in the order of its code."""
    sums: dict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for charge in charges:
        sell, cost = sums[charge.currency]
        sums[charge.currency] = (sell + charge.sell, cost + charge.cost)
    return dict(sorted(sums.items()))


def hold_client(reason: str, detail: str, charges: Sequence[ChargeToPlan]) -> list[Hold]:
    """A hold of the whole client: one row a currency, each with its money in the text."""
    return [
        Hold("held", reason, f"{detail} ({show_amount(sell, currency)} held)", currency, sell, cost)
        for currency, (sell, cost) in money_by_currency(charges).items()
    ]


def find_client_holds(client: BilledClient, charges: Sequence[ChargeToPlan]) -> list[Hold]:
    """Why this client as a whole may not be posted: it is inactive, or has another currency."""
    if not charges:
        return []
    holds = []
    if client.inactive:
        holds += hold_client(
            "inactive_client",
            f"HaloPSA client {client.billed_client_id} ({client.billed_client_name}) is inactive",
            charges,
        )
    foreign = sorted({charge.currency for charge in charges} - {client.currency})
    if foreign:
        own = client.currency or "no default currency"
        holds += hold_client(
            "currency",
            f"charges in {', '.join(foreign)}, but HaloPSA client {client.billed_client_id} "
            f"({client.billed_client_name}) has {own}",
            charges,
        )
    return holds


def route_holds(routes: Routes) -> list[Hold]:
    """The holds of charges that can land nowhere."""
    return [hold for reason, detail, charges in routes.holds for hold in hold_client(reason, detail, charges)]


def plan_client(month: str, client: BilledClient, routes: Routes, targets: Targets, rules: PlanRules) -> ClientPlan:
    """The documents to create and to change, sorted so that the same charges always make the same plan."""
    groups: dict[tuple[str, str], list[ChargeToPlan]] = defaultdict(list)
    for charge in routes.new:
        groups[(charge.currency, _group_of(charge, rules))].append(charge)
    documents = [
        _plan_document(client, currency, group, members, rules) for (currency, group), members in sorted(groups.items())
    ]
    for currency, (target, members) in sorted(routes.latest.items()):
        document = _plan_document(client, currency, f"invoice {target.target_id}", members, rules)
        documents.append(
            replace(
                document,
                action="update_invoice",
                target_id=target.target_id,
                target_hash=target.observed_hash,
                other_sell=target.net,
            )
        )
    recurring = _plan_recurring(month, client, routes.recurring, targets, rules)
    charges = [*routes.new, *routes.recurring, *(charge for _, members in routes.latest.values() for charge in members)]
    return ClientPlan(month, client.client, _new_items(charges, rules), (*documents, *recurring))


def _plan_recurring(
    month: str, client: BilledClient, charges: Sequence[ChargeToPlan], targets: Targets, rules: PlanRules
) -> list[PlannedDocument]:
    """The change of the client's recurring invoice: our lines in place by slot, new ones added, ended ones inactive."""
    template = targets.template
    if template is None or not targets.writes_template:
        return []
    ours = our_lines(template)
    slots = assign_slots(client.client, charges, targets.kept_slots)
    ended = [
        line
        for key, line in sorted(ours.items())
        if key not in targets.kept_slots and key not in slots.values() and not line.inactive
    ]
    if not charges and not ended:
        return []
    currency = next((charge.currency for charge in charges), client.currency or "")
    group = f"recurring invoice {template.target_id} for {month}"
    document = _plan_document(client, currency, group, charges, rules)
    lines = tuple(
        replace(line, slot_key=slots[line.charge_key], target_line_id=_line_id(ours.get(slots[line.charge_key])))
        for line in document.lines
    )
    replaced = {line.target_line_id for line in lines} | {line.line_id for line in ended}
    return [
        replace(
            document,
            lines=lines,
            action="update_recurring",
            billed_client_id=client.recurring_client_id,
            target_id=template.target_id,
            target_hash=template.observed_hash,
            issue_mark=template.issue_mark,
            other_sell=sum(
                (line.net for line in template.lines if not line.inactive and line.line_id not in replaced), Decimal(0)
            ),
            deactivate=tuple(sorted(line.line_id for line in ended)),
        )
    ]


def assign_slots(client: str, charges: Sequence[ChargeToPlan], taken: Collection[str]) -> dict[str, str]:
    """The slot key of each charge, by charge key; equal subscriptions count on in the order of their lines.

    `taken` are slots that this month's charges have already: a later one does not write over them.
    """
    slots: dict[str, str] = {}
    used = set(taken)
    for charge in sorted(charges, key=_line_order):
        subscription = (
            (charge.subscription_id,) if charge.subscription_id else (charge.product_id, charge.sku, charge.term)
        )
        ordinal = 1
        while (key := slot_key(client, charge.integration, charge.currency, subscription, ordinal)) in used:
            ordinal += 1
        used.add(key)
        slots[charge.charge_key] = key
    return slots


def _line_id(line: TargetLine | None) -> int | None:
    return None if line is None else line.line_id


def _line_order(charge: ChargeToPlan) -> tuple[date, str, int, str]:
    return (charge.invoice_date, charge.invoice_id, charge.line_no, charge.charge_key)


def find_negative_documents(plan: ClientPlan) -> list[Hold]:
    """A hold for each document whose total would be below zero."""
    return [
        Hold(
            "held",
            "negative_total",
            f"the {document.currency} invoice would come to {show_amount(document.resulting_total, document.currency)}",
            document.currency,
            sum((line.source_sell for line in document.lines), Decimal(0)),
            sum((line.source_cost for line in document.lines), Decimal(0)),
        )
        for document in plan.documents
        if document.resulting_total < 0
    ]


def _group_of(charge: ChargeToPlan, rules: PlanRules) -> str:
    match rules.settings[charge.integration].behaviour.group_by:
        case "integration":
            return f"integration {charge.integration}"
        case "purchase_order":
            return f"purchase order {charge.purchase_order or 'none'}"
        case _:
            return "client"


def _plan_document(
    client: BilledClient, currency: str, group: str, charges: Sequence[ChargeToPlan], rules: PlanRules
) -> PlannedDocument:
    ordered = sorted(
        charges,
        key=lambda charge: (charge.invoice_date, charge.invoice_id, charge.line_no, charge.charge_key),
    )
    date_rule = rules.settings[ordered[0].integration].behaviour.date if ordered else "source"
    newest = max((charge.invoice_date for charge in ordered), default=rules.today)
    return PlannedDocument(
        document_key=document_key(client.client, currency, group, (charge.charge_key for charge in ordered)),
        client=client.client,
        billed_client_id=client.billed_client_id,
        currency=currency,
        currency_id=rules.currency_ids.get(currency, 0),
        group=group,
        date_rule=date_rule,
        invoice_date=rules.today if date_rule == "today" else newest,
        lines=tuple(_plan_line(charge, rules) for charge in ordered),
    )


def _plan_line(charge: ChargeToPlan, rules: PlanRules) -> PlannedLine:
    amounts = line_amounts(charge.sell, charge.cost, charge.quantity, charge.currency, rules.unit_price_decimals)
    return PlannedLine(
        charge_key=charge.charge_key,
        integration=charge.integration,
        invoice_id=charge.invoice_id,
        collapse_group=charge.collapse_group,
        setting_level=charge.setting_level,
        line_keys=charge.line_keys,
        item_id=charge.item_id,
        item_reference=charge.item_reference,
        short_description=short_description(charge),
        long_description=long_description(charge, true_quantity=amounts.true_quantity),
        quantity=amounts.quantity,
        unit_price=amounts.unit_price,
        unit_cost=amounts.unit_cost,
        sell=amounts.sell,
        cost=amounts.cost,
        source_sell=charge.sell,
        source_cost=charge.cost,
        tax_id=charge.tax_id,
        income_account=charge.income_account,
        expense_account=charge.expense_account,
    )


def _new_items(charges: Iterable[ChargeToPlan], rules: PlanRules) -> tuple[NewItem, ...]:
    items: dict[str, NewItem] = {}
    for charge in sorted(charges, key=lambda charge: charge.charge_key):
        if charge.item_reference is None or charge.item_reference in items:
            continue
        settings = rules.settings[charge.integration]
        items[charge.item_reference] = NewItem(
            reference=charge.item_reference,
            name=charge.product_name or charge.description or charge.sku,
            sku=charge.sku,
            product_id=charge.product_id,
            term=charge.term,
            integration=charge.integration,
            item_group=settings.product_lifecycle.item_group_name(charge.integration),
            income_account=settings.codes.accounts,
            expense_account=settings.codes.expense,
            tax_id=settings.codes.tax or None,
        )
    return tuple(items[reference] for reference in sorted(items))
