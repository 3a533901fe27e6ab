"""Bad input: a clear text with the next step, the right exit code, and nothing posted."""

import subprocess
import sys
from dataclasses import replace

import pytest

from billing_pipeline_tests.cli.typing_commands import Typed, bare_environment, run_command, type_command
from billing_pipeline_tests.scenarios.closing import HTTP, Provider
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, MONTH, make_invoice, make_line, make_world


def close(provider: Provider, **variables: str | None) -> Typed:
    """Close the month with post, as a person would; what comes of it must have posted nothing."""
    typed = type_command(provider, "close", MONTH, "--post", **variables)
    assert provider.posts() == 0
    assert provider.halopsa_invoices() == []
    assert "Traceback" not in typed.all
    return typed


def test_missing_credentials_are_all_named_before_anything_starts(msp: Provider) -> None:
    msp.remove_files()
    typed = close(msp, PAX8_CLIENT_SECRET=None, HALOPSA_CLIENT_ID=None, HALOPSA_CLIENT_SECRET="")
    assert typed.exit_code == 2
    assert "Pax8: PAX8_CLIENT_SECRET is missing" in typed.stderr
    assert "HaloPSA: HALOPSA_CLIENT_ID, HALOPSA_CLIENT_SECRET are missing" in typed.stderr
    assert "billing-pipeline check" in typed.stderr
    assert not msp.warehouse.exists()


def test_wrong_pax8_credentials_are_told_without_showing_them(msp: Provider) -> None:
    typed = close(msp, PAX8_CLIENT_SECRET="a-wrong-but-secret-secret")
    assert typed.exit_code == 1
    assert "Pax8" in typed.stderr
    assert "PAX8_CLIENT_ID, PAX8_CLIENT_SECRET" in typed.stderr
    assert "a-wrong-but-secret-secret" not in typed.all


def test_wrong_halopsa_credentials_are_told(msp: Provider) -> None:
    typed = close(msp, HALOPSA_CLIENT_SECRET="wrong-halo-secret")
    assert typed.exit_code == 1
    assert "HaloPSA" in typed.stderr
    assert "HALOPSA_CLIENT_SECRET" in typed.stderr
    assert "wrong-halo-secret" not in typed.all


def test_a_wrong_tenant_names_the_variable(msp: Provider) -> None:
    typed = close(msp, HALOPSA_TENANT="somebody-else")
    assert typed.exit_code == 1
    assert "check HALOPSA_TENANT" in typed.stderr


def test_an_unreachable_host_names_the_address_and_the_variable(msp: Provider) -> None:
    nowhere = "http://127.0.0.1:9/auth"
    typed = close(msp, HALOPSA_AUTHORISATION_SERVER=nowhere)
    assert typed.exit_code == 1
    assert "127.0.0.1:9" in typed.stderr
    assert "HALOPSA_AUTHORISATION_SERVER" in typed.stderr


def test_a_missing_permission_is_told_as_one(msp: Provider) -> None:
    msp.switch_halopsa(permission_denied=["GET /api/Item"])
    typed = close(msp)
    assert typed.exit_code == 1
    assert "read:items" in typed.stderr


def test_a_month_without_an_invoice_yet_is_not_nothing_to_bill(msp: Provider) -> None:
    msp.sandbox.reset(make_world([ACME, BIRCH], []))
    msp.set_time(msp.now)
    typed = close(msp)
    assert typed.exit_code == 1
    assert f"Pax8 lists no invoice for {MONTH} yet. That is not the same as nothing to bill" in typed.stderr
    assert "billing-pipeline close 2026-10 again later" in typed.stderr


def test_an_invoice_whose_rows_do_not_add_up_stops_the_month(msp: Provider) -> None:
    msp.sandbox.pax8.switches = replace(msp.sandbox.pax8.switches, item_count_offset=1)
    typed = close(msp)
    assert typed.exit_code == 1
    assert "does not prove complete" in typed.stderr
    assert msp.value("select count(*) from raw_invoices") == 0


def test_an_unknown_type_holds_its_client_and_the_other_is_billed(msp: Provider) -> None:
    lines = [make_line(1, ACME, "10.00", "8.00", type="usage-adjustment"), make_line(2, BIRCH, "20.00", "16.00")]
    msp.sandbox.reset(make_world([ACME, BIRCH], [make_invoice(lines)]))
    msp.set_time(msp.now)
    typed = type_command(msp, "close", MONTH, "--post")
    assert typed.exit_code == 3
    assert "acme: 10.00 USD" in typed.stdout
    assert '"usage-adjustment"' in typed.stdout
    assert msp.billed() == {BIRCH.halopsa_id: ["20.00"]}


