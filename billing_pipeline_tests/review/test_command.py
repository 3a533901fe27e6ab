"""`review` as a person types it: forms that exclude each other, files that cannot be written, JSON that adds up."""

import json
import os
import shutil
import stat
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from billing_pipeline.cli import app
from billing_pipeline.commands.review_page import page_file
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, bill, invoice, licence, make_world, numbered
from billing_pipeline_tests.review.conftest import NewProvider

CEDAR = numbered(3)
Amounts = dict[str, Decimal]


@pytest.fixture(scope="module")
def folder(new_provider: NewProvider) -> Path:
    """The folder of a prepared month: one client to post, one held, one on an open invoice."""
    provider = new_provider()
    lines = [
        licence("mail", ACME, "10.005", "8.0004", productName="Mail \x1b[2J\u202e"),
        licence("refund", BIRCH, "-5.00"),
        licence("späte=1+1", CEDAR, "3.00", "2.50", productName="Späte Post \U0001f4ee", quantity=3),
        licence("lost", numbered(9), "0.0000001"),
    ]
    clients = [ACME, BIRCH, CEDAR]
    world = make_world(clients, [bill(OCTOBER, *lines)], invoices=[invoice(510, CEDAR)])
    provider.set_up(world, clients, {"target": "latest"})
    provider.prepare()
    provider.warehouse.close()
    return provider.folder


@pytest.fixture
def variables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """What leads the command line to that month."""
    monkeypatch.chdir(folder)
    return {"BILLING_CONFIG": str(folder / "config"), "BILLING_WAREHOUSE": str(folder / "billing.duckdb")}


def review(variables: Mapping[str, str], *words: str) -> Result:
    result = CliRunner().invoke(app, ["review", OCTOBER, *words], env=dict(variables))
    assert "Traceback" not in result.stderr
    return result


def read(variables: Mapping[str, str], *words: str) -> dict[str, Any]:
    result = review(variables, "--json", *words)
    assert result.exit_code == 3, "something is held"
    assert result.stdout.isascii()
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def read_one(variables: Mapping[str, str], client: str) -> dict[str, Any]:
    (found,) = [one for one in read(variables)["clients"] if one["client"] == client]
    return dict(found)


def add(rows: list[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows if row[name] is not None), Decimal(0))


def test_json_adds_up_to_the_last_digit(variables: Mapping[str, str]) -> None:
    told = read(variables)
    (total,) = told["totals"]
    lines = [line for client in told["clients"] for line in client["source_lines"]]
    documents = [one for client in told["clients"] for one in client["documents"] if one["stage"] == "to_post"]
    (source, *others) = told["cents"]
    for name in ("sell", "cost"):
        assert add(lines, name) == Decimal(total[f"source_{name}"]) == Decimal(source[name]) == add(others, name)
        assert add(documents, name) == Decimal(total[f"open_{name}"]) == add(told["history"], f"open_{name}")
        assert total[f"{name}_gap"] == "0"
    assert total["source_sell"] == "8.0050001"
    assert total["open_sell"] == "13.01"
    months = [month for client in told["clients"] for month in client["by_currency"]]
    assert add(months, "sell") == Decimal(total["open_sell"])
    for document in documents:
        billed = [line["after"] for line in document["lines"] if line["ours"]]
        assert add(billed, "sell") == Decimal(document["sell"])


