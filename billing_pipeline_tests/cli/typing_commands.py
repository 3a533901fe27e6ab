"""Typing commands: in this process for what they say, in one of their own for what only a process can show."""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from billing_pipeline.cli import app
from billing_pipeline_tests.scenarios.closing import Provider

PROGRAM = Path(sys.executable).with_name("billing-pipeline")


@dataclass(frozen=True)
class Typed:
    """What a command came to."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def all(self) -> str:
        """Everything that it wrote."""
        return self.stdout + self.stderr


def type_command(provider: Provider, *words: str, **variables: str | None) -> Typed:
    """Run a command of the provider in this process; a variable of None is not set."""
    environment = {**provider.variables, **variables}
    result = CliRunner().invoke(app, list(words), env=environment)
    return Typed(result.exit_code, result.stdout, result.stderr)


def bare_environment(provider: Provider | None = None, **variables: str) -> dict[str, str]:
    """The variables of a process of its own: the machine's, without any that the pipeline reads, and these."""
    ours = ("PAX8_", "HALOPSA_", "BILLING_", "DAGSTER_")
    machine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**machine, **(provider.variables if provider else {}), **variables}


def start_command(
    environment: Mapping[str, str], folder: Path, *words: str, largest_file: int | None = None
) -> "subprocess.Popen[str]":
    """Start a command in a process of its own, in `folder`; it can write no file past `largest_file` bytes."""

    def limit_files() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.Popen(
        [str(PROGRAM), *words],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit_files,
    )


def finish(process: "subprocess.Popen[str]", seconds: float = 240) -> Typed:
    """Wait for a command to end."""
    stdout, stderr = process.communicate(timeout=seconds)
    return Typed(process.returncode, stdout, stderr)


def run_command(environment: Mapping[str, str], folder: Path, *words: str, largest_file: int | None = None) -> Typed:
    """Run a command in a process of its own, in `folder`; it can write no file past `largest_file` bytes."""
    return finish(start_command(environment, folder, *words, largest_file=largest_file))
