"""`sandbox`: both services until Ctrl-C, and the variables that lead there."""

import shlex
import signal
import socket
from pathlib import Path

import httpx

from billing_pipeline_tests.cli.typing_commands import bare_environment, finish, run_command, start_command


def test_the_sandbox_prints_variables_to_paste_and_stops_with_ctrl_c(tmp_path: Path) -> None:
    process = start_command(bare_environment(), tmp_path, "sandbox")
    assert process.stdout is not None
    variables = {}
    while "BILLING_NOW" not in variables:
        word, assignment = shlex.split(process.stdout.readline())
        assert word == "export"
        name, _, value = assignment.partition("=")
        variables[name] = value
    folder = Path(variables["BILLING_CONFIG"]).parent
    assert {Path(variables[name]).is_relative_to(folder) for name in ("BILLING_WAREHOUSE", "DAGSTER_HOME")} == {True}
    assert not folder.is_relative_to(tmp_path)
    typed_check = run_command(bare_environment(None, **variables), tmp_path, "check")
    with httpx.Client(trust_env=False) as browser:
        clock = browser.get(variables["PAX8_BASE_URL"].removesuffix("/v1") + "/_sandbox/clock").json()
    process.send_signal(signal.SIGINT)
    typed = finish(process)
    assert typed_check.exit_code == 0, typed_check.stderr
    assert clock["now"] == variables["BILLING_NOW"]
    assert typed.exit_code == 0
    assert "Stopped." in typed.stderr
    assert not folder.exists()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        typed = run_command(bare_environment(), tmp_path, "sandbox", "--halopsa-port", str(port))
    assert typed.exit_code == 2
    assert f"The HaloPSA sandbox cannot use port {port}" in typed.stderr