def test_the_shape_of_json_is_the_one_that_is_told(variables: Mapping[str, str]) -> None:
    told = read(variables)
    assert told["version"] == 1
    assert set(told) == {
        "version", "month", "previous_month", "fetched_at", "prepared", "explained", "invoices",
        "not_billed_invoices", "source_lines", "totals", "cents", "history", "unmapped", "approvals", "corrections",
        "reversals",
        "findings", "month_findings", "drift", "differences", "refused", "settings_problem", "clients",
    }  # fmt: skip
    (cedar,) = [client for client in told["clients"] if client["client"] == CEDAR.key]
    assert set(cedar) == {
        "client", "name", "plan_hash", "sealed_at", "stale", "by_currency", "documents", "new_items", "holds",
        "source_lines",
    }  # fmt: skip
    (document,) = cedar["documents"]
    assert set(document) == {
        "document_key", "action", "stage", "halopsa_id", "billed_client_id", "currency", "invoice_date", "group",
        "lines", "before_total", "after_total", "sell", "cost", "expected_tax", "tax", "plan_hash", "corrects",
        "takes_back", "reversed_by", "sent_at",
    }  # fmt: skip
    ours, others = document["lines"]
    assert set(ours) == {
        "change", "ours", "line_id", "before", "after", "changed", "charge_key", "slot_key", "collapsed", "line_keys"
    }  # fmt: skip
    assert set(ours["after"]) == {
        "text", "long_text", "quantity", "unit_price", "sell", "cost", "inactive", "item_id", "item_name",
        "item_reference", "tax_id", "account",
    }  # fmt: skip
    assert (ours["change"], ours["before"], ours["after"]["sell"]) == ("added", None, "3")
    assert ours["after"]["text"] == "Späte Post \U0001f4ee"
    assert (others["change"], others["before"]) == ("kept", others["after"])
    assert (document["before_total"], document["after_total"]) == ("100", "103")
    assert set(cedar["source_lines"][0]) == {
        "line_key", "integration", "invoice_id", "line_no", "source_line_id", "company_name", "product", "description",
        "period_start", "period_end", "quantity", "currency", "sell", "cost", "line_class", "disposition", "reason",
        "setting_level", "charge_key", "sent_currency", "sent_sell", "sent_cost", "decided",
    }  # fmt: skip
    (birch,) = [client for client in told["clients"] if client["client"] == BIRCH.key]
    (hold,) = birch["holds"]
    assert hold["reason"] == "negative_total"
    force = "--post --force-cap negative_invoice"
    assert hold["next_step"] == (
        f"To post it all the same, run billing-pipeline close {OCTOBER} --client {BIRCH.key} {force}. To leave lines "
        f"out of it, run billing-pipeline decide {OCTOBER} --line ID --exclude --by NAME --why TEXT (billing-pipeline "
        f"decide {OCTOBER} --of {BIRCH.key} lists them), then billing-pipeline close {OCTOBER} --client {BIRCH.key}."
    )
    assert told["unmapped"][0]["sell"] == "0.0000001"


def test_every_key_of_json_is_told_in_the_documentation(variables: Mapping[str, str]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "review.md").read_text(encoding="utf-8")
    missing = {key for key in _keys(read(variables)) if f"`{key}" not in text and f"`{key[:-5]}_*`" not in text}
    assert missing == set()


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_keys(inner) for inner in value.values()))
    return set().union(*(_keys(inner) for inner in value)) if isinstance(value, list) else set()


def test_json_of_one_client_is_that_client(variables: Mapping[str, str]) -> None:
    result = review(variables, "--json", "--client", ACME.key)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert [client["client"] for client in told["clients"]] == [ACME.key]
    assert told["totals"][0]["source_sell"] == "10.005"
    assert [hold for client in told["clients"] for hold in client["holds"]] == []


def test_a_page_is_written_whole_with_the_rights_of_the_umask(variables: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "out" / "october.html"
    file.parent.mkdir()
    file.write_text("old")
    file.chmod(0o666)
    before = os.umask(0o077)
    try:
        result = review(variables, "--html", str(file))
    finally:
        os.umask(before)
    assert result.exit_code == 3
    assert "The page is" in result.stdout
    page = file.read_text()
    assert page.startswith("<!doctype html>")
    assert "Späte Post \U0001f4ee" in page
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file], "no draft stays"


