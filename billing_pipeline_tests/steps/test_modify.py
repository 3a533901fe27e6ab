"""The modifiers, each alone and in their order; nothing is lost, everything has a reason and a level."""

from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline_tests.steps.months import (
    DEFAULT_ITEM,
    INVOICE,
    Month,
    MonthMaker,
    Row,
    azure,
    company_of,
    fates,
    halopsa_clients,
    line,
    rows_of,
)

GUIDS = ("99999999-9999-4999-8999-999999999991", "99999999-9999-4999-8999-999999999992")
ALL_CLASSES = ["azure_consumption", "azure_commitment", "other_arrears"]

# What each client turns on; all have the same lines.
CLIENTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "drop-azure": {"drop_azure": True},
    "drop-all": {"drop_azure": True, "azure_classes": ALL_CLASSES},
    "drop-none": {"drop_azure": True, "azure_classes": []},
    "prorata": {"drop_favorable_prorata": True},
    "zero": {"drop_zero": True},
    "zero-sell": {"drop_zero": True, "zero_test": "sell"},
    "zero-cost": {"drop_zero": True, "zero_test": "cost"},
    "collapse": {"collapse_azure": True},
    "collapse-all": {"collapse_azure": True, "azure_classes": ALL_CLASSES},
    "by-period": {"collapse_azure": True, "collapse_by": "period"},
    "by-sub": {"collapse_azure": True, "collapse_by": "azure_subscription"},
    "both": {"drop_azure": True, "collapse_azure": True},
    "every": {"drop_azure": True, "collapse_azure": True, "drop_favorable_prorata": True, "drop_zero": True},
    "no-drop": {"collapse_azure": True, "drop_favorable_prorata": True, "drop_zero": True},
}


def usage(name: str, sell: str, cost: str, subscription: int = 0, **changes: Any) -> Row:
    description = f"Microsoft Azure Plan - Arrears Charge - Prod - {GUIDS[subscription]} - {name}"
    return azure(name, sell, cost, description=description, **changes)


LINES: tuple[Row, ...] = (
    line("licence", "220.00", "176.00"),
    line("prorate up", "14.67", "11.73", type="prorate"),
    line("prorate down", "-7.10", "-5.68", type="prorate"),
    line("prorate nought", "0", "0", type="prorate"),
    line("trial", "0", "0", term="Trial"),
    line("bundled", "0", "15.00"),
    line("present", "15.00", "0"),
    line("nearly nought", "0.0000000001", "0"),
    line("credit", "-25.00", "-20.00", type="service-credit"),
    line("acronis", "50.00", "40.00", term="Arrears", sku="ACR", vendorName="Acronis", productName="Acronis"),
    line("reservation", "110.00", "100.00", sku="MST-ARI-1"),
    usage("vm", "41.1154", "37.3776"),
    usage("traffic", "0.0044", "0.0040", 1),
    usage("correction", "-12.40", "-11.27", startPeriod="2026-08-01", endPeriod="2026-08-31"),
    usage("vault", "0", "0", 1),
    usage("azure prorate", "-1.00", "-0.90", type="prorate"),
)


@pytest.fixture(scope="module")
def month(months: MonthMaker) -> Month:
    """The same lines for every client of CLIENTS, planned."""
    items = [
        {**row, "id": f"{client} {row['id']}", "companyId": company_of(client)} for client in CLIENTS for row in LINES
    ]
    config = {
        "settings": DEFAULT_ITEM,
        "clients": {client: {"settings": {"modifiers": modifiers}} for client, modifiers in CLIENTS.items()},
    }
    made = months.make(items, config=config, clients=rows_of(*CLIENTS), halopsa={"clients": halopsa_clients(*CLIENTS)})
    made.prepare()
    return made


def of(month: Month, client: str) -> dict[str, str]:
    """Disposition and reason of a client's lines that are not simply planned, by their short names."""
    found = {}
    for name, fate in fates(month).items():
        if name.startswith(f"{client} ") and fate != "planned":
            found[name.removeprefix(f"{client} ")] = fate
    return found


