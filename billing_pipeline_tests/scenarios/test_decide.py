"""`decide`: what a person decides for a line is written, taken up, posted with it, and changes nothing behind it."""

from decimal import Decimal
from pathlib import Path

import pytest

from billing_pipeline_tests.cli.typing_commands import Typed, type_command
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    INVOICE,
    MONTH,
    SECOND_INVOICE,
    make_invoice,
    make_line,
    make_world,
)

ONE, TWO, THREE = (make_line(number, ACME, "1")["id"] for number in (1, 2, 3))
HEADER = "integration,invoice_id,source_line_id,decision,value,by,why\n"


@pytest.fixture
def steps(provider: Provider) -> Steps:
    """A prepared month: Acme's first line has no total, its second is fine, Birch's third names no company."""
    invoice = make_invoice([make_line(1, ACME, "0", "8.00"), make_line(2, ACME, "20.00"), make_line(3, None, "-3.00")])
    del invoice["items"][0]["total"]
    provider.set_up(make_world([ACME, BIRCH], [invoice]), [ACME, BIRCH])
    steps = Steps(provider)
    steps.close(post=False)
    return steps


def decide(provider: Provider, *words: str, by: str = "Ann", why: str = "she asked") -> Typed:
    return type_command(provider, "decide", MONTH, *words, "--by", by, "--why", why)


def file_of(provider: Provider) -> Path:
    return provider.config / "line_decisions.csv"


def test_a_decision_is_written_told_and_billed(steps: Steps) -> None:
    provider = steps.provider
    typed = decide(provider, "--line", ONE, "--sell", "10.50", "--cost", "9")
    assert typed.exit_code == 0, typed.all
    said = " ".join(typed.stdout.split())
    assert f"invoice {INVOICE}, line 1 (Microsoft 365 Business Premium) of acme, amount not known: sell 10.5" in said
    assert "sell 10.5, in the place of missing" in said
    assert "cost 9, in the place of 8" in said
    assert "billing-pipeline close 2026-10 --client acme takes it up" in said
    assert file_of(provider).read_text() == (
        f"{HEADER}pax8,{INVOICE},{ONE},sell,10.5,Ann,she asked\npax8,{INVOICE},{ONE},cost,9,Ann,she asked\n"
    )

    steps.close()

    assert provider.billed() == {ACME.halopsa_id: ["30.50"]}
    proof = (
        "select source_sell, decided_sell, source_cost, decided_cost, sell_gap, cost_gap from three_way "
        "where client = 'acme'"
    )
    assert provider.query(proof) == [tuple(map(Decimal, ("20", "10.5", "8", "1", "0", "0")))]
    assert provider.query("select sell, cost from dispositions where source_line_id = ?", ONE) == [(None, 8)]
    shown = type_command(provider, "review", MONTH, "--client", "acme")
    assert "sell 10.5 by Ann (she asked); cost 9 by Ann (she asked)" in " ".join(shown.stdout.split())
    explained = type_command(provider, "explain", "acme")
    assert f"line {ONE}: sell 10.5 by Ann (she asked)" in " ".join(explained.stdout.split())


def test_a_posted_line_takes_no_decision_and_keeps_the_one_it_was_posted_with(steps: Steps) -> None:
    provider = steps.provider
    decide(provider, "--line", ONE, "--sell", "10.50")
    steps.close()

    refused = decide(provider, "--line", ONE, "--sell", "11")
    assert refused.exit_code == 2
    assert "was posted, or sent to HaloPSA" in refused.stderr
    file_of(provider).write_text(f"{HEADER}pax8,{INVOICE},{ONE},sell,12,Ann,changed by hand\n")
    steps.close()

    assert provider.billed() == {ACME.halopsa_id: ["30.50"]}
    gaps = "select count(*) from three_way where sell_gap <> 0 or cost_gap <> 0"
    assert provider.value(gaps) == 0
    assert provider.value("select decisions from normalized_charges where source_line_id = ?", ONE).count('"10.5"') == 1
    (finding,) = provider.query("select detail from findings where kind = 'decision_too_late'")
    assert "which was posted before: it stays as it was posted" in finding[0]


def test_a_decided_line_of_a_client_that_is_excluded_is_billed_to_nobody(steps: Steps) -> None:
    provider = steps.provider
    decide(provider, "--line", ONE, "--sell", "10.50")
    decide(provider, "--line", THREE, "--client", "acme")
    provider.set_clients([ACME, BIRCH], excluded=[ACME])

    steps.close()

    assert provider.billed() == {}
    assert provider.query("select distinct client, disposition, reason from dispositions") == [
        ("acme", "excluded", "excluded_client")
    ]
    assert provider.adds_up()


