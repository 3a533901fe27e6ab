"""The difference between what was billed for a credited invoice and what is due for the invoice that follows it."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.credited_invoices import CorrectionCase, StandingCharge, name_documents
from billing_pipeline.billing.keys import document_key, reversal_key
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan import PlanRules, group_of, hold_client, plan_line
from billing_pipeline.billing.plan_types import (
    BilledClient,
    ChargeToPlan,
    CorrectedPair,
    Hold,
    PlannedDocument,
    PlannedLine,
)

_ZERO = Decimal(0)
Match = tuple[StandingCharge | None, ChargeToPlan | None]


@dataclass(frozen=True)
class _Correction:
    """A pair, with its difference line where something differs, and where and when it is billed."""

    pair: CorrectedPair
    line: PlannedLine | None
    currency: str
    group: str
    invoice_date: date


def plan_corrections(
    client: BilledClient, case: CorrectionCase, charges: Sequence[ChargeToPlan], rules: PlanRules
) -> tuple[PlannedDocument, ...]:
    """The documents that turn what stands billed into what is due: one a currency and group, sorted.

    `charges` are those of the invoices that follow. Every pair stands in the `corrects` of its document, and has a
    line there if its rounded amounts differ; where none of a document differs, nothing is sent (`record`).
    """
    groups: dict[tuple[str, str], list[_Correction]] = defaultdict(list)
    for old, new in match_charges(case.standing, charges):
        correction = _correct(case, old, new, rules)
        groups[(correction.currency, correction.group)].append(correction)
    return tuple(_document(client, *key, members, rules) for key, members in sorted(groups.items()))


def match_charges(standing: Sequence[StandingCharge], charges: Sequence[ChargeToPlan]) -> list[Match]:
    """Each charge that stands billed with the one that takes its place, in the order of the new invoice's lines.

    Two charges match if they are of one currency, kind and subscription (else product, SKU and term; else name). Equal
    amounts find each other first, then equal periods, then the order of the lines. What matches nothing stands alone.
    """
    olds = sorted(standing, key=lambda one: (one.invoice_date, one.invoice_id, one.line_no, one.charge_key))
    news = sorted(charges, key=lambda one: (one.invoice_date, one.invoice_id, one.line_no, one.charge_key))
    matched: dict[str, StandingCharge] = {}
    for key in (_same_amount, _same_period, _same_thing):
        waiting: dict[Hashable, list[StandingCharge]] = defaultdict(list)
        for old in olds:
            waiting[key(old)].append(old)
        for new in news:
            if new.charge_key not in matched and waiting[key(new)]:
                matched[new.charge_key] = waiting[key(new)].pop(0)
        taken = {old.charge_key for old in matched.values()}
        olds = [old for old in olds if old.charge_key not in taken]
    return [*((matched.get(new.charge_key), new) for new in news), *((old, None) for old in olds)]


def _same_thing(charge: StandingCharge | ChargeToPlan) -> Hashable:
    kind = (charge.integration, charge.currency, charge.row_kind, charge.line_class, charge.collapse_group)
    if charge.row_kind == "collapsed":
        return kind
    if charge.subscription_id:
        return (*kind, "subscription", charge.subscription_id)
    if charge.product_id or charge.sku:
        return (*kind, "product", charge.product_id, charge.sku, charge.term)
    name = charge.name if isinstance(charge, StandingCharge) else charge.product_name or charge.description
    return (*kind, "name", name)


def _same_period(charge: StandingCharge | ChargeToPlan) -> Hashable:
    return (_same_thing(charge), charge.period_start, charge.period_end)


def _same_amount(charge: StandingCharge | ChargeToPlan) -> Hashable:
    exact = (
        (charge.source_sell, charge.source_cost) if isinstance(charge, StandingCharge) else (charge.sell, charge.cost)
    )
    return (_same_period(charge), *exact)


def _correct(
    case: CorrectionCase, old: StandingCharge | None, new: ChargeToPlan | None, rules: PlanRules
) -> _Correction:
    if new is None:
        assert old is not None  # a match has at least one side
        line: PlannedLine | None = _reversal(old)
        group, currency, day = old.group, old.currency, _reversal_date(case, old)
    else:
        line = _difference(case, old, plan_line(new, rules))
        group, currency, day = group_of(new, rules), new.currency, new.invoice_date
    due = None if new is None else plan_line(new, rules)
    key = None if line is None else line.charge_key
    pair = CorrectedPair(
        name=due.short_description if due is not None else old.short_description if old is not None else "",
        credited_invoice_id=old.invoice_id if old is not None else _credited_for(case, new),
        replacement_invoice_id=new.invoice_id if new is not None else case.pairs.get(old.invoice_id if old else ""),
        old_charge_key=None if old is None else old.charge_key,
        old_document_key=None if old is None else old.document_key,
        old_halopsa_invoice_id=None if old is None else old.halopsa_invoice_id,
        old_sell=_ZERO if old is None else old.sell,
        old_cost=_ZERO if old is None else old.cost,
        old_source_sell=_ZERO if old is None else old.source_sell,
        old_source_cost=_ZERO if old is None else old.source_cost,
        new_charge_key=None if new is None else new.charge_key,
        new_sell=_ZERO if due is None else due.sell,
        new_cost=_ZERO if due is None else due.cost,
        new_source_sell=_ZERO if new is None else new.sell,
        new_source_cost=_ZERO if new is None else new.cost,
        new_line_keys=() if new is None else new.line_keys,
        collapse_group=None if new is None else new.collapse_group,
        setting_level=None if new is None else new.setting_level,
        charge_key=key,
        billed_charge_key=None if new is None else key if key is not None or old is None else old.billed_charge_key,
    )
    return _Correction(pair, line, currency, group, day)


def _reversal_date(case: CorrectionCase, old: StandingCharge) -> date:
    """The date of what was billed; in a later month that of the invoices that follow: the earlier one is closed."""
    if any(one.invoice_id == old.invoice_id and one.month == case.month for one in case.credited):
        return old.invoice_date
    return max([old.invoice_date, *(one.invoice_date for one in case.followers if one.invoice_date is not None)])


def _credited_for(case: CorrectionCase, new: ChargeToPlan | None) -> str:
    found = (one for one, other in case.pairs.items() if new is not None and other == new.invoice_id)
    return next(found, case.credited[0].invoice_id)


def _difference(case: CorrectionCase, old: StandingCharge | None, due: PlannedLine) -> PlannedLine | None:
    """The line that makes `old` what is `due`; None where no rounded amount differs."""
    currency = case.standing[0].currency if old is None else old.currency
    if old is None:
        documents = name_documents(one.halopsa_invoice_id for one in case.standing)
        said = f"Not on {documents}, which this corrects: {show_amount(due.sell, currency)} due"
        return replace(due, long_description=_under(said, due.long_description))
    sell, cost = due.sell - old.sell, due.cost - old.cost
    if not sell and not cost:
        return None
    said = (
        f"Corrects {name_documents([old.halopsa_invoice_id])}: {show_amount(old.sell, currency)} billed, "
        f"{show_amount(due.sell, currency)} due"
    )
    return replace(
        due,
        long_description=_under(said, due.long_description),
        quantity=Decimal(1),
        unit_price=sell,
        unit_cost=cost,
        sell=sell,
        cost=cost,
        source_sell=due.source_sell - old.source_sell,
        source_cost=due.source_cost - old.source_cost,
    )


def _reversal(old: StandingCharge) -> PlannedLine:
    return PlannedLine(
        charge_key=reversal_key(old.charge_key),
        integration=old.integration,
        invoice_id=old.invoice_id,
        collapse_group=None,
        setting_level=None,
        line_keys=(),
        item_id=old.item_id,
        item_reference=old.item_reference,
        short_description=old.short_description,
        long_description=(
            f"Corrects {name_documents([old.halopsa_invoice_id])}: {show_amount(old.sell, old.currency)} billed, "
            f"{show_amount(_ZERO, old.currency)} due"
        ),
        quantity=Decimal(1),
        unit_price=-old.sell,
        unit_cost=-old.cost,
        sell=-old.sell,
        cost=-old.cost,
        source_sell=-old.source_sell,
        source_cost=-old.source_cost,
        tax_id=old.tax_id,
        income_account=old.income_account,
        expense_account=old.expense_account,
    )


def _under(said: str, text: str) -> str:
    return f"{said}\n{text}" if text else said


def _document(
    client: BilledClient, currency: str, group: str, corrections: Sequence[_Correction], rules: PlanRules
) -> PlannedDocument:
    lines = tuple(one.line for one in corrections if one.line is not None)
    pairs = tuple(one.pair for one in corrections)
    keys = [pair.charge_key or pair.new_charge_key or "" for pair in pairs]
    integrations = sorted({one.line.integration for one in corrections if one.line is not None})
    date_rule = rules.settings[integrations[0]].behaviour.date if integrations else "source"
    return PlannedDocument(
        document_key=document_key(client.client, currency, f"correction, {group}", keys),
        client=client.client,
        billed_client_id=client.billed_client_id,
        currency=currency,
        currency_id=rules.currency_ids.get(currency, 0),
        group=f"correction, {group}",
        date_rule=date_rule,
        invoice_date=rules.today if date_rule == "today" else max(one.invoice_date for one in corrections),
        lines=lines,
        action="create" if lines else "record",
        corrects=pairs,
    )


def describe_case(case: CorrectionCase, documents: Sequence[PlannedDocument]) -> str:
    """The case in a sentence: which invoices, and the difference in each currency."""
    credited = " and ".join(
        f"invoice {one.invoice_id}{'' if one.month == case.month else f' of {one.month}'}" for one in case.credited
    )
    statuses = ", ".join(sorted({one.status for one in case.credited}))
    follow = " and ".join(one.invoice_id for one in case.followers)
    return (
        f"{credited} was posted and is {statuses} now, "
        f"{f'followed by {follow}' if follow else 'and no invoice follows yet'}: {_describe_difference(documents)}"
    )


def _describe_difference(documents: Sequence[PlannedDocument]) -> str:
    said = []
    for currency in sorted({document.currency for document in documents}):
        pairs = [pair for document in documents if document.currency == currency for pair in document.corrects]
        old, new = sum((pair.old_sell for pair in pairs), _ZERO), sum((pair.new_sell for pair in pairs), _ZERO)
        said.append(
            f"{show_amount(old, currency)} billed, {show_amount(new, currency)} due, "
            f"difference {show_amount(new - old, currency)}"
        )
    return "; ".join(said)


def hold_followers(
    case: CorrectionCase, documents: Sequence[PlannedDocument], charges: Sequence[ChargeToPlan], next_step: str
) -> list[Hold]:
    """The hold of a client whose case is open; one without money where the following invoices charge it nothing."""
    said = f"{describe_case(case, documents)}. {next_step}"
    return hold_client("correction", said, charges) or [Hold("held", "correction", said, None, None, None)]
