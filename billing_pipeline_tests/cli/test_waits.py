"""A wait for a service is shown while it lasts, so that nobody takes a quiet terminal for one that hangs."""

import re

import pytest

from billing_pipeline.commands.progress import show_stages, show_waits
from billing_pipeline.resources.waits import tell_wait

WAIT = "HaloPSA takes no more requests for now (429): in 300 seconds document bp-d-1 is looked for, then sent"


def test_a_command_notes_its_waits(capsys: pytest.CaptureFixture[str]) -> None:
    with show_waits():
        tell_wait(WAIT)
    tell_wait("nobody is told")

    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"{WAIT}\n")


def test_a_close_shows_its_waits_among_its_stages(capsys: pytest.CaptureFixture[str]) -> None:
    with show_stages() as stages:
        stages("Posting 54 clients")
        tell_wait(WAIT)

    shown = capsys.readouterr()
    lines = [re.sub(r"^\[\d+:\d\d\] ", "", line) for line in shown.err.splitlines()]
    assert (shown.out, lines) == ("", ["Posting 54 clients", WAIT])
