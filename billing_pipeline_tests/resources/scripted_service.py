"""A service on loopback that answers as a test scripts it, and remembers what it was asked."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs

from starlette.types import Message, Receive, Scope, Send

from billing_pipeline.sandbox.http_server import HOST, HttpServer


@dataclass(frozen=True)
class Asked:
    """One request as it came; `at` in seconds of the monotonic clock."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass(frozen=True)
class Reply:
    """One answer. `drop` closes the connection before it, `cut` in its middle, `hold` never gives it."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    cut: bool = False
    hold: bool = False

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Answerer = Callable[[Asked], Reply]
Script = Reply | Answerer


class ScriptedService:
    """Each "METHOD /path" gives its replies in turn, and the last one for ever after."""

    def __init__(self) -> None:
        self._scripts: dict[str, list[Script]] = defaultdict(list)
        self._server = HttpServer("scripted", self, 0)
        self.asked: list[Asked] = []

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.port}"

    def reply(self, request: str, *replies: Script) -> None:
        """Set what `request` ("GET /v1/things") gets from now on."""
        self._scripts[request] = list(replies)

    def calls(self, request: str) -> list[Asked]:
        """What came for `request`."""
        return [asked for asked in self.asked if f"{asked.method} {asked.path}" == request]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message: Message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        asked = Asked(
            method=scope["method"],
            path=scope["path"],
            query=parse_qs(scope["query_string"].decode(), keep_blank_values=True),
            headers={name.decode(): value.decode() for name, value in scope["headers"]},
            body=body,
            at=time.monotonic(),
        )
        self.asked.append(asked)
        scripts = self._scripts.get(f"{asked.method} {asked.path}", [Reply(404, {"message": "no script"})])
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        reply = script if isinstance(script, Reply) else script(asked)
        if reply.hold:
            await asyncio.Event().wait()
        if reply.drop:
            scope["state"]["drop_connection"]()
            await asyncio.sleep(0)
            return
        content = reply.content()
        headers = {"content-type": "application/json", "content-length": str(len(content)), **reply.headers}
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            }
        )
        half = content[: len(content) // 2] if reply.cut else content
        await send({"type": "http.response.body", "body": half, "more_body": reply.cut})
