"""`reverse` as a clerk types it: what it shows, how it ends, and a process that is killed."""

import json
import signal
import time
from decimal import Decimal

import duckdb
import pytest

from billing_pipeline.commands.reversal_report import describe_credit, print_how_to_bill_again
from billing_pipeline.steps.reversal_summary import TakenBack
from billing_pipeline_tests.cli.conftest import msp, provider, running_sandbox
from billing_pipeline_tests.cli.typing_commands import bare_environment, start_command, type_command
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import MONTH

__all__ = ["msp", "provider", "running_sandbox"]

ACME = ("reverse", MONTH, "--client", "acme")
LONG_ENOUGH = 60
PATIENCE_SECONDS = 120
ALL_TAKEN_BACK = {1001: ["12345.60", "-12345.60"], 1002: ["20.00"]}


def test_it_is_shown_first_then_posted_once_then_nothing_is_left(msp: Provider) -> None:
    assert type_command(msp, *ACME).exit_code == 1, "nothing was posted yet"
    Steps(msp).close()

    typed = type_command(msp, *ACME)
    assert typed.exit_code == 0
    assert "To take back 2026-10 of acme; nothing was posted" in typed.stdout
    assert "A credit for HaloPSA client 1001 in USD, dated 2026-10-01:" in typed.stdout
    rows = [" ".join(line.split()) for line in typed.stdout.splitlines()]
    assert "invoice 1 Microsoft 365 Business Premium 1 -12,345.60 -10,000.00" in rows
    assert "Total 1 line -12,345.60 -10,000.00" in rows
    assert f"    billing-pipeline reverse {MONTH} --client acme --post\n" in typed.stdout
    (plan_hash,) = [line.removeprefix("Plan ") for line in rows if line.startswith("Plan ")]
    assert msp.posts() == 2

    typed = type_command(msp, *ACME, "--post")
    assert typed.exit_code == 0
    taken_back = "acme: -12,345.60 USD on HaloPSA invoice 3 takes back invoice 1; together they come to 0.00 USD"
    assert taken_back in typed.stdout
    assert "To bill them again, delete invoice 1, invoice 3 in HaloPSA, then:\n" in typed.stdout
    assert f"    billing-pipeline release {MONTH} --client acme\n" in typed.stdout
    assert msp.billed() == ALL_TAKEN_BACK
    assert msp.value("select plan_hash from postings where sell < 0") == plan_hash
    with duckdb.connect(str(msp.published), read_only=True) as published:
        assert published.execute("select count(*) from reversals").fetchall() == [(1,)]
        head = json.loads((msp.published.parent / "journal-head.json").read_text())
        assert published.execute("select max(seq) from posting_journal").fetchall() == [(head["rows"],)]

    for words in (ACME, (*ACME, "--post")):
        typed = type_command(msp, *words)
        assert typed.exit_code == 0
        assert "Nothing of 2026-10 is left to take back of acme; nothing was posted" in typed.stdout
        assert taken_back in typed.stdout
    assert msp.posts() == 3

    typed = type_command(msp, "review", MONTH)
    assert typed.exit_code == 0
    assert f"Taken back after it was posted\n- {taken_back}" in typed.stdout
    assert "2 invoices in HaloPSA, as drafts: 20.00 USD after 12,345.60 USD was reversed on credits" in typed.stdout
    assert "Every line has one fate, and every cent is explained." in typed.stdout
    Steps(msp).close()
    assert msp.billed() == ALL_TAKEN_BACK
    assert msp.adds_up()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("reverse", MONTH), "Missing option '--client'"),
        (("reverse", "2026-13", "--client", "acme"), "'2026-13' is no month: write it as YYYY-MM."),
    ],
    ids=["no client", "no month"],
)
def test_wrong_usage_is_exit_code_2(msp: Provider, words: tuple[str, ...], said: str) -> None:
    typed = type_command(msp, *words)
    assert typed.exit_code == 2
    assert said in typed.stderr


def test_what_is_refused_is_exit_code_1_and_in_plain_words(msp: Provider) -> None:
    Steps(msp).close()
    msp.let_agent("post", id=1)
    for words in (ACME, (*ACME, "--post")):
        typed = type_command(msp, *words)
        assert typed.exit_code == 1
        assert "HaloPSA invoice 1 of acme over 12,345.60 USD is in accounting already" in typed.stderr
        assert "Traceback" not in typed.all
    assert msp.posts() == 2


