"""What must hold whatever happened: each charge billed once, nothing else changed, and a journal that tells it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from billing_pipeline.billing.keys import is_ours
from billing_pipeline_tests.behaviours.world import Json
from billing_pipeline_tests.torture.ledger import Ledger, document_of
from billing_pipeline_tests.torture.scene import DOCUMENTS, Scene

EVENTS = {
    "sending": "S",
    "posted": "P",
    "adopted": "A",
    "settled": "T",
    "unknown": "U",
    "not_written": "N",
    "absent": "X",
    "read_back": "R",
    "not_there": "G",
    "others_changed": "D",
    "others_repaired": "F",
}
# Tries that came to nothing, then the one that did not, then what was seen of it.
STORY = re.compile(r"(S(N|U*X))*(S(P|A|U*T)[RGDF]*)?")
# None of these may ever be called: they issue, void and delete.
NEVER = ("POST /api/RecurringInvoice/process", "POST /api/Invoice/{id}/void", "DELETE ")
UNCHANGED = ("clients", "sites", "taxes", "currencies", "contracts", "suppliers")


def find_twice(scene: Scene) -> list[str]:
    """Keys of ours that stand in HaloPSA more than once."""
    keys = Counter(line["comment_2"] for _, line in _our_lines(scene))
    references = Counter(row["reference"] for row in _invoices(scene) if is_ours(row.get("reference")))
    return [f"{key} is there {count} times" for key, count in (keys + references).items() if count > 1]


def find_violations(scene: Scene, ledger: Ledger) -> list[str]:
    """Everything that is not as it must be once a month is settled; empty where all is well."""
    return [
        *find_twice(scene),
        *_billed_once(scene, ledger),
        *_money(scene, ledger),
        *_conservation(scene, ledger),
        *_as_planned(scene, ledger),
        *scene.shadow.differences(renumbered=_is_renumbered(scene)),
        *_nothing_else(scene, ledger),
        *_overruled(scene, ledger),
        *_story(ledger),
        *_intents(scene, ledger),
    ]


def find_unexplained(ledger: Ledger) -> list[str]:
    """Lines that are neither billed nor planned nor held with a reason and its money; and money that is nowhere."""
    said = []
    for row in ledger.lines:
        name = f"line {row['source_line_id']} of {row['client']} is {row['disposition']} ({row['reason']})"
        if row["disposition"] in ("posted", "planned"):
            continue
        holds = [hold for hold in ledger.holds if (hold["client"], hold["reason"]) == (row["client"], row["reason"])]
        if row["disposition"] not in ("held", "blocked") or not holds:
            said.append(f"{name}, and no hold says why")
        said += [f"{name}, and its hold lacks a text or its money" for hold in holds if not _is_whole(hold)]
    return said + [
        f"{gap['client']} has a gap of {gap['sell_gap']} sell, {gap['cost_gap']} cost"
        for gap in ledger.gaps
        # What an agent deleted was posted, and cannot be read back; what was not read back yet is no gap for good.
        if not ledger.gone and gap["posted_sell"] == gap["readback_sell"]
    ]


def _is_whole(hold: Json) -> bool:
    return bool(hold["detail"]) and hold["sell"] is not None and hold["currency"] is not None


def _invoices(scene: Scene) -> list[Json]:
    return list(scene.sandbox.halopsa.tables["invoices"].values())


def _our_lines(scene: Scene) -> Iterator[tuple[Json, Json]]:
    tables = scene.sandbox.halopsa.tables
    for row in (*tables["invoices"].values(), *tables["recurring_invoices"].values()):
        for line in row["lines"]:
            if is_ours(line.get("comment_2")) and not line.get("isinactive"):
                yield row, line


def _billed_once(scene: Scene, ledger: Ledger) -> Iterator[str]:
    """Each line of the distributor stands in HaloPSA once, with its money."""
    there = {line["comment_2"]: (row, line) for row, line in _our_lines(scene)}
    key_in_halo = {row["charge_key"]: row["slot_key"] or row["charge_key"] for row in ledger.posted_lines}
    invoice_of = {row["charge_key"]: row["halopsa_invoice_id"] for row in ledger.posted_lines}
    source = {line["id"]: line for line in scene.month.lines}
    for row in ledger.lines:
        charge, name = row["charge_key"], f"line {row['source_line_id']} of {row['client']}"
        if charge not in key_in_halo:
            yield f"{name} is {row['disposition']}, but no posted line has its key"
            continue
        found = there.pop(key_in_halo[charge], None)
        if found is None:
            if invoice_of[charge] not in ledger.gone:
                yield f"{name} is {row['disposition']}, but not in HaloPSA"
            continue
        line, wanted = found[1], source[row["source_line_id"]]
        cost = line["unit_cost"] * line["qty_order"]
        if (line["net_amount"], cost) != (wanted["total"], wanted["costTotal"]):
            yield f"{name} has {line['net_amount']} at cost {cost}, not {wanted['total']} at {wanted['costTotal']}"
    yield from (f"HaloPSA bills {key} on {row['id']}, which nobody charged" for key, (row, _) in there.items())


def _money(scene: Scene, ledger: Ledger) -> Iterator[str]:
    """Without keys: what HaloPSA holds more than it would without us is what the distributor charged."""
    before = sum((_net(row) for row in scene.shadow.documents().values()), Decimal(0))
    tables = scene.sandbox.halopsa.tables
    now = sum((_net(row) for name in ("invoices", "recurring_invoices") for row in tables[name].values()), Decimal(0))
    charged = sum((Decimal(line["total"]) for line in scene.month.lines), Decimal(0))
    deleted = sum((row["sell"] for row in ledger.postings if row["halopsa_invoice_id"] in ledger.gone), Decimal(0))
    if now - before != charged - deleted:
        yield f"HaloPSA holds {now - before} more than without us, {charged - deleted} were charged"


def _net(row: Json) -> Decimal:
    return sum((Decimal(line["net_amount"]) for line in row["lines"] if not line.get("isinactive")), Decimal(0))


def _conservation(scene: Scene, ledger: Ledger) -> Iterator[str]:
    ids = Counter(row["source_line_id"] for row in ledger.lines)
    if ids != Counter(line["id"] for line in scene.month.lines):
        yield f"the lines have not one fate each: {ids}"
    yield from (f"line {row['source_line_id']} has no fate" for row in ledger.lines if row["disposition"] is None)
    for gap in ledger.gaps:
        # What an agent deleted was posted, and cannot be read back.
        if not ledger.gone:
            yield f"{gap['client']} has a gap of {gap['sell_gap']} sell, {gap['cost_gap']} cost"


def _as_planned(scene: Scene, ledger: Ledger) -> Iterator[str]:
    """Each posted document is its sealed plan's, to the cent; where HaloPSA made it other, that is told."""
    tables = scene.sandbox.halopsa.tables
    told = {row["document_key"] for row in ledger.findings if row["kind"] in ("answer_differs", "read_back_differs")}
    for posting in ledger.postings:
        if posting["status"] != "posted":
            continue
        key, document = posting["document_key"], document_of(posting)
        if (posting["client"], posting["plan_hash"]) not in ledger.plans:
            yield f"document {key} is of no sealed plan"
        halopsa_id = posting["halopsa_invoice_id"]
        row = tables["recurring_invoices" if halopsa_id < 0 else "invoices"].get(halopsa_id)
        if row is None:
            # What is deleted after it was read back is for the next look at the month to find.
            if halopsa_id not in ledger.gone or (key not in told and posting["read_back_at"] is None):
                yield f"document {key} is not in HaloPSA as {halopsa_id}, and nobody says so"
            continue
        there = {line["comment_2"]: line for line in row["lines"] if line.get("comment_2")}
        for line in document["lines"]:
            found = there.get(line["slot_key"] or line["charge_key"])
            if found is None or found["net_amount"] != Decimal(line["sell"]):
                yield f"a line of document {key} is not as planned: {found}"
        others = [line for line in row["lines"] if not is_ours(line.get("comment_2"))]
        strange = document["action"] == "create" and others
        if (row["client_id"] != document["billed_client_id"] or strange) and key not in told:
            yield f"document {key} is not as planned, and nobody says so"
        if document["action"] == "create" and row["reference"] != key:
            yield f"invoice {halopsa_id} does not bear {key}"


