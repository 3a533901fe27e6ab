"""A sealed plan is posted only once a person has approved that very plan."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from billing_pipeline.sandbox.faults import read_fault
from billing_pipeline.steps.approval_summary import summarize_approvals
from billing_pipeline.steps.journal import find_break
from billing_pipeline.steps.system_user import system_user
from billing_pipeline_tests.approvals.months import (
    BOB,
    JANE,
    approve_plans,
    awaiting,
    make_month,
    plan_hash,
    prepare_on_documents,
    settings_with_approval,
)
from billing_pipeline_tests.corrections.replacing import add_invoice, billed
from billing_pipeline_tests.steps.months import ACME_ROW, BIRCH, DEFAULT_ITEM, Month, MonthMaker, fates, invoice, line


def change_line(month: Month, sell: str) -> None:
    """Let Acme's charge be another one, as if Pax8's line had been read anew, and prepare again."""
    with month.work.warehouse.session("another price") as session:
        session.execute("update raw_invoice_items set total = ?::decimal(38, 18) where source_line_id = 'L1'", [sell])
    month.prepare()


def test_every_plan_waits_with_its_money_and_the_command_until_it_is_approved(months: MonthMaker) -> None:
    month = make_month(months)

    assert fates(month) == {"L1": "planned awaiting_approval", "L2": "planned awaiting_approval"}
    assert awaiting(month)["birch-legal"] == (
        f"1 document with 1 line over 30.00 USD waits for an approval of plan {plan_hash(month, 'birch-legal')}: "
        "billing-pipeline approve 2026-10 --client birch-legal --by NAME"
    )
    assert month.rows("select * from holds") == []
    (waiting,) = month.rows("select * from to_approve where client = 'birch-legal'")
    assert (waiting["documents"], waiting["lines"], waiting["currency"]) == (1, 1, "USD")
    assert (waiting["sell"], waiting["cost"]) == (Decimal("30.00"), Decimal("24.00"))
    sums = month.three_way("birch-legal")
    assert (sums["planned_sell"], sums["not_billed_sell"], sums["sell_gap"]) == ("30", "0", "0")
    assert month.post().posted == []
    assert billed(month) == {}


def test_what_is_approved_is_posted_and_nothing_else(months: MonthMaker) -> None:
    month = make_month(months)

    result = approve_plans(month, "acme-dental")

    assert [(one.client, one.plan_hash[:12]) for one in result.approved] == [("acme-dental", plan_hash(month))]
    assert fates(month) == {"L1": "planned", "L2": "planned awaiting_approval"}
    month.fetch()
    month.prepare()
    month.post()
    assert billed(month) == {246: ["22.00"]}
    assert fates(month) == {"L1": "posted", "L2": "planned awaiting_approval"}
    assert month.prove().whole


def test_without_the_setting_nothing_is_asked(months: MonthMaker) -> None:
    month = make_month(months, config={"approval": "none", "settings": DEFAULT_ITEM})

    assert fates(month) == {"L1": "planned", "L2": "planned"}
    assert len(month.post().posted) == 2


def test_a_client_with_nothing_to_post_awaits_nothing(months: MonthMaker) -> None:
    month = make_month(months, [line("L1")])

    assert list(awaiting(month)) == ["acme-dental"]


def test_all_that_await_it_are_approved_at_once_and_what_else_is_held_is_told(months: MonthMaker) -> None:
    month = make_month(months, [line("L1"), line("L2", "-5.00", "-4.00", companyId=BIRCH)])

    result = approve_plans(month)

    assert [one.client for one in result.approved] == ["acme-dental"]
    assert result.held == {"birch-legal": ("negative_total",)}
    assert awaiting(month) == {}
    assert fates(month)["L2"] == "held negative_total"


def test_an_approval_is_recorded_with_everything_that_an_auditor_asks_for(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month, "acme-dental")

    (row,) = month.rows("select * from approvals")
    (plan,) = month.rows("select * from plans where client = 'acme-dental'")
    assert (row["month"], row["client"], row["plan_hash"]) == ("2026-10", "acme-dental", plan["plan_hash"])
    assert (row["approver"], row["system_user"], row["approved_at"]) == (JANE, system_user(), month.work.now_utc)
    assert (row["currency"], row["documents"], row["lines"]) == ("USD", 1, 1)
    assert (row["sell"], row["cost"], row["plan"]) == (Decimal("22.00"), Decimal("17.60"), plan["plan"])
    assert json.loads(row["settings_files"]) == dict(month.work.config.digests)
    assert row["settings_hash"] == month.work.settings_hash
    (told,) = month.rows("select * from posting_journal where event = 'approved'")
    assert (told["seq"], told["client"], told["plan_hash"]) == (row["journal_seq"], "acme-dental", plan["plan_hash"])
    assert (told["actor"], told["outcome"]) == (system_user(), "approved by Jane Doe")
    assert (told["halopsa_address"], told["halopsa_tenant"]) == (month.halo.address, "example")
    assert json.loads(told["detail"])["totals"] == [
        {"currency": "USD", "documents": 1, "lines": 1, "sell": "22", "cost": "17.6"}
    ]
    with month.work.warehouse.session("look at the journal") as session:
        assert find_break(session) is None


def test_a_posting_run_asks_again_itself(months: MonthMaker) -> None:
    month = make_month(months)
    with month.work.warehouse.session("take away that it waits") as session:
        session.execute("update plans set awaiting_approval = null")

    assert month.post().posted == []
    assert billed(month) == {}
    assert list(awaiting(month)) == ["acme-dental", "birch-legal"]


@pytest.mark.parametrize(
    "change",
    [
        "update approvals set journal_seq = null",
        "update approvals set plan = replace(plan, '22', '23')",
        "update approvals set client = 'birch-legal'",
    ],
)
def test_an_approval_that_the_journal_does_not_tell_of_is_none(months: MonthMaker, change: str) -> None:
    month = make_month(months)
    approve_plans(month, "acme-dental")
    with month.work.warehouse.session("write an approval by hand") as session:
        session.execute(change)
        session.execute("update plans set awaiting_approval = null")

    assert month.post().posted == []


def test_an_approval_falls_when_our_lines_change(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month)
    before = plan_hash(month)

    change_line(month, "25.50")

    assert fates(month) == {"L1": "planned awaiting_approval", "L2": "planned"}
    assert awaiting(month)["acme-dental"] == (
        f"Jane Doe approved plan {before} on 2026-10-06; our lines changed since, from 22.00 USD to 25.50 USD, "
        f"3.50 USD more; 1 document with 1 line over 25.50 USD waits for an approval of plan {plan_hash(month)}: "
        "billing-pipeline approve 2026-10 --client acme-dental --by NAME"
    )
    month.post()
    assert billed(month) == {247: ["30.00"]}
    approve_plans(month, by=BOB)
    month.post()
    assert billed(month) == {246: ["25.50"], 247: ["30.00"]}


def test_the_earlier_plan_again_has_its_approval_again(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month)

    change_line(month, "10.00")
    assert "from 22.00 USD to 10.00 USD, 12.00 USD less" in awaiting(month)["acme-dental"]
    change_line(month, "22.00")

    assert awaiting(month) == {}


def test_another_text_with_the_same_money_needs_another_approval_too(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month)
    month.configure(settings_with_approval({"line_text": {"short": "Cloud: {title}"}}))
    month.prepare()

    assert "our lines changed since, to the same 22.00 USD; " in awaiting(month)["acme-dental"]


def test_settings_that_change_no_line_fell_no_approval(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month)
    month.configure(settings_with_approval(release_day=5))
    month.prepare()

    assert awaiting(month) == {}
    assert len(month.post().posted) == 2


def test_what_others_do_on_the_target_fells_no_approval(months: MonthMaker) -> None:
    draft = {
        "id": 5,
        "client_id": 246,
        "invoice_date": "2026-10-02T00:00:00",
        "currency_code": 1,
        "posted": False,
        "voided": False,
        "lines": [{"id": 50, "_itemid": 900, "item_shortdescription": "Labour", "qty_order": 1, "unit_price": 10}],
    }
    month = months.make(
        [line("L1")],
        config=settings_with_approval({"behaviour": {"target": "latest"}}),
        clients=ACME_ROW,
        halopsa={"invoices": [draft]},
    )
    before = prepare_on_documents(month)["acme-dental"].plan.documents[0]
    approve_plans(month)
    month.sandbox.halopsa.table("invoices")[5]["lines"][0]["unit_price"] = Decimal(20)

    after = prepare_on_documents(month)["acme-dental"].plan.documents[0]

    assert before.target_hash != after.target_hash
    assert awaiting(month) == {}
    month.post()
    assert fates(month) == {"L1": "posted"}


def test_what_is_left_of_an_approved_plan_needs_no_other_approval(months: MonthMaker) -> None:
    items = [line("L1", purchaseOrderNumber="A"), line("L2", "30.00", purchaseOrderNumber="B")]
    settings = {"behaviour": {"group_by": "purchase_order"}, "product_lifecycle": {"mode": "create"}}
    month = make_month(months, items, config=settings_with_approval(settings))
    approve_plans(month)
    whole = plan_hash(month)
    disturb_the_second_post(month)
    assert (len((result := month.post()).posted), len(result.refused)) == (1, 1)

    # Fetched and planned anew, as a close does: the item that was created since stands in the plan by its id.
    month.snapshot()
    month.fetch()
    month.prepare()

    (left,) = month.rows("select halopsa_item_id, item_reference from ready_to_invoice")
    (item,) = [one["id"] for one in month.halo.items() if one.get("externalreference")]
    assert (left["halopsa_item_id"], left["item_reference"]) == (item, None)
    assert plan_hash(month) != whole
    assert awaiting(month) == {}
    month.post()
    assert sorted(billed(month)[246]) == ["22.00", "30.00"]


def test_what_is_left_falls_as_soon_as_it_changes(months: MonthMaker) -> None:
    items = [line("L2", "30.00", purchaseOrderNumber="A"), line("L1", purchaseOrderNumber="B")]
    month = make_month(months, items, config=settings_with_approval({"behaviour": {"group_by": "purchase_order"}}))
    approve_plans(month)
    disturb_the_second_post(month)
    month.post()

    change_line(month, "21.00")

    assert "from 22.00 USD to 21.00 USD, 1.00 USD less; 1 document with 1 line" in awaiting(month)["acme-dental"]
    with month.work.warehouse.session("summarise") as session:
        told = summarize_approvals(session, "2026-10")
    assert [(one.state, [totals.sell for totals in one.totals]) for one in told] == [
        ("awaits", [Decimal("21.00")]),
        ("posted", [Decimal("30.00")]),
    ]


def disturb_the_second_post(month: Month) -> None:
    """Let HaloPSA refuse the second invoice that it is sent, once."""
    order = {"kind": "status", "status": 400, "route": "/api/Invoice", "method": "POST", "count": 1, "after": 1}
    month.sandbox.halopsa_service.faults.add(read_fault(order))


def test_further_charges_after_the_approved_ones_were_posted_are_no_change_of_them(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month)
    month.post()
    add_invoice(month, [line("M1", "5.00")])
    month.prepare()

    assert fates(month)["M1"] == "planned awaiting_approval"
    assert awaiting(month)["acme-dental"].startswith("1 document with 1 line over 5.00 USD waits for an approval")


def test_two_approvers_of_one_plan_are_both_recorded_and_one_is_recorded_once(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month, "acme-dental")
    approve_plans(month, "acme-dental", by=BOB)

    again = approve_plans(month, "acme-dental", by="  jane   DOE ")

    assert (again.approved, again.approved_before) == ((), ("acme-dental",))
    rows = month.rows("select approver from approvals order by journal_seq")
    assert [row["approver"] for row in rows] == [JANE, BOB]
    assert approve_plans(month, by=BOB).approved[0].client == "birch-legal"


def test_each_client_may_have_its_own_approver(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month, "acme-dental")
    approve_plans(month, "birch-legal", by=BOB)

    assert len(month.post().posted) == 2
    rows = month.rows("select client, approver from approvals order by client")
    assert [tuple(row.values()) for row in rows] == [("acme-dental", JANE), ("birch-legal", BOB)]


def test_a_plan_of_another_month_is_not_approved_with_this_one(months: MonthMaker) -> None:
    november = {"invoice": invoice("inv-11", invoiceDate="2026-11-01"), "release_at": None, "items": [line("N1")]}
    month = make_month(months, more_invoices=[november])
    approve_plans(month)
    month.work = replace(month.work, month="2026-11", now=month.work.now + timedelta(days=31))
    month.fetch()
    month.prepare()

    assert "22.00 USD waits for an approval" in awaiting(month)["acme-dental"]
    assert "Jane Doe" not in awaiting(month)["acme-dental"]
