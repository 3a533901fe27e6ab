"""What verifying a month came to: its clients' money on all sides, what differs, and what is not known."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.drift import Drift
from billing_pipeline.steps.journal import JournalHead
from billing_pipeline.steps.posted_ledger import PostedDocument

_ZERO = Decimal(0)


@dataclass(frozen=True)
class ClientProof:
    """What a client's month comes to in one currency: planned, posted, and what HaloPSA has now.

    `replaced` is the part of what was posted that later months wrote over on recurring invoices: nobody can prove it
    any more, so it is in no sum of `now`.
    """

    client: str
    currency: str
    documents: int
    lines: int
    planned: Decimal
    posted: Decimal
    replaced: Decimal
    now: Decimal


@dataclass(frozen=True)
class Verified:
    """What verifying a month came to. `replaced_by` counts lines that later months wrote over, by month; `opened`
    says of clients what is not known yet; `noted` is where the journal stood when its head was last noted."""

    month: str
    clients: tuple[ClientProof, ...]
    documents: int
    lines: int
    replaced_by: Mapping[str, int]
    drift: tuple[Drift, ...]
    unexplained: tuple[str, ...]
    opened: tuple[str, ...]
    held_clients: int
    head: JournalHead
    noted: JournalHead | None

    @property
    def replaced_lines(self) -> int:
        """How many lines later months wrote over."""
        return sum(self.replaced_by.values())

    @property
    def differences(self) -> int:
        """How many things are not as they should be."""
        return len(self.drift) + len(self.unexplained)

    @property
    def agrees(self) -> bool:
        """Whether what was posted stands in HaloPSA as it was posted, and every cent is explained."""
        return not self.differences

    @property
    def is_settled(self) -> bool:
        """Whether besides nothing of the month is unknown or held."""
        return self.agrees and not (self.opened or self.held_clients)


def prove_clients(
    session: Session, month: str, documents: Sequence[PostedDocument], drift: Sequence[Drift]
) -> list[ClientProof]:
    """Planned, posted and HaloPSA's money of each client and currency, sorted."""
    posted: dict[tuple[str, str], list[PostedDocument]] = defaultdict(list)
    for document in documents:
        posted[(document.client, document.currency)].append(document)
    changes: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in drift:
        changes[(one.client or "", one.currency)] += one.difference
    # What was taken back on a credit was planned, too: `three_way` has what was billed alone, and counts what a later
    # month corrected there, while the document is this month's.
    planned = {
        (row["client"], row["currency"]): row["sell"]
        for row in session.rows(
            "select client, currency, sum(sell) as sell from ("
            "select client, currency, planned_sell - posted_sell as sell from three_way "
            "where month = $month and currency is not null "
            "union all select client, currency, sell from posted_lines where month = $month "
            "union all select client, currency, sell from reversals where month = $month) "
            "group by all having bool_or(sell <> 0)",
            {"month": month},
        )
    }
    proofs = []
    for client, currency in sorted({*posted, *planned, *changes}):
        own = posted[(client, currency)]
        total = sum((one.sell for one in own), _ZERO)
        kept = sum((line.sell for one in own for line in one.kept), _ZERO)
        proofs.append(
            ClientProof(
                client=client,
                currency=currency,
                documents=len(own),
                lines=sum(len(one.lines) for one in own),
                planned=planned.get((client, currency), _ZERO),
                posted=total,
                replaced=total - kept,
                now=kept + changes[(client, currency)],
            )
        )
    return proofs


def figures_of(verified: Verified) -> dict[str, Any]:
    """What the journal keeps of a verification."""
    money: dict[str, dict[str, Decimal]] = {}
    for proof in verified.clients:
        sums = money.setdefault(proof.currency, {"planned": _ZERO, "posted": _ZERO, "replaced": _ZERO, "now": _ZERO})
        for name in sums:
            sums[name] += getattr(proof, name)
    return {
        "documents": verified.documents,
        "lines": verified.lines,
        "replaced_lines": verified.replaced_lines,
        "money": money,
        "drift": dict(Counter(one.kind for one in verified.drift)),
        "unexplained": len(verified.unexplained),
        "unknown": len(verified.opened),
        "held_clients": verified.held_clients,
    }