def test_what_halopsa_refuses_is_exit_code_3_and_what_stops_it_is_1(msp: Provider) -> None:
    Steps(msp).close()
    msp.disturb_halopsa("status", status=400, body={"error": "no invoices below zero"})
    typed = type_command(msp, *ACME, "--post")
    assert typed.exit_code == 3
    assert "no invoices below zero" in " ".join(typed.stdout.split())
    assert f"    billing-pipeline reverse {MONTH} --client acme --post\n" in typed.stdout
    msp.disturb_halopsa("status", status=403)
    typed = type_command(msp, *ACME, "--post")
    assert typed.exit_code == 1
    assert f"Taking back {MONTH} of acme stopped: " in typed.stderr
    assert type_command(msp, *ACME, "--post").exit_code == 0
    assert msp.billed() == ALL_TAKEN_BACK


def test_what_nobody_knows_is_exit_code_3_until_it_is_settled(msp: Provider) -> None:
    Steps(msp).close()
    msp.disturb_halopsa("drop", commit_after_requests=10_000)
    typed = type_command(msp, *ACME, "--post")
    assert typed.exit_code == 3
    assert "1 credit was sent and nobody knows yet whether HaloPSA has it. Run this again: it looks" in typed.stdout
    assert type_command(msp, "review", MONTH).exit_code == 3
    assert type_command(msp, *ACME).exit_code == 1

    msp.let_late_writes_commit()
    typed = type_command(msp, *ACME, "--post")
    assert typed.exit_code == 0
    assert "on HaloPSA invoice 3 takes back invoice 1; together they come to 0.00 USD" in typed.stdout
    assert type_command(msp, "review", MONTH).exit_code == 0
    assert msp.billed() == ALL_TAKEN_BACK


def test_a_process_that_is_killed_after_the_intent_takes_back_once(msp: Provider) -> None:
    Steps(msp).close()
    # Carried out, and never answered.
    msp.disturb_halopsa("delay", when="after", seconds=LONG_ENOUGH)
    process = start_command(bare_environment(msp), msp.folder, *ACME, "--post")
    last = time.monotonic() + PATIENCE_SECONDS
    while not any(fault["hits"] for fault in msp.sandbox.halopsa_service.faults.listing()):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < last, "the credit was never sent"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    msp.sandbox.halopsa_service.faults.clear()
    assert msp.query("select status from postings where sell < 0") == [("sending",)]

    typed = type_command(msp, *ACME, "--post")

    assert typed.exit_code == 0
    assert msp.billed() == ALL_TAKEN_BACK
    assert msp.value("select count(*) from reversals where readback_sell = sell") == 1
    assert msp.adds_up()


def test_an_invoice_of_others_is_never_to_be_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    money = {"sell": Decimal("-10.00"), "cost": Decimal("-8.00"), "standing_sell": None, "standing_cost": None}
    done = TakenBack("acme", "USD", 60, (41, 55), (55,), lines=2, **money)

    print_how_to_bill_again(MONTH, "acme", [done])

    assert capsys.readouterr().out == (
        "To bill them again, delete invoice 41, invoice 60 in HaloPSA, and our lines on invoice 55 (release names "
        f"them), then:\n    billing-pipeline release {MONTH} --client acme\n"
    )
    assert describe_credit(done) == (
        "acme: -10.00 USD on HaloPSA invoice 60 takes back invoice 41, invoice 55; it was not read back yet"
    )


def test_where_approvals_are_required_a_credit_is_shown_and_approved_first(msp: Provider) -> None:
    Steps(msp).close()
    settings = msp.config / "billing.yaml"
    settings.write_text(f"approval: required\n{settings.read_text()}")
    ask = ("approve", MONTH, "--client", "acme", "--reversal", "--by", "Jane Doe")

    typed = type_command(msp, *ACME)
    assert typed.exit_code == 0
    assert f"    billing-pipeline approve {MONTH} --client acme --reversal --by NAME\n" in typed.stdout
    typed = type_command(msp, *ACME, "--post")
    assert typed.exit_code == 3
    assert "the credit over -12,345.60 USD (plan " in typed.stderr
    assert msp.posts() == 2

    assert type_command(msp, "approve", MONTH, "--reversal", "--by", "Jane Doe").exit_code == 2
    typed = type_command(msp, *ask)
    assert typed.exit_code == 0
    rows = [" ".join(line.split()) for line in typed.stdout.splitlines()]
    assert "invoice 1 Microsoft 365 Business Premium 1 -12,345.60 -10,000.00" in rows
    assert f"Jane Doe approved 1 plan of {MONTH}" in typed.stdout
    assert f"    billing-pipeline reverse {MONTH} --client acme --post\n" in typed.stdout
    assert "acme: Jane Doe approved this plan before; nothing was added." in type_command(msp, *ask).stdout
    assert msp.posts() == 2

    assert type_command(msp, *ACME, "--post").exit_code == 0
    assert msp.billed() == ALL_TAKEN_BACK
