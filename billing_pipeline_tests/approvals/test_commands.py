"""Approvals as a billing clerk meets them: close holds, approve lets go, close posts, review tells who approved."""

import re
from typing import Any

import pytest

from billing_pipeline_tests.cli.typing_commands import Typed, bare_environment, run_command, type_command
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, CEDAR, MONTH, make_invoice, make_line, make_world

CLIENTS = [ACME, BIRCH]


def set_up(provider: Provider, **settings: Any) -> Steps:
    """Acme with one line over 10.00 USD and Birch with one over 20.00 USD, and approvals required."""
    lines = [make_line(1, ACME, "10.00", "8.00"), make_line(2, BIRCH, "20.00", "16.00")]
    provider.set_up(make_world(CLIENTS, [make_invoice(lines)]), CLIENTS, **{"approval": "required", **settings})
    return Steps(provider)


def shown(typed: Typed) -> str:
    """What a command wrote, single-spaced."""
    return "\n".join(" ".join(line.split()) for line in typed.stdout.splitlines())


def hash_of(provider: Provider, client: str) -> str:
    return str(provider.value("select plan_hash from plans where client = ?", client))[:12]


def test_close_holds_approve_lets_go_and_close_posts(provider: Provider) -> None:
    set_up(provider)

    typed = type_command(provider, "close", MONTH)
    assert typed.exit_code == 0, "to approve is not held"
    assert "2 clients: 2 billed (2 of them to approve), 0 held, 0 excluded" in typed.stdout
    assert "2 invoices to approve: 30.00 USD" in typed.stdout
    assert "acme to approve 1 1 10.00 8.00" in shown(typed)
    assert "invoices as drafts to HaloPSA" not in typed.stdout

    typed = type_command(provider, "close", MONTH, "--post")
    assert typed.exit_code == 3
    assert provider.posts() == 0
    assert "2 plans to approve, and not posted before" in typed.stdout
    assert f"acme {hash_of(provider, 'acme')} 1 1 10.00 8.00 USD" in shown(typed)
    assert f"    billing-pipeline approve {MONTH} --by NAME\n" in typed.stdout
    assert "Held, and not billed" not in typed.stdout

    typed = type_command(provider, "approve", MONTH, "--client", "acme", "--by", "Jane Doe")
    assert typed.exit_code == 0
    assert f"Jane Doe approved 1 plan of {MONTH}" in typed.stdout
    assert f"acme {hash_of(provider, 'acme')} 1 1 10.00 8.00 USD\n\nTotal 1 1 10.00 8.00 USD" in shown(typed)
    assert f"    billing-pipeline close {MONTH} --client acme --post\n" in typed.stdout

    # In a process of its own, without a credential: who approves may be somebody who may not post.
    bare = {name: value for name, value in provider.variables.items() if name.startswith(("BILLING", "DAGSTER"))}
    typed = run_command({**bare_environment(), **bare}, provider.folder, "approve", MONTH, "--by", "Bob Roe")
    assert typed.exit_code == 0
    assert f"    billing-pipeline close {MONTH} --post\n" in typed.stdout

    typed = type_command(provider, "close", MONTH, "--post")
    assert typed.exit_code == 0
    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.adds_up()

    typed = type_command(provider, "review", MONTH)
    assert typed.exit_code == 0
    assert re.search(r"^acme [0-9a-f]{12} 1 10\.00 USD posted Jane Doe 2026-10-05$", shown(typed), re.MULTILINE)
    assert re.search(r"^birch [0-9a-f]{12} 1 20\.00 USD posted Bob Roe 2026-10-05$", shown(typed), re.MULTILINE)


def test_review_shows_an_approval_that_fell_with_who_had_approved(provider: Provider) -> None:
    steps = set_up(provider)
    steps.close(post=False)
    assert type_command(provider, "approve", MONTH, "--by", "Jane Doe").exit_code == 0
    approved = hash_of(provider, "acme")
    assert "acme" in type_command(provider, "review", MONTH).stdout.partition("Approved")[2]

    provider.set_settings(
        approval="required", clients={"acme": {"settings": {"line_text": {"short": "Cloud: {title}"}}}}
    )
    steps.close(post=False)

    typed = type_command(provider, "review", MONTH)
    assert typed.exit_code == 0
    assert "1 plan to approve" in typed.stdout
    assert (
        f"- acme: Jane Doe approved plan {approved} on 2026-10-05; our lines changed since, to the same 10.00 USD"
        in shown(typed).replace("\n", " ").replace("  ", " ")
    )
    assert re.search(r"^birch [0-9a-f]{12} 1 20\.00 USD approved Jane Doe", shown(typed), re.MULTILINE)


