"""What cannot be approved, with the reason and the command that goes on; nothing is recorded then."""

import re
from collections.abc import Callable

import pytest

from billing_pipeline.billing.errors import ApprovalRefused, BillingPipelineError, PostingRefused, SettingsError
from billing_pipeline.steps.approve import HaloPsaPlace, approve
from billing_pipeline_tests.approvals.months import JANE, approve_plans, awaiting, make_month, settings_with_approval
from billing_pipeline_tests.steps.months import BIRCH, DEFAULT_ITEM, Month, MonthMaker, fates, line


@pytest.fixture(scope="module")
def prepared(months: MonthMaker) -> Month:
    """Acme with a plan, Birch held by a cap; others are mapped and have no charges."""
    items = [line("L1"), line("L2", "900.00", companyId=BIRCH)]
    return make_month(months, items, config=settings_with_approval(caps={"max_client_total": {"USD": 500}}))


def refuse(
    month: Month, error: type[BillingPipelineError], *texts: str, clients: tuple[str, ...] = (), by: str = JANE
) -> None:
    """The approval is refused with these texts, and neither table nor journal has a row of it."""
    with pytest.raises(error, match=".*".join(re.escape(text) for text in texts)) as caught:
        approve_plans(month, *clients, by=by)
    assert caught.value.exit_code == (2 if error is SettingsError else 1)
    assert month.rows("select * from approvals") == []
    assert month.rows("select * from posting_journal where event = 'approved'") == []


@pytest.mark.parametrize("name", ["", "   ", "\t\n", "J\x07D", "x" * 201])
def test_a_name_that_names_nobody_is_refused(prepared: Month, name: str) -> None:
    refuse(prepared, SettingsError, "names nobody: write the name of the person who approves", by=name)


def test_an_unknown_client_names_the_nearest(prepared: Month) -> None:
    refuse(
        prepared,
        SettingsError,
        "'acme-dentel' is no client of 2026-10: the nearest known one is acme-dental",
        clients=("acme-dental", "acme-dentel"),
    )


def test_a_plan_that_a_cap_holds_names_the_cap_and_the_way(prepared: Month) -> None:
    refuse(
        prepared,
        ApprovalRefused,
        "The plan of birch-legal for 2026-10 over 900.00 USD is held, and a held plan cannot be approved: 900.00 "
        "USD is more than 500.00 USD; force it with --force-cap max_client_total (cap:max_client_total). "
        "Settle that first",
        "billing-pipeline close 2026-10 --force-cap max_client_total, then approve.",
        clients=("acme-dental", "birch-legal"),
    )


def test_a_plan_that_a_cap_holds_does_not_ask_to_be_approved_yet(prepared: Month) -> None:
    told = awaiting(prepared)
    assert list(told) == ["acme-dental"]
    assert told["acme-dental"].endswith("--client acme-dental --by NAME")
    assert fates(prepared) == {"L1": "planned awaiting_approval", "L2": "held cap:max_client_total"}


def test_a_held_client_with_an_empty_plan_is_refused_with_its_reason(months: MonthMaker) -> None:
    month = make_month(months, [line("L1", type="adjustment")])
    refuse(
        month,
        ApprovalRefused,
        "The plan of acme-dental for 2026-10 is held, and a held plan cannot be approved: invoice ",
        "; 22.00 USD; decide it with billing-pipeline decide 2026-10 --line L1 --class CLASS --by NAME --why TEXT "
        "(unknown_type)",
        "billing-pipeline review 2026-10",
        clients=("acme-dental",),
    )
    refuse(
        month,
        ApprovalRefused,
        "The plan of birch-legal for 2026-10 is empty: there is nothing",
        clients=("birch-legal",),
    )


def fetch_again(month: Month) -> None:
    month.fetch()


def change_settings(month: Month) -> None:
    month.configure(settings_with_approval(release_day=5))


def edit_the_plan(month: Month) -> None:
    with month.work.warehouse.session("edit") as session:
        session.execute("update plans set plan = replace(plan, '22', '23')")


@pytest.mark.parametrize(
    ("change", "money", "said"),
    [
        (fetch_again, "22.00 USD", "was made before the invoice was fetched again"),
        (change_settings, "22.00 USD", "was made with other settings than those in the settings folder now"),
        (edit_the_plan, "23.00 USD", "was changed after it was sealed"),
    ],
)
def test_a_stale_plan_is_refused(months: MonthMaker, change: Callable[[Month], None], money: str, said: str) -> None:
    month = make_month(months, [line("L1")])
    change(month)

    refuse(
        month,
        ApprovalRefused,
        f"The plan of acme-dental for 2026-10 over {money} {said}. Prepare it again: billing-pipeline close 2026-10",
    )


def test_a_month_that_was_never_prepared_is_refused(months: MonthMaker) -> None:
    month = months.make([line("L1")], config=settings_with_approval())

    refuse(month, ApprovalRefused, "2026-10 was never prepared, so there is no plan", "billing-pipeline close 2026-10")


def test_settings_that_ask_for_no_approval_say_so(months: MonthMaker) -> None:
    month = make_month(months, config={"settings": DEFAULT_ITEM})
    refuse(month, SettingsError, "billing.yaml: approval is none", "set approval: required")

    month.configure({"approval": "none", "settings": DEFAULT_ITEM})
    refuse(month, SettingsError, "billing.yaml:1: approval is none")


def test_what_was_posted_already_needs_no_approval(months: MonthMaker) -> None:
    month = make_month(months, [line("L1")])
    approve_plans(month)
    month.post()

    with pytest.raises(
        ApprovalRefused, match=r"acme-dental for 2026-10 over 22\.00 USD was posted already: what was posted is final"
    ):
        approve_plans(month, "acme-dental", by="Bob Roe")
    assert approve_plans(month).approved == ()


def test_another_halopsa_than_the_journals_is_refused(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month, "acme-dental")

    with pytest.raises(PostingRefused, match="journal belongs to HaloPSA"):
        approve(month.work.of(("birch-legal",)), JANE, HaloPsaPlace("https://other.example/api", "example"))
    assert len(month.rows("select * from approvals")) == 1


def test_a_journal_that_somebody_touched_takes_no_approval(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month, "acme-dental")
    with month.work.warehouse.session("touch the journal") as session:
        session.execute("update posting_journal set outcome = 'approved by nobody'")

    with pytest.raises(PostingRefused, match=r"row 1 of the posting journal was changed.*Nothing was approved"):
        approve_plans(month, "birch-legal")


def test_an_approval_that_was_cut_off_the_journal_is_missed(months: MonthMaker) -> None:
    month = make_month(months)
    approve_plans(month, "acme-dental")
    with month.work.warehouse.session("cut the journal") as session:
        session.execute("delete from posting_journal where event = 'approved'")

    with pytest.raises(PostingRefused, match="the posting journal ends at row 0, but had 1 rows"):
        approve_plans(month, "birch-legal")
    with pytest.raises(PostingRefused, match="the posting journal ends at row 0"):
        month.post()