def test_one_form_at_a_time(variables: Mapping[str, str], tmp_path: Path) -> None:
    result = review(variables, "--json", "--html", str(tmp_path / "page.html"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--html and --json together" in result.stderr
    assert not (tmp_path / "page.html").exists()


def test_where_no_page_can_be_written_is_told_before_anything_is_read(tmp_path: Path) -> None:
    nothing = {"BILLING_WAREHOUSE": str(tmp_path / "none.duckdb")}
    result = review(nothing, "--html", str(tmp_path / "none" / "page.html"))
    assert result.exit_code == 2
    assert f"There is no folder {tmp_path / 'none'}" in result.stderr
    result = review(nothing, "--html", str(tmp_path))
    assert result.exit_code == 2
    assert f"{tmp_path} is a folder" in result.stderr
    result = review(nothing, "--html", "/dev/null")
    assert result.exit_code == 2
    assert "/dev/null is no ordinary file" in result.stderr


def test_a_page_that_cannot_be_written_leaves_the_old_one(variables: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("old")
    # A folder in the place of the draft: nobody can write it, root neither.
    draft = tmp_path / f".page.html.{os.getpid()}.draft"
    draft.mkdir()
    result = review(variables, "--html", str(file))
    assert result.exit_code == 1
    assert f"The page could not be written to {file}: " in result.stderr
    assert "correct the rights of the folder, or name another file" in result.stderr
    assert file.read_text() == "old"
    draft.rmdir()
    page_file.write_page(file, "new")
    assert file.read_text() == "new"


def test_the_terminal_shows_documents_before_and_after_in_100_columns(variables: Mapping[str, str]) -> None:
    whole = review(variables)
    assert whole.exit_code == 3
    assert "To post: 1 new invoice, 1 changed invoice; 2 lines added, 0 changed, 0 made inactive" in whole.stdout
    assert "Held: 1 new invoice; 1 line added" in whole.stdout
    (row,) = [line for line in whole.stdout.splitlines() if line.startswith("client-3 ") and "invoice 510" in line]
    assert " ".join(row.split()) == "client-3 invoice 510 to post 100.00 103.00 1 0 0 USD"
    assert "billing-pipeline review 2026-10 --client KEY" in whole.stdout
    one = review(variables, "--client", CEDAR.key)
    assert one.exit_code == 0
    assert "Invoice 510 changes (to post)" in one.stdout
    assert "1 × 3.00 = 3.00 USD" in one.stdout
    assert "not ours, stays" in one.stdout
    assert "Total 100.00 → 103.00 USD before tax" in one.stdout
    assert "client-1" not in one.stdout
    assert max(len(line) for text in (whole, one) for line in text.stdout.splitlines()) <= 100


def test_a_name_cannot_command_the_terminal(variables: Mapping[str, str]) -> None:
    told = review(variables, "--client", ACME.key).stdout
    assert "Mail \ufffd[2J\ufffd" in told
    assert "\x1b" not in told
    (line,) = read_one(variables, ACME.key)["documents"][0]["lines"]
    assert line["after"]["text"] == "Mail \x1b[2J\u202e", "programs get it as it is"


def test_a_client_that_the_month_does_not_have_is_wrong_usage(variables: Mapping[str, str]) -> None:
    result = review(variables, "--client", "client-33")
    assert result.exit_code == 2
    assert "'client-33' has nothing in 2026-10: the nearest client there is client-3." in result.stderr


def test_a_stale_plan_is_told_with_the_command_that_prepares_it_again(
    variables: Mapping[str, str], folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "config", tmp_path / "config")
    variables = {**variables, "BILLING_CONFIG": str(tmp_path / "config")}
    settings = tmp_path / "config" / "billing.yaml"
    settings.write_text(settings.read_text() + "late_after_day: 9\n")
    told = review(variables).stdout
    assert "Not of the newest state: nothing is posted until it is prepared again" in told
    assert "Each plan of 3 clients was made with other settings than those in the settings" in " ".join(told.split())
    assert "    billing-pipeline close 2026-10\n" in told
    stale = {client["client"]: client["stale"] for client in read(variables)["clients"]}
    assert stale[ACME.key] == {
        "text": "The plan of client-1 was made with other settings than those in the settings folder now: "
        "it is not posted as it stands.",
        "next_step": "billing-pipeline close 2026-10",
    }
    settings.write_text("settings: {no_such_key: 1}\n")
    broken = review(variables)
    assert broken.exit_code == 3
    assert "The settings folder cannot be read now" in broken.stdout
    assert "no_such_key" in broken.stdout
    assert "no_such_key" in read(variables)["settings_problem"]