def test_the_last_of_several_decisions_counts_and_all_else_of_the_file_stays(steps: Steps) -> None:
    provider = steps.provider
    written = (
        "\ufeffwhy,decision,value,integration,invoice_id,source_line_id,by\r\n"
        "# October\r\n"
        f'"said ""so""",sell,1.00,pax8,{INVOICE},{TWO},Ben\r\n'
        f"first,sell,5,pax8,{INVOICE},{ONE},Ben"
    )
    file_of(provider).write_text(written, newline="")
    typed = decide(provider, "--line", ONE, "--sell", "7.00", "--currency", "usd", why="=cmd")
    assert typed.exit_code == 0, typed.all
    assert file_of(provider).read_bytes().decode() == (
        "\ufeffwhy,decision,value,integration,invoice_id,source_line_id,by\r\n"
        "# October\r\n"
        f'"said ""so""",sell,1.00,pax8,{INVOICE},{TWO},Ben\r\n'
        f"'=cmd,sell,7,pax8,{INVOICE},{ONE},Ann\r\n"
        f"'=cmd,currency,USD,pax8,{INVOICE},{ONE},Ann\r\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--line", "no-such", "--sell", "1"), "2026-10 has no line 'no-such' that can be billed"),
        (("--line", ONE, "--sell", "1,5"), "--sell '1,5' is no amount"),
        (
            ("--line", ONE, "--client", "acne"),
            "--client 'acne' is no client of clients.csv: the nearest",
        ),
        (("--line", ONE, "--class", "x"), "--class 'x' is no line class: write one of license"),
        (("--line", ONE), "Decided is nothing yet: add --exclude, --sell AMOUNT"),
        (("--sell", "1"), "For which line? Add --line ID"),
        (("--line", ONE, "--line", "no-such", "--exclude"), "2026-10 has no line 'no-such'"),
    ],
)
def test_what_cannot_be_decided_writes_nothing(steps: Steps, words: tuple[str, ...], said: str) -> None:
    typed = decide(steps.provider, *words)
    assert typed.exit_code == 2
    assert said in " ".join(typed.stderr.split())
    assert not file_of(steps.provider).exists()


def test_who_and_why_are_asked_for(steps: Steps) -> None:
    for words in (("--by", "Ann"), ("--why", "so")):
        typed = type_command(steps.provider, "decide", MONTH, "--line", ONE, "--exclude", *words)
        assert typed.exit_code == 2
        assert "is empty: it stands with the decision for good" in typed.stderr
    assert not file_of(steps.provider).exists()


def test_without_a_line_those_that_wait_are_listed(steps: Steps) -> None:
    listed = " ".join(type_command(steps.provider, "decide", MONTH).stdout.split())
    assert "2 lines of 2026-10 that wait for a decision" in listed
    assert f"--line {THREE}" in listed
    assert "The line names no company" in listed
    assert "The line names no company (" not in listed
    assert TWO not in listed
    all_of_acme = type_command(steps.provider, "decide", MONTH, "--of", "acme").stdout
    assert TWO in all_of_acme
    mistyped = type_command(steps.provider, "decide", MONTH, "--of", "acne")
    assert mistyped.exit_code == 2
    assert "'acne' has no line in 2026-10: the nearest known one is acme" in " ".join(mistyped.stderr.split())


def test_a_line_that_was_given_to_another_client_moves_with_a_close_of_that_client(steps: Steps) -> None:
    provider = steps.provider
    assert decide(provider, "--line", THREE, "--client", "birch").exit_code == 0
    provider.close("birch", post=False)

    query = "select client, disposition from dispositions where source_line_id = ?"
    assert provider.query(query, THREE) == [("birch", "held")]
    assert provider.adds_up()

    file_of(provider).unlink()
    provider.close("birch", post=False)
    assert provider.query(query, THREE) == [("unassigned", "blocked")]


def test_a_decision_for_a_line_that_its_invoice_does_not_have_is_told(steps: Steps) -> None:
    file_of(steps.provider).write_text(f"{HEADER}pax8,{INVOICE},gone,exclude,,Ann,x\npax8,other,gone,exclude,,Ann,x\n")
    steps.close(post=False)
    (finding,) = steps.provider.query("select detail from findings where kind = 'decision_without_line'")
    assert f"line gone of invoice {INVOICE}, which has no such line" in finding[0]


def test_the_command_of_a_line_names_its_invoice_where_two_have_a_line_of_its_id(provider: Provider) -> None:
    """Lines without an id are known by their content, which two invoices of a month may share."""
    bills = [make_invoice([make_line(1, ACME, "0", "8.00", id=None)], invoice) for invoice in (INVOICE, SECOND_INVOICE)]
    for bill in bills:
        del bill["items"][0]["total"]
    provider.set_up(make_world([ACME], bills), [ACME])
    steps = Steps(provider)
    steps.close(post=False)

    for (detail,) in provider.query("select detail from holds"):
        command = detail.partition("decide it with billing-pipeline ")[2]
        filled = {"AMOUNT": "10.00", "NAME": "Ann", "TEXT": "so"}
        typed = type_command(provider, *(filled.get(word, word) for word in command.split()))
        assert typed.exit_code == 0, typed.all
    steps.close()

    assert provider.billed() == {ACME.halopsa_id: ["20.00"]}
    assert provider.adds_up()


def test_who_approves_what_they_decided_is_told(steps: Steps) -> None:
    provider = steps.provider
    provider.set_settings(approval="required")
    decide(provider, "--line", ONE, "--sell", "10.50")
    decide(provider, "--line", THREE, "--client", "acme", by="Ben")
    steps.close(post=False)

    approved = type_command(provider, "approve", MONTH, "--by", "ann")

    assert approved.exit_code == 0, approved.all
    said = " ".join(approved.stdout.split())
    assert "approved by ann (system user" in said
    assert "decided what counts for 1 of its lines (line_decisions.csv)" in said
