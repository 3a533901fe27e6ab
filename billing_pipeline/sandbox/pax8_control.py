"""The Pax8 sandbox's own endpoints under `/_sandbox/`: what only Pax8 could do to invoices and tokens."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing_pipeline.sandbox.control import control_route
from billing_pipeline.sandbox.exact_json import ExactJSONResponse, read_body
from billing_pipeline.sandbox.pax8_state import Pax8State


def pax8_control_routes(state: Pax8State) -> list[Route]:
    """Release, add, change and take away invoices and their items; make every token worthless."""

    async def release(request: Request) -> Response:
        order = await read_body(request)
        return ExactJSONResponse(state.release(order["invoice_id"], order["release_at"]))

    async def add_invoice(request: Request) -> Response:
        return ExactJSONResponse(state.add_invoice(await read_body(request)), status_code=201)

    async def edit_invoice(request: Request) -> Response:
        return ExactJSONResponse(state.edit_invoice(request.path_params["id"], await read_body(request)))

    async def delete_invoice(request: Request) -> Response:
        state.delete_invoice(request.path_params["id"])
        return ExactJSONResponse({})

    async def add_item(request: Request) -> Response:
        return ExactJSONResponse(state.add_item(request.path_params["id"], await read_body(request)), status_code=201)

    async def edit_item(request: Request) -> Response:
        changes = await read_body(request)
        return ExactJSONResponse(state.edit_item(request.path_params["id"], request.path_params["item"], changes))

    async def delete_item(request: Request) -> Response:
        state.delete_item(request.path_params["id"], request.path_params["item"])
        return ExactJSONResponse({})

    async def revoke_tokens(_request: Request) -> Response:
        with state.lock:
            state.tokens.revoke_all()
        return ExactJSONResponse({})

    return [
        control_route("/_sandbox/release", PUT=release),
        control_route("/_sandbox/invoices", POST=add_invoice),
        control_route("/_sandbox/invoices/{id}", PATCH=edit_invoice, DELETE=delete_invoice),
        control_route("/_sandbox/invoices/{id}/items", POST=add_item),
        control_route("/_sandbox/invoices/{id}/items/{item}", PATCH=edit_item, DELETE=delete_item),
        control_route("/_sandbox/tokens", DELETE=revoke_tokens),
    ]
