"""The routes of the local HaloPSA: the token and every resource."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing_pipeline.sandbox.exact_json import ExactJSONResponse
from billing_pipeline.sandbox.halopsa_access import check_access, give_token
from billing_pipeline.sandbox.halopsa_catalogue import write_document
from billing_pipeline.sandbox.halopsa_errors import HaloError, not_found, unreadable
from billing_pipeline.sandbox.halopsa_invoices import delete_invoice, void_invoice, write_invoice
from billing_pipeline.sandbox.halopsa_lines import answer_of_update
from billing_pipeline.sandbox.halopsa_lists import list_documents
from billing_pipeline.sandbox.halopsa_reading import Doc, read_array
from billing_pipeline.sandbox.halopsa_recurring import process_templates
from billing_pipeline.sandbox.halopsa_resources import INVOICE, RECURRING_INVOICE, RESOURCES, Resource
from billing_pipeline.sandbox.halopsa_schedule import (
    renumber_read_invoices,
    run_scheduled_edits,
)
from billing_pipeline.sandbox.halopsa_state import HaloState
from billing_pipeline.sandbox.halopsa_view import show

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Call:
    """One request to the API: query, body and the id in its path as text."""

    query: dict[str, str]
    body: bytes
    document_id: str


Handler: TypeAlias = Callable[[Call], Response]


def halopsa_routes(state: HaloState) -> list[Route]:
    """`/auth/token` and `/api/...`. Paths do not care about case; other methods get 405."""
    routes: list[Route] = [
        _Route("/auth/token", _token_endpoint(state), methods=["POST"]),
        _api(state, "/api/RecurringInvoice/process", "invoices", POST=_process(state)),
        _api(state, "/api/Invoice/{id}/void", "invoices", POST=_void(state)),
        _api(state, "/api/Lookup", None, GET=_bare(state, "lookups")),
        _api(state, "/api/FieldInfo", None, GET=_bare(state, "fields")),
    ]
    for resource in RESOURCES:
        one = {"GET": _get(state, resource)}
        every = {"GET": _list(state, resource)}
        if resource.writable:
            one["DELETE"] = _delete(state, resource)
            every["POST"] = _post(state, resource)
        routes.append(_api(state, f"/api/{resource.name}", resource.right, **every))
        routes.append(_api(state, f"/api/{resource.name}/{{id}}", resource.right, **one))
    return routes


class _Route(Route):
    def __init__(self, path: str, endpoint: Endpoint, methods: list[str]) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.path_regex = re.compile(self.path_regex.pattern, re.IGNORECASE)


def _api(state: HaloState, path: str, right: str | None, **handlers: Handler) -> _Route:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        call = Call(dict(request.query_params), await request.body(), request.path_params.get("id", ""))
        with state.lock:
            try:
                permission = right and f"{'read' if method == 'GET' else 'edit'}:{right}"
                check_access(state, request.headers, permission, method, path)
                answer = handlers[method](call)
            except HaloError as refusal:
                answer = refusal.response()
            if answer.status_code < 400:
                run_scheduled_edits(state, method, path, f"{request.url.path}?{request.url.query}")
        return answer

    return _Route(path, endpoint, methods=list(handlers))


def _token_endpoint(state: HaloState) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        with state.lock:
            try:
                tenant = request.query_params.get("tenant")
                return give_token(state, tenant, request.headers.get("content-type", ""), body)
            except HaloError as refusal:
                return refusal.response()

    return endpoint


def _list(state: HaloState, resource: Resource) -> Handler:
    def handler(call: Call) -> Response:
        content = list_documents(state, resource, call.query)
        if resource is INVOICE:
            renumber_read_invoices(state, [doc["id"] for doc in content["invoices"]])
        return ExactJSONResponse(content)

    return handler


def _get(state: HaloState, resource: Resource) -> Handler:
    def handler(call: Call) -> Response:
        doc = _find(state, resource, call)
        details = call.query.get("includedetails", "").lower() == "true"
        response = ExactJSONResponse(show(doc, resource, state.switches, lines=details, details=details))
        if resource is INVOICE:
            renumber_read_invoices(state, [doc["id"]])
        return response

    return handler


def _post(state: HaloState, resource: Resource) -> Handler:
    write = write_invoice if resource in (INVOICE, RECURRING_INVOICE) else write_document

    def handler(call: Call) -> Response:
        sent = read_array(call.body)
        written = [write(state, resource, element, f"[{place}]") for place, element in enumerate(sent)]
        for doc, _ in written:
            state.put(resource.table, doc)
        answers = [
            show(
                doc if is_new else answer_of_update(state, doc, element),
                resource,
                state.switches,
                lines=True,
                details=True,
            )
            for element, (doc, is_new) in zip(sent, written, strict=True)
        ]
        status = 201 if any(is_new for _, is_new in written) else state.switches.update_status
        return _answer(state, answers, status)

    return handler


def _delete(state: HaloState, resource: Resource) -> Handler:
    def handler(call: Call) -> Response:
        doc = _find(state, resource, call)
        if resource in (INVOICE, RECURRING_INVOICE):
            delete_invoice(state, resource, doc["id"])
        else:
            state.remove(resource.table, doc["id"])
        return ExactJSONResponse(show(doc, resource, state.switches, lines=True, details=True))

    return handler


def _process(state: HaloState) -> Handler:
    def handler(call: Call) -> Response:
        ids = read_array(call.body) if call.body.strip() not in (b"", b"[]") else []
        if wrong := [entry for entry in ids if isinstance(entry, bool) or not isinstance(entry, int)]:
            raise unreadable(f"Input string '{wrong[0]}' is not a valid integer.")
        issued = process_templates(state, ids)
        answers = [show(doc, INVOICE, state.switches, lines=True, details=True) for doc in issued]
        return ExactJSONResponse(answers, status_code=201)

    return handler


def _void(state: HaloState) -> Handler:
    def handler(call: Call) -> Response:
        doc = void_invoice(state, _integer(INVOICE, call.document_id))
        return ExactJSONResponse(show(doc, INVOICE, state.switches, lines=True, details=True))

    return handler


def _bare(state: HaloState, name: str) -> Handler:
    def handler(call: Call) -> Response:
        rows = state.bare[name]
        wanted = call.query.get("lookupid")
        return ExactJSONResponse([row for row in rows if wanted is None or str(row.get("lookupid")) == wanted])

    return handler


def _answer(state: HaloState, answers: list[Doc], status: int) -> Response:
    """One element in, one object out."""
    if len(answers) == 1 and state.switches.one_in_one_out:
        return ExactJSONResponse(answers[0], status_code=status)
    return ExactJSONResponse(answers, status_code=status)


def _find(state: HaloState, resource: Resource, call: Call) -> Doc:
    doc = state.find(resource.table, _integer(resource, call.document_id))
    if doc is None:
        raise not_found(resource.name, call.document_id)
    return doc


def _integer(resource: Resource, text: str) -> int:
    if not text.removeprefix("-").isdigit():
        raise not_found(resource.name, text)
    return int(text)
