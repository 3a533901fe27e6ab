"""From reconciled charges to the plan of a client's month, and the holds that keep it from being posted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.credited_invoices import name_documents
from billing_pipeline.billing.item_decision import make_new_item
from billing_pipeline.billing.keys import document_key
from billing_pipeline.billing.line_text import describe_line
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
from billing_pipeline.billing.product_match import Product
from billing_pipeline.billing.quantities import line_amounts
from billing_pipeline.billing.recurring import TemplateChange
from billing_pipeline.billing.routing import Routes
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


def find_client_holds(client: BilledClient, charges: Sequence[ChargeToPlan]) -> list[Hold]:
    """Why this client as a whole may not be posted: it is inactive, or has another currency."""
    if not charges:
        return []
    holds = []
    if client.fault is not None:
        holds += hold_client("inactive_client", client.fault, charges)
    foreign = sorted({charge.currency for charge in charges} - {client.currency})
    if foreign:
        holds += hold_client(
            "currency",
            f"charges in {', '.join(foreign)}, but HaloPSA client {client.billed_client_id} "
            f"({client.billed_client_name}) has {client.currency_text}",
            charges,
        )
    return holds


def route_holds(routes: Routes) -> list[Hold]:
    """The holds of charges that can land nowhere, and of lines that cannot be ended, which are without money."""
    return [
        hold
        for reason, detail, charges in routes.holds
        for hold in hold_client(reason, detail, charges) or [Hold("held", reason, detail, None, None, None)]
    ]


def plan_client(month: str, client: BilledClient, routes: Routes, rules: PlanRules) -> ClientPlan:
    """The documents to create and to change, sorted so that the same charges always make the same plan."""
    groups: dict[tuple[str, str], list[ChargeToPlan]] = defaultdict(list)
    for charge in routes.new:
        groups[(charge.currency, group_of(charge, rules))].append(charge)
    documents = [
        _plan_document(client, currency, group, members, rules) for (currency, group), members in sorted(groups.items())
    ]
    for currency, (target, members) in sorted(routes.latest.items()):
        document = _plan_document(client, currency, f"invoice {target.target_id}", members, rules)
        documents.append(
            replace(
                document,
                action="update_invoice",
                # The invoice keeps the date that it has.
                date_rule="source",
                invoice_date=target.invoice_date or document.invoice_date,
                target_id=target.target_id,
                target_hash=target.observed_hash,
                other_sell=target.net,
            )
        )
    documents += [_plan_change(month, client, change, rules) for change in routes.changes]
    charges = [*routes.new, *routes.recurring, *(charge for _, members in routes.latest.values() for charge in members)]
    return ClientPlan(month, client.client, new_items(charges, rules), tuple(documents))


def _plan_change(month: str, client: BilledClient, change: TemplateChange, rules: PlanRules) -> PlannedDocument:
    """The change of a recurring invoice: our lines in place by slot, new ones added, ended ones inactive."""
    template = change.target
    currency = next((charge.currency for charge in change.charges), client.currency or "")
    group = f"recurring invoice {template.target_id} for {month}"
    document = _plan_document(client, currency, group, change.charges, rules)
    lines = []
    for line in document.lines:
        there = change.line_of(line.charge_key)
        target_line_id = None if there is None else there.line_id
        lines.append(replace(line, slot_key=change.slots[line.charge_key], target_line_id=target_line_id))
    ended = tuple(sorted(line.line_id for line in change.ended))
    ours = {line.target_line_id for line in lines} | set(ended)
    others = (line.net for line in template.lines if not line.inactive and line.line_id not in ours)
    return replace(
        document,
        lines=tuple(lines),
        action="update_recurring",
        date_rule="source",
        # A template has no date of its own: that of the charges, else of the month, and never the clock's.
        invoice_date=max((charge.invoice_date for charge in change.charges), default=date.fromisoformat(f"{month}-01")),
        billed_client_id=template.client_id or client.recurring_client_id,
        target_id=template.target_id,
        target_hash=template.observed_hash,
        issue_mark=template.issue_mark,
        other_sell=sum(others, Decimal(0)),
        deactivate=ended,
    )


def hold_negative(month: str, document: PlannedDocument) -> Hold:
    """The hold of a document whose total would be below zero, with the way past it."""
    way = "; force it with --force-cap negative_invoice"
    if document.corrects:
        way = (
            f": to post it all the same, run billing-pipeline close {month} --client {document.client} --post "
            "--correct --force-cap negative_invoice"
        )
    return Hold(
        "held",
        "negative_total",
        describe_negative(document) + way,
        document.currency,
        sum((line.source_sell for line in document.lines), Decimal(0)),
        sum((line.source_cost for line in document.lines), Decimal(0)),
    )


def describe_negative(document: PlannedDocument) -> str:
    """Which document would be negative, and what it would come to."""
    said = f"would come to {show_amount(document.resulting_total, document.currency)}"
    if not document.corrects:
        return f"the {document.currency} invoice {said}"
    first = name_documents(pair.old_halopsa_invoice_id for pair in document.corrects)
    return f"the {document.currency} correction of HaloPSA {first} {said}"


def group_of(charge: ChargeToPlan, rules: PlanRules) -> str:
    """The document that a charge goes on, as its client's `group_by` splits them."""
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
        lines=tuple(plan_line(charge, rules) for charge in ordered),
    )


def plan_line(charge: ChargeToPlan, rules: PlanRules) -> PlannedLine:
    """The document line of one charge: rounded once, its quantity kept where that is exact."""
    amounts = line_amounts(charge.sell, charge.cost, charge.quantity, charge.currency, rules.unit_price_decimals)
    said = describe_line(charge, rules.settings[charge.integration].line_text, true_quantity=amounts.true_quantity)
    return PlannedLine(
        charge_key=charge.charge_key,
        integration=charge.integration,
        invoice_id=charge.invoice_id,
        collapse_group=charge.collapse_group,
        setting_level=charge.setting_level,
        line_keys=charge.line_keys,
        item_id=charge.item_id,
        item_reference=charge.item_reference,
        short_description=said.short,
        long_description=said.long,
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


def new_items(charges: Iterable[ChargeToPlan], rules: PlanRules) -> tuple[NewItem, ...]:
    """The items that HaloPSA does not have and that these charges need, each once."""
    items: dict[str, NewItem] = {}
    for charge in sorted(charges, key=lambda charge: charge.charge_key):
        if charge.item_reference is None or charge.item_reference in items:
            continue
        product = Product(
            charge.integration, charge.product_id, charge.sku, charge.term, charge.product_name or charge.description
        )
        item = make_new_item(product, rules.settings[charge.integration])
        items[charge.item_reference] = replace(item, reference=charge.item_reference)
    return tuple(items[reference] for reference in sorted(items))
