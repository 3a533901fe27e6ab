"""Processes that start at once: a program with everything imported, no thread and no open file, forks one for each run.

It reads an order a line from its input, as JSON, and answers each with the status of the process that carried it out.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

from billing_pipeline.resources.transport import _trusted_authorities
from billing_pipeline_tests.torture.run import Order, carry_out

LONGEST_RUN_SECONDS = 150
BROKEN = 3
# What only a whole close needs, and takes seconds to import: it is imported with the first close, for all after it.
NEEDED_TO_CLOSE = ("billing_pipeline.close", "billing_pipeline.definitions", "billing_pipeline.instance")
# What a run imports only when it first needs it: half a second that is spent once, not in every process.
NEEDED_LATER = ("_strptime", "encodings.idna", "h11", "httpcore", "pandas", "pyarrow.dataset", "zoneinfo._zoneinfo")


class Forker:
    """The program that forks, started once and used for many runs."""

    def __init__(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "billing_pipeline_tests.torture.forking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the program."""
        self._program.communicate()

    def run(self, order: Order) -> int:
        """Carry an order out in a new process; its exit code, or the negative number of the signal that ended it."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(asdict(order)) + "\n")
        self._program.stdin.flush()
        answer = self._program.stdout.readline()
        assert answer, "the program that forks is gone"
        return int(answer)


def _serve() -> None:
    _trusted_authorities()
    for name in NEEDED_LATER:
        import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        if "close" in order["steps"]:
            for name in NEEDED_TO_CLOSE:
                import_module(name)
        pid = os.fork()
        if pid == 0:
            _be_a_run(Order(**{**order, "steps": tuple(order["steps"])}))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _be_a_run(order: Order) -> None:
    signal.alarm(LONGEST_RUN_SECONDS)
    log = os.open(Path(order.folder) / f"{order.run_id}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = BROKEN
    try:
        code = carry_out(order)
    except BaseException:  # noqa: BLE001 - whatever it was, it is in the log, and this process must not serve
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
