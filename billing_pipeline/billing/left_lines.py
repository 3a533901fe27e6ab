"""Lines of ours that HaloPSA goes on billing for a client whom nobody names any more.

A client's key is part of the keys of its lines. Where it was renamed in clients.csv, or its row taken out, its lines on
a recurring invoice are nobody's: no month writes over them or ends them, and each issue bills them again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.keys import slot_key
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import ChargeToPlan
from billing_pipeline.billing.recurring import subscription_of
from billing_pipeline.billing.targets import Target, TargetLine


@dataclass(frozen=True)
class LeftLines:
    """What a recurring invoice bills for `client`, who has no row in clients.csv; `months` are those that it was
    written for, `sell` is the net of one issue."""

    client: str
    months: tuple[str, ...]
    target_id: int
    line_ids: tuple[int, ...]
    sell: Decimal
    currency: str
    slots: frozenset[str]

    def bills(self, charge: ChargeToPlan) -> bool:
        """Whether one of the lines is that of the charge's subscription, from when it was this client's."""
        ordinals = range(1, len(self.line_ids) + 1)
        made_of = (self.client, charge.integration, charge.currency, subscription_of(charge))
        return any(slot_key(*made_of, ordinal) in self.slots for ordinal in ordinals)

    @property
    def told(self) -> str:
        """What is wrong and the two ways to put it right, without the command that goes on then."""
        lines = f"line{'' if len(self.line_ids) == 1 else 's'} {', '.join(map(str, self.line_ids))}"
        return (
            f"recurring invoice {self.target_id} goes on billing {lines} over {show_amount(self.sell, self.currency)} "
            f"of {self.client} ({', '.join(self.months)}), which has no row in clients.csv any more: put the key "
            f"{self.client} back there (a key is never renamed), or set the lines inactive in HaloPSA"
        )


def find_left_lines(
    templates: Collection[Target],
    slots: Mapping[str, Mapping[str, str]],
    codes: Mapping[int, str],
    today: date,
) -> list[LeftLines]:
    """The lines that recurring invoices go on billing for the clients of `slots`, none of whom has a row any more.

    `slots` are those that were posted, by client, each with its last month; `codes` are HaloPSA's currencies by id.
    """
    found = []
    for template in sorted(templates, key=lambda template: -template.target_id):
        if template.disabled or not _bills_after(template, template.ends, today):
            continue
        live = [line for line in template.lines if not line.inactive and _bills_after(template, line.ends, today)]
        for client, posted in sorted(slots.items()):
            lines = [line for line in live if line.key in posted]
            if lines:
                found.append(_left(client, posted, template, lines, codes))
    return found


def _bills_after(template: Target, ends: date | None, today: date) -> bool:
    return ends is None or ends >= (template.next_issue or today)


def _left(
    client: str, posted: Mapping[str, str], template: Target, lines: Collection[TargetLine], codes: Mapping[int, str]
) -> LeftLines:
    sell = sum((line.net for line in lines), Decimal(0))
    slots = frozenset(line.key for line in lines)
    ids = tuple(sorted(line.line_id for line in lines))
    months = tuple(sorted({posted[line.key] for line in lines}))
    return LeftLines(client, months, template.target_id, ids, sell, codes.get(template.currency_id or 0, ""), slots)
