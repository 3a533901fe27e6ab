"""Taking a posted month back: the opposite of each line, on credits of their own.

What was posted is final and stays as it is. A credit below zero is what is asked for, so no cap holds it.
Decision: docs/decisions/0010-reversals.md.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.keys import document_key, undo_key
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import ClientPlan, PlannedDocument, PlannedLine, ReversedLine


@dataclass(frozen=True)
class StandingLine:
    """A posted line of ours as it stands in HaloPSA, on the document `document_key` dated `invoice_date`.

    Amounts are in the minor unit of `currency`; item, account and tax are those that HaloPSA's line bears.
    `document_name` is the document as a person finds it in HaloPSA.
    """

    charge_key: str
    integration: str
    invoice_id: str
    document_key: str
    document_name: str
    halopsa_invoice_id: int
    halopsa_line_id: int | None
    billed_client_id: int
    currency: str
    currency_id: int
    invoice_date: date
    item_id: int
    short_description: str
    long_description: str
    quantity: Decimal
    unit_price: Decimal
    unit_cost: Decimal
    sell: Decimal
    cost: Decimal
    source_sell: Decimal
    source_cost: Decimal
    tax_id: int | None
    tax: Decimal | None
    income_account: str | None
    expense_account: str | None


def plan_reversal(month: str, client: str, lines: Sequence[StandingLine], date_rule: str, today: date) -> ClientPlan:
    """The credits that take `lines` back, one for each billed HaloPSA client and currency, in the order of the lines.

    A credit has the date of the newest document that it takes back from, or `today` where `date_rule` says so.
    """
    groups: dict[tuple[int, str], list[StandingLine]] = defaultdict(list)
    for line in lines:
        groups[(line.billed_client_id, line.currency)].append(line)
    documents = (_plan_credit(month, client, members, date_rule, today) for _, members in sorted(groups.items()))
    return ClientPlan(month, client, (), tuple(documents))


def _plan_credit(
    month: str, client: str, lines: Sequence[StandingLine], date_rule: str, today: date
) -> PlannedDocument:
    first = lines[0]
    group = f"reversal of {month}, HaloPSA client {first.billed_client_id}"
    return PlannedDocument(
        document_key=document_key(client, first.currency, group, (undo_key(line.charge_key) for line in lines)),
        client=client,
        billed_client_id=first.billed_client_id,
        currency=first.currency,
        currency_id=first.currency_id,
        group=group,
        date_rule=date_rule,
        invoice_date=today if date_rule == "today" else max(line.invoice_date for line in lines),
        lines=tuple(_take_back(month, line) for line in lines),
        reverses=tuple(
            ReversedLine(
                charge_key=undo_key(line.charge_key),
                reversed_charge_key=line.charge_key,
                reversed_document_key=line.document_key,
                reversed_halopsa_invoice_id=line.halopsa_invoice_id,
                reversed_halopsa_line_id=line.halopsa_line_id,
                tax=line.tax,
            )
            for line in lines
        ),
    )


def _take_back(month: str, line: StandingLine) -> PlannedLine:
    """The opposite line. Its quantity is the same, so that what was exact stays exact: the prices change their sign."""
    billed = date.fromisoformat(f"{month}-01")
    said = f"Takes back {line.document_name} of {billed:%B %Y}: {show_amount(line.sell, line.currency)} billed"
    return PlannedLine(
        charge_key=undo_key(line.charge_key),
        integration=line.integration,
        invoice_id=line.invoice_id,
        collapse_group=None,
        setting_level=None,
        # It bills no source line: those stay with the line that was posted for them.
        line_keys=(),
        item_id=line.item_id,
        item_reference=None,
        short_description=line.short_description,
        long_description=f"{said}\n{line.long_description}" if line.long_description else said,
        quantity=line.quantity,
        unit_price=-line.unit_price,
        unit_cost=-line.unit_cost,
        sell=-line.sell,
        cost=-line.cost,
        source_sell=-line.source_sell,
        source_cost=-line.source_cost,
        tax_id=line.tax_id,
        income_account=line.income_account,
        expense_account=line.expense_account,
    )
