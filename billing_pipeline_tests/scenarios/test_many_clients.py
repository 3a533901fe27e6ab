"""Ranges of clients: one run for all, blocks of neighbours, and ranges that are not what was asked for."""

import dagster as dg
import pytest

from billing_pipeline.automation import POST_MONTH, PREPARE_MONTH
from billing_pipeline.billing.errors import RangeError, SettingsError
from billing_pipeline.definitions import build_defs
from billing_pipeline.instance import open_instance
from billing_pipeline.partitions import CLIENTS, asked_tags, client_blocks, range_tags
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    CEDAR,
    MONTH,
    Client,
    make_invoice,
    make_line,
    make_world,
    numbered_client,
)

DATE, ELM = numbered_client(4, "date"), numbered_client(5, "elm")


def set_up_month(provider: Provider, clients: list[Client]) -> None:
    """Each client is charged its own number of dollars."""
    lines = [make_line(n, client, f"{n}.00") for n, client in enumerate(clients, start=1)]
    provider.set_up(make_world(clients, [make_invoice(lines)]), clients)


def run_job(provider: Provider, job: str, tags: dict[str, str], config: dict[str, object] | None = None) -> None:
    with open_instance(provider.environment.dagster_home) as instance:
        build_defs(provider.environment).resolve_job_def(job).execute_in_process(
            instance=instance, tags=tags, run_config={"ops": config} if config else None
        )


def jobs_of(runs: tuple[tuple[str, str], ...]) -> list[str]:
    return [job for job, _ in runs]


def test_sixty_clients_are_prepared_in_one_run_and_posted_in_one_run(provider: Provider) -> None:
    clients = [numbered_client(number) for number in range(1, 61)]
    set_up_month(provider, clients)

    closed = provider.close()

    assert jobs_of(closed.runs) == ["fetch_month", "prepare_month", "post_month", "prove_month"]
    assert provider.billed() == {1000 + number: [f"{number}.00"] for number in range(1, 61)}
    assert provider.posts() == 60
    assert provider.adds_up()
    with open_instance(provider.environment.dagster_home) as instance:
        materialised = instance.get_materialized_partitions(dg.AssetKey("posted_halopsa_invoices"))
    assert len(materialised) == 60


def test_chosen_clients_of_a_new_month_make_a_run_for_each_block_of_neighbours(provider: Provider) -> None:
    set_up_month(provider, [ACME, BIRCH, CEDAR, DATE, ELM])

    closed = provider.close("elm", "acme", "date")

    prepared_and_posted = ["prepare_month", "prepare_month", "post_month", "post_month"]
    assert jobs_of(closed.runs) == ["fetch_month", *prepared_and_posted, "prove_month"]
    assert "Posting acme" in provider.progress
    assert "Posting date to elm" in provider.progress
    assert provider.billed() == {1001: ["1.00"], 1004: ["4.00"], 1005: ["5.00"]}
    assert provider.adds_up()


def test_a_client_of_another_month_that_stands_between_the_others_gets_an_empty_slice(provider: Provider) -> None:
    lines = [make_line(1, ACME, "1.00"), make_line(2, BIRCH, "2.00")]
    november = make_invoice(
        [make_line(11, ACME, "10.00"), make_line(13, CEDAR, "30.00")],
        "44444444-4444-4444-8444-000000000020",
        "2026-11-01",
    )
    world = make_world([ACME, BIRCH, CEDAR], [make_invoice(lines), november])
    provider.set_up(world, [ACME])
    # Birch has no row yet: its company becomes a client of its own, registered between Acme and Cedar.
    provider.close(post=False)
    provider.set_clients([ACME, CEDAR])
    provider.set_time("2026-11-05T15:00:00Z")

    closed = provider.close(month="2026-11")

    unmapped = f"pax8-{BIRCH.company_id}"
    assert closed.clients == ("acme", unmapped, "cedar")
    assert len(closed.runs) == 4
    assert provider.billed() == {1001: ["10.00"], 1003: ["30.00"]}
    assert provider.query("select documents from plans where month = '2026-11' and client = ?", unmapped) == [(0,)]
    assert provider.adds_up()


def test_a_range_that_is_not_what_was_asked_for_fails_loudly_and_writes_nothing(provider: Provider) -> None:
    set_up_month(provider, [ACME, BIRCH, CEDAR])
    provider.close(post=False)
    before = provider.value("select count(*) from step_log")
    confirmed: dict[str, object] = {"posted_halopsa_invoices": {"config": {"confirm_month": MONTH}}}
    backwards = range_tags(MONTH, ["cedar", "birch", "acme"])
    with_birch = {**range_tags(MONTH, ["acme", "birch", "cedar"]), **asked_tags(["acme", "cedar"])}

    with pytest.raises(RangeError, match="its ends stand in the wrong order"):
        run_job(provider, PREPARE_MONTH, backwards)
    with pytest.raises(RangeError, match="its ends stand in the wrong order"):
        run_job(provider, POST_MONTH, backwards, confirmed)
    with pytest.raises(RangeError, match="asked for 2 clients of 2026-10 and got 3"):
        run_job(provider, POST_MONTH, with_birch, confirmed)

    assert provider.value("select count(*) from step_log") == before
    assert provider.posts() == 0


def test_asking_for_a_client_that_the_month_does_not_have_names_the_nearest(provider: Provider) -> None:
    set_up_month(provider, [ACME, BIRCH])

    with pytest.raises(SettingsError, match=r"'acne' is no client of this month.*acme"):
        provider.close("acne")

    assert provider.posts() == 0


def test_the_order_of_registration_is_kept_and_not_the_alphabet(provider: Provider) -> None:
    with open_instance(provider.environment.dagster_home) as instance:
        instance.add_dynamic_partitions(CLIENTS, ["zebra", "acme"])
        instance.add_dynamic_partitions(CLIENTS, ["mole"])
        registered = instance.get_dynamic_partitions(CLIENTS)

    assert list(registered) == ["zebra", "acme", "mole"]
    assert client_blocks(registered, ["mole", "zebra", "acme"]) == [["zebra", "acme", "mole"]]
    assert client_blocks(registered, ["mole", "zebra"]) == [["zebra"], ["mole"]]