def test_a_broken_csv_row_names_its_file_and_line(msp: Provider) -> None:
    with (msp.config / "clients.csv").open("a") as file:
        file.write("dunmore,Dunmore,not-a-number,,false,,\n")
    typed = close(msp)
    assert typed.exit_code == 2
    assert "clients.csv:4" in typed.stderr
    assert "not-a-number" in typed.stderr


def test_an_unknown_setting_names_the_nearest_one(msp: Provider) -> None:
    msp.set_settings(settings={"modifiers": {"drop_azur": True}})
    typed = close(msp)
    assert typed.exit_code == 2
    assert "drop_azur" in typed.stderr
    assert "drop_azure" in typed.stderr


def test_a_database_that_another_program_has_open_is_left_alone(msp: Provider) -> None:
    msp.remove_files()
    msp.warehouse.parent.mkdir()
    script = f"import duckdb; c = duckdb.connect({str(msp.warehouse)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        typed = close(msp, BILLING_LOCK_WAIT_SECONDS="1")
        other.communicate("\n")
    assert typed.exit_code == 1
    assert "is open in another program" in typed.stderr
    assert "Close it there" in typed.stderr


def test_a_damaged_database_is_never_overwritten(msp: Provider) -> None:
    msp.remove_files()
    msp.warehouse.parent.mkdir()
    damaged = b"This is no DuckDB file." * 400
    msp.warehouse.write_bytes(damaged)
    typed = close(msp)
    assert typed.exit_code == 1
    assert "cannot be read" in typed.stderr
    assert "put the newest backup in its place" in typed.stderr
    assert msp.warehouse.read_bytes() == damaged


def test_a_database_that_went_missing_is_not_taken_for_none_at_all(msp: Provider) -> None:
    published = msp.warehouse.parent / "published"
    published.mkdir()
    (published / "journal-head.json").write_text("{}")
    msp.warehouse.unlink()
    typed = type_command(msp, "review", MONTH)
    assert typed.exit_code == 1
    assert f"There is no database at {msp.warehouse}, but one was published to {published}" in typed.stderr
    assert "a new database would not know what was posted" in typed.stderr
    assert not msp.warehouse.exists()


@pytest.mark.parametrize(
    ("largest_file", "posted"),
    [(20_000, False), (200_000, False), (3_600_000, True)],
    ids=["at the start", "while fetching", "while publishing"],
)
def test_a_full_disk_is_told_and_the_next_run_posts_the_rest_once(
    msp: Provider, largest_file: int, posted: bool
) -> None:
    msp.remove_files()
    # A limit on the size of files: a write past it fails like one to a full disk, for root too.
    environment = bare_environment(msp)
    typed = run_command(environment, msp.folder, "close", MONTH, "--post", largest_file=largest_file)
    assert typed.exit_code == 1
    assert "Traceback" not in typed.all
    assert "The disk is full" in typed.stderr
    assert "Free some space" in typed.stderr
    assert (msp.posts() > 0) == posted
    assert type_command(msp, "close", MONTH, "--post").exit_code == 0
    assert msp.billed() == {ACME.halopsa_id: ["12345.60"], BIRCH.halopsa_id: ["20.00"]}


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-1", "26-10", "october", "2026-10-01", "2026-11", "2019-01", "２０２６-10"]
)
def test_a_month_that_cannot_be_closed_is_wrong_usage(msp: Provider, month: str) -> None:
    typed = type_command(msp, "close", month, "--post")
    assert typed.exit_code == 2
    assert "is no month that can be closed: use YYYY-MM, from 2026-09 (start_month) to 2026-10" in typed.stderr


@pytest.mark.parametrize("month", ["2026-13", "2026/05", "2026-1a"])
def test_no_month_passes_for_one_because_of_how_it_sorts(msp: Provider, month: str) -> None:
    typed = type_command(msp, "close", month, BILLING_NOW="2027-06-05T15:00:00Z")
    assert typed.exit_code == 2
    assert f"{month!r} is no month that can be closed" in typed.stderr


def test_an_unknown_client_names_the_nearest(msp: Provider) -> None:
    typed = type_command(msp, "close", MONTH, "--client", "acmee", "--post")
    assert typed.exit_code == 2
    assert "'acmee' is no client of this month: the nearest known one is acme" in typed.stderr
    assert msp.posts() == 0


def test_an_unknown_cap_names_all_caps(msp: Provider) -> None:
    typed = type_command(msp, "close", MONTH, "--force-cap", "max_invoice")
    assert typed.exit_code == 2
    assert "max_invoices" in typed.stderr


def test_a_service_that_lies_does_not_break_the_output(msp: Provider) -> None:
    HTTP.post(
        f"{msp.sandbox.pax8_url}/_sandbox/faults", json={"kind": "html", "route": "/v1/invoices", "method": "GET"}
    ).raise_for_status()
    typed = close(msp)
    assert typed.exit_code == 1
    assert "Pax8: the answer to GET /invoices is not readable JSON" in typed.stderr
