"""From reconciled charges to the plan of a client's month, and the holds that keep it from being posted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.keys import document_key
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
from billing_pipeline.billing.settings import ChargeSettings


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


def find_client_holds(client: BilledClient, charges: Sequence[ChargeToPlan], rules: PlanRules) -> list[Hold]:
    """Why this client as a whole may not be posted: inactive, another currency, a behaviour not carried out."""
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
    targets = sorted({rules.settings[charge.integration].behaviour.target for charge in charges} - {"new"})
    for target in targets:
        holds += hold_client(
            "no_latest_invoice" if target == "latest" else "no_recurring_invoice",
            f"behaviour.target {target} is not carried out by this version; set it to new to bill this month",
            charges,
        )
    return holds


def plan_client(month: str, client: BilledClient, charges: Sequence[ChargeToPlan], rules: PlanRules) -> ClientPlan:
    """The documents to create for these charges, sorted so that the same charges always make the same plan."""
    groups: dict[tuple[str, str], list[ChargeToPlan]] = defaultdict(list)
    for charge in charges:
        groups[(charge.currency, _group_of(charge, rules))].append(charge)
    documents = tuple(
        _plan_document(client, currency, group, members, rules) for (currency, group), members in sorted(groups.items())
    )
    return ClientPlan(month, client.client, _new_items(charges, rules), documents)


def find_negative_documents(plan: ClientPlan) -> list[Hold]:
    """A hold for each document whose total would be below zero."""
    return [
        Hold(
            "held",
            "negative_total",
            f"the {document.currency} invoice would come to {show_amount(document.sell, document.currency)}",
            document.currency,
            sum((line.source_sell for line in document.lines), Decimal(0)),
            sum((line.source_cost for line in document.lines), Decimal(0)),
        )
        for document in plan.documents
        if document.sell < 0
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
    date_rule = rules.settings[ordered[0].integration].behaviour.date
    newest = max(charge.invoice_date for charge in ordered)
    return PlannedDocument(
        document_key=document_key(client.client, currency, group, (charge.charge_key for charge in ordered)),
        client=client.client,
        billed_client_id=client.billed_client_id,
        currency=currency,
        currency_id=rules.currency_ids[currency],
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