def test_the_command_that_posts_repeats_the_caps_that_were_forced(provider: Provider) -> None:
    steps = set_up(provider, caps={"max_client_total": {"USD": 15}})
    steps.close(post=False)
    typed = type_command(provider, "approve", MONTH, "--by", "Jane Doe")
    assert "- birch: cap:max_client_total\n" in typed.stdout
    assert f"What to do about it: billing-pipeline review {MONTH}" in typed.stdout

    steps.close(post=False, force_caps=["max_client_total"])
    typed = type_command(provider, "approve", MONTH, "--by", "Jane Doe")

    assert f"    billing-pipeline close {MONTH} --force-cap max_client_total --post\n" in typed.stdout
    steps.close(force_caps=["max_client_total"])
    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}


def test_who_approves_own_changes_is_told_once_for_all_such_clients(provider: Provider) -> None:
    set_up(provider).close(post=False)
    owner = (provider.config / "clients.csv").owner()

    typed = type_command(provider, "approve", MONTH, "--by", owner.upper())

    assert typed.exit_code == 0
    text = shown(typed).replace("\n", " ")
    assert f"- acme, birch: approved by {owner.upper()} (system user " in text
    assert re.search(rf"clients\.csv, changed on \d{{4}}-\d\d-\d\d, owner {owner}", text)
    assert "who was also the last to change" in shown(type_command(provider, "review", MONTH)).replace("\n", " ")


def test_approving_twice_adds_nothing_and_nothing_to_approve_is_no_error(provider: Provider) -> None:
    set_up(provider).close(post=False)
    type_command(provider, "approve", MONTH, "--by", "Jane Doe")

    typed = type_command(provider, "approve", MONTH, "--by", "Jane Doe")
    assert (typed.exit_code, typed.stdout.strip()) == (0, f"No plan of {MONTH} awaits an approval")
    typed = type_command(provider, "approve", MONTH, "--client", "acme", "--by", "JANE DOE")
    assert typed.exit_code == 0
    assert "acme: JANE DOE approved this plan before; nothing was added." in typed.stdout
    assert provider.value("select count(*) from approvals") == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((MONTH, "--by", " "), 2, "--by ' ' names nobody"),
        (("2026-13", "--by", "Jane"), 2, "'2026-13' is no month: write it as YYYY-MM."),
        (("2026-09", "--by", "Jane"), 1, "2026-09 was never prepared"),
        (
            (MONTH, "--client", "acmee", "--by", "Jane"),
            2,
            "'acmee' is no client of 2026-10: the nearest known one is acme",
        ),
    ],
)
def test_what_is_refused_has_its_exit_code(fetched: Provider, words: tuple[str, ...], code: int, said: str) -> None:
    typed = type_command(fetched, "approve", *words)
    assert typed.exit_code == code
    assert said in typed.stderr
    assert "Traceback" not in typed.all


@pytest.fixture
def fetched(provider: Provider) -> Provider:
    set_up(provider).close(post=False)
    return provider


def test_where_no_approval_is_required_approve_is_wrong_usage(provider: Provider) -> None:
    set_up(provider, approval="none").close(post=False)

    typed = type_command(provider, "approve", MONTH, "--by", "Jane Doe")

    assert typed.exit_code == 2
    assert "billing.yaml:1: approval is none, so plans are posted without one" in typed.stderr
    assert "set approval: required" in typed.stderr


def test_without_a_database_there_is_nothing_to_approve(provider: Provider) -> None:
    set_up(provider)
    provider.warehouse.unlink(missing_ok=True)
    typed = type_command(provider, "approve", MONTH, "--by", "Jane Doe")
    assert typed.exit_code == 1
    assert "There is no database" in typed.stderr
    assert not provider.warehouse.exists()


def test_explain_says_that_an_approval_is_required(provider: Provider) -> None:
    set_up(provider)
    typed = type_command(provider, "explain", "acme")
    assert "Approval required: a plan is posted only after billing-pipeline approve (" in typed.stdout
    assert "billing.yaml:1)" in typed.stdout
    provider.set_settings()
    assert "Approval" not in type_command(provider, "explain", "acme").stdout


def test_money_that_belongs_to_nobody_awaits_no_approval(provider: Provider) -> None:
    lines = [make_line(1, ACME, "10.00"), make_line(2, CEDAR, "5.00")]
    provider.set_up(make_world(CLIENTS, [make_invoice(lines)]), CLIENTS, approval="required")
    Steps(provider).close(post=False)
    assert provider.held() == [(f"pax8-{CEDAR.company_id}", "unmapped_client")]
    assert provider.query("select client, sell from to_approve") == [("acme", 10)]
