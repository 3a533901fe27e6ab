"""The sandbox's Pax8 Partner API: its token, its lists and its details, all under /v1."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing_pipeline.sandbox import pax8_lists
from billing_pipeline.sandbox.exact_json import ExactJSONResponse, read_body
from billing_pipeline.sandbox.pax8_errors import Pax8Error, error_envelope
from billing_pipeline.sandbox.pax8_query import PageRequest, read_page
from billing_pipeline.sandbox.pax8_state import Pax8State

AUDIENCE = "https://api.pax8.com"
Row = dict[str, Any]
Answerer = Callable[[Request], Any]


def pax8_routes(state: Pax8State) -> list[Route]:
    """Every route of the Partner API that billing needs; all are GET but the token."""

    def of_list(list_rows: Callable[[Pax8State, Any], list[Row]]) -> Answerer:
        return lambda request: _page(state, list_rows(state, request.query_params), _wanted(state, request))

    def of_row(name: str) -> Answerer:
        return lambda request: state.row(name, request.path_params["id"])

    def invoice(request: Request) -> Row:
        found: Row = state.released_entry(request.path_params["id"])["invoice"]
        return found

    def invoice_items(request: Request) -> Row:
        entry = state.released_entry(request.path_params["id"])
        if state.switches.credited_items == "missing" and entry["invoice"].get("status") == "Credited":
            raise Pax8Error(404, f"The items of invoice {entry['invoice']['id']} were not found")
        items = entry["items"]
        return _item_page(state, items, _wanted(state, request))

    def pricing(request: Request) -> Row:
        product = state.row("products", request.path_params["id"])
        return _content(state, state.pricing(product["id"]))

    def history(request: Request) -> Row:
        return _content(state, state.history(state.row("subscriptions", request.path_params["id"])))

    answers: dict[str, Answerer] = {
        "/v1/companies": of_list(pax8_lists.list_companies),
        "/v1/companies/{id}": of_row("companies"),
        "/v1/products": of_list(pax8_lists.list_products),
        "/v1/products/{id}": of_row("products"),
        "/v1/products/{id}/pricing": pricing,
        "/v1/subscriptions": of_list(pax8_lists.list_subscriptions),
        "/v1/subscriptions/{id}": of_row("subscriptions"),
        "/v1/subscriptions/{id}/history": history,
        "/v1/invoices": of_list(pax8_lists.list_invoices),
        "/v1/invoices/draftItems": of_list(pax8_lists.list_draft_items),
        "/v1/invoices/{id}": invoice,
        "/v1/invoices/{id}/items": invoice_items,
    }
    token = Route("/v1/token", _token_endpoint(state), methods=["POST"])
    return [
        token,
        *(Route(path, _endpoint(state, answer), methods=["GET"]) for path, answer in answers.items()),
    ]


def _endpoint(state: Pax8State, answer: Answerer) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            with state.lock:
                _authorise(state, request)
                return ExactJSONResponse(answer(request))
        except Pax8Error as refusal:
            path = request.url.path
            return ExactJSONResponse(error_envelope(refusal.status, path, refusal.message), refusal.status)

    return endpoint


def _token_endpoint(state: Pax8State) -> Any:
    async def endpoint(request: Request) -> Response:
        path = request.url.path
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return ExactJSONResponse(error_envelope(415, path, "The token request must be JSON"), 415)
        try:
            order = await read_body(request)
        except ValueError:
            return ExactJSONResponse(error_envelope(400, path, "The body is not JSON"), 400)
        names = ("client_id", "client_secret", "audience", "grant_type")
        if not isinstance(order, dict) or not all(isinstance(order.get(name), str) for name in names):
            return ExactJSONResponse(error_envelope(400, path, f"The body needs {', '.join(names)}"), 400)
        with state.lock:
            wanted = {"audience": AUDIENCE, "grant_type": "client_credentials", **state.credentials}
            if any(order[name] != wanted[name] for name in names):
                return ExactJSONResponse({"error": "access_denied", "error_description": "Unauthorized"}, 401)
            seconds = state.switches.token_seconds
            answer = {
                "access_token": state.tokens.issue(seconds),
                "expires_in": seconds,
                "token_type": "Bearer",
            }
        return ExactJSONResponse(answer)

    return endpoint


def _authorise(state: Pax8State, request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not state.tokens.accept(token.strip(), state.switches.token_requests):
        raise Pax8Error(401, "Unauthorized")


def _wanted(state: Pax8State, request: Request) -> PageRequest:
    return read_page(request.query_params, state.switches.oversized_page)


def _page(state: Pax8State, rows: list[Row], wanted: PageRequest) -> Row:
    start = wanted.number * wanted.size
    return {
        **_content(state, rows[start : start + wanted.size]),
        "page": {
            "size": wanted.size,
            "totalElements": len(rows),
            "totalPages": -(-len(rows) // wanted.size),
            "number": wanted.number,
        },
    }


def _item_page(state: Pax8State, items: list[Row], wanted: PageRequest) -> Row:
    page = _page(state, items, wanted)
    page["page"]["totalElements"] += state.switches.item_count_offset
    if state.switches.repeat_item_across_pages and wanted.number > 0 and page.get("content"):
        page["content"] = [items[wanted.number * wanted.size - 1], *page["content"][1:]]
    return page


def _content(state: Pax8State, rows: list[Row]) -> Row:
    return {} if not rows and state.switches.omit_empty_content else {"content": rows}
