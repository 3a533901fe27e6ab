"""An approver who was also the last to change the client's mapping or settings is told, and stops nothing."""

import pytest

from billing_pipeline.steps.system_user import system_user
from billing_pipeline_tests.approvals.months import BOB, JANE, approve_plans, settings_with_approval
from billing_pipeline_tests.corrections.replacing import add_invoice
from billing_pipeline_tests.settings.work_trees import commit_all
from billing_pipeline_tests.steps.months import BIRCH, Month, MonthMaker, line


def findings(month: Month) -> dict[str, str]:
    """By client, what was found of its approvers."""
    rows = month.rows("select client, detail from findings where kind = 'approver_changed_settings' order by client")
    return {row["client"]: row["detail"] for row in rows}


@pytest.fixture
def month(months: MonthMaker) -> Month:
    """A month whose settings Jane Doe committed, Birch's discount Bob Roe after her."""
    made = months.make([line("L1"), line("L2", "30.00", companyId=BIRCH)], config=settings_with_approval())
    commit_all(made.work.config.folder, JANE, "jane@msp.example")
    own = {"clients": {"birch-legal": {"settings": {"modifiers": {"drop_zero": True}}}}}
    made.configure(settings_with_approval(**own))
    commit_all(made.work.config.folder, BOB, "bob@msp.example", "2026-10-02")
    made.prepare()
    return made


def test_who_approves_what_they_last_changed_is_told_and_it_is_posted_all_the_same(month: Month) -> None:
    result = approve_plans(month, by="jane doe")

    remarks = {one.client: one.remark for one in result.approved}
    assert remarks["birch-legal"] is None
    told = remarks["acme-dental"] or ""
    assert told.startswith(
        f"approved by jane doe (system user {system_user()}), who was also the last to change this client's mapping "
        "or settings: clients.csv, commit "
    )
    assert told.endswith(" of 2026-10-01 by Jane Doe <jane@msp.example>")
    assert findings(month) == {"acme-dental": told}
    assert len(month.post().posted) == 2


def test_the_finding_stays_with_an_approval_that_counts_and_goes_with_one_that_fell(month: Month) -> None:
    approve_plans(month, by=JANE)
    month.prepare()
    assert list(findings(month)) == ["acme-dental"]

    add_invoice(month, [line("M1", "5.00")])
    month.prepare()
    assert findings(month) == {}

    approve_plans(month, by=BOB)
    assert findings(month) == {}


def test_the_finding_of_what_was_posted_stays(month: Month) -> None:
    approve_plans(month, by=JANE)
    month.post()
    add_invoice(month, [line("M1", "5.00")])
    month.prepare()

    assert list(findings(month)) == ["acme-dental"]


def test_without_git_the_owner_of_the_files_counts(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    result = approve_plans(month, "acme-dental", by="Somebody Else")

    owner = (month.work.config.folder / "clients.csv").owner()
    (told,) = [one.remark for one in result.approved]
    assert (told is not None) == (owner == system_user())
    assert told is None or f"(system user {system_user()}), who was also the last to change" in told
