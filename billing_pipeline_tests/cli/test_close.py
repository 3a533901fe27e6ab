"""`close`: what it says without --post and with it, and how it ends."""

import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

from billing_pipeline_tests.cli.typing_commands import (
    PROGRAM,
    bare_environment,
    finish,
    run_command,
    start_command,
    type_command,
)
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, CEDAR, MONTH, make_invoice, make_line, make_world


def test_without_post_nothing_is_posted_and_the_command_that_posts_is_shown(msp: Provider) -> None:
    typed = type_command(msp, "close", MONTH)
    assert typed.exit_code == 0
    assert msp.posts() == 0
    assert "2 invoices to post: 12,365.60 USD" in typed.stdout
    assert re.search(r"^acme +to post +1 +1 +12,345\.60 +10,000\.00 +USD", typed.stdout, re.MULTILINE)
    assert f"    billing-pipeline close {MONTH} --post\n" in typed.stdout


def test_the_command_that_posts_repeats_what_was_asked_for(msp: Provider) -> None:
    typed = type_command(msp, "close", MONTH, "--client", "birch", "--force-cap", "negative_invoice")
    assert f"    billing-pipeline close {MONTH} --client birch --force-cap negative_invoice --post\n" in typed.stdout
    assert "1 invoice to post: 20.00 USD" in typed.stdout
    assert "acme" not in typed.stdout


def test_with_post_the_invoices_are_drafts_in_halopsa_and_every_cent_is_explained(msp: Provider) -> None:
    typed = type_command(msp, "close", MONTH, "--post")
    assert typed.exit_code == 0
    assert msp.billed() == {ACME.halopsa_id: ["12345.60"], BIRCH.halopsa_id: ["20.00"]}
    assert "2 invoices in HaloPSA, as drafts: 12,365.60 USD" in typed.stdout
    assert "Every line has one fate, and every cent is explained." in typed.stdout
    assert "2 invoices read back from HaloPSA: the same, to the cent." in typed.stdout
    for stage in ("Fetching", "Preparing", "Posting", "Proving"):
        assert re.search(rf"^\[\d+:\d\d\] {stage} ", typed.stderr, re.MULTILINE)


def test_money_without_a_client_comes_first_and_is_exit_code_3(msp: Provider) -> None:
    lines = [make_line(1, ACME, "10.00"), make_line(2, CEDAR, "4321.1234567"), make_line(3, None, "-5.00")]
    msp.sandbox.reset(make_world([ACME, BIRCH], [make_invoice(lines)]))
    msp.set_time(msp.now)
    typed = type_command(msp, "close", MONTH, "--post")
    assert typed.exit_code == 3
    assert "Cedar Clinic" in typed.stdout
    assert "4,321.1234567 USD" in typed.stdout
    assert "(the lines name no company)" in typed.stdout
    for command in (typed, type_command(msp, "review", MONTH)):
        first, headline = command.stdout.index("Money without a client"), command.stdout.index("1 Pax8 invoice with")
        assert first < headline < command.stdout.index("Where each cent went")
    assert msp.billed() == {ACME.halopsa_id: ["10.00"]}


def test_what_halopsa_refuses_is_told_with_the_command_that_goes_on(msp: Provider) -> None:
    msp.disturb_halopsa("status", status=400, body={"error": "no such nominal code"})
    typed = type_command(msp, "close", MONTH, "--post")
    assert typed.exit_code == 3
    assert "no such nominal code" in typed.stdout
    assert "1 planned invoice not posted; to try again, nothing is sent twice" in typed.stdout
    assert type_command(msp, "close", MONTH, "--post").exit_code == 0
    assert msp.billed() == {ACME.halopsa_id: ["12345.60"], BIRCH.halopsa_id: ["20.00"]}


def test_a_posting_run_that_must_stop_is_exit_code_1_with_the_reason(msp: Provider) -> None:
    msp.switch_halopsa(permission_denied=["POST /api/Invoice"])
    typed = type_command(msp, "close", MONTH, "--post")
    assert typed.exit_code == 1
    assert f"Posting of {MONTH} stopped" in typed.stderr
    assert "edit:invoices" in typed.stderr
    assert "Traceback" not in typed.all


def test_an_unknown_outcome_is_exit_code_3_until_it_is_settled(msp: Provider) -> None:
    msp.disturb_halopsa("drop", when="after")
    typed = type_command(msp, "close", MONTH, "--post")
    # The read at the end finds what the dropped connection hid, or it stays unknown: never an error.
    assert typed.exit_code in (0, 3)
    assert type_command(msp, "close", MONTH, "--post").exit_code == 0
    assert msp.billed() == {ACME.halopsa_id: ["12345.60"], BIRCH.halopsa_id: ["20.00"]}


