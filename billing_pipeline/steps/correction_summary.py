"""The corrections of a month as people want them: which invoice gives way to which, and what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.resources.warehouse import Session, read_sql


@dataclass(frozen=True)
class CorrectedClient:
    """What one client was billed for a credited invoice, and what is due for the one that takes its place.

    `state` is `proposed`, `planned` or `posted`; `replacement_invoice_id` is None where no invoice follows.
    `differing` charges have a line of their own, `unchanged` ones stay as they were billed.
    """

    credited_invoice_id: str
    credited_status: str
    replacement_invoice_id: str | None
    client: str
    currency: str
    state: str
    billed_sell: Decimal
    billed_cost: Decimal
    due_sell: Decimal
    due_cost: Decimal
    differing: int
    unchanged: int

    @property
    def difference(self) -> Decimal:
        """What the client is still to be billed; below zero it gets something back."""
        return self.due_sell - self.billed_sell


def summarize_corrections(session: Session, month: str, clients: Sequence[str] = ()) -> tuple[CorrectedClient, ...]:
    """The corrections of a month, invoice by invoice, the largest difference first; `clients` empty means all."""
    parameters = {"month": month, "clients": list(clients), "everyone": not clients}
    return tuple(CorrectedClient(**row) for row in session.rows(read_sql("correction_cases"), parameters))
