"""What people do in HaloPSA after posting is listed with its place, its money and what to do, and never repaired."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.commands.verify import print_verified
from billing_pipeline.steps.verified_month import Verified
from billing_pipeline_tests.behaviours.provider import Provider, make_provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    DECEMBER,
    ITEM,
    NOVEMBER,
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

Agent = Callable[[Provider, int, int], Any]


def post_october(provider: Provider, target: str = "new", **others: Any) -> Json:
    """Post a Mail of 10.00 and a Backup of 30.00 for Acme; the document that they came to stand on."""
    lines = [licence("mail", ACME, "10.00", "8.00"), licence("backup", ACME, "30.00", "21.00", quantity=3)]
    behaviour = {"target": target}
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], **others), [ACME, BIRCH], behaviour)
    provider.close()
    (posted,) = provider.rows("select halopsa_invoice_id as id from postings where status = 'posted'")
    return provider.document(posted["id"])


def line_of(document: Json, name: str) -> int:
    return next(line["id"] for line in document["lines"] if line["item_shortdescription"] == name)


# A HaloPSA client that clients.csv does not name.
NOBODY = 299

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
    provider.agent("edit", document["id"], fields={"notes_1": "thank you", "invoice_date": "2026-10-02T00:00:00"})
    assert provider.verify().is_settled


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


def copy_of(document: Json, **fields: Any) -> Json:
    return {
        "fields": {
            "client_id": document["client_id"],
            "invoice_date": document["invoice_date"],
            "currency_code": document["currency_code"],
            **fields,
        },
        "lines": [{name: value for name, value in line.items() if name != "id"} for line in document["lines"]],
    }


def test_a_copy_of_our_document_is_listed_once_with_what_it_bills_twice(provider: Provider) -> None:
    document = post_october(provider)
    copy = provider.agent("create", **copy_of(document, reference=document["reference"]))
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.client, drift.halopsa_id) == ("key_twice", "client-1", copy["id"])
    assert (drift.was, drift.now, drift.difference) == (f"posted on invoice {document['id']}", "here too", 40)
    assert f"belong on invoice {document['id']}" in drift.todo
    provider.agent("void", copy["id"])
    assert provider.verify().is_settled, "a void copy bills nothing"


def test_a_line_that_was_moved_is_gone_here_and_found_there(provider: Provider) -> None:
    document = post_october(provider, invoices=[invoice(70, BIRCH)])
    mail = next(line for line in document["lines"] if line["item_shortdescription"] == "Mail")
    provider.agent("delete_line", document["id"], line_id=mail["id"])
    provider.agent("add_line", 70, line={name: value for name, value in mail.items() if name != "id"})
    found = provider.verify()
    assert sorted((one.kind, one.halopsa_id, one.difference) for one in found.drift) == [
        ("key_twice", 70, 10),
        ("line_gone", document["id"], -10),
    ]
    assert [one.now for one in found.clients] == [40], "it is billed once, but elsewhere"


def test_a_line_that_is_there_twice_is_listed(provider: Provider) -> None:
    document = post_october(provider)
    mail = next(line for line in document["lines"] if line["item_shortdescription"] == "Mail")
    provider.agent("add_line", document["id"], line={name: value for name, value in mail.items() if name != "id"})
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.difference, drift.todo) == ("line_twice", 10, "Delete all but one there.")
    assert drift.now.startswith(f"there 2 times (lines {mail['id']}, ")


def test_a_key_that_nobody_posted_is_listed_with_its_client(provider: Provider) -> None:
    post_october(provider)
    key = "bp-c-" + "0" * 32
    stranger = provider.agent(
        "create",
        fields={"client_id": BIRCH.halopsa_id, "invoice_date": "2026-10-09T00:00:00", "currency_code": 1},
        lines=[labour(0, "25.00", 1, comment_2=key, item_shortdescription="Late")],
    )
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.client, drift.difference) == ("key_unknown", "client-2", 25)
    assert drift.place == f"invoice {stranger['id']}, line {stranger['lines'][0]['id']} (Late)"
    assert f"The journal does not have {key} as posted" in drift.todo


def test_a_key_of_nobodys_client_has_no_client(provider: Provider) -> None:
    document = post_october(provider)
    copy = provider.agent("create", **copy_of(document, reference="bp-d-" + "1" * 32))
    provider.agent("edit", copy["id"], fields={"client_id": NOBODY})
    found = provider.verify()
    assert sorted((one.kind, one.client or "") for one in found.drift) == [
        ("key_twice", "client-1"),
        ("key_unknown", ""),
    ]


def test_our_lines_among_others_are_proved_and_others_are_theirs(provider: Provider) -> None:
    document = post_october(provider, "latest", invoices=[invoice(70)])
    assert document["id"] == 70
    provider.agent("add_line", 70, line=labour(0, "99.00", 1))
    provider.agent("edit_line", 70, line_id=7000, fields={"unit_price": Decimal("1.00")})
    provider.agent("edit", 70, fields={"reference": "anything", "invoice_date": "2026-10-20T00:00:00"})
    assert provider.verify().is_settled
    provider.agent("edit_line", 70, line_id=line_of(document, "Backup"), fields={"qty_order": 4})
    provider.agent("delete_line", 70, line_id=line_of(document, "Mail"))
    found = {drift.kind: drift for drift in provider.verify().drift}
    assert found.keys() == {"line_changed", "line_gone"}
    assert (found["line_gone"].was, found["line_gone"].difference) == ("10.00 USD", -10)
    changed = found["line_changed"]
    assert changed.was == "quantity 3, 30.00 USD, cost 21.00 USD"
    assert changed.now == "quantity 4, 40.00 USD, cost 28.00 USD"


def test_a_deleted_document_of_others_is_told_as_not_ours_alone(provider: Provider) -> None:
    post_october(provider, "latest", invoices=[invoice(70)])
    provider.agent("delete", 70)
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.difference) == ("document_gone", -40)
    assert drift.todo.startswith("It was not ours alone: ask who deleted it.")


def test_changes_of_our_lines_on_a_recurring_invoice_are_listed(provider: Provider) -> None:
    document = post_october(provider, "recurring", templates=[template(-7)])
    provider.agent("edit_line", -7, line_id=line_of(document, "Mail"), fields={"isinactive": True})
    provider.agent("edit_line", -7, line_id=line_of(document, "Backup"), fields={"unit_price": Decimal("11.00")})
    provider.agent("edit", -7, fields={"disabled": True})
    found = {drift.kind: drift for drift in provider.verify().drift}
    assert found.keys() == {"line_inactive", "line_changed", "template_disabled"}
    assert found["line_inactive"].place.startswith("recurring invoice -7, line ")
    assert found["line_changed"].difference == 3
    assert found["template_disabled"].now == "disabled"
    assert found["template_disabled"].todo == "Enable it there, or nothing of it is billed."


def test_a_line_that_halopsa_prorates_besides_is_listed(provider: Provider) -> None:
    document = post_october(provider, "recurring", templates=[template(-7)])
    row = {"id": 1, "shortdescription": "Mail", "quantity": 1, "unitprice": Decimal("3.00"), "isinvoiced": False}
    provider.agent("edit_line", -7, line_id=line_of(document, "Mail"), fields={"prorata_data": [row]})
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.now, drift.difference) == ("pro_rata", "with 1 pro-rata rows", 0)
    assert drift.todo.startswith("Delete the rows there")


def test_a_recurring_invoice_that_was_issued_and_disabled_since_is_proved(provider: Provider) -> None:
    post_october(provider, "recurring", templates=[template(-7)])
    provider.issue("2026-11-01T07:00:00Z")
    provider.agent("edit", -7, fields={"disabled": True})
    assert provider.verify().is_settled, "what it was to bill was issued"


def test_a_copied_recurring_invoice_is_listed(provider: Provider) -> None:
    document = post_october(provider, "recurring", templates=[template(-7)])
    ours = [line for line in document["lines"] if str(line.get("comment_2") or "").startswith("bp-")]
    copy = provider.agent("create", recurring=True, **copy_of({**document, "invoice_date": None, "lines": ours}))
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.halopsa_id, drift.difference) == ("key_twice", copy["id"], 40)
    assert drift.was == "posted on recurring invoice -7"


def test_what_later_months_wrote_over_is_counted_and_the_rest_proved(
    provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    bills = [
        bill(OCTOBER, licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")),
        bill(NOVEMBER, licence("mail", ACME, "20.00", quantity=2)),
    ]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.close(OCTOBER)
    assert provider.verify(OCTOBER).replaced_lines == 0
    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER)

    october, november = provider.verify(OCTOBER), provider.verify(NOVEMBER)

    assert october.is_settled
    assert dict(october.replaced_by) == {NOVEMBER: 2}, "Mail was written over, Backup ended"
    assert [(one.posted, one.replaced, one.now) for one in october.clients] == [(40, 40, 0)]
    print_verified(october, "https://psa.example.com/api")
    said = " ".join(capsys.readouterr().out.split())
    assert "client-1 1 2 40.00 40.00 40.00 0.00 USD" in said, "planned, posted, replaced, HaloPSA now"
    assert "2 lines of recurring invoices were written over since (2 by 2026-11): HaloPSA has no longer" in said
    assert "Proved: 1 invoice with 0 lines in HaloPSA as posted" in said
    assert november.is_settled
    assert november.replaced_lines == 0
    backup = line_of(provider.document(-7), "Backup")
    provider.agent("edit_line", -7, line_id=backup, fields={"isinactive": False})
    assert provider.verify(OCTOBER).is_settled, "it is the month that ended it which tells"
    (drift,) = provider.verify(NOVEMBER).drift
    assert (drift.kind, drift.line_id, drift.name) == ("line_active_again", backup, "Backup")
    assert (drift.was, drift.now, drift.difference) == ("ended", "active with 30.00 USD", 30)
    assert drift.todo == "Its charge ended: set it inactive there, or each next issue bills it."
    provider.agent("delete", -7)
    assert provider.verify(OCTOBER).is_settled, "nothing of it is left there that could be missed"
    assert [one.kind for one in provider.verify(NOVEMBER).drift] == ["document_gone"]


def test_an_ended_line_that_a_later_month_writes_again_is_proved(provider: Provider) -> None:
    mail, backup = licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")
    bills = [bill(OCTOBER, mail, backup), bill(NOVEMBER, mail), bill(DECEMBER, mail, backup)]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.close(OCTOBER)
    for month in (NOVEMBER, DECEMBER):
        provider.issue(f"{month}-01T07:00:00Z")
        provider.close(month)
    assert provider.ours(-7).count(("Backup", "30.00", True)) == 1
    assert [provider.verify(month).is_settled for month in (OCTOBER, NOVEMBER, DECEMBER)] == [True] * 3
