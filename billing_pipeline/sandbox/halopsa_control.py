"""What a test may order of the local HaloPSA: edits by an agent, at once or after reads; dead tokens."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from billing_pipeline.sandbox.control import control_route
from billing_pipeline.sandbox.exact_json import ExactJSONResponse, read_body
from billing_pipeline.sandbox.halopsa_edits import make_edit
from billing_pipeline.sandbox.halopsa_errors import HaloError
from billing_pipeline.sandbox.halopsa_schedule import schedule_edit
from billing_pipeline.sandbox.halopsa_state import HaloState

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def halopsa_control_routes(state: HaloState) -> list[Route]:
    """`edits` (POST makes one, GET lists those set off by reads), `scheduled_edits`, `tokens` (DELETE)."""
    return [
        control_route("/_sandbox/edits", GET=_list_edits(state), POST=_make_edit(state)),
        control_route(
            "/_sandbox/scheduled_edits",
            GET=_list_scheduled_edits(state),
            POST=_schedule_edit(state),
            DELETE=_forget_scheduled_edits(state),
        ),
        control_route("/_sandbox/tokens", DELETE=_expire_tokens(state)),
    ]


def _make_edit(state: HaloState) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        edit = await _read_object(request)
        with state.lock:
            try:
                return ExactJSONResponse(make_edit(state, edit))
            except HaloError as refusal:
                raise ValueError(refusal.text) from refusal

    return endpoint


def _list_edits(state: HaloState) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        with state.lock:
            return ExactJSONResponse(state.edits_made)

    return endpoint


def _list_scheduled_edits(state: HaloState) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        with state.lock:
            return ExactJSONResponse(state.scheduled_edits)

    return endpoint


def _schedule_edit(state: HaloState) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        order = await _read_object(request)
        with state.lock:
            return ExactJSONResponse(schedule_edit(state, order), status_code=201)

    return endpoint


def _forget_scheduled_edits(state: HaloState) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        with state.lock:
            state.scheduled_edits.clear()
        return PlainTextResponse("", status_code=204)

    return endpoint


def _expire_tokens(state: HaloState) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        with state.lock:
            return ExactJSONResponse({"expired": state.tokens.expire()})

    return endpoint


async def _read_object(request: Request) -> dict[str, Any]:
    content = await read_body(request)
    if not isinstance(content, dict):
        raise ValueError("the body must be a JSON object")
    return content
