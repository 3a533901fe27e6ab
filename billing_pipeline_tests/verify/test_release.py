"""A client's month is released once HaloPSA has none of it, and is then billed again, once."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, bill, invoice, licence, make_world, template
from billing_pipeline_tests.verify.releasing import adds_up, contents, delete_ours, document_of, line_of, post_october


def billed_lines(provider: Provider) -> list[tuple[int, str]]:
    """Each line of ours on an invoice or a recurring one: HaloPSA's client and the name."""
    dump = provider.sandbox.halopsa.dump()
    return sorted(
        (document["client_id"], line["item_shortdescription"])
        for document in [*dump["invoices"], *dump["recurring_invoices"]]
        for line in document["lines"]
        if str(line.get("comment_2") or "").startswith("bp-")
    )


@pytest.mark.parametrize(
    ("target", "others"),
    [
        ("new", {}),
        ("latest", {"invoices": [invoice(70), invoice(71, BIRCH)]}),
        ("recurring", {"templates": [template(-7), template(-8, BIRCH)]}),
    ],
    ids=["new", "latest", "recurring"],
)
def test_a_released_month_is_billed_again_once(provider: Provider, target: str, others: dict[str, Any]) -> None:
    post_october(provider, target, **others)
    document, before = document_of(provider), billed_lines(provider)
    journal = provider.rows("select * from posting_journal order by seq")
    charges = provider.rows("select charge_key, sell from posted_lines where client = 'client-1' order by all")
    others_before = provider.rows("select * from posted_lines where client = 'client-2'")
    delete_ours(provider, document)

    released = provider.release()

    assert released.is_done
    assert released.money == {"USD": 40}
    assert released.holds == ()
    assert provider.fates() == {"planned", "posted"}
    assert adds_up(provider)
    three_way = provider.rows("select client, posted_sell, planned_sell from three_way order by all")
    assert [tuple(row.values()) for row in three_way] == [("client-1", 0, 40), ("client-2", 7, 7)]
    rows = provider.rows("select * from posting_journal order by seq")
    assert rows[: len(journal)] == journal, "the journal is never edited"
    (row,) = rows[len(journal) :]
    assert (row["event"], row["month"], row["client"]) == ("released", OCTOBER, "client-1")
    detail = json.loads(row["detail"])
    assert detail["charge_keys"] == [charge["charge_key"] for charge in charges]
    assert [(one["halopsa_invoice_id"], one["sell"]) for one in detail["documents"]] == [(document, "40")]
    assert row["outcome"].startswith("HaloPSA has none of it: a bulk read, a search by document key")
    assert provider.rows("select status from postings where client = 'client-1'") == [{"status": "released"}]

    for _ in range(2):
        provider.close()
        assert billed_lines(provider) == before, "each charge once"
    assert provider.fates() == {"posted"}
    assert adds_up(provider)
    assert provider.verify().is_settled
    again = provider.rows("select charge_key, sell from posted_lines where client = 'client-1' order by all")
    assert again == charges
    assert provider.rows("select * from posted_lines where client = 'client-2'") == others_before


def test_a_month_that_was_closed_again_since_is_released_all_the_same(provider: Provider) -> None:
    post_october(provider)
    provider.agent("delete", document_of(provider))
    provider.close()
    assert provider.release().is_done
    assert provider.fates() == {"planned", "posted"}
    assert adds_up(provider)


def test_a_collapsed_line_is_billed_again_as_the_same_charge(provider: Provider) -> None:
    azure = {"term": "Arrears", "sku": "MST-AZR-P1", "productName": "Microsoft Azure Plan", "subscriptionId": None}
    lines = [licence("storage", ACME, "1.114", **azure), licence("bandwidth", ACME, "2.223", **azure)]
    settings = {"modifiers": {"collapse_azure": True}}
    provider.set_up(make_world([ACME], [bill(OCTOBER, *lines)]), [ACME], {"target": "new"}, settings=settings)
    provider.close()
    charges = provider.rows("select charge_key, sell from posted_lines")
    provider.agent("delete", document_of(provider))
    assert provider.release().is_done
    assert provider.fates() == {"collapsed"}
    assert adds_up(provider)
    provider.close()
    assert provider.rows("select charge_key, sell from posted_lines") == charges
    assert [charge["sell"] for charge in charges] == [Decimal("3.34")]
    assert adds_up(provider)


