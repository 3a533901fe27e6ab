"""Dagster's UI and daemon on the demo's instance, with the demo's Pax8 and HaloPSA behind them."""

import http.client
import os
import signal
import socket
import subprocess
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from billing_pipeline.billing.errors import BillingPipelineError, SettingsError
from billing_pipeline.demo.folder import DemoFolder, NoDemoYet
from billing_pipeline.demo.loopback import stay_on_loopback
from billing_pipeline.sandbox.demo_world import DEMO_NOW, build_demo_world
from billing_pipeline.sandbox.http_server import HOST
from billing_pipeline.sandbox.server import Sandbox

FIRST_PORT, MOST_PORTS = 3000, 50
_START_SECONDS = 120
_STOP_SECONDS = 15
_DEFINITIONS = ("-m", "billing_pipeline.definitions")
_MOST_LOG_LINES = 15

Child: TypeAlias = "subprocess.Popen[bytes]"


class UiFailed(BillingPipelineError):
    """The UI or the daemon did not start, or ended by itself."""


@dataclass(frozen=True)
class RunningUi:
    """The UI at `address`, until `wait` returns."""

    address: str
    _stop: threading.Event
    _children: Mapping[str, Child]
    _folder: DemoFolder

    def wait(self) -> None:
        """Return on SIGINT or SIGTERM. Raises UiFailed where the UI or the daemon ends by itself."""
        while not self._stop.wait(1):
            _refuse_ended(self._children, self._folder)


@contextmanager
def run_ui(folder: DemoFolder, progress: Callable[[str], None]) -> Iterator[RunningUi]:
    """The UI, its daemon and the demo's services for the block; it answers when the block begins.

    SIGINT and SIGTERM do no more than end its `wait`. Raises NoDemoYet, DemoInUse, SettingsError for a port that
    is taken, and UiFailed.
    """
    stay_on_loopback()
    stop = _stop_on_signals()
    with folder.hold("show the demo in Dagster's UI"), ExitStack() as running:
        progress("Starting the demo's Pax8 and HaloPSA where they were")
        services = running.enter_context(_serve_sandbox(folder)).environment
        environment = _child_environment(folder.variables(services, DEMO_NOW))
        port = find_free_port()
        progress("Starting Dagster's UI and daemon")
        programs = Path(sysconfig.get_path("scripts"))
        commands = {
            "daemon": [str(programs / "dagster-daemon"), "run", *_DEFINITIONS],
            "webserver": [str(programs / "dagster-webserver"), "-h", HOST, "-p", str(port), *_DEFINITIONS],
        }
        children = running.enter_context(_children(commands, environment, folder))
        _wait_for_answer(port, children, folder, stop)
        yield RunningUi(f"http://{HOST}:{port}", stop, children, folder)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    return stop


@contextmanager
def _serve_sandbox(folder: DemoFolder) -> Iterator[Sandbox]:
    ports = folder.read_ports()
    if not folder.state_file.exists():
        raise NoDemoYet(f"{folder.state_file} is gone, which held what Pax8 and HaloPSA have: run make run again.")
    sandbox = Sandbox(build_demo_world(), ports.pax8, ports.halopsa, folder.state_file)
    try:
        sandbox.start()
    except SettingsError as error:
        raise SettingsError(
            f"{error}\nThe demo's journal knows HaloPSA by this address, so another port will not do: stop the "
            "program that has it, or run make run again, which chooses new ones."
        ) from error
    try:
        yield sandbox
    finally:
        sandbox.stop()


def find_free_port() -> int:
    """The first free port from 3000 on. Raises SettingsError where none of fifty is."""
    for port in range(FIRST_PORT, FIRST_PORT + MOST_PORTS):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                tried.bind((HOST, port))
                return port
    raise SettingsError(f"No port from {FIRST_PORT} to {FIRST_PORT + MOST_PORTS - 1} is free on {HOST}: free one.")


def _child_environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **variables, "DAGSTER_DISABLE_TELEMETRY": "yes", "NO_PROXY": "*", "no_proxy": "*"}


@contextmanager
def _children(
    commands: Mapping[str, list[str]], environment: Mapping[str, str], folder: DemoFolder
) -> Iterator[dict[str, Child]]:
    started: dict[str, Child] = {}
    try:
        for name, command in commands.items():
            started[name] = _start(command, environment, folder, name)
        yield started
    finally:
        _stop(list(started.values()))


def _start(command: list[str], environment: Mapping[str, str], folder: DemoFolder, name: str) -> Child:
    with _log_file(folder, name).open("wb") as log:
        return subprocess.Popen(  # noqa: S603 (a command of our own)
            command,
            # The demo's folder has no .env, which Dagster would read from where it is started.
            cwd=folder.path,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A session of its own: Ctrl-C is ours to pass on, and its code servers end with it.
            start_new_session=True,
        )


def _stop(children: Sequence[Child]) -> None:
    """Ask all to end, wait, and end what is left, with every process that they started."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        for child in children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, ending)
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_STOP_SECONDS)


def _wait_for_answer(port: int, started: Mapping[str, Child], folder: DemoFolder, stop: threading.Event) -> None:
    for _ in range(_START_SECONDS * 2):
        if stop.wait(0.5) or _answers(port):
            return
        _refuse_ended(started, folder)
    raise UiFailed(f"Dagster's UI did not answer within {_START_SECONDS} seconds. {_last_words(folder, 'webserver')}")


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _refuse_ended(started: Mapping[str, Child], folder: DemoFolder) -> None:
    for name, child in started.items():
        if child.poll() is not None:
            raise UiFailed(f"Dagster's {name} ended by itself. {_last_words(folder, name)}")


def _last_words(folder: DemoFolder, name: str) -> str:
    log = _log_file(folder, name)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_MOST_LOG_LINES:]
    return "\n".join([f"The end of {log}:", *lines])


def _log_file(folder: DemoFolder, name: str) -> Path:
    return folder.path / f"{name}.log"
