"""What was taken back counts nowhere that posted money is shown; what proves the month stays as it was billed."""

import json
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.commands.review_json import write_review_json
from billing_pipeline.commands.review_page.render import render_page
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, bill, licence, make_world
from billing_pipeline_tests.reversals.undoing import newest, take_back
from billing_pipeline_tests.review.pages import read_page
from billing_pipeline_tests.review.reading import lines_of, read_client, read_review


@pytest.fixture
def reversed_month(provider: Provider) -> Provider:
    """October of Acme over 150.00 USD, posted and taken back; Birch over 20.00 USD stands."""
    lines = [licence("mail", ACME, "100.00", "80.00"), licence("disk", ACME, "50.004", "40.00")]
    world = make_world([ACME, BIRCH], [bill(OCTOBER, *lines, licence("mail", BIRCH, "20.00", "15.00"))])
    provider.set_up(world, [ACME, BIRCH], {})
    provider.close()
    take_back(provider)
    return provider


def row(provider: Provider, view: str, client: str = "client-1") -> dict[str, Any]:
    (found,) = provider.rows(f"select * from {view} where client = ?", client)
    return found


def test_the_views_count_what_stands(reversed_month: Provider) -> None:
    margin = row(reversed_month, "margin_by_client")
    assert (margin["lines"], margin["sell"], margin["cost"], margin["margin"]) == (0, 0, 0, 0)
    assert row(reversed_month, "margin_by_client", "client-2")["margin"] == Decimal("5.00")
    month = row(reversed_month, "month_over_month")
    assert (month["sell"], month["cost"]) == (0, 0)
    undone = row(reversed_month, "reversed_months")
    assert (undone["lines"], undone["sell"], undone["cost"], undone["readback_sell"]) == (2, 150, 120, 150)
    used = reversed_month.rows("select product_name, lines, sell, cost from product_matches_used order by all")
    assert [tuple(one.values()) for one in used] == [
        ("Disk", 0, 0, 0),
        ("Mail", 0, 0, 0),
        ("Mail", 1, 20, 15),
    ]
    credit = newest(reversed_month)["id"]
    undone_by = reversed_month.rows("select distinct client, credit_halopsa_invoice_id as credit from traced_lines")
    assert {one["client"]: one["credit"] for one in undone_by} == {"client-1": credit, "client-2": None}


def test_what_proves_the_month_stays_as_it_was_billed(reversed_month: Provider) -> None:
    proof = row(reversed_month, "three_way")
    assert (proof["posted_sell"], proof["readback_sell"], proof["sell_gap"]) == (150, 150, 0)


def test_the_review_shows_what_stands_and_the_rest_as_reversed(reversed_month: Provider) -> None:
    review = read_review(reversed_month)
    told = json.loads(write_review_json(review))
    (total,) = told["totals"]
    assert (total["posted_sell"], total["posted_cost"], total["readback_sell"]) == ("20", "15", "20")
    assert (total["reversed_sell"], total["reversed_cost"]) == ("150", "120")
    cents = {one["kind"]: (one["lines"], one["sell"]) for one in told["cents"]}
    assert cents["posted"] == (1, "20")
    assert cents["reversed"] == (2, "150")
    others = [Decimal(one["sell"]) for one in told["cents"] if one["kind"] != "source"]
    assert sum(others) == Decimal(cents["source"][1])
    (history,) = told["history"]
    assert (history["posted_sell"], history["posted_cost"]) == ("20", "15")
    acme, birch = (one["by_currency"][0] for one in told["clients"])
    assert (acme["sell"], acme["reversed_sell"], acme["is_reversed"]) == ("0", "150", True)
    assert (birch["sell"], birch["reversed_sell"], birch["is_reversed"]) == ("20", "0", False)


def test_an_invoice_that_was_taken_back_names_its_credit(reversed_month: Provider) -> None:
    billed, credit = read_client(reversed_month).documents
    assert billed.reversed_by == (credit.halopsa_id,)
    assert (credit.reversed_by, credit.sell) == ((), Decimal("-150.00"))
    assert [line[3] for line in lines_of(credit)] == ["-100.00", "-50.00"]


def test_the_page_tells_a_reversed_month(reversed_month: Provider) -> None:
    root = read_page(render_page(read_review(reversed_month)))
    acme, birch = root.of_class("client")
    assert [one.of_class("badge")[0].text for one in (acme, birch)] == ["reversed", "posted"]
    cells = [cell.text for cell in acme.all("td")]
    assert "0.00 USD" in cells
    assert "150.00 USD" not in cells
    sums = next(table for table in root.all("table") if "Sums of the month" in table.text)
    heads = [one.text for one in sums.all("thead")[0].all("th")]
    figures = [one.text for one in sums.all("tbody")[0].all("td")]
    assert dict(zip(heads[1:], figures, strict=True)) == {
        "Pax8 charges": "170.004 USD",
        "Posted": "20.00 USD",
        "Reversed": "150.00 USD",
        "To post": "0.00 USD",
        "Rounding": "0.004 USD",
        "Not explained": "0.00 USD",
    }


def test_what_is_billed_in_its_place_is_to_post(reversed_month: Provider) -> None:
    again = bill(OCTOBER, licence("mail", ACME, "90.00", "80.00"), number=2)
    reversed_month.sandbox.pax8.add_invoice(again)
    reversed_month.prepare()
    (month,) = read_client(reversed_month).months
    assert (month.sell, month.reversed_sell, month.is_reversed) == (90, 150, True)
    reversed_month.close()
    (month,) = read_client(reversed_month).months
    assert (month.sell, month.reversed_sell, month.is_reversed) == (90, 150, False)
    assert row(reversed_month, "margin_by_client")["sell"] == 90
