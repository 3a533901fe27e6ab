"""What people do in HaloPSA after posting is listed with its place, its money and what to do, and never repaired."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.steps.verified_month import Verified
from billing_pipeline_tests.behaviours.provider import Provider, make_provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    ITEM,
    OCTOBER,
    SUPPORT,
    Json,
    bill,
    invoice,
    labour,
    licence,
    make_world,
    numbered,
    template,
)
from billing_pipeline_tests.verify.drifting import NOBODY, line_of, post_october

Agent = Callable[[Provider, int, int], Any]


EDITS: dict[str, tuple[Agent, tuple[str, str, str, str]]] = {
    "price": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"unit_price": Decimal("12.50")}),
        ("line_changed", "unit price 10.00, 10.00 USD", "unit price 12.50, 12.50 USD", "2.50"),
    ),
    "quantity": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"qty_order": 2}),
        ("line_changed", "quantity 1, 10.00 USD, cost 8.00 USD", "quantity 2, 20.00 USD, cost 16.00 USD", "10.00"),
    ),
    "cost": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"unit_cost": Decimal("9.00")}),
        ("line_changed", "cost 8.00 USD", "cost 9.00 USD", "0"),
    ),
    "item": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"_itemid": SUPPORT}),
        ("line_changed", f"item {ITEM}", f"item {SUPPORT}", "0"),
    ),
    "tax": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"tax_code": "4"}),
        ("line_changed", "tax 3", "tax 4", "0"),
    ),
    "account": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"nominal_code": "9999"}),
        ("line_changed", "account 4192", "account 9999", "0"),
    ),
    "name": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"item_shortdescription": "Post"}),
        ("line_changed", "called 'Mail'", "called 'Post'", "0"),
    ),
    "text": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"item_longdescription": "As agreed"}),
        ("line_changed", "described '1 Oct 2026 to 28 Oct 2026'", "described 'As agreed'", "0"),
    ),
    "line_key": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"comment_2": "mine"}),
        ("line_key_changed", "keyed bp-c-", "keyed 'mine'", "0"),
    ),
    "inactive": (
        lambda msp, doc, line: msp.agent("edit_line", doc, line_id=line, fields={"isinactive": True}),
        ("line_inactive", "10.00 USD", "inactive", "-10.00"),
    ),
    "line_deleted": (
        lambda msp, doc, line: msp.agent("delete_line", doc, line_id=line),
        ("line_gone", "10.00 USD", "gone", "-10.00"),
    ),
    "line_added": (
        lambda msp, doc, line: msp.agent("add_line", doc, line=labour(0, "25.00", 2)),
        ("line_added", "not there", "there with 50.00 USD", "50.00"),
    ),
    "deleted": (
        lambda msp, doc, line: msp.agent("delete", doc),
        ("document_gone", "there", "gone", "-40.00"),
    ),
    "void": (
        lambda msp, doc, line: msp.agent("void", doc),
        ("document_void", "a document that bills", "void", "-40.00"),
    ),
    "client": (
        lambda msp, doc, line: msp.agent("edit", doc, fields={"client_id": NOBODY}),
        ("client_changed", "on HaloPSA client 2", f"on HaloPSA client {NOBODY}", "-40.00"),
    ),
    "currency": (
        lambda msp, doc, line: msp.agent("edit", doc, fields={"currency_code": 2}),
        ("currency_changed", "in HaloPSA currency 1", "in HaloPSA currency 2", "-40.00"),
    ),
    "date": (
        lambda msp, doc, line: msp.agent("edit", doc, fields={"invoice_date": "2026-08-15T00:00:00"}),
        ("date_changed", "dated 2026-10-01", "dated 2026-08-15", "0"),
    ),
    "document_key": (
        lambda msp, doc, line: msp.agent("edit", doc, fields={"reference": "PO 12"}),
        ("document_key_changed", "keyed bp-d-", "keyed 'PO 12'", "0"),
    ),
}


@dataclass(frozen=True)
class October:
    """A month in which an agent did one thing to each client's invoice, and what verifying it found."""

    edited: dict[str, str]
    documents: dict[str, Json]
    verified: Verified
    findings: dict[str, tuple[str, Decimal, str]]
    outcome: str
    is_repaired: bool


