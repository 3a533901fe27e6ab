"""What was posted stays as it was posted, whatever the settings say afterwards."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline_tests.steps.months import (
    ACME_ROW,
    BIRCH,
    BIRCH_ROW,
    DEFAULT_ITEM,
    Month,
    MonthMaker,
    azure,
    fates,
    invoice,
    line,
)

ITEMS = (
    line("licence"),
    line("prorate", "-1.00", "-0.80", type="prorate"),
    line("free", "0", "0"),
    azure("vm", "41.1154", "37.3776"),
    azure("traffic", "0.0044", "0.0040"),
)
COLLAPSE = {"modifiers": {"collapse_azure": True}}
CHANGES: dict[str, dict[str, Any]] = {
    "collapse off": {"modifiers": {"collapse_azure": False}},
    "azure dropped": {"modifiers": {"drop_azure": True}},
    "prorates withheld": {"modifiers": {"collapse_azure": True, "drop_favorable_prorata": True}},
    "zeros dropped": {"modifiers": {"collapse_azure": True, "drop_zero": True}},
    "collapsed by subscription": {"modifiers": {"collapse_azure": True, "collapse_by": "azure_subscription"}},
    "all of it": {"modifiers": {"drop_azure": True, "drop_favorable_prorata": True, "drop_zero": True}},
    "no item any more": {"codes": {"item": None}},
}
# What each change says about lines that it comes too late for: rule and number of lines.
TOO_LATE = {
    "collapse off": ["2 lines", "kept"],
    "azure dropped": ["2 lines", "drop_azure"],
    "prorates withheld": ["1 line was", "favorable_prorata"],
    "zeros dropped": ["1 line was", "zero"],
}


def state(month: Month) -> Any:
    columns = "disposition, reason, setting_level, charge_key, halopsa_invoice_id, halopsa_line_id"
    return month.lines(columns), month.three_way(), month.halo.invoices()


@pytest.fixture(scope="module")
def posted(months: MonthMaker) -> Month:
    """A month that was posted with Azure collapsed."""
    month = months.make(ITEMS, COLLAPSE)
    month.prepare()
    assert len(month.post().posted) == 1
    return month


@pytest.mark.parametrize("change", CHANGES)
def test_a_later_setting_changes_nothing_behind_it(posted: Month, change: str) -> None:
    before = state(posted)
    posted.configure({"settings": {**DEFAULT_ITEM, **CHANGES[change]}})
    assert posted.prepare()["acme-dental"].plan.documents == ()
    assert posted.post().posted == []
    assert state(posted) == before
    assert posted.holds() == []


@pytest.mark.parametrize("change", TOO_LATE)
def test_a_setting_that_comes_too_late_is_reported(posted: Month, change: str) -> None:
    posted.configure({"settings": {**DEFAULT_ITEM, **CHANGES[change]}})
    posted.prepare()
    (finding,) = posted.rows("select detail, client, currency from findings where kind = 'settled_before'")
    assert all(text in finding["detail"] for text in TOO_LATE[change])
    assert (finding["client"], finding["currency"]) == ("acme-dental", "USD")


def test_a_mapping_that_changes_later_moves_no_posted_line(months: MonthMaker) -> None:
    month = months.make([line("L1"), line("L2", companyId=BIRCH)])
    month.prepare()
    month.post()
    before = state(month)
    month.configure(clients=ACME_ROW.replace("246", "247"))
    month.prepare()
    assert month.post().posted == []
    assert state(month) == before
    assert month.rows("select * from unmapped_money") == []


def test_an_invoice_credited_after_posting_leaves_its_lines_posted(months: MonthMaker) -> None:
    month = months.make([line("L1")])
    month.prepare()
    month.post()
    before = state(month)
    with month.at_pax8() as invoices:
        invoices[0]["invoice"]["status"] = "Credited"
    month.fetch()
    month.prepare()
    assert state(month)[0] == before[0]
    (finding,) = month.rows("select detail from findings where kind = 'settled_before'")
    assert "1 line was posted before and stays as it is" in finding["detail"]
    assert "excluded (invoice_status)" in finding["detail"]


def test_a_second_invoice_makes_a_supplementary_document(months: MonthMaker) -> None:
    late = {"invoice": invoice("inv-late", invoiceDate="2026-10-20"), "items": [azure("late", "5.00", "4.50")]}
    month = months.make(ITEMS, COLLAPSE)
    month.prepare()
    month.post()
    with month.at_pax8() as invoices:
        invoices.append({**late, "release_at": None})
    month.fetch()
    (document,) = month.prepare()["acme-dental"].plan.documents
    assert [(one.sell, one.invoice_id) for one in document.lines] == [(Decimal("5.00"), "inv-late")]
    assert len(month.post().posted) == 1
    assert len(month.halo.invoices()) == 2
    assert month.three_way()["posted_sell"] == "67.12"
    assert month.prove().whole


def test_a_line_that_was_held_back_is_billed_later_by_itself(months: MonthMaker) -> None:
    dropped = {"modifiers": {"drop_zero": True, "zero_test": "sell", "collapse_azure": True}}
    month = months.make([line("L1"), azure("L2", "0", "4.00"), azure("L3", "9.00", "8.00")], dropped)
    month.prepare()
    month.post()
    assert fates(month) == {"L1": "posted", "L2": "dropped zero", "L3": "collapsed"}
    month.configure({"settings": {**DEFAULT_ITEM, **COLLAPSE}})
    (document,) = month.prepare()["acme-dental"].plan.documents
    assert [(one.sell, one.cost, len(one.line_keys)) for one in document.lines] == [
        (Decimal("0.00"), Decimal("4.00"), 1)
    ]
    keys = [row["charge_key"] for row in month.rows("select charge_key from posted_lines")]
    assert document.lines[0].charge_key not in keys
    assert len(month.post().posted) == 1
    assert fates(month) == {"L1": "posted", "L2": "collapsed", "L3": "collapsed"}
    assert month.prove().whole


@pytest.fixture(scope="module")
def sealed(months: MonthMaker) -> Month:
    """A month that is ready to be posted."""
    month = months.make([line("L1")])
    month.prepare()
    return month


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("update plans set plan = replace(plan, '22', '23') where documents > 0", "was changed after it was sealed"),
        ("update raw_fetches set fetch_id = fetch_id + 1", "was made before the invoice was fetched again"),
        ("update modified_charges set outcome = 'lost'", "does not add up"),
        ("delete from ready_to_invoice", "does not add up"),
    ],
)
def test_a_plan_that_is_not_the_sealed_one_is_not_posted(sealed: Month, sql: str, text: str) -> None:
    month = sealed.copy("spoilt")
    month.rows(sql)
    with pytest.raises(PostingRefused, match=text):
        month.post()
    assert month.halo.invoices() == []


def test_a_plan_made_with_other_settings_is_not_posted(sealed: Month) -> None:
    month = sealed.copy("spoilt")
    month.configure({"settings": {**DEFAULT_ITEM, **COLLAPSE}})
    with pytest.raises(PostingRefused, match="was made with other settings"):
        month.post()


def test_two_companies_of_one_client_are_one_document(months: MonthMaker) -> None:
    rows = ACME_ROW + BIRCH_ROW.replace("birch-legal,Birch Legal,247", "acme-dental,Acme Dental,246")
    month = months.make([line("L1"), line("L2", companyId=BIRCH)], clients=rows)
    month.work = replace(month.work, run_id="run-2")
    month.prepare()
    assert len(month.post().posted) == 1
    (document,) = month.halo.invoices()
    assert len(document["lines"]) == 2
