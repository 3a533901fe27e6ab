"""Keeps a process on this machine: the demo must never reach anything else, whatever the environment holds."""

import sys
from functools import cache
from typing import Any

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.settings.addresses import is_loopback

_EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg")


class NotLoopback(BillingPipelineError):
    """Something tried to reach another machine."""


@cache
def stay_on_loopback() -> None:
    """Refuse every connection of this process, from now on and for good, that does not end on this machine."""
    sys.addaudithook(_refuse_other_machines)


def _refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    address = arguments[1]
    # Unix sockets have a path for an address, and end on this machine by nature.
    if isinstance(address, tuple) and not is_loopback(str(address[0])):
        raise NotLoopback(f"The demo stays on this machine: a connection to {address[0]} was refused.")
