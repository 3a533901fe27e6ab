"""Everything that can go wrong with HaloPSA while a month is posted, as orders for the sandbox."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from billing_pipeline_tests.behaviours.world import SUPPORT, Json

FOR_GOOD = 1_000_000
SHORT_PATIENCE, LONG_SILENCE = 1.0, 1.4
CREATING = ("new", "items", "latest", "mixed")
INVOICE, RECURRING = "/api/Invoice", "/api/RecurringInvoice"


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong. `months` are the kinds of months in which it does so in a first run.

    `orders` are faults of the sandbox; `switches` make the tenant behave otherwise, to the end of the schedule if it
    `lasts`, and `shows` names what tells that they told. `edit` is what an agent does once a request of `route` was
    answered: to a document of the kind `target` (`invoice`, `template`), to the `newest`, or in general; `overrules`
    says that an update of ours may undo it. `waits` says that a run must not wait long for an answer, `stops` that it
    goes no further than this.
    """

    name: str
    family: str
    months: tuple[str, ...] = CREATING
    orders: tuple[Json, ...] = ()
    switches: Json = field(default_factory=dict)
    lasts: bool = False
    edit: Json | None = None
    target: str = ""
    route: str = ""
    method: str = "GET"
    shows: str = ""
    waits: bool = False
    overrules: bool = False
    stops: bool = False


def _fault(kind: str, route: str | None = INVOICE, method: str | None = "POST", **order: Any) -> Json:
    return {"kind": kind, "route": route, "method": method, "count": 1, **order}


def _lost_after() -> Iterable[Trouble]:
    """Answers that are lost after the work was done, in every way."""
    after: dict[str, tuple[str, Json]] = {
        "500 after the commit": ("500 after commit", {"kind": "status", "status": 500}),
        "408 after the commit": ("500 after commit", {"kind": "status", "status": 408}),
        "time-out after the commit": ("time-out after commit", {"kind": "delay", "seconds": LONG_SILENCE}),
        "dropped after the commit": ("dropped after commit", {"kind": "drop"}),
        "cut in the middle of the answer": ("dropped after commit", {"kind": "cut"}),
        "half an answer": ("garbage", {"kind": "truncate"}),
        "an error page after the commit": ("garbage", {"kind": "html"}),
        "an answer without a number": ("garbage", {"kind": "body", "body": {"id": "no number"}}),
        "an answer about another invoice": ("garbage", {"kind": "body", "body": {"id": 4711}}),
    }
    routes = {
        "": (INVOICE, CREATING),
        " of a recurring invoice": (RECURRING, ("recurring", "mixed")),
        " of an item": ("/api/Item", ("items", "mixed")),
    }
    for said, (family, order) in after.items():
        for of, (route, months) in routes.items():
            if of and said not in ("dropped after the commit", "500 after the commit"):
                continue
            fault = {**_fault(route=route, when="after", **order)}
            yield Trouble(said + of, family, months, (fault,), waits=order["kind"] == "delay")


def _lost_before() -> Iterable[Trouble]:
    before: dict[str, tuple[str, Json]] = {
        "500 before the commit": ("500 before commit", {"kind": "status", "status": 500}),
        "503 before the commit": ("500 before commit", {"kind": "status", "status": 503}),
        "dropped before the commit": ("dropped before commit", {"kind": "drop"}),
        "an error page instead of the work": ("garbage", {"kind": "html"}),
        "an empty answer instead of the work": ("garbage", {"kind": "body", "body": "{}"}),
    }
    for said, (family, order) in before.items():
        yield Trouble(said, family, CREATING, (_fault(**order),))
    yield Trouble("dropped before an update", "dropped before commit", ("latest", "shared"), (_fault("drop"),))
    yield Trouble(
        "dropped before a recurring invoice",
        "dropped before commit",
        ("recurring", "mixed"),
        (_fault("drop", RECURRING),),
    )
    yield Trouble("dropped before an item", "dropped before commit", ("items", "mixed"), (_fault("drop", "/api/Item"),))
    yield Trouble(
        "dropped before a product group",
        "dropped before commit",
        ("items", "mixed"),
        (_fault("drop", "/api/AssetGroup"),),
    )


def _late() -> Iterable[Trouble]:
    for requests in (1, 2, 4, 7):
        order = _fault("drop", commit_after_requests=requests)
        yield Trouble(f"committed {requests} requests later", "commit after our look-up", CREATING, (order,))
    later = {"commit_after_requests": FOR_GOOD}
    family = "commit after our look-up"
    yield Trouble("committed after the run", family, ("new",), (_fault("drop", **later),))
    yield Trouble("updated after the run", family, ("latest", "shared"), (_fault("status", status=500, **later),))
    yield Trouble("recurring after the run", family, ("recurring", "mixed"), (_fault("drop", RECURRING, **later),))
    yield Trouble("item after the run", family, ("items", "mixed"), (_fault("drop", "/api/Item", **later),))