def _nothing_else(scene: Scene, ledger: Ledger) -> Iterator[str]:
    """No document, item or client that no plan asked for."""
    tables, world = scene.sandbox.halopsa.tables, scene.month.world.halopsa
    known, sealed = (
        scene.shadow.documents(),
        {row["document_key"] for row in ledger.events if row["event"] == "sending"},
    )
    for name in ("invoices", "recurring_invoices"):
        for row in tables[name].values():
            if row["id"] not in known and (row["id"] < 0 or row.get("reference") not in sealed):
                yield f"document {row['id']} was made, which no plan asked for"
    for name in UNCHANGED:
        now = {row["id"]: row for row in tables[name].values()}
        if now != {row["id"]: {"change_seq": 1, **row} for row in world.get(name, [])}:
            yield f"{name} of HaloPSA were changed"
    items = {row["id"]: row for row in tables["items"].values()}
    yield from (
        f"item {row['id']} was changed" for row in world["items"] if items.pop(row["id"]) != {"change_seq": 1, **row}
    )
    counts = Counter(item.get("externalreference") for item in items.values())
    counts += Counter(group["name"] for group in tables["asset_groups"].values())
    yield from (f"{name} was created {count} times" for name, count in counts.items() if count > 1 or not name)
    for route, count in scene.sandbox.halopsa_service.log.counts().items():
        if route.startswith(NEVER):
            yield f"{route} was called {count} times"


