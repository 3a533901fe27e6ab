"""A close through Dagster: what it does, what it leaves for the UI, and what doing it again does."""

import json

import dagster as dg
import duckdb
import pytest

from billing_pipeline.automation import CLOSE_ID_TAG
from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.close import RunFailed
from billing_pipeline.instance import open_instance
from billing_pipeline_tests.scenarios.closing import Provider


def test_a_close_that_is_run_again_posts_nothing_twice(month: Provider) -> None:
    month.close()
    first = month.halopsa_invoices()

    month.set_time("2026-10-05T16:00:00Z")
    closed = month.close()

    assert month.halopsa_invoices() == first
    assert month.posts() == 2
    assert month.adds_up()
    with open_instance(month.environment.dagster_home) as instance:
        runs = [instance.get_run_by_id(run_id) for _, run_id in closed.runs]
    assert {run.tags[CLOSE_ID_TAG] for run in runs if run} == {"2026-10 2026-10-05T16:00:00Z"}
    assert {run.status for run in runs if run} == {dg.DagsterRunStatus.SUCCESS}


def test_a_close_without_posting_changes_nothing_in_halopsa(month: Provider) -> None:
    before = month.sandbox.halopsa.dump()

    month.close(post=False)

    after = month.sandbox.halopsa.dump()
    assert {name: after[name] for name in before} == before
    assert {row[1] for row in month.dispositions()} == {"planned"}
    assert month.query(
        "select sum(planned_sell)::decimal(28,2)::text, sum(posted_sell)::decimal(28,2)::text from three_way"
    ) == [("30.00", "0.00")]
    assert month.published.exists()
    assert month.adds_up()


def test_an_unknown_outcome_is_held_by_one_close_and_settled_by_a_later_one(month: Provider) -> None:
    month.disturb_halopsa("status", status=500)
    month.close()
    assert month.held() == [("acme", "unknown_outcome")]
    assert month.billed() == {1002: ["20.00"]}

    month.set_time("2026-10-05T15:16:00Z")
    month.set_settings(settings={"modifiers": {"drop_zero": True}})
    closed = month.close()

    assert [job for job, _ in closed.runs] == [
        "post_month",
        "fetch_month",
        "prepare_month",
        "post_month",
        "prove_month",
    ]
    assert month.billed() == {1002: ["20.00"], 1001: ["10.00"]}
    assert month.held() == []
    assert month.adds_up()


def test_a_right_that_is_missing_stops_the_posting_with_its_name_and_the_next_close_goes_on(month: Provider) -> None:
    month.switch_halopsa(permission_denied=["POST /api/Invoice"])

    with pytest.raises(
        RunFailed, match=r"(?s)Posting of 2026-10 stopped: .*edit:invoices.*close 2026-10 --post again"
    ) as error:
        month.close()

    assert error.value.exit_code == 1
    assert month.billed() == {}
    month.switch_halopsa(permission_denied=[])
    month.close()
    assert month.billed() == {1001: ["10.00"], 1002: ["20.00"]}


def test_what_was_posted_before_a_posting_stopped_is_proved_and_published(month: Provider) -> None:
    month.disturb_halopsa("status", status=429, after=1, count=100, headers={"Retry-After": "1"})

    with pytest.raises(
        RunFailed,
        match=r"Posting of 2026-10 stopped: HaloPSA still takes no more requests after 3 waits .* Still to send: 1 "
        r"document over 20.00 USD of birch. 1 document was posted before; run billing-pipeline close 2026-10 --post ",
    ):
        month.close()

    with duckdb.connect(str(month.published), read_only=True) as published:
        counts = published.sql("select count(*), count(read_back_at) from postings where status = 'posted'").fetchall()
        rows = published.sql("select count(*) from posting_journal").fetchall()
    assert counts == [(1, 1)]
    noted = json.loads((month.published.parent / "journal-head.json").read_text())
    assert [(noted["rows"],)] == rows


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("2026-13", "'2026-13' is no month that can be closed"),
        ("2026-08", "from 2026-09 .start_month. to 2026-10"),
        ("2026-11", "from 2026-09 .start_month. to 2026-10"),
        ("october", "use YYYY-MM"),
        ("2026-1O", "use YYYY-MM"),
    ],
)
def test_a_month_that_cannot_be_closed_is_wrong_usage_and_starts_nothing(
    month: Provider, asked: str, said: str
) -> None:
    month.remove_files()
    with pytest.raises(SettingsError, match=said):
        month.close(month=asked)

    assert not month.warehouse.exists()
    assert month.posts() == 0


def test_a_cap_that_does_not_exist_is_wrong_usage(month: Provider) -> None:
    with pytest.raises(SettingsError, match="'max_money' is no cap: use one of max_invoices, "):
        month.close(force_caps=["max_money"])
