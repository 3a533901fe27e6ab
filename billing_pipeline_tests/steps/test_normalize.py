"""Source lines in one shape: typed, with half-open periods, mapped to a client, and blocked where they must be."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.steps.normalize import normalize
from billing_pipeline_tests.steps.months import (
    ACME,
    ACME_ROW,
    BIRCH,
    BIRCH_ROW,
    INVOICE,
    Month,
    MonthMaker,
    azure,
    fates,
    invoice,
    line,
)

GONE_ROW = "gone,Gone Ltd,999,company-gone,false,,\n"
EXCLUDED_ROW = "internal,Our own,,company-own,true,,\n"
SECOND_ACME_ROW = "acme-dental,Acme Dental,246,COMPANY-ACME-2,false,,\n"
CREDITED, VOID, SECOND = "inv-credited", "inv-void", "inv-second"

# Name of the line: what is wrong with it, the reason, and what its hold must say.
BLOCKED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no type": ({"type": None}, "unknown_type", "type is missing"),
    "new type": ({"type": "usage-credit"}, "unknown_type", 'type "usage-credit"'),
    "no term": ({"term": None}, "unknown_term", "term is missing"),
    "blank term": ({"term": " "}, "unknown_term", "term is missing"),
    "new term": ({"term": "Quarterly"}, "unknown_term", 'term "Quarterly"'),
    "new term on a credit": ({"type": "rebate", "term": "Weekly"}, "unknown_term", 'term "Weekly"'),
    "no total": ({"total": None}, "missing_amount", "total missing, cost 17.60"),
    "no cost": ({"costTotal": None}, "missing_amount", "total 22.00, cost missing"),
    "no currency": ({"currencyCode": None}, "missing_amount", "currency missing"),
    "total in words": ({"total": "twelve"}, "missing_amount", "total twelve"),
    "total too large": ({"total": 10**20}, "missing_amount", "total 100000000000000000000"),
    "cost too large": ({"costTotal": -(10**20)}, "missing_amount", "cost -100000000000000000000"),
}
FINE: dict[str, dict[str, Any]] = {
    "no quantity": {"quantity": None},
    "no price": {"price": None},
    "quantity in words": {"quantity": "many"},
    "quantity past all digits": {"quantity": Decimal("1.0000000000000000000000000001")},
    "quantity too large": {"quantity": 10**20},
    "price past all digits": {"price": Decimal("0.30000000000000000000000000004")},
    "total past all digits": {"total": Decimal("1.23456789012345678901234567890")},
    "cost past all digits": {"costTotal": Decimal("-4.1265358E-14")},
    "more than a billion": {"total": Decimal("12345678901.000000000000000001")},
    "no period": {"startPeriod": None, "endPeriod": None},
    "credit without term": {"type": "service-credit", "term": None},
    "a new field": {"colour": "blue"},
    "nothing but money": dict.fromkeys(
        ("sku", "productId", "productName", "description", "vendorName", "purchaseOrderNumber")
    ),
    "a term in other letters": {"term": "3-YEAR"},
    "ten decimals": {"total": Decimal("0.1234567891"), "costTotal": Decimal("-999999.1234567891")},
}


@pytest.fixture(scope="module")
def lines(months: MonthMaker) -> Month:
    """A planned month of good and bad lines of Acme, and of lines that belong to others or to nobody."""
    items = [line(name, **changes) for name, (changes, _, _) in BLOCKED.items()]
    items += [line(name, companyId=BIRCH, **changes) for name, changes in FINE.items()]
    items += [
        line("unmapped", companyId="New-Company", companyName="New Ltd"),
        line("unmapped and bad", companyId="New-Company", companyName="New Ltd", type="?", total=None),
        line("unassigned", companyId=None, companyName=None),
        line("gone", companyId="company-gone"),
        line("own", companyId="company-own"),
        line("own and bad", companyId="company-own", type="?"),
        line("second company", companyId="company-acme-2"),
    ]
    others = [
        {"invoice": invoice(CREDITED, status="Credited"), "items": [line("credited"), line("credited?", type="?")]},
        {"invoice": invoice(VOID, status="Void"), "items": [line("void", companyId="New-Company")]},
        {"invoice": invoice(SECOND, invoiceDate="2026-10-09"), "items": [line("second invoice", companyId=BIRCH)]},
    ]
    month = months.make(
        items,
        clients=ACME_ROW + BIRCH_ROW + GONE_ROW + EXCLUDED_ROW + SECOND_ACME_ROW,
        more_invoices=[{**other, "release_at": None} for other in others],
    )
    month.prepare()
    return month


@pytest.mark.parametrize("name", BLOCKED)
def test_a_line_that_cannot_be_resolved_is_blocked_and_its_hold_says_why(lines: Month, name: str) -> None:
    _, reason, text = BLOCKED[name]
    assert lines.lines()[name] == ("blocked", reason)
    (hold,) = (hold for hold in lines.holds() if hold["source_line_id"] == name)
    assert (hold["disposition"], hold["reason"]) == ("blocked", reason)
    assert text in hold["detail"]
    assert f"invoice {INVOICE}, line " in hold["detail"]


def findings_of(lines: Month, name: str) -> list[str]:
    findings = lines.rows("select source_line_id, kind, detail from findings where step = 'fetch' order by kind")
    return [f"{found['kind']}: {found['detail']}" for found in findings if found["source_line_id"] == name]


@pytest.mark.parametrize("name", ["total too large", "cost too large"])
def test_money_that_cannot_be_kept_is_null_and_told(lines: Month, name: str) -> None:
    assert None in lines.lines("sell, cost")[name]
    (said,) = findings_of(lines, name)
    assert said.startswith("unreadable_amount: ")
    assert "00000 is more than can be kept" in said


def test_digits_past_the_eighteenth_are_cut_and_told(lines: Month) -> None:
    amounts = lines.lines("sell, cost")
    assert amounts["total past all digits"] == (Decimal("1.234567890123456789"), Decimal("17.60"))
    assert amounts["cost past all digits"] == (Decimal(22), Decimal("-0.000000000000041265"))
    assert amounts["more than a billion"][0] == Decimal("12345678901.000000000000000001")
    (said,) = findings_of(lines, "total past all digits")
    assert said.startswith("amount_cut: ")
    assert "total 1.23456789012345678901234567890 is kept as 1.234567890123456789: digits past the 18th" in said


@pytest.mark.parametrize("name", FINE)
def test_what_may_be_missing_blocks_nothing(lines: Month, name: str) -> None:
    assert lines.lines()[name] == ("planned", None)


def test_a_missing_quantity_is_one(lines: Month) -> None:
    assert lines.rows("select quantity from normalized_charges where source_line_id = 'no quantity'") == [
        {"quantity": Decimal(1)}
    ]


def test_ten_decimals_come_through_to_the_last(lines: Month) -> None:
    assert lines.lines("sell, cost")["ten decimals"] == (Decimal("0.1234567891"), Decimal("-999999.1234567891"))


def test_one_bad_line_holds_the_rest_of_its_client_and_nobody_else(lines: Month) -> None:
    assert lines.lines()["second company"] == ("held", "unknown_type")
    assert lines.lines()["second invoice"] == ("planned", None)


def test_a_company_without_a_row_is_a_client_of_its_own_with_its_money(lines: Month) -> None:
    assert fates(lines)["unmapped"] == "blocked unmapped_client"
    assert fates(lines)["unmapped and bad"] == "blocked unmapped_client"
    (hold,) = lines.holds("pax8-new-company")
    assert (hold["reason"], hold["sell"], hold["cost"]) == ("unmapped_client", Decimal("22.00"), Decimal("35.20"))
    assert hold["detail"] == "company New-Company (New Ltd) has no row in clients.csv: 2 lines, 22.00 USD"


def test_lines_without_a_company_are_unassigned(lines: Month) -> None:
    assert fates(lines)["unassigned"] == "blocked no_company"
    (hold,) = lines.holds("unassigned")
    assert hold["detail"] == (
        "the line names no company: 1 line, 22.00 USD; billing-pipeline decide 2026-10 --of unassigned lists them"
    )


def test_a_client_that_halopsa_does_not_have_is_blocked_with_its_id(lines: Month) -> None:
    assert fates(lines)["gone"] == "blocked unmapped_client"
    assert "ties gone to HaloPSA client 999, which HaloPSA does not have" in lines.holds("gone")[0]["detail"]


@pytest.mark.parametrize("name", ["own", "own and bad"])
def test_excluded_comes_before_blocked(lines: Month, name: str) -> None:
    assert fates(lines)[name] == "excluded excluded_client"
    assert lines.holds("internal") == []


@pytest.mark.parametrize("name", ["credited", "credited?", "void"])
def test_void_and_credited_invoices_are_never_billed(lines: Month, name: str) -> None:
    assert fates(lines)[name] == "excluded invoice_status"


def test_several_companies_may_be_one_client(lines: Month) -> None:
    assert lines.lines("client")["second company"] == ("acme-dental",)


def test_unmapped_money_is_what_can_be_had_by_mapping(lines: Month) -> None:
    rows = lines.rows("select client, company_name, currency, lines, sell, cost from unmapped_money order by client")
    assert [tuple(row.values()) for row in rows] == [
        ("gone", "Acme Dental", "USD", 1, Decimal("22.00"), Decimal("17.60")),
        ("pax8-new-company", "New Ltd", "USD", 2, Decimal("22.00"), Decimal("35.20")),
        ("unassigned", None, "USD", 1, Decimal("22.00"), Decimal("17.60")),
    ]


def test_every_line_of_every_invoice_is_there_once(lines: Month) -> None:
    assert lines.rows("select count(*) as n, count(distinct charge_key) as keys from dispositions") == [
        {"n": len(BLOCKED) + len(FINE) + 11, "keys": len(BLOCKED) + len(FINE) + 11}
    ]


PERIODS: dict[str, tuple[str | None, str | None, date | None, date | None]] = {
    "an inclusive end": ("2026-10-01", "2026-10-31", date(2026, 10, 1), date(2026, 11, 1)),
    "an exclusive end": ("2026-10-01", "2026-11-01", date(2026, 10, 1), date(2026, 11, 1)),
    "an end inside a month": ("2026-09-20", "2026-09-29", date(2026, 9, 20), date(2026, 9, 30)),
    "a year, inclusive": ("2026-10-15", "2027-10-14", date(2026, 10, 15), date(2027, 10, 15)),
    "a year, exclusive on the first": ("2026-10-01", "2027-10-01", date(2026, 10, 1), date(2027, 10, 1)),
    "one day": ("2026-10-05", "2026-10-05", date(2026, 10, 5), date(2026, 10, 6)),
    "one day that is the first": ("2026-10-01", "2026-10-01", date(2026, 10, 1), date(2026, 10, 2)),
    "the end of February": ("2028-02-01", "2028-02-29", date(2028, 2, 1), date(2028, 3, 1)),
    "no start": (None, "2026-11-01", None, date(2026, 11, 1)),
    "no start and an inclusive end": (None, "2026-10-31", None, date(2026, 11, 1)),
    "no end": ("2026-10-01", None, date(2026, 10, 1), None),
    "neither": (None, None, None, None),
}


@pytest.fixture(scope="module")
def periods(months: MonthMaker) -> dict[str, tuple[date | None, date | None]]:
    """Half-open periods by line id."""
    month = months.make([line(name, startPeriod=start, endPeriod=end) for name, (start, end, _, _) in PERIODS.items()])
    normalize(month.work)
    rows = month.rows("select source_line_id, period_start, period_end from normalized_charges")
    return {row["source_line_id"]: (row["period_start"], row["period_end"]) for row in rows}


@pytest.mark.parametrize("name", PERIODS)
def test_periods_are_half_open(periods: dict[str, tuple[date | None, date | None]], name: str) -> None:
    assert periods[name] == PERIODS[name][2:]


def test_texts_are_taken_as_they_mean(months: MonthMaker) -> None:
    orders = {"blank": " ", "none": None, "n/a": "N/A", "small": "n/a", "real": " PO 4711 "}
    items = [line(name, purchaseOrderNumber=order) for name, order in orders.items()]
    month = months.make([*items, line("money", currencyCode="usd"), azure("azure", description=f"x - {ACME.upper()}")])
    normalize(month.work)
    rows = month.rows("select source_line_id, purchase_order, currency, azure_subscription_id from normalized_charges")
    found = {row.pop("source_line_id"): tuple(row.values()) for row in rows}
    assert {name: found[name][0] for name in orders} == {**dict.fromkeys(orders), "real": "PO 4711"}
    assert found["money"][1] == "USD"
    assert found["azure"][2] == ACME
    assert found["money"][2] is None


def test_sell_may_be_another_field(months: MonthMaker) -> None:
    config = {"integrations": {"pax8": {"sell_field": "subTotal"}}}
    bad = line("L2", subTotal=None, total=Decimal("7.00"))
    month = months.make([line("L1", subTotal=Decimal("25.00")), bad], config=config)
    normalize(month.work)
    assert month.lines("sell, cost")["L1"] == (Decimal("25.00"), Decimal("17.60"))
    (row,) = month.rows("select block_reason, block_detail from normalized_charges where source_line_id = 'L2'")
    assert row["block_reason"] == "missing_amount"
    assert row["block_detail"].startswith("subTotal missing, cost 17.60")


def test_an_unknown_status_holds_the_whole_month(months: MonthMaker) -> None:
    month = months.make([line("L1"), line("L2", companyId=BIRCH, total=0, costTotal=0)], head={"status": "Disputed"})
    month.prepare()
    assert fates(month) == {"L1": "held invoice_status", "L2": "held invoice_status"}
    (hold,) = month.holds()
    assert "has status 'Disputed', which is not known" in hold["detail"]
    assert "22.00 USD held" in hold["detail"]
    assert month.post().posted == []


def test_a_mapping_that_comes_later_moves_the_lines_and_empties_the_old_key(months: MonthMaker) -> None:
    month = months.make([line("L1", companyId=BIRCH)], clients=ACME_ROW)
    month.prepare()
    assert month.lines("client, disposition")["L1"] == (f"pax8-{BIRCH}", "blocked")
    month.configure({"settings": {"product_lifecycle": {"mode": "default_item"}, "codes": {"item": 900}}})
    month.fetch()
    month.prepare()
    assert month.lines("client, disposition")["L1"] == ("birch-legal", "planned")
    assert month.holds(f"pax8-{BIRCH}") == []
    assert month.rows("select client from normalized_charges") == [{"client": "birch-legal"}]


def test_settings_are_kept_with_the_level_that_gave_them(months: MonthMaker) -> None:
    config = {
        "settings": {"modifiers": {"drop_zero": True}, "codes": {"item": 900}},
        "integrations": {"pax8": {"settings": {"modifiers": {"drop_azure": True}}}},
        "clients": {
            "acme-dental": {
                "settings": {"modifiers": {"drop_zero": False}},
                "integrations": {"pax8": {"settings": {"modifiers": {"drop_azure": False}}}},
            }
        },
    }
    month = months.make([line("L1")], config=config)
    normalize(month.work)
    rows = month.rows(
        "select client, key, value, level from settings_used where key in "
        "('modifiers.drop_zero', 'modifiers.drop_azure', 'codes.item', 'codes.tax') order by client, key"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("acme-dental", "codes.item", "900", "global"),
        ("acme-dental", "codes.tax", "null", "built_in"),
        ("acme-dental", "modifiers.drop_azure", "false", "client_integration"),
        ("acme-dental", "modifiers.drop_zero", "false", "client"),
        ("birch-legal", "codes.item", "900", "global"),
        ("birch-legal", "codes.tax", "null", "built_in"),
        ("birch-legal", "modifiers.drop_azure", "true", "integration"),
        ("birch-legal", "modifiers.drop_zero", "true", "global"),
    ]
