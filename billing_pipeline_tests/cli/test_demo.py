"""`demo` and its UI: whole, repeatable, on this machine only, whatever the environment holds."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import httpx
import psutil
import pytest

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.demo.folder import DemoFolder, NoDemoYet
from billing_pipeline.demo.month import find_differences
from billing_pipeline.demo.ui import find_free_port
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps.month_summary import summarize_month
from billing_pipeline_tests.cli.fresh_copy import copy_project, start_make
from billing_pipeline_tests.cli.small_demo import CONFIG
from billing_pipeline_tests.cli.trap import Trap, set_trap
from billing_pipeline_tests.cli.typing_commands import bare_environment, finish, run_command, start_command
from billing_pipeline_tests.scenarios.worlds import MONTH

ROOT = Path(__file__).parents[2]
MODULE = "billing_pipeline_tests.cli.small_demo"


def run_small_demo(folder: Path, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """The small demo in a process of its own, started in the folder above, where a `.env` may lie."""
    command = [sys.executable, "-W", "ignore", "-m", MODULE, str(folder)]
    environment = {**(environment or bare_environment()), "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder.parent, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> DemoFolder:
    """The folder of a small demo that ran to its end."""
    folder = tmp_path_factory.mktemp("demo") / "finished"
    ran = run_small_demo(folder)
    assert ran.returncode == 0, ran.stderr
    return DemoFolder(folder)


def write_poison(trap: Trap, folder: Path) -> dict[str, str]:
    """Lead everything into the trap, by the environment and by `.env`."""
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in trap.poison.items()))
    return bare_environment(None, **trap.poison)


def test_the_two_commands_of_the_readme_work_in_a_fresh_copy(tmp_path: Path) -> None:
    copy_project(tmp_path)
    with set_trap() as trap:
        environment = write_poison(trap, tmp_path)
        first = start_make(environment, tmp_path, "run")
        assert first.stderr is not None
        stages = first.stderr.readline()  # it has its folder now
        second = run_command(environment, tmp_path, "demo")
        typed = finish(first)
    assert typed.exit_code == 0, typed.all
    assert trap.visits == []
    assert "[0:00] Starting a Pax8 and a HaloPSA" in stages
    for told in (
        "The demo month 2026-10 is closed",
        "Money without a client",
        "Alder Creek Rental",
        "Held, and not billed until it is settled",
        "Every line has one fate, and every cent is explained.",
        "the same, to the cent.",
        "make ui",
        "data/demo/published/billing.duckdb",
    ):
        assert told in typed.stdout
    assert typed.stdout.index("Money without a client") < typed.stdout.index("The month in short")
    assert "real-" not in typed.all
    assert "Traceback" not in typed.all
    # A command with the place where this is installed is as long as that place, for it is there to be copied.
    lines = [line for line in typed.stdout.splitlines() if not line.startswith("BILLING_WAREHOUSE=")]
    assert max(map(len, lines)) <= 100
    with duckdb.connect(str(tmp_path / "data/demo/published/billing.duckdb"), read_only=True) as published:
        assert published.sql("select count(*) > 2500 from dispositions where month = '2026-10'").fetchall() == [(True,)]
        assert published.sql("select count(distinct client) >= 40 from dispositions").fetchall() == [(True,)]
    assert second.exit_code == 1
    assert re.search(r"is in use by process \d+", second.stderr)
    assert "run the demo" in second.stderr

    tests = "billing_pipeline_tests/billing/test_money.py billing_pipeline_tests/billing/test_terms.py"
    tested = finish(start_make(bare_environment(), tmp_path, "test", f"TESTS={tests}"))
    assert tested.exit_code == 0, tested.all
    assert " passed" in tested.stdout


def test_a_demo_can_be_repeated_and_begins_anew(finished: DemoFolder) -> None:
    with set_trap() as trap:
        ran = run_small_demo(finished.path, write_poison(trap, finished.path.parent))
    assert ran.returncode == 0, ran.stderr
    assert trap.visits == []
    with duckdb.connect(str(finished.path / "published/billing.duckdb"), read_only=True) as published:
        assert published.sql("select count(*) from postings").fetchall() == [(1,)]
    state = json.loads((finished.path / "sandbox.json").read_text())
    assert len(state["halopsa"]["content"]["invoices"]) == 1


def test_a_demo_that_differs_from_its_holds_says_where(finished: DemoFolder) -> None:
    summary = summarize_month(Warehouse(finished.warehouse), MONTH)
    assert summary is not None
    assert find_differences(summary, {"birch": "excluded_client"}) == []
    assert find_differences(summary, {"acme": "no_item"}) == [
        "acme is held for nothing, and should be for no_item",
        "birch is held for excluded_client, and should be for nothing",
    ]


def test_the_demo_never_empties_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("years of work")
    with pytest.raises(SettingsError, match="holds files that are not the demo's"):
        DemoFolder(tmp_path).reset(CONFIG)
    assert (tmp_path / "precious.txt").read_text() == "years of work"
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="is no folder"):
        DemoFolder(tmp_path / "file").reset(CONFIG)


def test_a_demo_that_was_cut_short_is_no_finished_one(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo")
    folder.reset(CONFIG)
    with pytest.raises(NoDemoYet, match="run make run"):
        folder.read_ports()
    folder.reset(CONFIG)  # and it may be made new


def test_the_process_of_a_demo_cannot_reach_another_machine() -> None:
    script = (
        "import socket\n"
        "from billing_pipeline.demo.loopback import NotLoopback, stay_on_loopback\n"
        "stay_on_loopback()\n"
        "with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "    socket.create_connection(server.getsockname()).close()\n"
        "for address in (('192.0.2.1', 443), ('0.0.0.0', 443)):\n"
        "    try:\n"
        "        socket.create_connection(address, timeout=1)\n"
        "    except NotLoopback as error:\n"
        "        print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("The demo stays on this machine") == 2


def test_the_ui_shows_the_runs_of_the_demo_until_ctrl_c(finished: DemoFolder) -> None:
    with set_trap() as trap:
        environment = write_poison(trap, finished.path.parent)
        process = start_command(environment, finished.path.parent, "demo", "--ui", "--folder", str(finished.path))
        address = _read_address(process)
        with httpx.Client(trust_env=False, timeout=60) as browser:
            query = "{ runsOrError { ... on Runs { results { jobName status } } } }"
            answer = browser.post(f"{address}/graphql", json={"query": query}).json()
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        typed = finish(process)
    runs = {(run["jobName"], run["status"]) for run in answer["data"]["runsOrError"]["results"]}
    jobs = ("fetch_month", "prepare_month", "post_month", "prove_month")
    assert runs == {(job, "SUCCESS") for job in jobs}
    assert typed.exit_code == 0
    assert "Stopped." in typed.stderr
    assert len(family) >= 2
    assert [child for child in family if _still_works(child)] == []
    assert trap.visits == []
    assert urlsplit(address).hostname == "127.0.0.1"


def _still_works(child: psutil.Process) -> bool:
    """A zombie has ended: its parent, which may be the machine's first process, has not looked yet."""
    try:
        return child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _read_address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("http://"):
            return line.strip()
    raise AssertionError(finish(process).stderr)


def test_the_ui_says_when_its_ports_are_taken(finished: DemoFolder) -> None:
    ports = finished.read_ports()
    with socket.create_server(("127.0.0.1", ports.halopsa)):
        words = ("demo", "--ui", "--folder", str(finished.path))
        typed = run_command(bare_environment(), finished.path.parent, *words)
    assert typed.exit_code == 2
    assert f"cannot use port {ports.halopsa}" in typed.stderr
    assert "run make run again" in typed.stderr


def test_the_ui_takes_the_next_free_port() -> None:
    first = find_free_port()
    with socket.create_server(("127.0.0.1", first)):
        assert find_free_port() > first
