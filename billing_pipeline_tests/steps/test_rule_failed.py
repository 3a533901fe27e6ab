"""Data at the ends of every range: read where there is a sensible value, else held with `rule_failed`, alone."""

import logging
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.steps import modify, normalize, plan, reconcile
from billing_pipeline_tests.steps.months import AZURE_SUBSCRIPTION, BIRCH, Month, MonthMaker, azure, fates, line

COLLAPSED = {"modifiers": {"collapse_azure": True}}


def test_ends_of_the_calendar_hold_nobody(months: MonthMaker) -> None:
    ends: dict[str, tuple[Any, Any, str]] = {
        "no end": ("2026-10-01", "9999-12-31", "1 Oct 2026"),
        "day before": ("2026-10-01", "9999-12-30", "1 Oct 2026 to 30 Dec 9999"),
        "first day": ("0001-01-01", "0001-01-01", "1 Jan 1"),
        "ends first": ("2026-10-01", "0001-01-01", "1 Oct 2026"),
        "only end": (None, "0001-01-01", ""),
        "all of it": ("0001-01-01", "9999-12-31", "1 Jan 1"),
        "leap day": ("2028-02-01", "2028-02-29", "1 Feb 2028 to 29 Feb 2028"),
        "half open": ("2026-02-01", "2026-03-01", "1 Feb 2026 to 28 Feb 2026"),
    }
    month = months.make([line(name, startPeriod=start, endPeriod=end) for name, (start, end, _) in ends.items()])
    planned = month.prepare()["acme-dental"]
    assert planned.holds == ()
    (document,) = planned.plan.documents
    texts = [planned_line.long_description.splitlines()[:1] for planned_line in document.lines]
    assert texts == [[text] if text else [] for _, _, text in ends.values()]


def test_an_end_without_a_start_ends_a_collapsed_line_before_it_starts(months: MonthMaker) -> None:
    lines = [azure("a", startPeriod="2026-09-01", endPeriod=None), azure("b", startPeriod=None, endPeriod="0001-01-01")]
    planned = months.make(lines, COLLAPSED).prepare()["acme-dental"]
    assert (planned.holds, planned.plan.documents[0].sell) == ((), Decimal("20.00"))


@pytest.mark.parametrize("unreadable", ["\ud83d cut in the middle", "a\x00b", "x - " * 50_000, "é" * 9_000])
def test_any_text_can_be_billed(months: MonthMaker, unreadable: str) -> None:
    odd = {"description": f"Microsoft Azure Plan - {unreadable}", "productName": unreadable, "details": unreadable}
    month = months.make([azure("odd", **odd), azure("azure", description=f"{unreadable} - {AZURE_SUBSCRIPTION}")])
    planned = month.prepare()["acme-dental"]
    assert planned.holds == ()
    assert month.post().posted
    assert "\x00" not in str(month.sandbox.halopsa.dump()["invoices"])


@pytest.mark.parametrize("amount", ["1000000000000000", "-999999999999999999.9999999999"])
def test_an_amount_too_large_to_be_summed_holds_its_client_alone(months: MonthMaker, amount: str) -> None:
    lines = [line("a", amount), line("b", amount), line("c"), line("d", cost=amount), line("e", companyId=BIRCH)]
    month = months.make(lines)
    month.prepare()
    month.post()
    failed = "blocked rule_failed"
    assert fates(month) == {"a": failed, "b": failed, "c": "held rule_failed", "d": failed, "e": "posted"}
    first, *_ = month.holds()
    assert (
        f"line 1 (Microsoft 365 Business Premium): amounts of 10^15 and more are not summed: total {amount}"
        in (first["detail"])
    )
    assert first["source_line_id"] == "a"
    assert not any(proof["sell_gap"] or proof["cost_gap"] for proof in month.rows("select * from three_way"))
    month.prove()


def test_the_largest_amounts_that_are_summed_are_planned(months: MonthMaker) -> None:
    lines = [azure(f"a{number}", "999999999999999.99", "999999999999999.99") for number in range(40)]
    planned = months.make(lines, COLLAPSED).prepare()["acme-dental"]
    assert (planned.holds, planned.plan.documents[0].sell) == ((), Decimal("39999999999999999.60"))


def test_a_modifier_that_fails_holds_the_clients_whose_lines_make_it_fail(
    months: MonthMaker, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [azure("a"), azure("b"), line("c"), line("d", companyId=BIRCH)]
    month = months.make(lines, COLLAPSED)
    normalize.normalize(month.work)
    # As many digits before the point as the column holds: the sum of two of them does not fit.
    spoil(month, "update normalized_charges set sell = ? where source_line_id in ('a', 'b')", largest_amount(month))
    with caplog.at_level(logging.ERROR):
        modify.modify(month.work)
    assert "A rule failed on the data of acme-dental for 2026-10" in caplog.text
    assert "Traceback" in caplog.text
    reconcile.reconcile(month.work)
    planned = {one.client: one for one in plan.plan(month.work)}
    assert [hold.reason for hold in planned["acme-dental"].holds] == ["rule_failed"]
    assert "a modifier failed on its lines (" in planned["acme-dental"].holds[0].detail
    assert planned["birch-legal"].holds == ()
    held = "held rule_failed"
    assert fates(month) == {"a": held, "b": held, "c": held, "d": "planned"}


def largest_amount(month: Month) -> Decimal:
    """The largest whole amount that a column of money holds."""
    (row,) = month.rows("select typeof(sell) as kind from normalized_charges limit 1")
    width, scale = row["kind"].removeprefix("DECIMAL(").removesuffix(")").split(",")
    return Decimal(10) ** (int(width) - int(scale)) - 1


def spoil(month: Month, sql: str, *parameters: object) -> None:
    """Change what a step has stored, as no rule would."""
    with month.work.warehouse.session("spoil what a step has stored") as session:
        session.execute(sql, list(parameters))


def test_a_line_that_cannot_be_planned_is_named_and_holds_its_client_alone(
    months: MonthMaker, caplog: pytest.LogCaptureFixture
) -> None:
    month = months.make([line("a"), line("b", "7.00"), line("c", companyId=BIRCH)])
    for step in (normalize.normalize, modify.modify, reconcile.reconcile):
        step(month.work)
    spoil(month, "update normalized_charges set period_end = '10000-01-01' where source_line_id = 'b'")
    planned = {one.client: one for one in plan.plan(month.work)}
    (hold,) = planned["acme-dental"].holds
    assert (hold.reason, hold.source_line_id, hold.sell) == ("rule_failed", "b", Decimal("7.00"))
    assert "line 2 (Microsoft 365 Business Premium): a rule failed on its data (TypeError" in hold.detail
    assert "Traceback" in caplog.text
    assert planned["birch-legal"].holds == ()
    assert fates(month) == {"a": "held rule_failed", "b": "held rule_failed", "c": "planned"}
