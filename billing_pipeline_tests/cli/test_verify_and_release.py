"""`verify` and `release` as a clerk meets them: what they say, and how they end."""

import os
import re
import signal
import subprocess
import sys

import pytest

from billing_pipeline_tests.cli.typing_commands import bare_environment, run_command, type_command
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import MONTH


def said(text: str) -> str:
    """A text with its line ends taken out."""
    return " ".join(text.split())


def test_a_clerk_finds_drift_releases_the_month_and_bills_it_again(msp: Provider) -> None:
    Steps(msp).close()
    acme, birch = (invoice["id"] for invoice in msp.halopsa_invoices())
    (msp.published.parent / "journal-head.json").unlink()

    typed = type_command(msp, "verify", MONTH)
    assert typed.exit_code == 0, typed.all
    assert "Journal: 6 rows, each as it was written. Its head was never noted, so an end" in typed.stdout
    assert re.search(r"^acme +1 +1 +12,345\.60 +12,345\.60 +12,345\.60 +USD", typed.stdout, re.MULTILINE), typed.stdout
    assert re.search(r"^Total +2 +2 +12,365\.60 +12,365\.60 +12,365\.60 +USD", typed.stdout, re.MULTILINE)
    assert "Proved: 2 invoices with 2 lines in HaloPSA as posted, to the cent" in typed.stdout
    assert [line for line in typed.stdout.splitlines() if len(line) > 100] == []

    line = msp.halopsa_invoices()[0]["lines"][0]["id"]
    msp.let_agent("edit_line", id=acme, line_id=line, fields={"unit_price": 12000})
    typed = type_command(msp, "verify", MONTH)
    assert typed.exit_code == 3
    assert "Journal: 7 rows, each as it was written; none is missing of the 7 that were noted last." in typed.stdout
    assert "Changed since it was posted: 1 difference; nothing was repaired" in typed.stdout
    assert f"acme, {MONTH}: -345.60 USD" in typed.stdout
    assert f"HaloPSA invoice {acme}, line {line} (" in typed.stdout
    assert "was unit price 12,345.60, 12,345.60 USD, is unit price 12,000.00, 12,000.00 USD (-345.60 USD)." in said(
        typed.stdout
    )
    assert "Set it back there, or keep it if it is meant" in typed.stdout
    assert "Not proved: 1 difference, 345.60 USD in question." in typed.stdout
    assert [line for line in typed.stdout.splitlines() if len(line) > 100] == []
    assert f"HaloPSA invoice {acme}, line {line}" in said(type_command(msp, "review", MONTH).stdout)

    typed = type_command(msp, "release", MONTH, "--client", "acme")
    assert typed.exit_code == 3
    assert "Nothing was released: HaloPSA still has some of what was posted for acme" in typed.stdout
    assert f"HaloPSA invoice {acme} over 12,000.00 USD bears bp-d-" in said(typed.stdout)
    assert f"When it is gone: billing-pipeline release {MONTH} --client acme" in typed.stdout

    msp.let_agent("delete", id=acme)
    typed = type_command(msp, "release", MONTH, "--client", "acme")
    assert typed.exit_code == 0, typed.all
    assert f"{MONTH} of acme is released: HaloPSA has none of it" in typed.stdout
    assert "1 charge over 12,345.60 USD may be posted again, once." in typed.stdout
    assert f"billing-pipeline close {MONTH} --client acme --post" in typed.stdout
    assert msp.adds_up()

    assert type_command(msp, "close", MONTH, "--client", "acme", "--post").exit_code == 0
    assert msp.billed() == {1001: ["12345.60"], 1002: ["20.00"]}
    assert birch in {invoice["id"] for invoice in msp.halopsa_invoices()}
    assert msp.adds_up()
    assert type_command(msp, "verify", MONTH).exit_code == 0


KILLED = """
import os, signal, sys
from billing_pipeline.commands.release import release
from billing_pipeline.steps import release as steps
steps.plan = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
release(sys.argv[1], "acme")
"""


def test_a_release_that_is_killed_half_way_has_not_happened(msp: Provider) -> None:
    Steps(msp).close()
    msp.let_agent("delete", id=msp.halopsa_invoices()[0]["id"])
    tables = ("postings", "posted_lines", "posted_source_lines", "posting_journal", "dispositions")
    before = [msp.query(f"select * from {table} order by all") for table in tables]
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, MONTH],
        env={**os.environ, **msp.variables},
        cwd=msp.folder,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [msp.query(f"select * from {table} order by all") for table in tables] == before
    assert type_command(msp, "release", MONTH, "--client", "acme").exit_code == 0
    assert msp.adds_up()


def test_a_broken_journal_is_exit_code_1(msp: Provider) -> None:
    Steps(msp).close()
    msp.query("delete from posting_journal where seq = 6")
    for typed in (
        run_command(bare_environment(msp), msp.folder, "verify", MONTH),
        type_command(msp, "release", MONTH, "--client", "acme"),
    ):
        assert typed.exit_code == 1
        assert "the posting journal ends at row 5, but had 6 rows when it was published" in typed.stderr
        assert "Put the newest whole database in its place" in typed.stderr


@pytest.mark.parametrize("words", [("verify", "last"), ("release", "2026-13", "--client", "acme")])
def test_no_month_is_wrong_usage(msp: Provider, words: tuple[str, ...]) -> None:
    typed = type_command(msp, *words)
    assert typed.exit_code == 2
    assert "write it as YYYY-MM" in typed.stderr


def test_without_a_database_none_is_made(msp: Provider) -> None:
    msp.remove_files()
    for words in (("verify", MONTH), ("release", MONTH, "--client", "acme")):
        typed = type_command(msp, *words)
        assert typed.exit_code == 1
        assert "There is no database at" in typed.stderr
    assert not msp.warehouse.exists()


def test_before_anything_was_posted_both_say_so(msp: Provider) -> None:
    Steps(msp).close(post=False)
    typed = type_command(msp, "verify", MONTH)
    assert typed.exit_code == 0, typed.all
    assert "Journal: empty, for nothing was ever posted." in typed.stdout
    assert f"Nothing is posted for {MONTH}: there is nothing of it that HaloPSA could have." in typed.stdout
    assert msp.published.exists()
    typed = type_command(msp, "verify", "2026-09")
    assert typed.exit_code == 1
    assert "2026-09 was never fetched" in typed.stderr
    typed = type_command(msp, "release", MONTH, "--client", "acme")
    assert typed.exit_code == 1
    assert f"Nothing is posted for 'acme' in {MONTH}, so there is nothing to release." in typed.stderr