def sums(month: Month, client: str) -> list[tuple[Any, ...]]:
    """Group, members, sell and cost of a client's collapsed rows."""
    rows = month.rows(
        "select collapse_group, member_count, sell, cost from modified_charges "
        "where client = ? and row_kind = 'collapsed' order by collapse_group",
        client,
    )
    return [tuple(row.values()) for row in rows]


DROPPED_AZURE = dict.fromkeys(["vm", "traffic", "correction", "vault", "azure prorate"], "dropped drop_azure")
COLLAPSED = dict.fromkeys(["vm", "traffic", "correction", "vault", "azure prorate"], "collapsed")
ZERO = {"trial": "dropped zero", "vault": "dropped zero", "prorate nought": "dropped zero"}
FAVORABLE = {"prorate down": "dropped favorable_prorata"}


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("nothing", {}),
        ("drop-azure", DROPPED_AZURE),
        ("drop-all", {**DROPPED_AZURE, "reservation": "dropped drop_azure", "acronis": "dropped drop_azure"}),
        ("drop-none", {}),
        ("prorata", FAVORABLE),
        ("zero", ZERO),
        ("zero-sell", {**ZERO, "bundled": "dropped zero"}),
        ("zero-cost", {**ZERO, "present": "dropped zero", "nearly nought": "dropped zero"}),
        ("collapse", COLLAPSED),
        ("collapse-all", {**COLLAPSED, "reservation": "collapsed", "acronis": "collapsed"}),
        ("by-period", COLLAPSED),
        ("by-sub", COLLAPSED),
        ("both", DROPPED_AZURE),
        ("every", {**DROPPED_AZURE, **FAVORABLE, "trial": "dropped zero", "prorate nought": "dropped zero"}),
        ("no-drop", {**COLLAPSED, **FAVORABLE, **ZERO}),
    ],
)
def test_what_each_switch_does_to_each_line(month: Month, client: str, expected: dict[str, str]) -> None:
    assert of(month, client) == expected


def test_credits_and_azure_negatives_are_no_favorable_prorates(month: Month) -> None:
    assert not {"credit", "correction", "azure prorate"} & of(month, "prorata").keys()


def test_one_collapsed_line_sums_up_at_full_precision(month: Month) -> None:
    assert sums(month, "collapse") == [("client", 5, Decimal("27.7198"), Decimal("25.2116"))]
    assert sums(month, "collapse-all") == [("client", 7, Decimal("187.7198"), Decimal("165.2116"))]
    assert sums(month, "no-drop") == [("client", 4, Decimal("27.7198"), Decimal("25.2116"))]


def test_collapse_by_period_keeps_periods_apart(month: Month) -> None:
    assert sums(month, "by-period") == [
        ("period 2026-08-01 2026-09-01", 1, Decimal("-12.40"), Decimal("-11.27")),
        ("period 2026-09-01 2026-10-01", 4, Decimal("40.1198"), Decimal("36.4816")),
    ]


def test_collapse_by_azure_subscription_keeps_subscriptions_apart(month: Month) -> None:
    assert sums(month, "by-sub") == [
        (f"subscription {GUIDS[0]}", 3, Decimal("27.7154"), Decimal("25.2076")),
        (f"subscription {GUIDS[1]}", 2, Decimal("0.0044"), Decimal("0.0040")),
    ]


def test_a_collapsed_line_is_posted_once_rounded_and_its_residual_kept(month: Month) -> None:
    (row,) = month.rows("select * from ready_to_invoice where client = 'collapse' and sell = 27.72")
    assert (row["quantity"], row["unit_price"], row["cost"]) == (Decimal(1), Decimal("27.72"), Decimal("25.21"))
    assert (row["source_sell"], row["source_cost"]) == (Decimal("27.7198"), Decimal("25.2116"))
    assert row["short_description"] == "Microsoft Azure consumption"
    assert row["long_description"] == "1 Aug 2026 to 30 Sep 2026"
    proof = month.three_way("collapse")
    assert (proof["residual_sell"], proof["residual_cost"], proof["sell_gap"], proof["cost_gap"]) == (
        "-0.0001999999",
        "0.0016",
        "0",
        "0",
    )