@pytest.fixture(scope="module")
def october(_services: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[October]:
    """One client for each edit, and one whose invoice nobody touches."""
    provider = make_provider(tmp_path_factory.mktemp("october"), *_services)
    clients = [numbered(number) for number in range(1, len(EDITS) + 2)]
    lines = [
        line
        for one in clients
        for line in (licence("mail", one, "10.00", "8.00"), licence("backup", one, "30.00", "21.00", quantity=3))
    ]
    taxes = [{"id": number, "name": f"No tax {number}", "value": Decimal(0)} for number in (3, 4)]
    provider.set_up(make_world(clients, [bill(OCTOBER, *lines)], taxes=taxes), clients, {"target": "new"})
    provider.close()
    rows = provider.rows("select client, halopsa_invoice_id as id from postings")
    documents = {row["client"]: provider.document(row["id"]) for row in rows}
    edited = dict(zip((one.key for one in clients), EDITS, strict=False))
    for client, edit in edited.items():
        EDITS[edit][0](provider, documents[client]["id"], line_of(documents[client], "Mail"))
    before = provider.sandbox.halopsa.dump()
    verified = provider.verify()
    findings = provider.rows("select client, kind, sell, detail from findings where step = 'verify'")
    (row,) = provider.rows("select outcome from posting_journal order by seq desc limit 1")
    yield October(
        edited,
        documents,
        verified,
        {one["client"]: (one["kind"], one["sell"], one["detail"]) for one in findings},
        row["outcome"],
        provider.sandbox.halopsa.dump() != before,
    )
    provider.warehouse.close()


@pytest.mark.parametrize("edit", EDITS)
def test_what_an_agent_changes_on_a_new_document_is_listed(october: October, edit: str) -> None:
    kind, was, now, difference = EDITS[edit][1]
    client = next(client for client, one in october.edited.items() if one == edit)
    document = october.documents[client]
    (drift,) = (one for one in october.verified.drift if one.client == client)
    assert (drift.kind, drift.now, drift.difference) == (kind, now, Decimal(difference))
    assert drift.was.startswith(was)
    assert (drift.halopsa_id, drift.document_key) == (document["id"], document["reference"])
    (proof,) = (one for one in october.verified.clients if one.client == client)
    assert (proof.planned, proof.posted, proof.now - proof.posted) == (40, 40, Decimal(difference))
    kind_there, sell, detail = october.findings[client]
    assert (kind_there, sell) == (kind, Decimal(difference))
    assert detail.startswith(f"HaloPSA invoice {document['id']}")
    assert drift.todo in detail


def test_nothing_but_the_edits_is_listed_and_nothing_is_repaired(october: October) -> None:
    assert [one.client for one in october.verified.drift] == sorted(october.edited)
    assert october.findings.keys() == october.edited.keys()
    assert october.outcome == f"differences found: {len(EDITS)}"
    assert not october.verified.is_settled
    assert not october.is_repaired


def test_a_deleted_document_says_how_its_charges_are_billed_again(october: October) -> None:
    (drift,) = (one for one in october.verified.drift if one.kind == "document_gone")
    client = drift.client
    assert drift.todo.endswith("To bill its charges again:")
    assert drift.commands == (
        f"billing-pipeline release 2026-10 --client {client}",
        f"billing-pipeline close 2026-10 --client {client} --post",
    )
    assert drift.told.endswith(" ".join(drift.commands))


@pytest.mark.parametrize("action", ["post", "send", "pay", "approve"])
def test_what_an_office_does_with_an_invoice_is_no_drift(provider: Provider, action: str) -> None:
    document = post_october(provider)
    provider.agent(action, document["id"])
    provider.agent("edit", document["id"], fields={"notes_1": "thank you"})
    assert provider.verify().is_settled


def test_another_day_is_drift(provider: Provider) -> None:
    document = post_october(provider)
    provider.agent("edit", document["id"], fields={"invoice_date": "2026-10-02T00:00:00"})
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.was, drift.now) == ("date_changed", "dated 2026-10-01", "dated 2026-10-02")


def test_a_finding_goes_when_it_was_put_right(provider: Provider) -> None:
    document = post_october(provider)
    line = line_of(document, "Mail")
    provider.agent("edit_line", document["id"], line_id=line, fields={"unit_price": Decimal("12.50")})
    assert not provider.verify().agrees
    provider.agent("edit_line", document["id"], line_id=line, fields={"unit_price": Decimal("10.00")})
    assert provider.verify().is_settled
    assert provider.rows("select 1 from findings where step = 'verify'") == []


def test_white_space_that_halopsa_writes_in_its_own_way_is_no_drift(provider: Provider) -> None:
    document = post_october(provider)
    fields = {"item_longdescription": "1 Oct 2026\r\nto  28 Oct 2026 "}
    provider.agent("edit_line", document["id"], line_id=line_of(document, "Mail"), fields=fields)
    assert provider.verify().is_settled


@pytest.mark.parametrize(
    ("target", "others"),
    [("new", {}), ("latest", {"invoices": [invoice(70)]}), ("recurring", {"templates": [template(-7)]})],
    ids=["new", "latest", "recurring"],
)
def test_another_tax_is_listed_unless_accounting_computes_it(
    provider: Provider, target: str, others: dict[str, Any]
) -> None:
    document = post_october(provider, target, **others)
    table = provider.sandbox.halopsa.tables["recurring_invoices" if document["id"] < 0 else "invoices"]
    line = next(one for one in table[document["id"]]["lines"] if one["item_shortdescription"] == "Mail")
    line["tax_amount"] = table[document["id"]]["tax_total"] = Decimal("2.00")
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.was, drift.now) == ("tax_changed", "taxed with 0.00 USD", "taxed with 2.00 USD")
    assert (drift.line_id, drift.difference) == (None, 0)
    assert drift.todo.startswith("Set the taxes of its lines back there, or keep it if it is meant")
    provider.configure([ACME, BIRCH], {"target": target}, settings={"tax_engine": "xero_auto"})
    assert provider.verify().is_settled
