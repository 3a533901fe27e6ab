"""Moments of a run at which its process can be killed: every transaction, every request, and any call in between.

They are watched from outside, in the process of the run alone: the pipeline's own code knows nothing of it.
"""

import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from billing_pipeline.resources.warehouse import Session, Warehouse

_ID = re.compile(r"/-?\d+$")
_PACKAGE = str(Path(__file__).parents[2] / "billing_pipeline") + os.sep


class Watcher:
    """Counts the moments that a run passes, writes them to `file`, and ends the process at the one ordered.

    An order is `{"moment": name, "occurrence": n}`, counted from 1, or `{"call": n}`: the n-th call of a function of
    the pipeline.
    """

    def __init__(self, file: Path, kill: dict[str, Any] | None) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._kill = kill or {}
        self._passed: Counter[str] = Counter()
        self._calls = 0

    def passes(self, moment: str) -> None:
        """Say that the run has come to a moment."""
        self._passed[moment] += 1
        os.write(self._file, f"{moment}\n".encode())
        if self._kill.get("moment") == moment and self._kill["occurrence"] == self._passed[moment]:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch_calls(self) -> None:
        """Count calls from here on, if one of them is the last."""
        if "call" in self._kill:
            sys.setprofile(self._count)

    def _count(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(_PACKAGE):
            self._calls += 1
            if self._calls == self._kill["call"]:
                os.write(self._file, f"call {frame.f_code.co_qualname}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    def watch_transactions(self) -> None:
        """Tell of every transaction on the warehouse: before it, when all is written, when it is committed."""
        begin = Warehouse.session

        @contextmanager
        def session(warehouse: Warehouse, purpose: str) -> Iterator[Session]:
            self.passes(f"before: {purpose}")
            with begin(warehouse, purpose) as opened:
                yield opened
                self.passes(f"uncommitted: {purpose}")
            self.passes(f"committed: {purpose}")

        Warehouse.session = session  # type: ignore[method-assign]

    def watch_requests(self) -> None:
        """Tell of every request to HaloPSA: before it leaves, when it has left, when its answer is there."""
        send: Callable[..., httpx.Response] = httpx.HTTPTransport.handle_request

        def handle_request(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            name = name_request(request)
            if name is None:
                return send(transport, request)

            def trace(event: str, _: dict[str, Any]) -> None:
                if event == "http11.send_request_body.complete":
                    self.passes(f"unanswered: {name}")

            request.extensions["trace"] = trace
            self.passes(f"before: {name}")
            response = send(transport, request)
            response.read()
            self.passes(f"answered: {name}")
            return response

        httpx.HTTPTransport.handle_request = handle_request  # type: ignore[method-assign]


def name_request(request: httpx.Request) -> str | None:
    """What a request to HaloPSA is for; None for those to others and for tokens."""
    path = request.url.path
    if not path.startswith("/api/"):
        return None
    resource = _ID.sub("/{id}", path.removeprefix("/api/"))
    if request.method != "POST":
        return f"{request.method} {resource}{' search' if 'search' in request.url.params else ''}"
    verb = "change" if b'"id":' in request.content.split(b'"lines"')[0] else "create"
    return f"{verb} {resource}"
