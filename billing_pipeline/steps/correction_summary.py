"""The corrections of a month as people want them: which invoice gives way to which, and what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.resources.warehouse import Session, read_sql
from billing_pipeline.steps.look_back import read_last_statuses


@dataclass(frozen=True)
class CorrectedClient:
    """What one client was billed for a credited invoice, and what is due for the one that takes its place.

    `month` is that of the correction, `credited_month` that of the credited invoice. `state` is `proposed`, `planned`
    or `posted`; `replacement_invoice_id` is None where no invoice follows.
    `differing` charges have a line of their own, `unchanged` ones stay as they were billed.
    """

    month: str
    credited_invoice_id: str
    credited_status: str
    credited_month: str
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
    """The corrections of a month, and those of later months of what this month billed, invoice by invoice, the largest
    difference first; `clients` empty means all."""
    if not session.value("select count(*) from corrections"):
        return ()
    statuses = read_last_statuses(session).values()
    session.frame(
        "last_statuses",
        {"invoice_id": "VARCHAR", "month": "VARCHAR", "status": "VARCHAR"},
        [{"invoice_id": one.invoice_id, "month": one.month, "status": one.shown} for one in statuses],
    )
    parameters = {"month": month, "clients": list(clients), "everyone": not clients}
    return tuple(CorrectedClient(**row) for row in session.rows(read_sql("correction_cases"), parameters))
