"""Data that make a rule fail: their client is held with `rule_failed`, everybody else goes on, the log has the rest."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing_pipeline.billing.errors import RuleFailed
from billing_pipeline.billing.money import as_stored, show_amount
from billing_pipeline.billing.plan import hold_client
from billing_pipeline.billing.plan_types import ChargeToPlan, Hold
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.work import Work

REASON = "rule_failed"
_MOST_CHARACTERS = 200
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """What a rule said as it failed, on which charge; None where no single one makes it fail."""

    said: str
    charge: ChargeToPlan | None = None


def describe_failure(error: BaseException) -> str:
    """What an exception says, as a hold tells it: its kind and its first line."""
    first_line = next(iter(str(error).splitlines()), "no details")
    return f"{type(error).__name__}: {first_line[:_MOST_CHARACTERS]}"


def run_apart(work: Work, step: Callable[[Work], int], set_aside: Callable[[Work, str], int]) -> int:
    """Run a set-based step; where data make it fail, for halves of the clients, until it is known whose they are.

    `set_aside` writes the slice of such a client, given what failed. How many rows there are.
    """
    try:
        return step(work)
    except RuleFailed as error:
        if not work.clients:
            raise
        if len(work.clients) == 1:
            _logger.exception("A rule failed on the data of %s for %s", work.clients[0], work.month)
            return set_aside(work, describe_failure(error.__cause__ or error))
    middle = len(work.clients) // 2
    halves = (work.of(work.clients[:middle]), work.of(work.clients[middle:]))
    return sum(run_apart(half, step, set_aside) for half in halves)


def hold_failures(
    failures: Sequence[Failure], charges: Sequence[ChargeToPlan], line_ids: Mapping[str, str | None]
) -> list[Hold]:
    """The holds of a client whose charges could not be planned: one a charge that is at fault, else the whole client.

    `line_ids` are the distributor's ids of the lines, by charge key.
    """
    holds = []
    for failure in failures:
        charge = failure.charge
        if charge is None:
            detail = f"a rule failed on what is charged ({failure.said}); the log has the details"
            holds += hold_client(REASON, detail, charges) or [Hold("held", REASON, detail, None, None, None)]
            continue
        name = charge.product_name or charge.description or charge.sku
        detail = (
            f"invoice {charge.invoice_id}, line {charge.line_no} ({name[:_MOST_CHARACTERS]}): a rule failed on its "
            f"data ({failure.said}); the log has the details; {show_amount(charge.sell, charge.currency)}"
        )
        line_id = line_ids.get(charge.charge_key)
        holds.append(Hold("held", REASON, detail, charge.currency, charge.sell, charge.cost, line_id))
    return holds


def failed_clients(session: Session, work: Work) -> dict[str, list[Hold]]:
    """The holds of clients on whose lines a modifier failed; reads the frame `scope_clients`."""
    rows = session.rows(
        "select modified.client, modified.detail, modified.currency, modified.sell, modified.cost "
        "from modified_charges as modified semi join scope_clients using (client) "
        "join normalized_charges as normalized using (month, client, line_key) "
        "where month = ? and modified.outcome = 'blocked' and modified.reason = ? and normalized.block_reason is null "
        "order by all",
        [work.month, REASON],
    )
    lines: dict[tuple[str, str, str], list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for row in rows:
        lines[(row["client"], row["detail"], row["currency"])].append((row["sell"], row["cost"]))
    holds: dict[str, list[Hold]] = defaultdict(list)
    for (client, said, currency), amounts in lines.items():
        # Not summed in SQL, where the sum of such lines may be what failed.
        sell, cost = (as_stored(sum(column, Decimal(0))) for column in zip(*amounts, strict=True))
        money = "an amount that is too large" if sell is None else show_amount(sell, currency)
        detail = f"a modifier failed on its lines ({said}); the log has the details ({money} held)"
        holds[client].append(Hold("held", REASON, detail, currency, sell, cost))
    return holds
