"""What a month does to a recurring invoice: our lines in place by slot, new ones added, those that ended inactive."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from billing_pipeline.billing.keys import is_slot, slot_key
from billing_pipeline.billing.months import months_between
from billing_pipeline.billing.plan_types import ChargeToPlan
from billing_pipeline.billing.targets import Target, TargetLine
from billing_pipeline.billing.templates import Written, is_one_time_kind, period_months, was_issued


@dataclass(frozen=True)
class TemplateChange:
    """The change of one recurring invoice: `slots` by charge key, the lines of ours that are there by slot, and
    those of them that ended."""

    target: Target
    charges: tuple[ChargeToPlan, ...]
    slots: Mapping[str, str]
    ours: Mapping[str, TargetLine]
    ended: tuple[TargetLine, ...]

    def line_of(self, charge_key: str) -> TargetLine | None:
        """The line that a charge takes the place of, if there is one."""
        return self.ours.get(self.slots[charge_key])


def find_change(
    month: str,
    client: str,
    target: Target,
    charges: Sequence[ChargeToPlan],
    written: Sequence[Written],
    mine: Collection[str],
) -> TemplateChange:
    """What `month` changes on a recurring invoice for a client.

    `written` are our changes for this client so far, `mine` the slots on the recurring invoice that are this
    client's. Without charges, lines end only where nothing was written for this month or a later one: closing an
    old month again ends nothing.
    """
    ours = {line.key: line for line in target.lines if line.key in mine}
    kept = _kept_slots(month, target, written)
    slots = assign_slots(client, charges, kept)
    is_settled = not charges and any(one.month >= month for one in written)
    ended = [
        line
        for key, line in sorted(ours.items())
        if not is_settled and not line.inactive and key not in kept and key not in slots.values()
    ]
    return TemplateChange(target, tuple(charges), slots, ours, tuple(ended))


def assign_slots(client: str, charges: Sequence[ChargeToPlan], taken: Collection[str]) -> dict[str, str]:
    """The slot key of each charge, by charge key. Equal subscriptions count on, what repeats first, so that a prorate
    that comes and goes never moves a licence to another line.

    `taken` are slots that stay as they are: a later charge does not write over them.
    """
    slots: dict[str, str] = {}
    used = set(taken)
    for charge in sorted(charges, key=_slot_order):
        subscription = subscription_of(charge)
        ordinal = 1
        while (key := slot_key(client, charge.integration, charge.currency, subscription, ordinal)) in used:
            ordinal += 1
        used.add(key)
        slots[charge.charge_key] = key
    return slots


def subscription_of(charge: ChargeToPlan) -> tuple[str, ...]:
    """What a slot is made of besides client, integration and currency."""
    return (charge.subscription_id,) if charge.subscription_id else (charge.product_id, charge.sku, charge.term)


def find_line_faults(change: TemplateChange) -> list[tuple[str, str, list[ChargeToPlan]]]:
    """(reason, text, charges) of lines of ours that a person or HaloPSA changed so that they cannot be written."""
    keys = Counter(line.key for line in change.target.lines if is_slot(line.key))
    name = f"recurring invoice {change.target.target_id}"
    faults = []
    for charge in change.charges:
        line = change.line_of(charge.charge_key)
        if line is None:
            continue
        product = charge.product_name or charge.sku
        if keys[line.key] > 1:
            said = f"{name} has {keys[line.key]} lines with the key {line.key} ({product}): delete all but one there"
            faults.append(("no_recurring_invoice", said, [charge]))
        elif line.automatic:
            said = f"HaloPSA's own sync drives line {line.line_id} of {name} ({product}), which is ours"
            faults.append(("double_billing", said, [charge]))
        elif line.ends is not None and change.target.next_issue is not None and line.ends < change.target.next_issue:
            said = f"line {line.line_id} of {name} ({product}) ends on {line.ends}: take its end date out there"
            faults.append(("no_recurring_invoice", said, [charge]))
    return faults


def _kept_slots(month: str, target: Target, written: Sequence[Written]) -> frozenset[str]:
    """Slots that stay as they are: this month's, until they are issued, and those of charges for longer than a month
    as long as they run."""
    period = period_months(target)
    kept: set[str] = set()
    for one in written:
        waits = one.month == month and not was_issued(one.issue_mark, target.issue_mark)
        runs = period > 1 and abs(months_between(one.month, month)) < period
        if waits or runs:
            kept |= one.slots
    return frozenset(kept)


def _slot_order(charge: ChargeToPlan) -> tuple[bool, str, str, str, date, str, int, str]:
    return (
        is_one_time_kind(charge),
        charge.product_id,
        charge.sku,
        charge.term,
        charge.invoice_date,
        charge.invoice_id,
        charge.line_no,
        charge.charge_key,
    )
