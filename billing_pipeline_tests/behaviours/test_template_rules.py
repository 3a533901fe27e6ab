"""The rules about recurring invoices as functions of plain values."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from billing_pipeline.billing.recurring import assign_slots, find_change
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.billing.targets import Target, TargetLine
from billing_pipeline.billing.templates import (
    Written,
    count_issues,
    is_one_time,
    make_issue_mark,
    pending_months,
    runs_longer,
    was_issued,
)
from billing_pipeline.steps.halo_targets import observed_hash, read_target
from billing_pipeline_tests.behaviours.world import invoice, labour, template
from billing_pipeline_tests.billing.charges import charge

SEPTEMBER_1, OCTOBER_1, NOVEMBER_1, JANUARY_1 = (
    "2026-09-01T06:00:00",
    "2026-10-01T06:00:00",
    "2026-11-01T06:00:00",
    "2027-01-01T06:00:00",
)


def monthly(*slots: str, inactive: bool = False, **changes: object) -> Target:
    lines = tuple(
        TargetLine(number, 900, slot, Decimal(10), inactive, automatic=False) for number, slot in enumerate(slots, 1)
    )
    mark = make_issue_mark(OCTOBER_1, NOVEMBER_1)
    usual = Target(-7, 246, 1, None, (), lines, "hash", period=2, issue_mark=mark)
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "issued"),
    [
        ((OCTOBER_1, NOVEMBER_1), (OCTOBER_1, NOVEMBER_1), False),
        ((SEPTEMBER_1, OCTOBER_1), (OCTOBER_1, NOVEMBER_1), True),
        ((OCTOBER_1, NOVEMBER_1), (OCTOBER_1, JANUARY_1), False),
        (("", OCTOBER_1), (OCTOBER_1, NOVEMBER_1), True),
        (("", OCTOBER_1), ("", OCTOBER_1), False),
        (("", OCTOBER_1), ("", NOVEMBER_1), True),
        (("", NOVEMBER_1), ("", OCTOBER_1), False),
        (("", ""), ("", ""), False),
    ],
    ids=[
        "nothing happened",
        "issued",
        "an agent moved the next day",
        "issued for the first time",
        "never issued",
        "issued, no last day known",
        "an agent moved it back, no last day known",
        "no day known",
    ],
)
def test_the_last_issue_says_whether_a_template_was_issued(
    before: tuple[str, str], now: tuple[str, str], issued: bool
) -> None:
    assert was_issued(make_issue_mark(*before), make_issue_mark(*now)) == issued


@pytest.mark.parametrize(
    ("period", "next_days", "times"),
    [
        (2, (OCTOBER_1, OCTOBER_1), 1),
        (2, (OCTOBER_1, NOVEMBER_1), 1),
        (2, (OCTOBER_1, JANUARY_1), 3),
        (4, (OCTOBER_1, JANUARY_1), 1),
        (3, (OCTOBER_1, "2028-10-01T06:00:00"), 2),
        (1, ("2026-10-01T06:00:00", "2026-10-22T06:00:00"), 3),
        (2, ("", NOVEMBER_1), 1),
    ],
)
def test_issues_are_counted_by_the_next_day(period: int, next_days: tuple[str, str], times: int) -> None:
    before, now = make_issue_mark(SEPTEMBER_1, next_days[0]), make_issue_mark(OCTOBER_1, next_days[1])
    assert count_issues(before, now, monthly(period=period)) == times
    assert count_issues(now, now, monthly(period=period)) == 0


def test_months_wait_for_their_issue_as_long_as_their_lines_stand() -> None:
    mark, earlier = make_issue_mark(OCTOBER_1, NOVEMBER_1), make_issue_mark(SEPTEMBER_1, OCTOBER_1)
    written = [
        Written("2026-08", earlier, frozenset({"bp-s-a"})),
        Written("2026-10", mark, frozenset({"bp-s-b"})),
        Written("2026-09", mark, frozenset({"bp-s-c"})),
        Written("2026-11", mark, frozenset()),
    ]
    assert pending_months(monthly("bp-s-a", "bp-s-b", "bp-s-c"), written) == ["2026-09", "2026-10"]
    assert pending_months(monthly("bp-s-a", "bp-s-b"), written) == ["2026-10"]
    assert pending_months(monthly("bp-s-b", inactive=True), written) == []


@pytest.mark.parametrize(
    ("term", "period", "one_time", "longer"),
    [
        ("monthly", 2, False, False),
        ("trial", 2, False, False),
        ("annual", 2, True, False),
        ("3-year", 3, True, False),
        ("annual", 3, False, False),
        ("monthly", 3, False, True),
        ("monthly", 4, False, True),
        ("annual", 4, True, False),
        ("monthly", 1, True, False),
    ],
)
def test_a_term_must_fit_the_period(term: str, period: int, one_time: bool, longer: bool) -> None:
    target, one = monthly(period=period), charge(term=term)
    assert (is_one_time(one, target), runs_longer(one, target)) == (one_time, longer)


def test_slots_are_those_of_the_client_the_integration_the_currency_and_the_subscription() -> None:
    usual = charge(subscription_id="s-1")
    same = replace(usual, charge_key="c2", item_id=4, product_id="p-2", invoice_id="inv-2", term="annual")
    others = [
        replace(usual, subscription_id="s-2"),
        replace(usual, integration="halopsa_contracts"),
        replace(usual, currency="CAD"),
        replace(usual, subscription_id=None),
        replace(usual, subscription_id=None, term="annual"),
        replace(usual, subscription_id=None, sku="SKU-2"),
    ]
    slots = [assign_slots("acme", [one], ())[one.charge_key] for one in (usual, same, *others)]
    slots.append(assign_slots("birch", [usual], ())["c1"])
    assert slots[0] == slots[1]
    assert len(set(slots)) == len(slots) - 1


def test_equal_subscriptions_count_on_past_what_is_taken() -> None:
    first, second = charge("a", subscription_id="s-1"), charge("b", subscription_id="s-1", line_no=2)
    slots = assign_slots("acme", [second, first], ())
    assert slots == assign_slots("acme", [first, second], ())
    assert assign_slots("acme", [first], [slots["a"]])["a"] == slots["b"]


def test_nothing_written_nothing_ended() -> None:
    change = find_change("2026-10", "acme", monthly("bp-s-of-birch"), [], [], ())
    assert (change.slots, change.ended) == ({}, ())


def test_what_was_seen_of_a_document_is_everything_that_matters() -> None:
    """And nothing else: what HaloPSA counts or names by itself is no change."""
    fields = HaloPsaFields()
    draft, recurring = invoice(55, lines=[labour(71), labour(72)]), template(-7)
    same = [
        {
            **draft,
            "change_seq": 9,
            "last_modified": "2026-10-06T00:00:00",
            "amountdue": 4,
            "lines": draft["lines"][::-1],
        },
        # The same days in the tenant's other notation: a list may have one, and the document by itself the other.
        {
            **draft,
            "invoice_date": "2026-10-02T06:00:00Z",
            "lines": [{**line, "startdate": "2026-01-01T07:00:00Z"} for line in draft["lines"]],
        },
        {**draft, "datesent": "1900-01-01T00:00:00", "xeroid": None, "paymentstatus": 0, "client_name": "Acme"},
        {**draft, "lines": [{**draft["lines"][0], "unit_price": Decimal("50.000"), "tax_code": 3}, draft["lines"][1]]},
    ]
    assert {observed_hash(row, fields) for row in same} == {observed_hash(draft, fields)}
    changed = [
        {**draft, "lines": draft["lines"][:1]},
        {**draft, "lines": [{**draft["lines"][0], "comment_1": "other"}, draft["lines"][1]]},
        {**draft, "lines": [{**draft["lines"][0], "enddate": "2026-10-31T00:00:00"}, draft["lines"][1]]},
        {**recurring, "lastcreated": NOVEMBER_1},
        {**recurring, "nextcreationdate": JANUARY_1},
        {**recurring, "disabled": True},
    ]
    assert len({observed_hash(row, fields) for row in [draft, recurring, *changed]}) == len(changed) + 2
    assert read_target(recurring, fields).next_issue == date(2026, 11, 1)
    assert read_target(draft, fields).net == 200
