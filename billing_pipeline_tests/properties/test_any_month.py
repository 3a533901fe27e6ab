"""What holds for any month, whatever its lines and settings are."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline_tests.golden.case_run import CaseRun, Services
from billing_pipeline_tests.properties.months import BOUNDED, AnyMonth, charge_settings, lines, months, run_month
from billing_pipeline_tests.sandbox_clients import connect_pax8


def documents(run: CaseRun) -> dict[str, list[Any]]:
    """By document key everything that its lines say, whatever their order.

    Slots apart: lines of one product share them out in the order of the invoice.
    """
    return {
        document.document_key: sorted(
            repr({**vars(line), "line_keys": sorted(line.line_keys), "slot_key": None}) for line in document.lines
        )
        for one in run.plans
        for document in one.plan.documents
    }


def ours(run: CaseRun) -> list[Any]:
    """Every line of ours that HaloPSA has."""
    return [line for document in run.halopsa() for line in document["lines"] if not line["others"]]


def plan_hashes(run: CaseRun) -> dict[str, str]:
    return {one.client: one.plan.plan_hash for one in run.plans}


def holds_by_client(run: CaseRun) -> dict[str, list[Any]]:
    """Reasons and money; the text names places in the invoice, which another line moves."""
    return {
        one.client: [(hold.reason, hold.currency, hold.sell, hold.cost, hold.source_line_id) for hold in one.holds]
        for one in run.plans
    }


@BOUNDED
@given(st.data())
def test_the_order_of_lines_does_not_matter(services: Services, data: st.DataObject) -> None:
    month = data.draw(months())
    shuffled = month.reordered(data.draw(st.permutations(list(month.lines))))
    with run_month(services, month) as run, run_month(services, shuffled) as other:
        assert documents(run) == documents(other)
        assert run.look().fates == other.look().fates
        assert run.look().three_way == other.look().three_way


@BOUNDED
@given(months(), st.integers(1, 6))
def test_how_an_invoice_is_split_in_pages_does_not_matter(services: Services, month: AnyMonth, size: int) -> None:
    with run_month(services, month) as run:
        whole, seen = plan_hashes(run), run.look()
        with connect_pax8(services.sandbox.environment, page_size=size) as in_pages:
            paged = Services(services.sandbox, in_pages, services.halo)
            with run_month(paged, month) as other:
                assert plan_hashes(other) == whole
                assert other.look() == seen
                pages = other.count("select count(*) from raw_invoice_pages")
                assert pages == -(-len(month.lines) // size)


@BOUNDED
@given(st.data())
def test_a_line_more_changes_its_client_alone(services: Services, data: st.DataObject) -> None:
    month = data.draw(months())
    place = data.draw(st.integers(0, len(month.lines)))
    rows = list(month.lines.items())
    rows.insert(place, ("more", data.draw(lines(99))))
    added = AnyMonth(dict(rows), month.charge_settings, month.client_settings)
    with run_month(services, month) as run, run_month(services, added) as other:
        owner = other.owner_of("more")
        for client, plan_hash in plan_hashes(run).items():
            if client != owner:
                assert plan_hashes(other)[client] == plan_hash
                assert holds_by_client(other)[client] == holds_by_client(run)[client]


@BOUNDED
@given(months(), charge_settings())
def test_a_modifier_never_changes_the_source_total(services: Services, month: AnyMonth, others: dict[str, Any]) -> None:
    changed = AnyMonth(month.lines, others)
    with run_month(services, month) as run, run_month(services, changed) as other:
        sources = [
            {key: (row["source_sell"], row["source_cost"]) for key, row in one.look().three_way.items()}
            for one in (run, other)
        ]
        assert sources[0] == sources[1]


@BOUNDED
@given(months(most=40))
def test_every_amount_is_accounted_for_to_the_last_decimal(services: Services, month: AnyMonth) -> None:
    sell: dict[str, Decimal] = defaultdict(Decimal)
    cost: dict[str, Decimal] = defaultdict(Decimal)
    for row in month.lines.values():
        sell[row["currencyCode"]] += row["total"]
        cost[row["currencyCode"]] += row["costTotal"]
    with run_month(services, month) as run:
        assert_conserved(run, sell, cost)
        run.post()
        assert run.prove().whole
        assert_conserved(run, sell, cost)


def assert_conserved(run: CaseRun, sell: dict[str, Decimal], cost: dict[str, Decimal]) -> None:
    seen = run.look()
    assert len(seen.fates) == len(run.case.lines)
    rows = seen.three_way.values()
    for side, expected in (("sell", sell), ("cost", cost)):
        found: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            found[row["currency"]] += row[f"source_{side}"]
            assert row[f"{side}_gap"] == 0
            # Planned counts what is posted already.
            billed = row[f"planned_{side}"]
            assert row[f"source_{side}"] == row[f"not_billed_{side}"] + row[f"residual_{side}"] + billed
        assert found == expected


@BOUNDED
@given(months())
def test_planning_again_after_posting_plans_nothing(services: Services, month: AnyMonth) -> None:
    with run_month(services, month) as run:
        run.post()
        seen, there = run.look(), run.halopsa()
        run.fetch()
        run.prepare()
        assert [one.client for one in run.plans if one.plan.documents and not one.holds] == []
        assert run.look().fates == seen.fates
        result = run.post()
        assert (result.posted, result.adopted) == ([], [])
        assert run.halopsa() == there


@BOUNDED
@given(months())
def test_what_a_dry_run_shows_is_what_a_run_posts(services: Services, month: AnyMonth) -> None:
    with run_month(services, month) as run:
        dry = {one.client: one.plan.plan_hash for one in run.plans if one.plan.documents and not one.holds}
        shown = sorted(
            (line.short_description, line.quantity, line.unit_price, line.sell)
            for one in run.plans
            if not one.holds
            for document in one.plan.documents
            for line in document.lines
        )
        untouched = run.halopsa()
        assert ours(run) == []
        run.fetch()
        run.prepare()
        assert run.halopsa() == untouched
        run.post()
        assert run.posted_hashes() == dry
        there = ours(run)
        assert sorted((line["text"], line["quantity"], line["unit_price"], line["net"]) for line in there) == shown