def _refused() -> Iterable[Trouble]:
    storm, right = "429 storm", "permission lost"
    # It stops nothing any more; its numbers are drawn as when it did.
    yield Trouble("429 to two writes", storm, CREATING, (_fault("status", status=429, count=2),), stops=True)
    advised = _fault("status", status=429, count=FOR_GOOD, after=1, headers={"Retry-After": "1"})
    yield Trouble("429 to every write after the first", storm, CREATING, (advised,), stops=True)
    yield Trouble("429 to a look-up", storm, CREATING, (_fault("status", INVOICE, "GET", status=429),))
    everything = _fault("status", None, None, status=429, count=FOR_GOOD, after=6)
    yield Trouble("429 to everything", storm, CREATING, (everything,), stops=True)
    yield Trouble("429 to an item", storm, ("items", "mixed"), (_fault("status", "/api/Item", status=429),))
    for status in (400, 404, 422):
        yield Trouble(f"{status} to a write", "refused", CREATING, (_fault("status", status=status),))
    yield Trouble("400 to an item", "refused", ("items", "mixed"), (_fault("status", "/api/Item", status=400),))
    group = (_fault("status", "/api/AssetGroup", status=400),)
    yield Trouble("400 to a product group", "refused", ("items", "mixed"), group)
    for status in (401, 403):
        lost = _fault("status", status=status, count=FOR_GOOD, after=1)
        yield Trouble(f"{status} to writes", right, CREATING, (lost,), stops=True)
        lost = _fault("status", INVOICE, "GET", status=status, count=FOR_GOOD, after=2)
        yield Trouble(f"{status} to reading back", right, CREATING, (lost,), stops=True)
    expired = {"token_requests": 3}
    yield Trouble("tokens of three requests", "token expired", CREATING, switches=expired, lasts=True, shows="token")
    refused = (_fault("status", "/auth/token", status=401, count=FOR_GOOD, after=1),)
    yield Trouble("no second token", "token expired", CREATING, refused, switches=expired, stops=True)
    broken = (_fault("status", "/auth/token", status=500, count=FOR_GOOD, after=1),)
    yield Trouble("a broken token service", "token expired", CREATING, broken, switches=expired, stops=True)


def _false_reads() -> Iterable[Trouble]:
    updating = ("latest", "mixed")
    yield Trouble(
        "an error page for a list", "garbage", CREATING, (_fault("html", INVOICE, "GET", count=2),), stops=True
    )
    yield Trouble(
        "an error page for a document",
        "garbage",
        updating,
        (_fault("html", f"{INVOICE}/{{id}}", "GET", count=2),),
        stops=True,
    )
    empty = _fault("body", INVOICE, "GET", body={"record_count": 3, "invoices": []}, contains="page_no=1&")
    yield Trouble("a page that is missing once", "paging lies", CREATING, (empty,))
    again = _fault("status", f"{INVOICE}/{{id}}", "GET", status=500, count=2, after=1)
    yield Trouble("no reading after an update", "500 before commit", ("latest",), (again,), stops=True)
    for paging in ("obey", "lying_record_count", "repeat", "skip"):
        switches = {"paging": paging, "largest_page": 2}
        yield Trouble(f"pages of two, {paging}", "paging lies", CREATING, switches=switches, shows="pages")


def _tenants() -> Iterable[Trouble]:
    updating = ("latest", "mixed", "shared")
    recurring = ("recurring", "mixed")
    for lines, said in (("append", "appended"), ("duplicate", "duplicated")):
        for months in (updating, recurring):
            name = f"lines are {said} on {'invoices' if months is updating else 'recurring invoices'}"
            shows = f"update {INVOICE if months is updating else RECURRING}"
            yield Trouble(
                name,
                "append semantics",
                months,
                switches={"lines": lines},
                lasts=True,
                shows=shows,
                stops=lines == "duplicate",
            )
    yield Trouble(
        "new invoices land on another client",
        "redirected client",
        CREATING,
        switches={"redirect_client_to": 290},
        lasts=True,
        shows="redirected",
    )
    for reads in (0, 1):
        switches = {"renumber_after": reads}
        yield Trouble(
            f"renumbered after {reads}", "renumbered", CREATING, switches=switches, lasts=True, shows="number"
        )
    for months in (("new", "items"), updating):
        name = f"tax recomputed of {'invoices of ours' if 'new' in months else 'documents of others'}"
        switches = {"recompute_tax": 4}
        yield Trouble(
            name, "tax recomputed", months, switches=switches, lasts=True, shows="tax", stops=months is updating
        )
    blank = {"blank_default_line": True}
    yield Trouble("a blank line more", "blank line", ("new", "items"), switches=blank, lasts=True, shows="blank")


