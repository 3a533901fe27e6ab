"""Whatever Pax8 sends: every line has one fate, and the sums over all fates are the invoice, to the last decimal."""

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing_pipeline.billing.money import as_stored
from billing_pipeline.steps.month_checks import find_conservation_gaps
from billing_pipeline_tests.steps.months import (
    AZURE_SUBSCRIPTION,
    DEFAULT_ITEM,
    Month,
    MonthMaker,
    Row,
    company_of,
    halopsa_clients,
    rows_of,
)

CLIENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "drop": {
        "modifiers": {"drop_azure": True, "drop_zero": True, "azure_classes": ["azure_consumption", "other_arrears"]}
    },
    "collapse": {"modifiers": {"collapse_azure": True, "drop_favorable_prorata": True, "drop_zero": True}},
    "period": {"modifiers": {"collapse_azure": True, "collapse_by": "period", "zero_test": "sell", "drop_zero": True}},
    "prompt": {"product_lifecycle": {"mode": "prompt"}, "modifiers": {"collapse_azure": True}},
}
CONFIG = {
    "settings": DEFAULT_ITEM,
    "clients": {client: {"settings": changes} for client, changes in CLIENTS.items() if changes},
}
USAGE = f"Microsoft Azure Plan - Arrears Charge - Prod - {AZURE_SUBSCRIPTION} - Storage"

money = st.one_of(
    st.just(Decimal(0)),
    st.decimals(min_value=-500, max_value=5000, places=2),
    st.decimals(min_value=-5, max_value=50, places=10),
    st.none(),
    st.sampled_from([Decimal("0.00000000001"), Decimal("0.1234567890123456789"), Decimal(10) ** 20]),
)
items = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["subscription"] * 6
            + ["prorate", "prorate", "one-time", "service-charge", "rebate", "service-credit", "usage"]
        ),
        "term": st.sampled_from(
            ["Monthly", "Monthly", "Annual", "Arrears", "Arrears", "Arrears", "1-Time", "Trial", None]
        ),
        "companyId": st.sampled_from([*map(company_of, CLIENTS), *map(company_of, CLIENTS), "company-x", None]),
        "quantity": st.one_of(st.integers(-3, 30), st.none(), st.just(Decimal("2.5"))),
        "price": st.just(Decimal("1.10")),
        "total": money,
        "costTotal": money,
        "currencyCode": st.sampled_from(["USD"] * 8 + ["CAD", None]),
        "sku": st.sampled_from(["MST-AZR-1", "MST-ARI-1", "SKU-1", None]),
        "productId": st.sampled_from(["p-1", "p-2", None]),
        "productName": st.sampled_from(["Premium", "Microsoft Azure Plan", None]),
        "description": st.sampled_from([USAGE, "Text", None]),
        "startPeriod": st.sampled_from(["2026-09-01", "2026-10-01", None]),
        "endPeriod": st.sampled_from(["2026-09-30", "2026-10-31", "2026-11-01", None]),
        "vendorName": st.sampled_from(["Microsoft", None]),
    }
)


def make(months: MonthMaker, rows: list[Row]) -> Month:
    month = months.make(rows, config=CONFIG, clients=rows_of(*CLIENTS), halopsa={"clients": halopsa_clients(*CLIENTS)})
    month.prepare()
    return month


def fate_sums(month: Month) -> list[tuple[Any, ...]]:
    rows = month.rows(
        "select client, currency, disposition, reason, count(*) as lines, sum(sell) as sell, sum(cost) as cost "
        "from dispositions group by all order by all"
    )
    return [tuple(row.values()) for row in rows]


def readable(row: Row, name: str) -> Decimal:
    """The money of a line as it is kept: cut to 18 decimals, nothing where it cannot be."""
    return Decimal(0) if row[name] is None else as_stored(Decimal(row[name])) or Decimal(0)


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(items, min_size=25, max_size=80), st.randoms())
def test_no_cent_is_lost_whatever_is_sent(months: MonthMaker, rows: list[Row], random: Any) -> None:
    rows = [{"id": f"L{number}", **row} for number, row in enumerate(rows)]
    month = make(months, rows)
    with month.work.warehouse.session("check") as session:
        assert find_conservation_gaps(session, "2026-10", month.work.config) == []
    lines = month.rows("select sell, cost, disposition from dispositions")
    assert len(lines) == len(rows)
    assert None not in {row["disposition"] for row in lines}
    assert sum(row["sell"] or 0 for row in lines) == sum(readable(row, "total") for row in rows)
    assert sum(row["cost"] or 0 for row in lines) == sum(readable(row, "costTotal") for row in rows)
    assert month.rows("select * from three_way where sell_gap <> 0 or cost_gap <> 0") == []
    billed = month.rows(
        "select coalesce(sum(sell), 0) as sell, coalesce(sum(source_sell - sell), 0) as residual "
        "from ready_to_invoice anti join holds using (month, client)"
    )[0]
    planned = [row for row in lines if row["disposition"] in ("planned", "collapsed")]
    assert billed["sell"] + billed["residual"] == sum(row["sell"] for row in planned)

    shuffled = list(rows)
    random.shuffle(shuffled)
    assert fate_sums(make(months, shuffled)) == fate_sums(month)


def test_adding_a_line_changes_its_client_alone(months: MonthMaker) -> None:
    base = {
        "type": "subscription",
        "term": "Monthly",
        "total": 5,
        "costTotal": 4,
        "currencyCode": "USD",
        "productId": "p",
    }
    rows = [{**base, "id": f"L-{client}", "companyId": company_of(client)} for client in ("plain", "drop", "collapse")]
    before, after = make(months, rows), make(months, [*rows, {**rows[0], "id": "L-more", "total": 7}])
    sql = "select client, plan_hash from plans order by client"
    first = {row["client"]: row["plan_hash"] for row in before.rows(sql)}
    second = {row["client"]: row["plan_hash"] for row in after.rows(sql)}
    assert {client for client in first if first[client] != second[client]} == {"plain"}
