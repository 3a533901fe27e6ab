"""Which charge takes the place of which, and what a pair comes to."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.corrections import describe_case, match_charges, plan_corrections
from billing_pipeline.billing.credited_invoices import (
    CorrectionCase,
    SeenInvoice,
    SharedPeriods,
    StandingCharge,
    open_case,
)
from billing_pipeline.billing.invoice_status import Standing
from billing_pipeline.billing.money import round_amount
from billing_pipeline.billing.plan import plan_line
from billing_pipeline_tests.billing.charges import charge, client, rules

PREMIUM = "Business Premium"


def seen(invoice_id: str, status: str = "Unpaid", first_fetch: int = 1, **changes: Any) -> SeenInvoice:
    """An invoice of the month."""
    standing: Any = "not_billed" if status in ("Credited", "Void") else "billable"
    head = {"partner_name": "Example MSP", "company_id": None, **changes}
    return SeenInvoice(invoice_id, status, standing, date(2026, 10, 1), first_fetch=first_fetch, **head)


def standing(key: str = "o1", sell: str = "22.00", cost: str = "17.60", **changes: Any) -> StandingCharge:
    """A licence that was billed on HaloPSA invoice 101."""
    usual: dict[str, Any] = {
        "charge_key": key,
        "billed_charge_key": key,
        "integration": "pax8",
        "invoice_id": "old",
        "invoice_date": date(2026, 10, 1),
        "line_no": 1,
        "currency": "USD",
        "sell": Decimal(sell),
        "cost": Decimal(cost),
        "source_sell": Decimal(sell),
        "source_cost": Decimal(cost),
        "document_key": "bp-d-1",
        "halopsa_invoice_id": 101,
        "posted_fetch": 1,
        "group": "client",
        "row_kind": "line",
        "line_class": "license",
        "collapse_group": None,
        "subscription_id": None,
        "product_id": "p-1",
        "sku": "SKU-1",
        "term": "monthly",
        "name": PREMIUM,
        "period_start": date(2026, 10, 1),
        "period_end": date(2026, 11, 1),
        "item_id": 900,
        "item_reference": None,
        "short_description": PREMIUM,
        "income_account": "4192",
        "expense_account": "5001",
        "tax_id": 3,
    }
    return StandingCharge(**{**usual, **changes})


def due(key: str = "n1", sell: str = "22.00", cost: str = "17.60", **changes: Any) -> Any:
    """A licence of the invoice that follows."""
    return charge(key, sell, cost, **{"invoice_id": "new", **changes})


def case_of(*charges: StandingCharge) -> CorrectionCase:
    """The case of an invoice `old`, credited and followed by `new`."""
    case = open_case([seen("old", "Credited"), seen("new", first_fetch=2)], charges)
    assert case is not None
    return case


def pairs(olds: list[StandingCharge], news: list[Any]) -> list[tuple[str | None, str | None]]:
    """The keys that were matched."""
    return [
        (None if old is None else old.charge_key, None if new is None else new.charge_key)
        for old, new in match_charges(olds, news)
    ]


def test_a_subscription_finds_itself_whatever_it_is_called() -> None:
    olds = [standing("o1", subscription_id="s-1"), standing("o2", subscription_id="s-2")]
    news = [
        due("n1", subscription_id="s-2", product_name="Renamed", product_id="p-9"),
        due("n2", subscription_id="s-1"),
    ]
    assert pairs(olds, news) == [("o2", "n1"), ("o1", "n2")]


def test_a_charge_without_subscription_goes_by_product_sku_and_term() -> None:
    olds = [standing("o1", term="annual"), standing("o2")]
    assert pairs(olds, [due("n1"), due("n2", term="annual")]) == [("o2", "n1"), ("o1", "n2")]


def test_a_charge_without_product_goes_by_its_name() -> None:
    nameless = {"product_id": "", "sku": "", "line_class": "credit"}
    olds = [standing("o1", name="Goodwill", **nameless)]
    news = [due("n1", product_name="Rebate", **nameless), due("n2", product_name="Goodwill", **nameless)]
    assert pairs(olds, news) == [(None, "n1"), ("o1", "n2")]


def test_equal_amounts_find_each_other_before_the_order_of_lines_does() -> None:
    olds = [standing("o1", "10.00"), standing("o2", "30.00", line_no=2)]
    news = [due("n1", "30.00"), due("n2", "12.00", line_no=2)]
    assert pairs(olds, news) == [("o2", "n1"), ("o1", "n2")]


def test_a_prorate_never_takes_the_place_of_a_licence() -> None:
    olds = [standing("o1", subscription_id="s-1")]
    assert pairs(olds, [due("n1", subscription_id="s-1", line_class="prorate")]) == [(None, "n1"), ("o1", None)]


def test_currencies_are_never_mixed() -> None:
    assert pairs([standing("o1")], [due("n1", currency="CAD")]) == [(None, "n1"), ("o1", None)]
    documents = plan_corrections(client(), case_of(standing("o1")), [due("n1", "5.00", currency="CAD")], rules())
    assert [(one.currency, one.sell) for one in documents] == [("CAD", Decimal("5.00")), ("USD", Decimal("-22.00"))]


def test_a_difference_in_cost_alone_is_a_line() -> None:
    [document] = plan_corrections(client(), case_of(standing()), [due(cost="16.00")], rules())
    assert [(one.sell, one.cost) for one in document.lines] == [(Decimal("0.00"), Decimal("-1.60"))]


def test_purchase_orders_stay_apart() -> None:
    by_order = rules({"behaviour": {"group_by": "purchase_order"}})
    olds = [standing("o1", subscription_id="s-1"), standing("o2", subscription_id="s-2", group="purchase order A")]
    news = [due("n1", "23.00", subscription_id="s-1", purchase_order="B")]
    documents = plan_corrections(client(), case_of(*olds), news, by_order)
    assert [(one.group, one.sell) for one in documents] == [
        ("correction, purchase order A", Decimal("-22.00")),
        ("correction, purchase order B", Decimal("1.00")),
    ]


def test_an_invoice_seen_at_posting_or_of_another_partner_does_not_follow() -> None:
    invoices = [
        seen("old", "Credited"),
        seen("at posting"),
        seen("other partner", first_fetch=2, partner_name="Other MSP"),
        seen("void", "Void", first_fetch=2),
        seen("nameless", first_fetch=3, partner_name=None),
    ]
    case = open_case(invoices, [standing()])
    assert case is not None
    assert [one.invoice_id for one in case.followers] == ["nameless"]
    assert case.pairs == {"old": "nameless"}


def earlier(invoice_id: str, month: str, first_fetch: int = 1, **head: Any) -> SeenInvoice:
    """An invoice of some month; a credited one of October is `old`."""
    status: tuple[str, Standing] = ("Credited", "not_billed") if invoice_id == "old" else ("Unpaid", "billable")
    return SeenInvoice(invoice_id, *status, date(2026, 10, 1), None, None, first_fetch, month, "USD", **head)


@pytest.mark.parametrize(
    ("shared", "followers"),
    [
        # A replacement repeats the periods, and the regular invoice goes on.
        ({"again": (3, 0), "regular": (0, 3)}, ["again"]),
        ({"regular": (1, 3)}, ["again"]),
        ({"again": (2, 2), "regular": (2, 3)}, ["again"]),
        # Only one can be the regular one.
        ({"again": (0, 3), "regular": (0, 3)}, ["regular"]),
        # Where nothing can be compared, what came after the posting follows.
        ({}, ["again", "regular"]),
    ],
)
def test_what_follows_in_a_later_month_is_told_by_periods(
    shared: dict[str, tuple[int, int]], followers: list[str]
) -> None:
    invoices = [earlier("old", "2026-10"), earlier("again", "2026-11", 3), earlier("regular", "2026-11", 3)]
    periods = {("old", name): SharedPeriods(*counts) for name, counts in shared.items()}
    case = open_case(invoices, [standing()], "2026-11", periods)
    assert case is not None
    assert [one.invoice_id for one in case.followers] == followers


def test_a_credited_invoice_that_nothing_of_the_month_follows_is_no_case_of_it() -> None:
    invoices = [earlier("old", "2026-10"), earlier("regular", "2026-11", 3)]
    periods = {("old", "regular"): SharedPeriods(0, 3)}
    assert open_case(invoices, [standing()], "2026-11", periods) is None


def test_two_credited_invoices_are_paired_in_their_order() -> None:
    invoices = [
        seen("old", "Credited"),
        seen("old-2", "Credited"),
        *(seen(f"new-{n}", first_fetch=1 + n) for n in (1, 2)),
    ]
    case = open_case(invoices, [standing("o1"), standing("o2", invoice_id="old-2")])
    assert case is not None
    assert case.pairs == {"old": "new-1", "old-2": "new-2"}


def test_a_case_is_told_in_a_sentence() -> None:
    case = case_of(standing())
    documents = plan_corrections(client(), case, [due(sell="20.00")], rules())
    assert describe_case(case, documents) == (
        "invoice old was posted and is Credited now, followed by new: 22.00 USD billed, 20.00 USD due, "
        "difference -2.00 USD"
    )
    alone = replace(case, followers=(), pairs={"old": None})
    assert describe_case(alone, plan_corrections(client(), alone, [], rules())) == (
        "invoice old was posted and is Credited now, and no invoice follows yet: 22.00 USD billed, 0.00 USD due, "
        "difference -22.00 USD"
    )


def stood(key: str, sell: Decimal, cost: Decimal, **changes: Any) -> StandingCharge:
    """A charge that was billed rounded."""
    billed_sell, billed_cost = round_amount(sell, "USD"), round_amount(cost, "USD")
    return replace(standing(key, **changes), sell=billed_sell, cost=billed_cost, source_sell=sell, source_cost=cost)


def test_a_charge_that_was_written_to_a_template_is_corrected_on_an_invoice() -> None:
    case = case_of(standing(halopsa_invoice_id=-7, group="client"))
    [document] = plan_corrections(client(), case, [due(sell="25.00")], rules())
    assert (document.action, document.target_id, document.sell) == ("create", None, Decimal("3.00"))
    assert document.lines[0].long_description.splitlines()[0] == (
        "Corrects recurring invoice -7: 22.00 USD billed, 25.00 USD due"
    )


AMOUNT = st.decimals("-50", "50", places=4)
THING = st.fixed_dictionaries(
    {
        "subscription_id": st.sampled_from([None, "s-1", "s-2"]),
        "product_id": st.sampled_from(["", "p-1"]),
        "line_class": st.sampled_from(["license", "prorate"]),
        "currency": st.sampled_from(["USD", "CAD"]),
    }
)


@given(
    olds=st.lists(st.tuples(AMOUNT, AMOUNT, THING), min_size=1, max_size=6),
    news=st.lists(st.tuples(AMOUNT, AMOUNT, THING), max_size=6),
)
def test_what_was_billed_and_its_correction_come_to_what_is_due(olds: Any, news: Any) -> None:
    case = case_of(*(stood(f"o{n}", sell, cost, line_no=n, **thing) for n, (sell, cost, thing) in enumerate(olds)))
    charges = [due(f"n{n}", str(sell), str(cost), line_no=n, **thing) for n, (sell, cost, thing) in enumerate(news)]
    documents = plan_corrections(client(), case, charges, rules())
    for currency in ("USD", "CAD"):
        mine = [one for one in documents if one.currency == currency]
        planned = [plan_line(one, rules()) for one in charges if one.currency == currency]
        before = [one for one in case.standing if one.currency == currency]
        corrected = [pair for one in mine for pair in one.corrects]
        lines = [line for one in mine for line in one.lines]
        unchanged = [pair for pair in corrected if pair.charge_key is None]
        for side in ("sell", "cost"):
            billed = sum(getattr(one, side) for one in before)
            assert billed + sum(getattr(one, side) for one in lines) == sum(getattr(one, side) for one in planned)
            exact = sum(getattr(one, f"source_{side}") for one in lines)
            exact += sum(getattr(one, f"new_source_{side}") - getattr(one, f"old_source_{side}") for one in unchanged)
            was = sum(getattr(one, f"source_{side}") for one in before)
            assert was + exact == sum(getattr(one, side) for one in charges if one.currency == currency)
    keys = [line.charge_key for one in documents for line in one.lines]
    assert len(keys) == len(set(keys))


@given(st.permutations([due("n1", "10.00"), due("n2", "11.00", line_no=2), due("n3", "12.00", line_no=3)]))
def test_the_order_of_the_charges_changes_nothing(charges: Any) -> None:
    case = case_of(standing("o1", "11.00"), standing("o2", "9.00", line_no=2))
    in_order = sorted(charges, key=lambda one: one.line_no)
    usual = plan_corrections(client(), case, in_order, rules())
    assert plan_corrections(client(), case, charges, rules()) == usual