def test_a_process_of_its_own_writes_plain_text_of_100_columns_without_secrets(msp: Provider) -> None:
    typed = run_command(bare_environment(msp, LANG="C"), msp.folder, "close", MONTH, "--post")
    assert typed.exit_code == 0
    assert "\x1b" not in typed.all
    assert max(len(line) for line in typed.stdout.splitlines()) <= 100
    assert "Warning" not in typed.all
    assert "dagster" not in typed.all.lower()
    for name in ("PAX8_CLIENT_SECRET", "HALOPSA_CLIENT_SECRET"):
        assert msp.variables[name] not in typed.all


def test_at_a_terminal_there_is_colour_and_movement(msp: Provider) -> None:
    ours, theirs = pty.openpty()
    environment = bare_environment(msp, TERM="xterm-256color")
    with subprocess.Popen(
        [str(PROGRAM), "close", MONTH], cwd=msp.folder, env=environment, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = _read_all(ours)
    os.close(ours)
    assert process.returncode == 0
    assert "\x1b[1m" in shown  # bold headings
    assert "Preparing 2 clients" in shown
    assert "0:00:0" in shown  # how long the stage takes


def _read_all(terminal: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def test_ctrl_c_says_that_nothing_is_lost(msp: Provider) -> None:
    # HaloPSA takes its time for the first invoice, so that the interruption comes while it is being posted.
    msp.disturb_halopsa("delay", seconds=20)
    process = start_command(bare_environment(msp), msp.folder, "close", MONTH, "--post")
    deadline = time.monotonic() + 120
    while not msp.posts() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    typed = finish(process)
    assert typed.exit_code == 130
    assert "Stopped. Nothing is lost" in typed.stderr
    assert "Traceback" not in typed.all
    msp.sandbox.halopsa_service.faults.clear()
    msp.set_time("2026-10-05T16:00:00Z")
    assert type_command(msp, "close", MONTH, "--post").exit_code == 0
    assert msp.billed() == {ACME.halopsa_id: ["12345.60"], BIRCH.halopsa_id: ["20.00"]}


def test_what_should_not_happen_is_short_and_its_traceback_is_in_the_log(msp: Provider) -> None:
    (msp.folder / "dagster" / "dagster.yaml").write_text("no_such_key: 1\n")
    secret = msp.variables["HALOPSA_CLIENT_SECRET"]
    typed = type_command(msp, "close", MONTH, "--post")
    assert typed.exit_code == 1
    log = msp.warehouse.parent / "billing-pipeline.log"
    assert f"The details are in {log}" in typed.stderr
    assert len(typed.stderr.splitlines()) < 6
    assert "Traceback" in log.read_text()
    assert secret not in log.read_text()


def test_variables_of_dotenv_count_and_the_environment_wins(msp: Provider, tmp_path: Path) -> None:
    wrong = {**msp.variables, "HALOPSA_CLIENT_SECRET": "wrong"}
    (msp.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in wrong.items()))
    nothing = dict.fromkeys(msp.variables)
    assert type_command(msp, "close", MONTH, **nothing).exit_code == 1
    nothing.pop("HALOPSA_CLIENT_SECRET")
    assert type_command(msp, "close", MONTH, **nothing).exit_code == 0


def test_an_error_that_nobody_foresaw_ends_the_command_and_is_in_the_log(msp: Provider) -> None:
    type_command(msp, "close", MONTH)
    msp.query("update snapshot_rows set payload = '{' where kind = 'halopsa_clients'")
    ended = run_command(bare_environment(msp), msp.folder, "close", MONTH)
    assert ended.exit_code == 1
    assert "This should not have happened: " in ended.stderr
    assert "Nothing is sent twice when you run this again." in ended.stderr
    log = re.search(r"The details are in (\S+\.log)\.", ended.stderr.replace("\n", " "))
    assert log is not None, ended.stderr
    assert "Traceback" in Path(log[1]).read_text()


def test_a_line_without_an_end_and_one_that_is_too_large_stop_nobody_else(msp: Provider) -> None:
    lines = [
        make_line(1, ACME, "10.00", endPeriod="9999-12-31"),
        make_line(2, BIRCH, "9999999999999999.00"),
        make_line(3, CEDAR, "30.00"),
    ]
    msp.set_up(make_world([ACME, BIRCH, CEDAR], [make_invoice(lines)]), [ACME, BIRCH, CEDAR])
    typed = type_command(msp, "close", MONTH, "--post")
    assert typed.exit_code == 3
    assert msp.billed() == {ACME.halopsa_id: ["10.00"], CEDAR.halopsa_id: ["30.00"]}
    assert "A rule failed on the data of the line" in typed.stdout
    assert "billing-pipeline decide" in typed.stdout
    assert msp.held() == [("birch", "rule_failed")]
