"""Usage: commands, options, and the exit code of each mistake."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from billing_pipeline.cli import app
from billing_pipeline.commands.outcome import DONE, FAILED, HELD, INTERRUPTED, WRONG_USAGE
from billing_pipeline_tests.cli.typing_commands import bare_environment, run_command

COMMANDS = (
    "demo",
    "sandbox",
    "check",
    "codes",
    "close",
    "review",
    "approve",
    "explain",
    "verify",
    "release",
    "resolve",
    "reverse",
    "publish",
)
ROOT = Path(__file__).parents[2]


def test_the_exit_codes_are_those_that_others_rely_on() -> None:
    assert (DONE, FAILED, WRONG_USAGE, HELD, INTERRUPTED) == (0, 1, 2, 3, 130)


def test_help_lists_every_command(tmp_path: Path) -> None:
    typed = run_command(bare_environment(), tmp_path, "--help")
    assert typed.exit_code == 0
    for command in COMMANDS:
        assert f" {command} " in typed.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("clos", "2026-10"),
        ("close",),
        ("close", "2026-10", "--pots"),
        ("close", "2026-10", "extra"),
        ("review",),
        ("verify",),
        ("release", "2026-10"),
        ("resolve", "2026-10", "--client", "acme", "--absent"),
        ("resolve", "2026-10", "--client", "acme", "--by", "Jane", "--invoice", "many"),
        ("approve",),
        ("approve", "2026-10"),
        ("explain",),
        ("sandbox", "--pax8-port", "many"),
        ("sandbox", "--pax8-port", "70000"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    typed = run_command(bare_environment(), tmp_path, *words)
    assert typed.exit_code == 2
    assert "Usage: billing-pipeline" in typed.all
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        "review",
        "verify",
        "release --client acme",
        "resolve --client acme --absent --by Jane",
        "reverse --client acme",
        "approve --by Jane",
        "approve --by Jane --client acme --reversal",
    ],
)
def test_a_month_in_the_digits_of_another_script_is_wrong_usage(words: str) -> None:
    command, *options = words.split()
    typed = CliRunner().invoke(app, [command, "２０２６-10", *options])
    assert typed.exit_code == WRONG_USAGE
    assert "'２０２６-10' is no month: write it as YYYY-MM." in typed.stderr


def test_a_missing_settings_folder_says_what_to_do(tmp_path: Path) -> None:
    typed = run_command(bare_environment(), tmp_path, "explain", "acme")
    assert typed.exit_code == 2
    assert "there is no such settings folder" in typed.stderr
    assert "BILLING_CONFIG" in typed.stderr


def test_a_broken_dotenv_is_wrong_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PAX8_CLIENT_SECRT=abc\n")
    typed = run_command(bare_environment(), tmp_path, "check")
    assert typed.exit_code == 2
    assert "PAX8_CLIENT_SECRET" in typed.stderr
    assert "abc" not in typed.all


def test_the_instance_of_the_repository_is_the_one_that_commands_make() -> None:
    shipped = (ROOT / "billing_pipeline" / "dagster.yaml").read_text()
    assert (ROOT / "dagster.yaml").read_text() == shipped
