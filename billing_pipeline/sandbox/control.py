"""The endpoints under `/_sandbox/` that both services have: orders for trouble, the clock, a look inside."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing_pipeline.sandbox.clock import parse_time, write_time
from billing_pipeline.sandbox.exact_json import ExactJSONResponse, read_body
from billing_pipeline.sandbox.faults import read_fault
from billing_pipeline.sandbox.rate_limit import Limit
from billing_pipeline.sandbox.service import Service
from billing_pipeline.sandbox.switches import change_switches, list_switches

Endpoint = Callable[[Request], Awaitable[Response]]


def control_routes(service: Service, commit_late: Callable[[], Awaitable[int]]) -> list[Route]:
    """`faults, commits, rate_limit, clock, requests, log, state, switches`; no token, 400 tells why."""
    return [
        control_route(
            "/_sandbox/faults",
            GET=_list_faults(service),
            POST=_add_faults(service),
            DELETE=_clear_faults(service),
        ),
        control_route("/_sandbox/commits", POST=_commit(commit_late)),
        control_route(
            "/_sandbox/rate_limit",
            GET=_get_limit(service),
            PUT=_put_limit(service),
            DELETE=_no_limit(service),
        ),
        control_route("/_sandbox/clock", GET=_get_clock(service), PUT=_put_clock(service)),
        control_route("/_sandbox/requests", GET=_count_requests(service), DELETE=_forget_requests(service)),
        control_route("/_sandbox/log", GET=_list_requests(service), DELETE=_forget_requests(service)),
        control_route("/_sandbox/state", GET=_get_state(service), PUT=_put_state(service)),
        control_route("/_sandbox/switches", GET=_get_switches(service), PUT=_put_switches(service)),
    ]


def control_route(path: str, **endpoints: Endpoint) -> Route:
    """One route for the endpoints of its methods; their ValueError or KeyError is a 400 with its text."""

    async def endpoint(request: Request) -> Response:
        chosen = endpoints["GET" if request.method == "HEAD" else request.method]
        try:
            return await chosen(request)
        except KeyError as error:
            return ExactJSONResponse({"error": f"missing or unknown: {error.args[0]}"}, status_code=400)
        except (ValueError, TypeError) as error:
            return ExactJSONResponse({"error": str(error)}, status_code=400)

    return Route(path, endpoint, methods=list(endpoints))


def _list_faults(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return ExactJSONResponse(service.faults.listing())

    return endpoint


def _add_faults(service: Service) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        orders = await read_body(request)
        faults = [read_fault(order) for order in (orders if isinstance(orders, list) else [orders])]
        for fault in faults:
            service.faults.add(fault)
        return ExactJSONResponse(service.faults.listing(), status_code=201)

    return endpoint


def _clear_faults(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        service.faults.clear()
        return ExactJSONResponse([])

    return endpoint


def _commit(commit_late: Callable[[], Awaitable[int]]) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return ExactJSONResponse({"committed": await commit_late()})

    return endpoint


def _get_limit(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        limit = service.rate_limit.limit
        return ExactJSONResponse(vars(limit) if limit else None)

    return endpoint


def _put_limit(service: Service) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        order = await read_body(request)
        service.rate_limit.set(Limit(**order))
        return ExactJSONResponse(order)

    return endpoint


def _no_limit(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        service.rate_limit.set(None)
        return ExactJSONResponse(None)

    return endpoint


def _get_clock(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return ExactJSONResponse(_clock(service))

    return endpoint


def _put_clock(service: Service) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        now = (await read_body(request))["now"]
        service.clock.set(parse_time(now) if now is not None else None)
        return ExactJSONResponse(_clock(service))

    return endpoint


def _clock(service: Service) -> dict[str, Any]:
    return {"now": write_time(service.clock.now()), "stands_still": service.clock.stands_at is not None}


def _count_requests(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return ExactJSONResponse(service.log.counts())

    return endpoint


def _forget_requests(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        service.log.clear()
        return ExactJSONResponse({})

    return endpoint


def _list_requests(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return ExactJSONResponse(service.log.requests())

    return endpoint


def _get_state(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        with service.state.lock:
            return ExactJSONResponse(service.state.dump())

    return endpoint


def _put_state(service: Service) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        content = await read_body(request)
        if not isinstance(content, dict):
            raise ValueError("a state is a JSON object")
        with service.state.lock:
            service.state.load(content)
            return ExactJSONResponse(service.state.dump())

    return endpoint


def _get_switches(service: Service) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return ExactJSONResponse(list_switches(service.state.switches))

    return endpoint


def _put_switches(service: Service) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        changes = await read_body(request)
        with service.state.lock:
            service.state.switches = change_switches(service.state.switches, changes)
            return ExactJSONResponse(list_switches(service.state.switches))

    return endpoint