STANDING: dict[str, tuple[str, dict[str, Any], Callable[[Provider, int], Any], str, str]] = {
    "the document": (
        "new",
        {},
        lambda msp, doc: None,
        "HaloPSA invoice {doc} over 40.00 USD bears bp-d-",
        "Delete it there.",
    ),
    "a document that accounting has": (
        "new",
        {},
        lambda msp, doc: msp.agent("post", doc),
        "HaloPSA invoice {doc} over 40.00 USD bears bp-d-",
        "It is no draft any more: what accounting or the client has is taken back with a credit, not released.",
    ),
    "a void document": (
        "new",
        {},
        lambda msp, doc: msp.agent("void", doc),
        "HaloPSA invoice {doc} over 40.00 USD bears bp-d-",
        "It is void; delete it there, or where HaloPSA keeps it, take the key out of it.",
    ),
    "a document without its key": (
        "new",
        {},
        lambda msp, doc: msp.agent("edit", doc, fields={"reference": ""}),
        "HaloPSA invoice {doc} over 40.00 USD is bp-d-",
        "Delete it there.",
    ),
    "a document that was dated back": (
        "new",
        {},
        lambda msp, doc: msp.agent("edit", doc, fields={"invoice_date": "2025-01-01T00:00:00"}),
        "HaloPSA invoice {doc} over 40.00 USD bears bp-d-",
        "Delete it there.",
    ),
    "a line among others'": (
        "latest",
        {"invoices": [invoice(70)]},
        lambda msp, doc: msp.agent("delete_line", doc, line_id=line_of(msp, doc, "Mail")),
        ") over 30.00 USD bears bp-c-",
        "Delete that line there.",
    ),
    "a line without its key": (
        "latest",
        {"invoices": [invoice(70)]},
        lambda msp, doc: (
            msp.agent("delete_line", doc, line_id=line_of(msp, doc, "Mail")),
            msp.agent("edit_line", doc, line_id=line_of(msp, doc, "Backup"), fields={"comment_2": ""}),
        ),
        "(Backup) over 30.00 USD is the line of bp-c-",
        "Delete that line there.",
    ),
    "an inactive line of a recurring invoice": (
        "recurring",
        {"templates": [template(-7), template(-8, BIRCH)]},
        lambda msp, doc: (
            msp.agent("delete_line", doc, line_id=line_of(msp, doc, "Mail")),
            msp.agent("edit_line", doc, line_id=line_of(msp, doc, "Backup"), fields={"isinactive": True}),
        ),
        "HaloPSA recurring invoice -7, line ",
        "Delete that line there.",
    ),
}


@pytest.mark.parametrize("case", STANDING)
def test_what_still_stands_is_named_and_nothing_is_released(provider: Provider, case: str) -> None:
    target, others, agent, told, todo = STANDING[case]
    post_october(provider, target, **others)
    document = document_of(provider)
    agent(provider, document)
    before, halopsa = contents(provider), provider.sandbox.halopsa.dump()

    released = provider.release()

    assert not released.is_done
    (standing,) = released.standing
    assert told.format(doc=document) in standing.told
    assert standing.todo == todo
    assert contents(provider) == before, "nothing was changed"
    assert provider.sandbox.halopsa.dump() == halopsa


def test_a_copy_on_another_client_keeps_the_month_from_being_released(provider: Provider) -> None:
    post_october(provider)
    document = provider.document(document_of(provider))
    fields = {"client_id": BIRCH.halopsa_id, "invoice_date": document["invoice_date"], "currency_code": 1}
    copy = provider.agent("create", fields=fields, lines=document["lines"])
    provider.agent("delete", document["id"])
    released = provider.release()
    assert [(one.halopsa_id, one.money) for one in released.standing] == [(copy["id"], 10), (copy["id"], 30)]


def test_a_corrected_month_is_released_with_its_corrections(provider: Provider) -> None:
    """The credited invoice is not billed again; what took its place is, whole."""
    lines = [licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")]
    provider.set_up(make_world([ACME], [bill(OCTOBER, *lines)]), [ACME], {"target": "new"})
    provider.close()
    provider.sandbox.pax8.edit_invoice("2026-10-invoice-1", {"status": "Credited"})
    lines = [licence("mail", ACME, "12.00"), licence("backup", ACME, "30.00")]
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, *lines, number=2))
    provider.prepare(correct=True)
    provider.post()
    assert [len(provider.document(one)["lines"]) for one in provider.invoice_ids()] == [2, 1]
    assert provider.verify().is_settled
    for one in provider.invoice_ids():
        provider.agent("delete", one)

    released = provider.release()

    assert released.money == {"USD": 42}
    assert provider.rows("select 1 from corrections") == []
    assert adds_up(provider)
    provider.close()
    assert [sorted(provider.ours(one)) for one in provider.invoice_ids()] == [
        [("Backup", "30.00", True), ("Mail", "12.00", True)]
    ]
    assert provider.holds() == []
    assert adds_up(provider)
    assert provider.verify().is_settled


def test_a_client_that_is_held_after_its_release_says_so(provider: Provider) -> None:
    post_october(provider)
    provider.agent("delete", document_of(provider))
    provider.configure([ACME, BIRCH], {"target": "recurring"})
    released = provider.release()
    assert released.is_done
    assert [text.rpartition(" ")[2] for text in released.holds] == ["(no_recurring_invoice)"]
    assert provider.fates() == {"held", "posted"}
    assert adds_up(provider)
