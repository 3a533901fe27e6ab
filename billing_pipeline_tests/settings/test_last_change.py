"""Who last changed a client's lines: by git, by the file's owner where git cannot tell."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing_pipeline.settings.last_change import LastChange, SettingsHistory
from billing_pipeline.settings.load import load_settings
from billing_pipeline_tests.settings.folders import CLIENTS_HEADER, write_folder
from billing_pipeline_tests.settings.work_trees import commit_all

ACME, BIRCH = "acme,Acme,1,c-1,false,,\n", "birch,Birch,2,c-2,false,,\n"
YAML = """\
clients:
  # Acme has asked for it.
  acme:
    settings:
      line_text:
        long: |-
          {product}
          {period}

  # Birch has not.
  birch: {settings: {modifiers: {drop_zero: true}}}
caps: {first_invoice: true}
"""
JANE, BOB = ("Jane Doe", "jane@msp.example"), ("Bob Roe", "bob@msp.example")


def last_change(folder: Path, client: str) -> LastChange | None:
    return SettingsHistory(load_settings(folder)).last_change(client)


def who(folder: Path, client: str) -> tuple[str, int, tuple[str, ...]]:
    change = last_change(folder, client)
    assert change is not None
    return change.file, change.line, change.names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Jane made the settings on the 1st; on the 2nd Bob changed the second line of Acme's text."""
    write_folder(tmp_path, YAML, clients=CLIENTS_HEADER + ACME + BIRCH)
    commit_all(tmp_path, *JANE, "2026-10-01")
    write_folder(tmp_path, YAML.replace("{period}", "For {period}"))
    commit_all(tmp_path, *BOB, "2026-10-02")
    return tmp_path


def test_git_tells_who_changed_any_line_of_the_client_last(folder: Path) -> None:
    assert who(folder, "acme") == ("billing.yaml", 8, BOB)
    assert who(folder, "birch")[2] == JANE
    change = last_change(folder, "acme")
    assert change is not None
    assert change.changed_at == datetime(2026, 10, 2, 12, tzinfo=UTC)
    assert change.described.endswith("of 2026-10-02 by Bob Roe <bob@msp.example>")


def test_comments_and_the_settings_of_others_are_no_settings_of_the_client(folder: Path) -> None:
    text = YAML.replace("{period}", "For {period}").replace("Birch has not", "Birch never will")
    write_folder(folder, text.replace("first_invoice: true", "first_invoice: false"))
    commit_all(folder, *JANE, "2026-10-03")

    assert who(folder, "acme")[2] == BOB


def test_an_anchor_that_a_client_uses_counts_and_what_stands_between_does_not(tmp_path: Path) -> None:
    shared = "settings: &shared\n  modifiers: {drop_zero: true}\n"
    rest = "caps:\n  first_invoice: true\nclients:\n  acme:\n    settings:\n      <<: *shared\n"
    write_folder(tmp_path, shared + rest, clients=CLIENTS_HEADER + ACME)
    commit_all(tmp_path, *JANE, "2026-10-01")
    write_folder(tmp_path, shared + rest.replace("first_invoice: true", "first_invoice: false"))
    commit_all(tmp_path, *BOB, "2026-10-02")
    assert who(tmp_path, "acme")[2] == JANE

    write_folder(
        tmp_path, shared.replace("true", "false") + rest.replace("first_invoice: true", "first_invoice: false")
    )
    commit_all(tmp_path, *BOB, "2026-10-03")
    assert who(tmp_path, "acme") == ("billing.yaml", 2, BOB)


def test_a_row_of_the_mapping_counts_like_a_setting(folder: Path) -> None:
    write_folder(folder, YAML, clients=CLIENTS_HEADER + ACME + BIRCH.replace("c-2", "c-3"))
    commit_all(folder, *BOB, "2026-10-03")

    assert who(folder, "birch") == ("clients.csv", 3, BOB)


def test_lines_that_are_not_committed_count_as_the_file_owners(folder: Path) -> None:
    write_folder(folder, YAML, clients=CLIENTS_HEADER + ACME.replace("Acme", "Acme Dental") + BIRCH)

    file, line, names = who(folder, "acme")
    assert (file, line, names) == ("clients.csv", 2, ((folder / "clients.csv").owner(),))
    change = last_change(folder, "acme")
    assert change is not None
    assert change.described.startswith("not committed yet, changed on ")
    assert who(folder, "birch")[2] == JANE


@pytest.mark.parametrize("why", ["no work tree", "not added", "no git"])
def test_where_git_cannot_tell_the_owner_of_the_newer_file_is_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_folder(outside, YAML, clients=CLIENTS_HEADER + ACME + BIRCH)
    if why == "no work tree":
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    elif why == "no git":
        monkeypatch.setenv("PATH", str(outside))
    os.utime(outside / "clients.csv", (2_000_000_000, 2_000_000_000))

    change = last_change(outside, "birch")
    assert change is not None
    owner = (outside / "clients.csv").owner()
    assert (change.file, change.line, change.names) == ("clients.csv", 3, (owner,))
    assert change.described == f"changed on 2033-05-18, owner {owner}"


def test_a_client_that_stands_nowhere_was_changed_by_nobody(folder: Path) -> None:
    assert last_change(folder, "pax8-c-9") is None


def test_a_file_that_is_gone_since_it_was_read_tells_nothing(folder: Path) -> None:
    history = SettingsHistory(load_settings(folder))
    (folder / "clients.csv").unlink()
    (folder / "billing.yaml").unlink()

    assert history.last_change("acme") is None


def test_a_client_of_several_companies_has_several_lines(tmp_path: Path) -> None:
    write_folder(tmp_path, clients=CLIENTS_HEADER + ACME + BIRCH)
    commit_all(tmp_path, *JANE, "2026-10-01")
    write_folder(tmp_path, clients=CLIENTS_HEADER + ACME + BIRCH + ACME.replace("c-1", "c-9"))
    commit_all(tmp_path, *BOB, "2026-10-02")

    assert who(tmp_path, "acme") == ("clients.csv", 4, BOB)
