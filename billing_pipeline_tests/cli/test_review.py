"""`review`, `publish` and `explain`: what they show of a month and of the settings."""

import re

import duckdb

from billing_pipeline_tests.cli.typing_commands import type_command
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, CEDAR, MONTH, make_invoice, make_line, make_world


def test_a_review_compares_each_client_with_the_month_before(msp: Provider) -> None:
    september = make_invoice(
        [make_line(11, ACME, "100.00"), make_line(12, CEDAR, "7.00")],
        "44444444-4444-4444-8444-000000000009",
        "2026-09-01",
    )
    october = make_invoice([make_line(1, ACME, "150.50"), make_line(2, BIRCH, "20.00")])
    clients = [ACME, BIRCH, CEDAR]
    msp.set_up(make_world(clients, [september, october]), clients)
    msp.close(month="2026-09")
    msp.close()
    typed = type_command(msp, "review", MONTH)
    assert typed.exit_code == 0
    assert "vs 2026-09" in typed.stdout
    assert re.search(r"^acme +posted +1 +1 +150\.50 +0\.00 +\+50\.50 +USD", typed.stdout, re.MULTILINE)
    assert re.search(r"^birch +posted +1 +1 +20\.00 +0\.00 +new +USD", typed.stdout, re.MULTILINE)
    assert re.search(r"^cedar +nothing +0 +0 +0\.00 +0\.00 +-7\.00 +USD", typed.stdout, re.MULTILINE)
    assert re.search(r"^Total +2 +2 +170\.50 +0\.00 +\+63\.50 +USD", typed.stdout, re.MULTILINE)


def test_a_review_shows_what_is_held_with_reason_money_and_next_step(msp: Provider) -> None:
    lines = [make_line(1, ACME, "10.00", term="Fortnightly"), make_line(2, ACME, "1.50"), make_line(3, BIRCH, "-5.00")]
    lines[1]["total"] = None
    msp.sandbox.reset(make_world([ACME, BIRCH], [make_invoice(lines)]))
    msp.set_time(msp.now)
    msp.close()
    typed = type_command(msp, "review", MONTH)
    assert typed.exit_code == 3
    assert "(unknown_term)" in typed.stdout
    assert "(missing_amount)" in typed.stdout
    assert "birch: -5.00 USD" in typed.stdout
    assert "close 2026-10 --client birch --post --force-cap" in typed.stdout


def test_a_month_that_was_never_fetched_is_told_apart_from_an_empty_one(msp: Provider) -> None:
    msp.remove_files()
    typed = type_command(msp, "review", MONTH)
    assert typed.exit_code == 1
    assert "There is no database at" in typed.stderr
    assert not msp.warehouse.exists()
    msp.close(post=False)
    typed = type_command(msp, "review", "2026-09")
    assert typed.exit_code == 1
    assert "2026-09 was never fetched" in typed.stderr


def test_a_review_of_no_month_is_wrong_usage(msp: Provider) -> None:
    typed = type_command(msp, "review", "last")
    assert typed.exit_code == 2
    assert "write it as YYYY-MM" in typed.stderr


def test_publish_makes_the_database_for_analysts_anew(msp: Provider) -> None:
    msp.remove_files()
    assert type_command(msp, "publish").exit_code == 1
    msp.close()
    msp.published.unlink()
    typed = type_command(msp, "publish")
    assert typed.exit_code == 0
    assert str(msp.published) in typed.stdout
    with duckdb.connect(str(msp.published), read_only=True) as published:
        assert published.sql("select count(*) from posted_lines").fetchall() == [(2,)]


def test_explain_names_level_file_and_line_of_each_setting(msp: Provider) -> None:
    (msp.config / "billing.yaml").write_text(
        "start_month: 2026-09\n"
        "settings:\n"
        "  modifiers: {drop_zero: true}\n"
        "clients:\n"
        "  acme:\n"
        "    settings:\n"
        "      modifiers:\n"
        "        drop_zero: false\n"
    )
    typed = type_command(msp, "explain", "acme")
    assert typed.exit_code == 0
    assert re.search(r"^modifiers\.drop_zero +false +client +config/billing\.yaml:8", typed.stdout, re.MULTILINE)
    assert re.search(r"^modifiers\.drop_azure +false +built in", typed.stdout, re.MULTILINE)
    assert ACME.company_id in typed.stdout
    assert max(len(line) for line in typed.stdout.splitlines()) <= 100
    assert re.search(
        r"^modifiers\.drop_zero +true +global +config/billing\.yaml:3",
        type_command(msp, "explain", "birch").stdout,
        re.MULTILINE,
    )


def test_explain_refuses_a_client_or_integration_that_nobody_has(msp: Provider) -> None:
    typed = type_command(msp, "explain", "acmee")
    assert typed.exit_code == 2
    assert "the nearest known one is acme" in typed.stderr
    typed = type_command(msp, "explain", "acme", "--integration", "pax9")
    assert typed.exit_code == 2
    assert "pax8" in typed.stderr