def test_members_of_a_collapsed_line_are_known(month: Month) -> None:
    rows = month.rows(
        "select source_line_id from modified_charges where client = 'collapse' and row_kind = 'line' and charge_key in "
        "(select charge_key from modified_charges where row_kind = 'collapsed') order by line_no"
    )
    assert [row["source_line_id"].removeprefix("collapse ") for row in rows] == list(COLLAPSED)


@pytest.mark.parametrize("client", CLIENTS)
def test_no_modifier_changes_what_the_source_comes_to(month: Month, client: str) -> None:
    proof = month.three_way(client)
    assert (proof["source_sell"], proof["source_cost"]) == ("405.2898000001", "342.2616")
    assert (proof["sell_gap"], proof["cost_gap"]) == ("0", "0")


@pytest.mark.parametrize("client", [client for client in CLIENTS if client != "nothing"])
def test_the_level_that_switched_is_kept(month: Month, client: str) -> None:
    rows = month.rows("select distinct client, setting_level from dispositions where setting_level is not null")
    levels = [row["setting_level"] for row in rows if row["client"] == client]
    assert levels == ([] if client == "drop-none" else ["client"])


def test_drop_wins_over_collapse_with_a_warning(month: Month) -> None:
    rows = month.rows("select client, detail, sell from findings where kind = 'drop_wins' order by client")
    assert [(row["client"], row["sell"]) for row in rows] == [
        ("both", Decimal("27.7198")),
        ("every", Decimal("27.7198")),
    ]
    assert rows[0]["detail"] == "drop_azure and collapse_azure are both on: Azure is dropped"


def test_sell_nought_with_a_cost_is_kept_and_flagged(month: Month) -> None:
    rows = month.rows("select client, source_line_id, cost, detail from findings where kind = 'free_with_cost'")
    assert sorted(row["client"] for row in rows) == sorted(client for client in CLIENTS if client != "zero-sell")
    assert {row["cost"] for row in rows} == {Decimal("15.00")}
    line_no = 1 + [row["id"] for row in LINES].index("bundled")
    assert {row["detail"] for row in rows if row["client"] == next(iter(CLIENTS))} == {
        f"Invoice {INVOICE}, line {line_no} (Microsoft 365 Business Premium) sells at zero for a cost of 15 USD"
    }


def test_what_was_withheld_stands_in_a_register(month: Month) -> None:
    rows = month.rows("select client, sell, cost, setting_level from withheld_credits order by client")
    assert [tuple(row.values()) for row in rows] == [
        (client, Decimal("-7.10"), Decimal("-5.68"), "client") for client in ("every", "no-drop", "prorata")
    ]


def test_margin_by_client_counts_what_is_billed(month: Month) -> None:
    (row,) = month.rows("select lines, sell, cost, margin from margin_by_client where client = 'prorata'")
    assert tuple(row.values()) == (15, Decimal("412.3898000001"), Decimal("347.9416"), Decimal("64.4482000001"))


@pytest.mark.parametrize("client", ["collapse", "by-period", "by-sub"])
def test_nothing_of_the_expected_margin_is_no_finding(month: Month, client: str) -> None:
    assert month.rows("select * from findings where kind = 'margin' and client = ?", client) == []


def test_a_margin_that_differs_is_a_finding(months: MonthMaker) -> None:
    settings = {"modifiers": {"collapse_azure": True}}
    month = months.make([azure("L1", "120.00", "100.00"), azure("L2", "0.02", "0.01", currencyCode="CAD")], settings)
    month.prepare()
    (row,) = month.rows("select * from findings where kind = 'margin'")
    assert (row["client"], row["currency"], row["sell"], row["cost"]) == (
        "acme-dental",
        "USD",
        Decimal("120.00"),
        Decimal("100.00"),
    )
    assert "sells at 120 for a cost of 100 USD, not at the expected 10" in row["detail"]


def test_a_margin_may_be_any_when_none_is_expected(months: MonthMaker) -> None:
    config = {
        "settings": {**DEFAULT_ITEM, "modifiers": {"collapse_azure": True}},
        "integrations": {"pax8": {"expected_azure_margin_percent": None}},
    }
    month = months.make([azure("L1", "120.00", "100.00")], config=config)
    month.prepare()
    assert month.rows("select * from findings where kind = 'margin'") == []


