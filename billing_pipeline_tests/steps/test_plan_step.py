"""The sealed plan of each client, and every hold that keeps it from being posted, with its money."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.steps import plan, snapshots
from billing_pipeline_tests.steps.months import (
    BIRCH,
    DEFAULT_ITEM,
    Month,
    MonthMaker,
    company_of,
    fates,
    halopsa_clients,
    halopsa_content,
    invoice,
    line,
    rows_of,
)

# HaloPSA's fields of each client, the currency of its lines, and why it is held.
HELD: dict[str, tuple[dict[str, Any], tuple[str, ...], str | None, str]] = {
    "fine": ({}, ("USD",), None, ""),
    "inactive": ({"inactive": True}, ("USD",), "inactive_client", "(Inactive) is inactive (22.00 USD held)"),
    "canadian": ({"default_currency_code": 2}, ("CAD",), None, ""),
    "foreign": ({}, ("CAD",), "currency", "charges in CAD, but HaloPSA client 303 (Foreign) has USD (22.00 CAD held)"),
    "mixed": ({}, ("USD", "CAD"), "currency", "charges in CAD, but HaloPSA client 304 (Mixed) has USD"),
    "no-currency": ({"default_currency_code": 0}, ("USD",), "currency", "has no default currency"),
    "redirected": ({"client_to_invoice": 300}, ("USD",), None, ""),
    "to-inactive": (
        {"client_to_invoice": 301},
        ("USD",),
        "inactive_client",
        "HaloPSA client 301 (Inactive) is inactive",
    ),
    "to-nobody": (
        {"client_to_invoice": 4711},
        ("USD",),
        "inactive_client",
        "HaloPSA client 308 (To-Nobody) is billed through client 4711, which HaloPSA does not list (22.00 USD held)",
    ),
    "to-itself": ({"client_to_invoice": 309}, ("USD",), None, ""),
    "negative": ({}, ("USD",), "negative_total", "the USD invoice would come to -3.00 USD"),
    "to-no-id": ({"client_to_invoice": -1, "client_to_invoice_recurring": -1}, ("USD",), None, ""),
    "itself-inactive": (
        {"client_to_invoice": 300, "inactive": True},
        ("USD",),
        "inactive_client",
        "HaloPSA client 312 (Itself-Inactive) is inactive (22.00 USD held)",
    ),
    "codeless": (
        {"default_currency_code": 3},
        ("USD",),
        "currency",
        "has currency 3 (Pound), which has no code in HaloPSA: enter its code there, as in USD (22.00 USD held)",
    ),
    "unlisted": (
        {"default_currency_code": 9},
        ("USD",),
        "currency",
        "has currency 9, which HaloPSA does not list: choose another on the client in HaloPSA (22.00 USD held)",
    ),
}
EXTRA = {
    "negative": line("negative credit", "-25.00", "-20.00", type="service-credit", companyId=company_of("negative"))
}


@pytest.fixture(scope="module")
def month(months: MonthMaker) -> Month:
    """A client for each row of HELD, planned."""
    clients = halopsa_clients(*HELD)
    for row, (fields, _, _, _) in zip(clients, HELD.values(), strict=True):
        row.update(fields)
    items = [
        line(f"{name} {currency}", companyId=company_of(name), currencyCode=currency)
        for name, (_, currencies, _, _) in HELD.items()
        for currency in currencies
    ]
    currencies = [*halopsa_content()["currencies"], {"id": 3, "name": "Pound", "symbol": "£"}]
    halopsa = {"clients": clients, "currencies": currencies}
    made = months.make([*items, *EXTRA.values()], clients=rows_of(*HELD), halopsa=halopsa)
    made.prepare()
    return made


@pytest.mark.parametrize("client", HELD)
def test_a_client_is_held_for_its_own_reason_and_no_other(month: Month, client: str) -> None:
    _, currencies, reason, text = HELD[client]
    lines = {name: fate for name, fate in month.lines().items() if name.startswith(f"{client} ")}
    expected = ("planned", None) if reason is None else ("held", reason)
    assert set(lines.values()) == {expected}
    holds = month.holds(client)
    assert [hold["reason"] for hold in holds] == ([] if reason is None else [reason] * len(currencies))
    assert all(text in hold["detail"] for hold in holds)


def test_the_money_of_a_hold_is_in_its_row_and_in_its_text(month: Month) -> None:
    holds = month.rows("select currency, sell, cost, detail from holds where client = 'mixed' order by currency")
    assert [(hold["currency"], hold["sell"], hold["cost"]) for hold in holds] == [
        ("CAD", Decimal("22.00"), Decimal("17.60")),
        ("USD", Decimal("22.00"), Decimal("17.60")),
    ]
    assert [hold["detail"].endswith(f"(22.00 {hold['currency']} held)") for hold in holds] == [True, True]


def test_a_redirected_client_is_planned_where_halopsa_bills_it(month: Month) -> None:
    rows = month.rows("select client, halopsa_client_id, currency from ready_to_invoice order by client")
    assert [tuple(row.values()) for row in rows] == [
        ("canadian", 302, "CAD"),
        ("fine", 300, "USD"),
        ("negative", 310, "USD"),
        ("negative", 310, "USD"),
        ("redirected", 300, "USD"),
        ("to-itself", 309, "USD"),
        ("to-no-id", 311, "USD"),
    ]


@pytest.mark.parametrize("client", HELD)
def test_three_way_has_no_gap_whatever_is_held(month: Month, client: str) -> None:
    for currency in HELD[client][1]:
        proof = month.three_way(client, currency)
        assert (proof["sell_gap"], proof["cost_gap"]) == ("0", "0")
        assert proof["planned_sell"] == ("0" if HELD[client][2] else "22")


def test_only_what_is_not_held_is_posted(month: Month) -> None:
    month.post()
    posted = month.rows("select client from postings where status = 'posted' order by client")
    assert [row["client"] for row in posted] == ["canadian", "fine", "redirected", "to-itself", "to-no-id"]
    assert month.prove().whole


def test_a_client_that_left_halopsa_after_it_was_prepared_is_held_alone(months: MonthMaker) -> None:
    made = months.make([line("L1"), line("L2", companyId=BIRCH)])
    made.prepare()
    with made.work.warehouse.session("a later snapshot") as session:
        left = [row for row in made.halo.clients() if row["id"] != 247]
        snapshots.store_snapshot(session, "halopsa_clients", left, "sandbox", made.work.now_utc)
    plan.plan(made.work)
    assert fates(made) == {"L1": "planned", "L2": "held unmapped_client"}
    assert "22.00 USD held" in made.holds("birch-legal")[0]["detail"]
    assert len(made.post().posted) == 1


def test_the_same_month_has_the_same_plan_at_any_time_and_in_any_order(months: MonthMaker) -> None:
    items = [
        line(f"L{number}", f"{number}.01", "1.00", companyId=BIRCH if number % 3 else None) for number in range(1, 9)
    ]
    items = [{**row, "companyId": row["companyId"] or "11111111-1111-4111-8111-111111111111"} for row in items]
    first = months.make(items)
    before = {client: one.plan.plan_hash for client, one in first.prepare().items()}
    first.at(datetime(2027, 3, 1, 8, 30, tzinfo=UTC))
    first.work = first.work.of(first.work.clients[::-1])
    assert {client: one.plan.plan_hash for client, one in first.prepare().items()} == before
    numbers = first.rows("select client, plan_hash, sealed_at from plans order by client")
    assert {row["client"]: row["plan_hash"] for row in numbers} == before
    assert {row["sealed_at"] for row in numbers} == {datetime(2027, 3, 1, 8, 30)}  # noqa: DTZ001


def test_the_stored_plan_is_what_ready_to_invoice_shows(months: MonthMaker) -> None:
    month = months.make([line("L1", "220.00", "176.00", quantity=10), line("L2", "14.67", "11.73", quantity=2)])
    month.prepare()
    (row,) = month.rows("select plan, documents, lines, plan_hash from plans where client = 'acme-dental'")
    (document,) = json.loads(row["plan"])["documents"]
    shown = month.rows("select * from ready_to_invoice order by line_no")
    assert (row["documents"], row["lines"], len(shown)) == (1, 2, 2)
    for line_of_plan, line_shown in zip(document["lines"], shown, strict=True):
        for name in ("charge_key", "short_description", "long_description", "income_account", "tax_id"):
            assert line_of_plan[name] == line_shown[name]
        for name in ("quantity", "unit_price", "unit_cost", "sell", "cost", "source_sell", "source_cost"):
            assert Decimal(line_of_plan[name]) == line_shown[name]
        assert line_shown["plan_hash"] == row["plan_hash"]
        assert line_shown["document_key"] == document["document_key"]


def test_every_slice_says_what_it_was_made_from(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    month.prepare()
    rows = month.rows(
        "select step, fetch_id, snapshot_ids, settings_hash, run_id from slice_sources where client = 'acme-dental'"
    )
    assert {row["step"] for row in rows} == {
        "normalized_charges",
        "modified_charges",
        "reconciled_items",
        "ready_to_invoice",
    }
    assert {(row["settings_hash"], row["run_id"]) for row in rows} == {(month.work.settings_hash, "run-1")}
    (normalized,) = [row for row in rows if row["step"] == "normalized_charges"]
    assert normalized["fetch_id"] == 1


def test_preparing_one_client_leaves_the_slices_of_others(months: MonthMaker) -> None:
    month = months.make([line("L1"), line("L2", companyId=BIRCH)])
    month.prepare()
    month.configure({"settings": {**DEFAULT_ITEM, "modifiers": {"drop_zero": True, "zero_test": "cost"}}})
    month.work = month.work.of(["birch-legal"])
    month.prepare()
    levels = month.rows("select client, level from settings_used where key = 'modifiers.drop_zero' order by client")
    assert [tuple(row.values()) for row in levels] == [("acme-dental", "built_in"), ("birch-legal", "global")]
    assert fates(month) == {"L1": "planned", "L2": "planned"}


def caps_month(months: MonthMaker, **caps: Any) -> Month:
    return months.make([line("L1"), line("L2", companyId=BIRCH)], config={"settings": DEFAULT_ITEM, "caps": caps})


def test_past_max_invoices_nothing_is_posted_until_forced(months: MonthMaker) -> None:
    month = caps_month(months, max_invoices=1)
    month.prepare()
    assert fates(month) == {"L1": "held cap:max_invoices", "L2": "held cap:max_invoices"}
    assert month.holds()[0]["detail"] == (
        "2 invoices are more than caps.max_invoices 1 allows (22.00 USD held); force it with --force-cap max_invoices"
    )
    assert month.three_way()["sell_gap"] == "0"
    assert month.post().posted == []
    month.prepare(forced_caps=["max_invoices"])
    assert len(month.post().posted) == 2


def test_a_cap_of_one_client_holds_that_client_alone(months: MonthMaker) -> None:
    month = months.make(
        [line("L1", "100.01"), line("L2", "100.00", companyId=BIRCH)],
        config={"settings": DEFAULT_ITEM, "caps": {"max_client_total": {"USD": 100}}},
    )
    month.prepare()
    assert fates(month) == {"L1": "held cap:max_client_total", "L2": "planned"}


def test_a_negative_month_is_held_until_it_is_forced(months: MonthMaker) -> None:
    month = months.make([line("L1", "-25.00", "-20.00", type="service-credit")])
    month.prepare()
    assert fates(month) == {"L1": "held negative_total"}
    month.prepare(forced_caps=["negative_invoice"])
    assert len(month.post().posted) == 1


def test_the_next_month_is_measured_against_the_last_closed_one(months: MonthMaker) -> None:
    config = {"settings": DEFAULT_ITEM, "caps": {"max_change_percent": 20, "first_invoice": True}}
    november = {"invoice": invoice("inv-11", invoiceDate="2026-11-01"), "release_at": None}
    items = [line("N1", "30.00"), line("N2", companyId=BIRCH)]
    month = months.make([line("L1")], config=config, more_invoices=[{**november, "items": items}])
    month.prepare()
    assert fates(month) == {"L1": "planned"}
    month.post()
    month.work = replace(month.work, month="2026-11")
    month.fetch()
    month.prepare()
    rows = month.rows("select client, reason, detail from holds order by client, reason_rank, reason")
    assert [(row["client"], row["reason"]) for row in rows] == [
        ("acme-dental", "cap:max_change_percent"),
        ("birch-legal", "cap:first_invoice"),
        ("birch-legal", "cap:max_change_percent"),
    ]
    assert "30.00 USD after 22.00 USD in 2026-10, 8.00 USD more, is a change of more than 20 %" in rows[0]["detail"]
    change = month.rows("select * from month_over_month where month = '2026-11' and client = 'acme-dental'")
    assert change[0]["previous_month"] == "2026-10"
    assert change[0]["previous_sell"] == Decimal("22.00")
