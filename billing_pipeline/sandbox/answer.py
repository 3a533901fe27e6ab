"""A whole HTTP answer in hand, so that it can be kept back, cut short or thrown away."""

from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Answer:
    """Status, headers (lower-case names) and body of one answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    async def send(self, send: Send) -> None:
        """Send it, with a content length that fits."""
        await send({"type": "http.response.start", "status": self.status, "headers": self._headers()})
        await send({"type": "http.response.body", "body": self.body})

    async def send_half(self, send: Send) -> None:
        """Announce the whole body, send half of it and leave the rest open."""
        await send({"type": "http.response.start", "status": self.status, "headers": self._headers()})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})

    def _headers(self) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        return [*kept, (b"content-length", str(len(self.body)).encode())]


async def read_request(receive: Receive) -> bytes:
    """The whole body of a request."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def ask(app: ASGIApp, scope: Scope, body: bytes) -> Answer:
    """Run `app` for the request in `scope` with `body`, and keep its whole answer."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    started: Message = {"status": 500, "headers": []}
    parts: list[bytes] = []

    async def receive() -> Message:
        return pending.pop() if pending else {"type": "http.disconnect"}

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(dict(scope), receive, keep)
    return Answer(
        started["status"],
        tuple((bytes(name), bytes(value)) for name, value in started["headers"]),
        b"".join(parts),
    )