def test_groups_are_one_for_each_client_currency_and_invoice(months: MonthMaker) -> None:
    settings = {"modifiers": {"collapse_azure": True}}
    more = {"invoice": {"id": "inv-2", "invoiceDate": "2026-10-02", "status": "Unpaid"}, "items": [azure("L5")]}
    items = [azure("L1"), azure("L2"), azure("L3", currencyCode="CAD"), azure("L4", companyId="?")]
    month = months.make(items, settings, more_invoices=[{**more, "release_at": None}])
    month.prepare()
    rows = month.rows(
        "select client, currency, invoice_id, member_count from modified_charges where row_kind = 'collapsed' "
        "order by currency, invoice_id"
    )
    assert [tuple(row.values())[1:] for row in rows] == [
        ("CAD", "44444444-4444-4444-8444-444444444444", 1),
        ("USD", "44444444-4444-4444-8444-444444444444", 2),
        ("USD", "inv-2", 1),
    ]
    assert len({row["charge_key"] for row in month.rows("select charge_key from reconciled_items")}) == 3


def test_a_group_that_nets_to_zero_is_billed_and_marked(months: MonthMaker) -> None:
    settings = {"modifiers": {"collapse_azure": True, "drop_zero": True}}
    month = months.make([azure("L1", "12.40", "11.27"), azure("L2", "-12.40", "-11.27")], settings)
    planned = month.prepare()["acme-dental"]
    assert [line.sell for line in planned.plan.documents[0].lines] == [Decimal("0.00")]
    assert month.rows("select detail from modified_charges where row_kind = 'collapsed'") == [
        {"detail": "nets to zero"}
    ]
    assert {fate for fate, _ in month.lines().values()} == {"collapsed"}


def test_a_single_azure_line_is_collapsed_too(months: MonthMaker) -> None:
    month = months.make([azure("L1", "0.0049", "0.0040")], {"modifiers": {"collapse_azure": True}})
    month.prepare()
    assert month.lines("disposition, setting_level") == {"L1": ("collapsed", "global")}
    (row,) = month.rows("select quantity, sell, source_sell from ready_to_invoice")
    assert tuple(row.values()) == (Decimal(1), Decimal("0.00"), Decimal("0.0049"))


def test_a_blocked_line_is_never_dropped(months: MonthMaker) -> None:
    modifiers = {"modifiers": {"drop_zero": True, "drop_azure": True, "drop_favorable_prorata": True}}
    items = [line("L1", "0", "0", term="?"), azure("L2", type="?"), line("L3", "-1", "-1", type="prorate", term="?")]
    month = months.make([*items, line("L4", "0", "0")], modifiers)
    month.prepare()
    assert month.lines() == {
        "L1": ("blocked", "unknown_term"),
        "L2": ("blocked", "unknown_type"),
        "L3": ("blocked", "unknown_term"),
        "L4": ("dropped", "zero"),
    }


def test_a_client_and_an_integration_can_force_off_what_is_on_for_all(months: MonthMaker) -> None:
    on, off = {"modifiers": {"drop_zero": True}}, {"modifiers": {"drop_zero": False}}
    levels: dict[str, Any] = {
        "settings": {**DEFAULT_ITEM, **on},
        "integrations": {"pax8": {"settings": off}},
        "clients": {
            "one": {"settings": on},
            "two": {"settings": on, "integrations": {"pax8": {"settings": off}}},
            "three": {"integrations": {"pax8": {"settings": on}}},
        },
    }
    names = ("zero", "one", "two", "three")
    items = [line(name, "0", "0", companyId=company_of(name)) for name in names]
    month = months.make(items, config=levels, clients=rows_of(*names), halopsa={"clients": halopsa_clients(*names)})
    month.prepare()
    assert month.lines("disposition, setting_level") == {
        "zero": ("planned", None),
        "one": ("dropped", "client"),
        "two": ("planned", None),
        "three": ("dropped", "client_integration"),
    }
