"""How a command ends: its exit code, and words instead of a traceback."""

import errno
import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec

import typer

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.commands.log_file import log_path
from billing_pipeline.commands.terminal import notes, say

DONE, FAILED, WRONG_USAGE, HELD, INTERRUPTED = 0, 1, 2, 3, 130
STOPPED = "Stopped. Nothing is lost: run the same command again, and it goes on from here."

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_logger = logging.getLogger(__name__)
_Given = ParamSpec("_Given")


def ends_with_exit_code(command: Callable[_Given, int]) -> Callable[_Given, None]:
    """Make a command that returns its exit code one that leaves with it, whatever happens."""

    @wraps(command)
    def run(*arguments: _Given.args, **options: _Given.kwargs) -> None:
        raise typer.Exit(_run(lambda: command(*arguments, **options)))

    return run


def _run(command: Callable[[], int]) -> int:
    try:
        return command()
    except BillingPipelineError as error:
        return _explain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away, as `head` does. Python's own last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        _logger.exception("The command failed")
        if _disk_is_full(error):
            return _explain(
                f"The disk is full, or it cannot be written ({_first_line(error)}). What was not finished was not "
                "kept, and nothing is sent twice. Free some space, then run this again.",
                FAILED,
            )
        return _explain(
            f"This should not have happened: {type(error).__name__}: {_first_line(error)}\n"
            f"The details are in {log_path()}. Nothing is sent twice when you run this again.",
            FAILED,
        )


def _explain(text: str, code: int) -> int:
    say(text, notes(), style="red")
    return code


def _disk_is_full(error: BaseException) -> bool:
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return True
        # Dagster's own history is SQLite, which says the one or the other for a disk without space.
        if isinstance(cause, sqlite3.OperationalError) and ("disk is full" in str(cause) or "disk I/O" in str(cause)):
            return True
    return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # Dagster raises an exception of a step again from one that it caused: the chain then leads back to its start.
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "no details")
