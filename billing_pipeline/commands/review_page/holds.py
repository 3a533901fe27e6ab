"""What is held, reason by reason: how many clients, how much money, and what to do."""

from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.billing.reasons import describe_hold, reason_rank
from billing_pipeline.steps.month_review import MonthReview


@dataclass(frozen=True)
class HeldGroup:
    """The holds of one reason: what it is and what to do, the clients' keys, and (currency, sell) of the causes that
    have any."""

    code: str
    label: str
    next_step: str
    clients: tuple[str, ...]
    money: tuple[tuple[str, Decimal], ...]


def group_holds(review: MonthReview) -> list[HeldGroup]:
    """The reasons in their order."""
    groups = []
    for code in sorted({cause.reason for cause in review.summary.held}, key=lambda code: (reason_rank(code), code)):
        causes = [cause for cause in review.summary.held if cause.reason == code]
        money: dict[str, Decimal] = {}
        for cause in causes:
            if cause.sell is not None:
                money[cause.currency] = money.get(cause.currency, Decimal(0)) + cause.sell
        clients = tuple(dict.fromkeys(cause.client for cause in causes))
        only = clients[0] if len(clients) == 1 else None
        label, next_step = describe_hold(code, review.summary.month, only, [cause.detail for cause in causes])
        groups.append(HeldGroup(code, label, next_step, clients, tuple(sorted(money.items()))))
    return groups
