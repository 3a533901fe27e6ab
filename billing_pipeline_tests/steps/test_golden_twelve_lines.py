"""The golden vector: one client, twelve lines, to the cent, from Pax8's invoice to HaloPSA's lines."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.steps.plan import PlannedClient
from billing_pipeline.steps.post import PostingResult
from billing_pipeline_tests.steps.months import Month, MonthMaker, read_golden


def golden_month(months: MonthMaker, **modifiers: Any) -> Month:
    """The month of the golden files; `modifiers` on top of theirs."""
    halopsa = read_golden("halopsa.json")
    settings = read_golden("settings.json")
    settings["modifiers"].update(modifiers)
    _, _, row = read_golden("clients.csv").partition("\n")
    return months.make(
        read_golden("items.json"),
        {**settings, **halopsa["settings"]},
        clients=row,
        head=read_golden("invoice.json"),
        halopsa={
            "clients": [{**client, "default_currency_code": client["currency"]} for client in halopsa["clients"]],
            **{name: halopsa[name] for name in ("currencies", "taxes", "items")},
        },
    )


def line_names(month: Month) -> dict[str, str]:
    """L1 to L12 by the ids of the golden lines."""
    rows = month.rows("select source_line_id, line_no from dispositions")
    return {row["source_line_id"]: f"L{row['line_no']}" for row in rows}


@dataclass(frozen=True)
class Golden:
    """The golden month, prepared; and a copy of it that was posted, with what HaloPSA has then."""

    prepared: Month
    planned: PlannedClient
    posted: Month
    result: PostingResult
    documents: list[dict[str, Any]]


@pytest.fixture(scope="module")
def golden(months: MonthMaker) -> Golden:
    """The golden month before and after posting."""
    prepared = golden_month(months)
    planned = prepared.prepare()["acme-dental"]
    posted = prepared.copy("posted")
    result = posted.post()
    return Golden(prepared, planned, posted, result, posted.halo.invoices())


def test_every_line_has_its_expected_fate(golden: Golden) -> None:
    names = line_names(golden.prepared)
    expected = read_golden("expected.json")["dispositions"]
    assert {names[line_id]: list(fate) for line_id, fate in golden.prepared.lines().items()} == {
        name: ["planned" if fate == "posted" else fate, reason] for name, (fate, reason) in expected.items()
    }
    assert {names[line_id]: list(fate) for line_id, fate in golden.posted.lines().items()} == expected


@pytest.mark.parametrize("posted", [False, True])
def test_the_level_of_the_switch_stands_on_what_it_dropped_or_collapsed(golden: Golden, posted: bool) -> None:
    month = golden.posted if posted else golden.prepared
    names = line_names(month)
    levels = {names[line_id]: level for line_id, (level,) in month.lines("setting_level").items()}
    assert {name for name, level in levels.items() if level == "global"} == {"L3", "L4", "L6", "L7", "L8", "L12"}
    assert all(level is None for name, level in levels.items() if name in {"L1", "L2", "L5", "L9", "L10", "L11"})


def test_the_posted_lines_are_those_of_the_vector(golden: Golden) -> None:
    planned = golden.planned
    assert planned.holds == ()
    (document,) = planned.plan.documents
    assert (document.sell, document.cost) == (Decimal("398.39"), Decimal("348.84"))
    expected = read_golden("expected.json")["posted_lines"]
    # The collapsed line stands where the first of its members stood.
    names = ["L1", "L2", "L5", "azure", "L9", "L10", "L11"]
    assert [one["line"] for one in expected] == names
    assert [
        (name, f"{line.quantity:f}".rstrip("0").rstrip(".") if line.quantity == 10 else "1", *_money(line))
        for name, line in zip(names, document.lines, strict=True)
    ] == [
        (one["line"], one["quantity"], *(Decimal(one[key]) for key in ("unit_price", "unit_cost", "sell", "cost")))
        for one in expected
    ]
    assert [line.quantity for line in document.lines] == [10, 1, 10, 1, 1, 1, 1]


def _money(line: Any) -> tuple[Decimal, ...]:
    return (line.unit_price, line.unit_cost, line.sell, line.cost)


def test_halopsa_holds_what_was_planned(golden: Golden) -> None:
    result = golden.result
    assert (len(result.posted), result.read_back, result.unknown, result.refused) == (1, 1, [], [])
    (document,) = golden.documents
    assert document["client_id"] == 246
    assert not document["posted"]
    assert sorted(str(Decimal(row["net_amount"]).normalize()) for row in document["lines"]) == sorted(
        str(Decimal(amount).normalize()) for amount in ("220", "14.67", "0", "28.72", "110", "50", "-25")
    )
    assert {row["tax_code"] for row in document["lines"]} == {"3"}
    assert {row["nominal_code"] for row in document["lines"]} == {"4192"}
    assert golden.posted.prove().whole


@pytest.mark.parametrize("posted", [False, True])
def test_three_way_adds_up_before_and_after_posting(golden: Golden, posted: bool) -> None:
    said = (golden.posted if posted else golden.prepared).three_way()
    assert said == {
        "month": "2026-10",
        "client": "acme-dental",
        "currency": "USD",
        "source_sell": "391.2898",
        "source_cost": "343.1616",
        "decided_sell": "0",
        "decided_cost": "0",
        "not_billed_sell": "-7.1",
        "not_billed_cost": "-5.68",
        "residual_sell": "-0.0002",
        "residual_cost": "0.0016",
        "planned_sell": "398.39",
        "planned_cost": "348.84",
        "posted_sell": "398.39" if posted else "0",
        "posted_cost": "348.84" if posted else "0",
        "readback_sell": "398.39" if posted else "0",
        "readback_cost": "348.84" if posted else "0",
        "sell_gap": "0",
        "cost_gap": "0",
    }


def test_the_azure_line_sums_up_its_three_members(golden: Golden) -> None:
    (collapsed,) = [line for line in golden.planned.plan.documents[0].lines if line.collapse_group is not None]
    assert (collapsed.sell, collapsed.cost, len(collapsed.line_keys)) == (Decimal("28.72"), Decimal("26.11"), 3)


@pytest.mark.parametrize(
    ("classes", "azure_line", "members"),
    [
        (["azure_consumption", "azure_commitment"], "138.72", 4),
        (["azure_consumption", "azure_commitment", "other_arrears"], "188.72", 5),
    ],
)
def test_azure_classes_widen_the_collapsed_line(
    months: MonthMaker, classes: list[str], azure_line: str, members: int
) -> None:
    month = golden_month(months, azure_classes=classes)
    planned = month.prepare()["acme-dental"]
    (document,) = planned.plan.documents
    (collapsed,) = [line for line in document.lines if line.collapse_group is not None]
    assert (collapsed.sell, len(collapsed.line_keys)) == (Decimal(azure_line), members)
    assert document.sell == Decimal("398.39")
    assert (month.three_way()["sell_gap"], month.three_way()["residual_sell"]) == ("0", "-0.0002")


def test_a_second_close_posts_nothing_more(months: MonthMaker) -> None:
    month = golden_month(months)
    month.prepare()
    month.post()
    before = month.lines("disposition, reason, charge_key, halopsa_invoice_id, halopsa_line_id")
    month.snapshot()
    month.fetch()
    assert month.prepare()["acme-dental"].plan.documents == ()
    result = month.post()
    assert (result.posted, result.adopted, result.unknown) == ([], [], [])
    assert len(month.halo.invoices()) == 1
    assert month.lines("disposition, reason, charge_key, halopsa_invoice_id, halopsa_line_id") == before
