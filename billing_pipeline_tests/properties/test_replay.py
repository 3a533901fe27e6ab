"""An old month, made again from what it was made from."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

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


def rows_of(run: CaseRun, sql: str) -> list[dict[str, Any]]:
    with run.work.warehouse.session("ask") as session:
        return session.rows(sql)


def change_settings(run: CaseRun) -> None:
    """From here on the folder holds other settings, under which nobody is billed."""
    folder = run.work.config.folder
    settings = folder / "billing.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "release_day: 5\n", encoding="utf-8")
    clients = folder / "clients.csv"
    clients.write_text(clients.read_text(encoding="utf-8").replace(",false,", ",true,"), encoding="utf-8")
    run.work = replace(run.work, config=load_settings(folder))


def test_a_plan_is_replayed_with_the_settings_files_that_were_kept_with_it(services: Services) -> None:
    with run_month(services, MONTH) as run:
        folder = run.work.config.folder
        kept = {name: (folder / name).read_bytes() for name in run.work.config.digests}
        change_settings(run)
        assert [one.same for one in replay(run)] == [True]
        rows = rows_of(run, "select name, content, sha256 from settings_files order by name")
        assert {row["name"]: row["content"].encode() for row in rows} == kept
        assert [row["sha256"] for row in rows] == [sha256(kept[row["name"]]).hexdigest() for row in rows]


def test_the_same_settings_are_kept_once_and_others_beside_them(services: Services) -> None:
    with run_month(services, MONTH) as run:
        close_later(run, days=1)
        assert len(rows_of(run, "select distinct settings_hash from settings_files")) == 1
        change_settings(run)
        close_later(run, days=1)
        found = rows_of(run, "select settings_hash, count(*) as files from settings_files group by all")
        assert len(found) == 2
        assert {row["files"] for row in found} == {len(run.work.config.digests)}


def test_without_the_files_of_then_a_plan_is_not_replayed(services: Services) -> None:
    with run_month(services, MONTH) as run:
        with run.work.warehouse.session("as an older version left it") as session:
            session.execute("delete from settings_files")
        change_settings(run)
        with pytest.raises(BillingPipelineError) as error:
            replay(run)
        said = str(error.value)
        assert "The plan of acme-dental for 2026-10 was sealed on 2026-10-06 with other settings" in said
        assert "those were not kept. Restore the settings folder of that day" in said


@pytest.mark.parametrize(
    "change",
    [
        "update settings_files set content = content || ' ' where name = 'clients.csv'",
        "delete from settings_files where name = 'clients.csv'",
    ],
)
def test_settings_files_that_somebody_touched_are_not_replayed(services: Services, change: str) -> None:
    with run_month(services, MONTH) as run:
        with run.work.warehouse.session("touch a kept file") as session:
            session.execute(change)
        change_settings(run)
        with pytest.raises(
            BillingPipelineError,
            match=r"settings_files was changed\. Use the settings folder of that day from your own backups",
        ):
            replay(run)


def test_no_secret_stands_in_what_is_kept(services: Services) -> None:
    with run_month(services, MONTH) as run:
        (text,) = rows_of(run, "select string_agg(content, '') as content from settings_files")
        for secret in ("pax8-secret", "halo-secret"):
            assert secret not in text["content"]


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
