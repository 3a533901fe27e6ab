"""What a month costs must not grow with the months before it: no view tries every pair of rows."""

import pytest

from billing_pipeline.resources.warehouse import Warehouse, read_sql

VIEWS = (
    "dispositions",
    "traced_lines",
    "three_way",
    "to_approve",
    "withheld_credits",
    "margin_by_client",
    "document_lines",
    "reversed_months",
    "billed_months",
    "month_totals",
    "month_over_month",
    "unmapped_money",
    "product_matches_used",
    "tax_compared",
)
FILL = (
    "insert into normalized_charges (month, client, integration, line_key, invoice_id, line_no, currency, sell, cost) "
    "select '2026-' || lpad((1 + i % 12)::text, 2, '0'), 'client-' || i % 50, 'pax8', 'line-' || i, 'invoice', i, "
    "'USD', 1, 1 from range(6000) as numbers (i)",
    "insert into modified_charges (month, client, line_key, charge_key, row_kind, outcome, sell, cost) "
    "select month, client, line_key, line_key, 'line', if(line_no % 7 = 0, 'dropped', 'kept'), 1, 1 "
    "from normalized_charges",
    "insert into reconciled_items (month, client, charge_key, sell, cost) "
    "select month, client, line_key, 1, 1 from normalized_charges",
    "insert into ready_to_invoice (month, client, currency, document_key, charge_key, sell, cost, source_sell, "
    "source_cost) select month, client, currency, 'd-' || client, line_key, 1, 1, 1, 1 from normalized_charges",
    "insert into posted_lines (month, client, currency, charge_key, sell, cost, source_sell, source_cost) "
    "select month, client, currency, line_key, 1, 1, 1, 1 from normalized_charges where line_no % 2 = 0",
    "insert into posted_source_lines (line_key, charge_key, month, client) "
    "select charge_key, charge_key, month, client from posted_lines",
    "insert into reversals (month, client, currency, charge_key, reversed_charge_key, sell, cost) "
    "select month, client, currency, 'r' || charge_key, charge_key, -1, -1 from posted_lines limit 500",
)
PAIRWISE = ("BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN", "CROSS_PRODUCT")


@pytest.mark.parametrize("view", VIEWS)
def test_a_month_of_a_view_tries_no_pairs(filled: Warehouse, view: str) -> None:
    assert pairwise(filled, f"select * from {view} where month = $month", {"month": "2026-06"}) == []


def test_the_clients_of_a_month_try_no_pairs(filled: Warehouse) -> None:
    scope = {"month": "2026-06", "previous_month": "2026-05", "clients": [], "everyone": True}
    assert pairwise(filled, read_sql("month_clients"), scope) == []


def pairwise(warehouse: Warehouse, sql: str, parameters: dict[str, object]) -> list[str]:
    """The joins of a query that compare every row with every other."""
    with warehouse.session("explain") as session:
        (plan,) = session.rows(f"explain (format json) {sql}", parameters)
    return [name for name in PAIRWISE if name in plan["explain_value"]]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A year of fifty clients."""
    warehouse = Warehouse(tmp_path_factory.mktemp("year") / "billing.duckdb")
    with warehouse.session("fill") as session:
        for statement in FILL:
            session.execute(statement)
    return warehouse