def _overruled(scene: Scene, ledger: Ledger) -> Iterator[str]:
    """Where an update of ours undid what an agent did meanwhile, that is told; unless nobody saw the answer."""
    told = {row["document_key"] for row in ledger.findings if row["kind"] == "overtaken"}
    told |= {row["document_key"] for row in ledger.events if row["event"] == "settled"}
    # Several clients may be billed on one document: the update of one of them did it.
    told_of = {row["halopsa_invoice_id"] for row in ledger.postings if row["document_key"] in told}
    for document_id in scene.shadow.overruled - told_of:
        yield f"an agent's edit of document {document_id} was undone, and nobody says so"


def _story(ledger: Ledger) -> Iterator[str]:
    """The journal is whole, and tells of every document a story that can happen."""
    if ledger.break_in_journal is not None:
        yield ledger.break_in_journal
    stories: dict[str, str] = defaultdict(str)
    for row in ledger.events:
        if row["event"] in EVENTS:
            stories[row["document_key"]] += EVENTS[row["event"]]
    for key, story in stories.items():
        if STORY.fullmatch(story) is None:
            yield f"the journal tells of document {key} what cannot be: {story}"
    posted = {row["document_key"] for row in ledger.postings if row["status"] == "posted"}
    for key in posted:
        if not set(stories[key]) & set("PAT"):
            yield f"document {key} is posted, but the journal does not say so"
    if len({row["charge_key"] for row in ledger.posted_lines}) != len(ledger.posted_lines):
        yield "a charge is in the journal twice"


def _intents(scene: Scene, ledger: Ledger) -> Iterator[str]:
    """Nothing was sent whose intent was not committed before; what a 401 refused goes once more with a new token."""
    intents = Counter(row["request_digest"] for row in ledger.events if row["event"] == "sending")
    without = scene.sent.digests - intents
    log = scene.sandbox.halopsa_service.log.requests()
    refused = sum(one["method"] == "POST" and one["path"] in DOCUMENTS and one["status"] == 401 for one in log)
    if without.total() > refused:
        yield f"documents were sent without an intent: {dict(without)}, {refused} times for the token alone"


def _is_renumbered(scene: Scene) -> bool:
    return scene.sandbox.halopsa.switches.renumber_after is not None
