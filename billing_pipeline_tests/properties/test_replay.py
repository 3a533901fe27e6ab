"""An old month, made again from what it was made from."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.replay import Replayed, replay_plans
from billing_pipeline_tests.golden.case_files import Row, expand_line, make_invoice
from billing_pipeline_tests.golden.case_run import CaseRun, Services
from billing_pipeline_tests.properties.months import BOUNDED, AnyMonth, lines, months, run_month

SECOND = "44444444-4444-4444-8444-000000000002"
MONTH = AnyMonth({"L1": expand_line(1, {"like": "licence", "sell": "22.00", "cost": "17.60"})}, {})


def change_halopsa(run: CaseRun) -> None:
    """From here on HaloPSA has other taxes and accounts."""
    halopsa = run.services.sandbox.halopsa
    for item in halopsa.table("items").values():
        item.update(taxcode=4, nominalcode="9999")
    for client in halopsa.table("clients").values():
        client.update(item_tax_code=5, name=f"{client['name']} renamed")


def add_invoice(run: CaseRun, line: Row) -> None:
    """Pax8 releases a second invoice for the month, with one line."""
    world = run.case.world.pax8
    run.services.sandbox.pax8.load({**world, "invoices": [*world["invoices"], make_invoice([line], {"id": SECOND})]})


def close_later(run: CaseRun, days: int) -> None:
    run.work = replace(run.work, now=run.work.now + timedelta(days=days))
    run.fetch()
    run.prepare()


def replay(run: CaseRun) -> list[Replayed]:
    folder = run.work.warehouse.path.parent / "replays"
    folder.mkdir()
    return replay_plans(run.work, folder)


@BOUNDED
@given(months(), lines(98))
def test_an_old_month_comes_out_the_same_from_its_stored_snapshots(
    services: Services, month: AnyMonth, late: Row
) -> None:
    with run_month(services, month) as run:
        sealed = {one.plan.plan_hash for one in run.plans if one.plan.documents}
        run.post()
        change_halopsa(run)
        add_invoice(run, late)
        close_later(run, days=10)
        sealed |= {one.plan.plan_hash for one in run.plans if one.plan.documents}
        run.post()
        close_later(run, days=10)

        replayed = replay(run)
        assert {one.plan_hash for one in replayed} == sealed
        assert [one for one in replayed if not one.same] == []


def test_a_plan_made_with_other_settings_is_not_replayed(services: Services) -> None:
    with run_month(services, MONTH) as run:
        settings = run.work.config.folder / "billing.yaml"
        settings.write_text(settings.read_text(encoding="utf-8") + "release_day: 5\n", encoding="utf-8")
        run.work = replace(run.work, config=load_settings(run.work.config.folder))
        with pytest.raises(BillingPipelineError) as error:
            replay(run)
        said = str(error.value)
        assert "The plan of acme-dental for 2026-10 was sealed on 2026-10-06 with other settings" in said
        assert "Restore the settings folder" in said


def test_a_replay_changes_nothing(services: Services) -> None:
    with run_month(services, MONTH) as run:
        run.post()
        seen, there = run.look(), run.halopsa()
        assert [one.same for one in replay(run)] == [True]
        assert (run.look(), run.halopsa()) == (seen, there)


def test_a_replay_shows_a_rule_that_has_changed(services: Services, tmp_path: Path) -> None:
    with run_month(services, MONTH) as run:
        with run.work.warehouse.session("pretend that another plan was sealed") as session:
            session.execute("update plan_sources set plan_hash = 'of another rule'")
        assert [one.same for one in replay(run)] == [False]
