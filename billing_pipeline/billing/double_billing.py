"""What HaloPSA's own Pax8 or CSP integration bills already: a charge on top of that would be billed twice.

Two kinds of signs show it: lines of a client's recurring invoices that the sync drives, and the recurring invoices that
the client's detail names for the Pax8 import (`pax8monthlyinvoice`, `pax8annualinvoice`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from billing_pipeline.billing.plan_types import ChargeToPlan
from billing_pipeline.billing.targets import Target, TargetLine

PAX8 = "pax8"
_MOST_NAMES = 5
_MOST_PLACES = 10
_WAYS_OUT = "or leave the client to HaloPSA (excluded in clients.csv)"

Conflict = tuple[str, list[ChargeToPlan]]


@dataclass(frozen=True)
class Pax8Import:
    """A recurring invoice that HaloPSA's Pax8 import bills, as a client's detail says in `field`.

    `is_own` is false where the detail is that of a client whom our client is billed through: its import is for its own
    Pax8 company first, so only items that stand there are surely billed for our client too.
    """

    field: str
    halopsa_client_id: int
    halopsa_client_name: str
    is_own: bool
    target: Target

    @property
    def described(self) -> str:
        """The HaloPSA side of the conflict, for a person."""
        return (
            f"HaloPSA's own Pax8 import bills HaloPSA client {self.halopsa_client_id} ({self.halopsa_client_name}) on "
            f"recurring invoice {self.target.target_id}, which its field {self.field} names"
        )


def find_double_billing(
    charges: Sequence[ChargeToPlan], templates: Iterable[Target], imports: Iterable[Pax8Import], today: date
) -> list[Conflict]:
    """What of the charges HaloPSA bills too, as (text that names both sides, charges), each charge once.

    A line that the sync drives bills its item. The client's own Pax8 import bills everything of Pax8, for usage has no
    line before it is imported, and its items need not be those that we bill with.
    """
    conflicts: list[Conflict] = []
    left = list(charges)
    for named in imports:
        if not named.target.is_live(today):
            continue
        items = {line.item_id for line in named.target.lines if line.item_id is not None and line.bills(today)}
        doubled = [
            charge for charge in left if charge.integration == PAX8 and (named.is_own or charge.item_id in items)
        ]
        if doubled:
            text = (
                f"Pax8 charges {_describe(doubled)}, and {named.described}: clear that field there, or disable that "
                f"recurring invoice, {_WAYS_OUT}"
            )
            conflicts.append((text, doubled))
            taken = {charge.charge_key for charge in doubled}
            left = [charge for charge in left if charge.charge_key not in taken]
    driven = _driven_lines(templates, today)
    synced = {line.item_id for _, line in driven}
    doubled = [charge for charge in left if charge.item_id in synced]
    if doubled:
        billed = {charge.item_id for charge in doubled}
        places = [_place(target, line) for target, line in driven if line.item_id in billed]
        text = (
            f"Pax8 charges {_describe(doubled)}, and HaloPSA's own sync bills the same item on "
            f"{'; '.join(_shorten(places))}: make that inactive there, {_WAYS_OUT}"
        )
        conflicts.append((text, doubled))
    return conflicts


def find_other_consumption(charges: Iterable[ChargeToPlan], templates: Iterable[Target], today: date) -> list[str]:
    """Lines of usage that HaloPSA imports, on items that no Pax8 charge has: it may be the same usage nevertheless."""
    items = {charge.item_id for charge in charges if charge.integration == PAX8}
    if not items:
        return []
    return [
        f"HaloPSA imports usage on {_place(target, line)}: see that none of it is what Pax8 charges"
        for target in templates
        if target.is_live(today)
        for line in target.lines
        if line.is_imported_usage and line.bills(today) and line.item_id not in items
    ]


def describe_synced_lines(templates: Iterable[Target], today: date) -> list[str]:
    """Where HaloPSA's own sync bills an item, for a person."""
    return _shorten(
        [f"item {line.item_id} on {_place(target, line)}" for target, line in _driven_lines(templates, today)]
    )


def _driven_lines(templates: Iterable[Target], today: date) -> list[tuple[Target, TargetLine]]:
    return [
        (target, line)
        for target in templates
        if target.is_live(today)
        for line in target.lines
        if line.automatic and line.item_id is not None and line.bills(today)
    ]


def _shorten(places: list[str]) -> list[str]:
    more = len(places) - _MOST_PLACES
    return places if more <= 0 else [*places[:_MOST_PLACES], f"{more} more"]


def _describe(charges: Sequence[ChargeToPlan]) -> str:
    names = sorted({charge.product_name or charge.sku or charge.description for charge in charges})
    shown = ", ".join(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        shown += f" and {len(names) - _MOST_NAMES} more products"
    return shown


def _place(target: Target, line: TargetLine) -> str:
    name = f"{line.name}, " if line.name else ""
    return f"line {line.line_id} of recurring invoice {target.target_id} ({name}{line.sync_sign})"
