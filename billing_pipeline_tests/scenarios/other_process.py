"""A step of a month in a process of its own: `python -m … STEP MONTH`, with the variables of a provider.

`post` carries the sealed plans out; `publish` publishes eight times.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.environment import Environment, load_environment
from billing_pipeline.steps.publish import publish
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps

PATIENCE_SECONDS = 60


class _FromVariables:
    """A provider as its variables describe it."""

    variables: Mapping[str, str] = os.environ

    @property
    def environment(self) -> Environment:
        return load_environment(self.variables, None)

    @property
    def config(self) -> Path:
        return self.environment.config_folder

    @property
    def warehouse(self) -> Path:
        return self.environment.warehouse


@contextmanager
def running(provider: Provider, step: str, month: str) -> Iterator["subprocess.Popen[str]"]:
    """The process, from its start to its end; an error in it is one of the test."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", __name__, step, month],
        env={**os.environ, **provider.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0, said


@contextmanager
def paused(process: "subprocess.Popen[str]", provider: Provider) -> Iterator[None]:
    """Let a process stand still for the block, with all that it holds but the database."""
    with Warehouse(provider.warehouse, PATIENCE_SECONDS).session("let another process stand still"):
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def _post(month: str) -> None:
    Steps(_FromVariables(), patience=PATIENCE_SECONDS, month=month, timeout=PATIENCE_SECONDS).post()


def _publish(_: str) -> None:
    warehouse = Warehouse(_FromVariables().warehouse, lock_wait_seconds=PATIENCE_SECONDS)
    for _time in range(8):
        publish(warehouse)
        sys.stdout.write("published\n")
        sys.stdout.flush()


if __name__ == "__main__":
    {"post": _post, "publish": _publish}[sys.argv[1]](sys.argv[2])
