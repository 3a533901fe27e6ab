"""The three-way proof of a month: distributor invoice ↔ charges ↔ HaloPSA lines."""

from dataclasses import dataclass
from decimal import Decimal
from time import monotonic
from typing import Any

from billing_pipeline.billing.finding_kinds import DIFFERENCES
from billing_pipeline.steps import journal
from billing_pipeline.steps.work import Work, finish_step


@dataclass(frozen=True)
class Proof:
    """Where a month stands. `gaps` are rows of `three_way` that do not come to zero, `unproven` clients whose
    posted, answered and read-back money differ; amounts by currency are (sell, cost)."""

    gaps: tuple[dict[str, Any], ...]
    unproven: tuple[dict[str, Any], ...]
    differences: tuple[str, ...]
    source: dict[str, tuple[Decimal, Decimal]]
    posted: dict[str, tuple[Decimal, Decimal]]
    dispositions: tuple[dict[str, Any], ...]
    head: journal.JournalHead

    @property
    def whole(self) -> bool:
        """Whether everything adds up and HaloPSA has what was planned."""
        return not (self.gaps or self.unproven or self.differences)


def prove(work: Work) -> Proof:
    """Compare the three sides of a month, exactly; `work.clients` are not needed."""
    started = monotonic()
    with work.warehouse.session(f"prove {work.month}") as session:
        # The view passes over the whole month: it is asked once.
        session.execute("create or replace temp table proved as select * from three_way where month = ?", [work.month])
        gaps = session.rows("select * from proved where sell_gap <> 0 or cost_gap <> 0 order by client, currency")
        unproven = session.rows(
            "select * from proved where posted_sell <> readback_sell or posted_cost <> readback_cost "
            "order by client, currency"
        )
        differences = session.rows(
            "select detail from findings where month = ? and kind in (select unnest(?::text[])) order by detail",
            [work.month, list(DIFFERENCES)],
        )
        totals = session.rows(
            "select currency, sum(source_sell) as source_sell, sum(source_cost) as source_cost, "
            "sum(posted_sell) as posted_sell, sum(posted_cost) as posted_cost "
            "from proved group by currency order by currency"
        )
        dispositions = session.rows(
            "select case when credit_halopsa_invoice_id is null then disposition else disposition || ', reversed' end "
            "as disposition, reason, currency, count(*) as lines, coalesce(sum(sell), 0) as sell, "
            "coalesce(sum(cost), 0) as cost from traced_lines where month = ? group by all order by all",
            [work.month],
        )
        head = journal.read_head(session)
        finish_step(session, work.of(()), "month_reconciliation", started, len(dispositions), {})
    return Proof(
        gaps=tuple(gaps),
        unproven=tuple(unproven),
        differences=tuple(row["detail"] for row in differences),
        source={row["currency"] or "": (row["source_sell"], row["source_cost"]) for row in totals},
        posted={row["currency"] or "": (row["posted_sell"], row["posted_cost"]) for row in totals},
        dispositions=tuple(dispositions),
        head=head,
    )