def _agents() -> Iterable[Trouble]:
    family = "agent in between"
    deeds: dict[str, Json] = {
        "edits a line": {"action": "edit_line", "line": 1, "fields": {"unit_price": 51}},
        "adds a line": {"action": "add_line", "line": {"_itemid": SUPPORT, "qty_order": 1, "unit_price": 5}},
        "deletes a line": {"action": "delete_line", "line": 1},
        "deletes it": {"action": "delete"},
    }
    closing: dict[str, Json] = {
        "posts it": {"action": "post"},
        "voids it": {"action": "void"},
        "sends it": {"action": "send"},
        "asks for approval": {"action": "request_approval"},
        "lets it sync": {"action": "sync"},
    }
    ends: Json = {"action": "edit", "fields": {"enddate": "2026-10-01T00:00:00"}}
    checking = {"check_change_seq": True}
    for target, route, months in (
        ("invoice", INVOICE, ("latest", "mixed")),
        ("template", RECURRING, ("recurring", "mixed")),
    ):
        of = f" ({target})"
        for said, edit in (deeds | (closing if target == "invoice" else {"ends it": ends})).items():
            order: Json = {"edit": edit, "target": target, "months": months}
            yield Trouble(f"an agent {said} before we read{of}", family, route=INVOICE, **order)
            overrules = said in ("sends it", "asks for approval", "ends it")
            yield Trouble(
                f"an agent {said} before we write{of}",
                family,
                route=f"{route}/{{id}}",
                switches={} if overrules else checking,
                **order,
            )
        unchecked = {"edit": deeds["adds a line"], "target": target, "months": months, "overrules": True}
        yield Trouble(f"an agent adds a line that we overwrite{of}", family, route=f"{route}/{{id}}", **unchecked)
        unchecked["edit"] = deeds["edits a line"]
        yield Trouble(f"an agent edits a line that we overwrite{of}", family, route=f"{route}/{{id}}", **unchecked)
        for said in ("edits a line", "adds a line", "deletes a line"):
            order = {"edit": deeds[said], "target": target, "months": months, "method": "POST"}
            yield Trouble(
                f"an agent {said} after we wrote{of}", family, route=route, stops=said != "adds a line", **order
            )
    document = {"client_id": 201, "invoice_date": "2026-10-07T00:00:00", "currency_code": 1, "reference": "by hand"}
    created = {
        "action": "create",
        "fields": document,
        "lines": [{"_itemid": SUPPORT, "qty_order": 1, "unit_price": 5, "item_shortdescription": "by hand"}],
    }
    yield Trouble("an agent makes an invoice before we look", family, CREATING, edit=created, route=INVOICE)
    yield Trouble(
        "an agent makes an invoice after we wrote", family, CREATING, edit=created, route=INVOICE, method="POST"
    )
    for said, edit in {
        "posts ours": {"action": "post", "id": "newest"},
        "deletes ours": {"action": "delete", "id": "newest"},
        "pays ours": {"action": "pay", "id": "newest", "amount": "1.00"},
        "redates ours": {"action": "edit", "id": "newest", "fields": {"invoice_date": "2026-08-01T00:00:00"}},
    }.items():
        yield Trouble(
            f"an agent {said}", family, ("new", "items"), edit=edit, target="newest", route=INVOICE, method="POST"
        )


def _answers() -> Iterable[Trouble]:
    """Answers to updates that do not show what became of the document."""
    updating, recurring = ("latest", "mixed", "shared"), ("recurring", "mixed")
    for months in (updating, recurring):
        of = "invoices" if months is updating else "recurring invoices"
        shows = f"update {INVOICE if months is updating else RECURRING}"
        # Only a second look at the document, or the bulk read at the end, tells what became of its lines.
        sent, bare = {"lines": "duplicate", "update_answer": "sent"}, {"update_answer": "bare"}
        yield Trouble(
            f"lines are duplicated on {of}, and the answer shows what was sent",
            "append semantics",
            months,
            switches=sent,
            lasts=True,
            shows=shows,
            stops=True,
        )
        yield Trouble(
            f"answers without lines on {of}", "append semantics", months, switches=bare, lasts=True, shows=shows
        )


def _hiding() -> Iterable[Trouble]:
    """Lists that are filtered wrongly, and counts that are always wrong."""
    every = (*CREATING, "recurring", "shared")
    for date_filter in ("ignore", "hide_days", "hide"):
        switches = {"date_filter": date_filter, "search_reference": date_filter != "hide"}
        name = f"a filter by date: {date_filter}"
        yield Trouble(name, "filters hide", every, switches=switches, lasts=True, shows="dates")
    too_high = {"record_count": "too_high"}
    yield Trouble("a count too high", "filters hide", every, switches=too_high, lasts=True, shows="lists")
    once = {"date_filter": "hide", "record_count": "too_high"}
    yield Trouble("a filter that hides in one run", "filters hide", every, switches=once, shows="dates")


TROUBLES: dict[str, Trouble] = {
    trouble.name: trouble
    for found in (_lost_after(), _lost_before(), _late(), _refused(), _false_reads(), _tenants(), _agents())
    for trouble in found
}
# Drawn with the others by later numbers alone: a number is a schedule for ever.
LATER_TROUBLES: dict[str, Trouble] = {trouble.name: trouble for found in (_hiding(), _answers()) for trouble in found}
ALL_TROUBLES = TROUBLES | LATER_TROUBLES
