"""Lists of HaloPSA: filters, order, envelopes and pages, each as obedient as the tenant is."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from billing_pipeline.sandbox.halopsa_reading import Doc, parse_date
from billing_pipeline.sandbox.halopsa_resources import INVOICE, Resource
from billing_pipeline.sandbox.halopsa_switches import HaloSwitches
from billing_pipeline.sandbox.halopsa_view import show, show_date

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState

DEFAULT_ROWS = 50
LARGEST_CAPPED_PAGE = 100
ROWS_THAT_DO_NOT_EXIST = 1000

Query = Mapping[str, str]
Test = Callable[[Doc], bool]


def list_documents(state: "HaloState", resource: Resource, sent: Query) -> Any:
    """The answer to a list request: an envelope, or a bare array of every row."""
    query = {name: value for name, value in sent.items() if name not in state.switches.ignored_parameters}
    tests = _tests(state, resource, query)
    rows = [doc for doc in state.table(resource.table).values() if all(test(doc) for test in tests)]
    rows = _order(resource, rows, query)
    if resource.envelope is None:
        return [show(doc, resource, state.switches, lines=False, details=False) for doc in rows]
    page, envelope = _page(rows, query, state.switches)
    if _is_true(query, "idonly"):
        envelope[resource.envelope] = [{"id": doc["id"]} for doc in page]
        return envelope
    lines = _is_true(query, "includelines")
    envelope[resource.envelope] = [show(doc, resource, state.switches, lines=lines, details=False) for doc in page]
    return envelope


def _page(rows: list[Doc], query: Query, switches: HaloSwitches) -> tuple[list[Doc], Doc]:
    count, paging = _integer(query, "count"), switches.paging
    if paging == "ignore_all":
        return rows, {"record_count": _count(len(rows), count, switches)}
    if not _is_true(query, "pageinate"):
        shown_rows = rows[: min(count or DEFAULT_ROWS, DEFAULT_ROWS)]
        return shown_rows, {"record_count": _count(len(rows), count, switches)}
    number = max(_integer(query, "page_no") or 1, 1)
    size = max(_integer(query, "page_size") or DEFAULT_ROWS, 1)
    if paging == "cap100":
        size = min(size, LARGEST_CAPPED_PAGE)
    if paging == "ignore":
        size = DEFAULT_ROWS
    if switches.largest_page is not None:
        size = min(size, switches.largest_page)
    shown = number
    if number > 1 and paging in ("repeat", "skip"):
        shown = number - 1 if paging == "repeat" else number + 1
    page = rows[(shown - 1) * size : shown * size]
    record_count = _count(len(page) if paging == "lying_record_count" else len(rows), count, switches)
    return page, {"record_count": record_count, "page_no": number, "page_size": size}


def _count(rows: int, sent: int | None, switches: HaloSwitches) -> int:
    if switches.record_count == "too_high":
        return rows + ROWS_THAT_DO_NOT_EXIST
    return sent or rows if switches.record_count == "copies_count" else rows


def _tests(state: "HaloState", resource: Resource, query: Query) -> list[Test]:
    tests: list[Test] = []
    for parameter, name in resource.filters.items():
        if (wanted := _integer(query, parameter)) is not None:
            tests.append(lambda doc, name=name, wanted=wanted: (doc.get(name) or 0) == wanted)  # type: ignore[misc]
    if search := query.get("search", "").strip().lower():
        searched = resource.searched
        if resource is INVOICE and state.switches.search_reference:
            searched = (*searched, "reference")
        tests.append(lambda doc: any(search in str(doc.get(name) or "").lower() for name in searched))
    if resource.can_be_inactive:
        tests.append(_activity(query))
    if resource is INVOICE:
        tests += _invoice_tests(query, state.switches)
    return tests


def _activity(query: Query) -> Test:
    """Lists hold active rows only, unless inactive ones are asked for."""
    active, _, inactive = query.get("activeinactive", "").lower().partition(",")
    show_active = (query.get("includeactive", "").lower() or active) != "false"
    show_inactive = _is_true(query, "includeinactive") or inactive == "true"
    return lambda doc: show_inactive if doc.get("inactive") or doc.get("active") is False else show_active


def _invoice_tests(query: Query, switches: HaloSwitches) -> list[Test]:
    tests = _date_tests(query, switches)
    clients = {int(text) for text in query.get("client_ids", "").split(",") if text.strip().isdigit()}
    if clients:
        tests.append(lambda doc: doc.get("client_id") in clients)
    if _is_true(query, "postedonly"):
        tests.append(lambda doc: bool(doc.get("posted")))
    if _is_true(query, "notpostedonly"):
        tests.append(lambda doc: not doc.get("posted"))
    return tests


def _date_tests(query: Query, switches: HaloSwitches) -> list[Test]:
    """The filter by date as this tenant understands it. HaloPSA's own documents declare both parameters boolean."""
    sent = {name: query[name] for name in ("invoicedatestart", "invoicedateend") if query.get(name)}
    date_filter = switches.date_filter
    if date_filter == "ignore" or not sent:
        return []
    if date_filter == "hide" or (date_filter == "hide_days" and any(_is_day(value) for value in sent.values())):
        return [lambda _: False]
    tests: list[Test] = []
    if first := parse_date(sent.get("invoicedatestart")):
        tests.append(lambda doc: _invoice_date(doc, switches) >= first)
    if last := parse_date(sent.get("invoicedateend")):
        tests.append(lambda doc: _invoice_date(doc, switches).date() <= last.date())
    return tests


def _is_day(value: str) -> bool:
    return "T" not in value.upper()


def _order(resource: Resource, rows: list[Doc], query: Query) -> list[Doc]:
    """By the fields asked for; else by id, invoices with the newest first. Unknown fields are ignored."""
    rows = sorted(rows, key=lambda doc: int(doc["id"]), reverse=resource is INVOICE)
    for place in ("5", "4", "3", "2", ""):
        name = query.get(f"order{place}", "").lower()
        if name in resource.fields:
            rows.sort(key=lambda doc: _order_key(doc.get(name)), reverse=_is_true(query, f"orderdesc{place}"))
    return rows


def _order_key(value: Any) -> tuple[int, Any]:
    if value is None or isinstance(value, list | dict):
        return (0, 0)
    return (2, value.lower()) if isinstance(value, str) else (1, value)


def _invoice_date(doc: Doc, switches: HaloSwitches) -> datetime:
    return parse_date(show_date("invoice_date", doc.get("invoice_date"), switches)) or datetime(1900, 1, 1)  # noqa: DTZ001 - dates here have no zone


def _is_true(query: Query, name: str) -> bool:
    return query.get(name, "").strip().lower() in ("true", "1")


def _integer(query: Query, name: str) -> int | None:
    text = query.get(name, "").strip()
    return int(text) if text.lstrip("-").isdigit() else None
