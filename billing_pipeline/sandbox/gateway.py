"""The ASGI app around a service: counts requests, makes the ordered faults happen, saves every change."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from billing_pipeline.sandbox.answer import Answer, ask, read_request
from billing_pipeline.sandbox.clock import write_time
from billing_pipeline.sandbox.control import control_routes
from billing_pipeline.sandbox.exact_json import ExactJSONResponse, write_json
from billing_pipeline.sandbox.faults import Fault, plain_route
from billing_pipeline.sandbox.request_log import LoggedRequest
from billing_pipeline.sandbox.service import Service

CONTROL_PREFIX = "/_sandbox/"
HTML_PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"
NO_ROUTE = "(no route)"
_logger = logging.getLogger(__name__)


@dataclass
class _LateCommit:
    requests_left: int
    scope: Scope
    body: bytes


class Gateway:
    """Serves one service. Everything runs on one event loop, so requests are handled one step at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._late: list[_LateCommit] = []
        self._app = Starlette(
            routes=[*service.routes, *control_routes(service, self.commit_late), *service.control_routes],
            exception_handlers={HTTPException: self._refuse},
        )
        self._app.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await read_request(receive)
        if scope["path"].startswith(CONTROL_PREFIX):
            await (await self._ask(scope, body)).send(send)
            return
        await self._serve(scope, body, send)

    async def commit_late(self) -> int:
        """Let every write that was put off happen now; how many there were."""
        late, self._late = self._late, []
        for commit in late:
            await self._ask(commit.scope, commit.body)
        return len(late)

    def forget_late_commits(self) -> None:
        """Let no write that was put off happen any more."""
        self._late = []

    async def _serve(self, scope: Scope, body: bytes, send: Send) -> None:
        began = time.perf_counter()
        route = self._route_of(scope)
        answer: Answer | None = None
        fault: Fault | None = None
        try:
            wait = self._service.rate_limit.admit()
            if wait is not None:
                answer = self._too_many_requests(scope, wait)
            else:
                text = scope["query_string"].decode("latin-1") + "\n" + body.decode("utf-8", "replace")
                fault = self._service.faults.take(scope["method"], route, scope["path"], text)
                answer = await self._answer(scope, body, fault)
        finally:
            await self._commit_those_due(new=fault is not None and fault.commit_after_requests is not None)
            self._service.log.add(
                LoggedRequest(
                    time=write_time(self._service.clock.now()) or "",
                    method=scope["method"],
                    path=scope["path"],
                    query=scope["query_string"].decode("latin-1"),
                    route=route,
                    status=answer.status if answer else None,
                    ms=round((time.perf_counter() - began) * 1000, 3),
                )
            )
        if answer is None:
            await _drop_connection(scope)
        elif fault is not None and fault.kind == "cut":
            await answer.send_half(send)  # uvicorn closes the connection when the app ends in the middle
        else:
            await answer.send(send)

    async def _answer(self, scope: Scope, body: bytes, fault: Fault | None) -> Answer | None:
        """What goes back to the client; None where the connection is closed instead."""
        if fault is None:
            return await self._ask(scope, body)
        if fault.kind == "delay" and fault.when == "before":
            await asyncio.sleep(fault.seconds)
            return await self._ask(scope, body)
        true_answer: Answer | None = None
        if fault.commit_after_requests is not None:
            self._late.append(_LateCommit(fault.commit_after_requests, scope, body))
        elif fault.when == "after" or fault.kind in ("cut", "truncate"):
            true_answer = await self._ask(scope, body)
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        return self._false_answer(scope, fault, true_answer)

    def _false_answer(self, scope: Scope, fault: Fault, true_answer: Answer | None) -> Answer | None:
        path = scope["path"]
        if fault.kind == "drop":
            return None
        if fault.kind == "html":
            return _answer(fault.status or 200, HTML_PAGE, "text/html; charset=utf-8", fault.headers)
        if fault.kind == "status":
            status = fault.status or 500
            content = fault.body if fault.body is not None else self._service.error_body(status, path)
            return _error_answer(status, content, fault.headers)
        if fault.kind == "body":
            return _answer(fault.status or 200, _bytes(fault.body), "application/json", fault.headers)
        whole = true_answer or _answer(200, b"{}", "application/json", fault.headers)
        if fault.kind == "truncate":
            return Answer(whole.status, whole.headers, whole.body[: len(whole.body) // 2])
        return whole

    async def _ask(self, scope: Scope, body: bytes) -> Answer:
        before = self._service.state.changed
        try:
            answer = await ask(self._app, scope, body)
        except Exception:
            _logger.exception("The %s sandbox failed at %s %s", self._service.name, scope["method"], scope["path"])
            raise
        # A read may set off an agent's edit.
        if scope["method"] not in ("GET", "HEAD") or self._service.state.changed != before:
            self._service.save()
        return answer

    async def _commit_those_due(self, *, new: bool) -> None:
        waiting = self._late[:-1] if new else self._late
        for commit in waiting:
            commit.requests_left -= 1
        due = [commit for commit in self._late if commit.requests_left <= 0]
        self._late = [commit for commit in self._late if commit.requests_left > 0]
        for commit in due:
            await self._ask(commit.scope, commit.body)

    def _too_many_requests(self, scope: Scope, wait: float) -> Answer:
        limit = self._service.rate_limit.limit
        headers = {"Retry-After": str(max(1, round(wait)))} if limit and limit.retry_after else {}
        return _error_answer(429, self._service.error_body(429, scope["path"]), headers)

    async def _refuse(self, request: Request, error: Exception) -> Response:
        """No such route, or not with this method, in the service's own way of saying so."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = dict(getattr(error, "headers", None) or {})
        content = self._service.error_body(status, request.url.path)
        if isinstance(content, str):
            return PlainTextResponse(content, status, headers)
        return ExactJSONResponse(content, status, headers)

    def _route_of(self, scope: Scope) -> str:
        partial = NO_ROUTE
        for route in self._service.routes:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return plain_route(route.path)
            if match is Match.PARTIAL and partial == NO_ROUTE:
                partial = plain_route(route.path)
        return partial


def _answer(status: int, body: bytes, media_type: str, headers: dict[str, str]) -> Answer:
    named = {"content-type": media_type} | {name.lower(): value for name, value in headers.items()}
    return Answer(status, tuple((name.encode(), value.encode()) for name, value in named.items()), body)


def _error_answer(status: int, content: Any, headers: dict[str, str]) -> Answer:
    media_type = "text/plain; charset=utf-8" if isinstance(content, str) else "application/json"
    return _answer(status, _bytes(content), media_type, headers)


def _bytes(content: Any) -> bytes:
    return content.encode() if isinstance(content, str) else write_json(content).encode()


async def _drop_connection(scope: Scope) -> None:
    """Reset the TCP connection before any byte of an answer; see `DroppableProtocol`."""
    scope["state"]["drop_connection"]()
    # The loop tells the protocol of the loss in its next round; before that, no answer would be an error.
    await asyncio.sleep(0)
