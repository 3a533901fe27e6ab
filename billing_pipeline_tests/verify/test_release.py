"""A client's month is released once HaloPSA has none of it, and is then billed again, once."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.billing.errors import BillingPipelineError, PostingRefused, WarehouseLocked
from billing_pipeline.steps import release as releasing
from billing_pipeline.steps.release import StillOpen
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    NOVEMBER,
    OCTOBER,
    Json,
    bill,
    invoice,
    licence,
    make_world,
    template,
)

TABLES = ("postings", "posted_lines", "posted_source_lines", "corrections", "posting_journal", "holds", "plans")


def post_october(provider: Provider, target: str = "new", **others: Any) -> None:
    """Post Mail and Backup, 40.00 in all, for Acme, and Voice over 7.00 for Birch."""
    lines = [licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00"), licence("voice", BIRCH, "7.00")]
    behaviour = {"target": target, "non_recurring": target}
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], **others), [ACME, BIRCH], behaviour)
    provider.close()


def document_of(provider: Provider, client: str = "client-1") -> int:
    (row,) = provider.rows(
        "select halopsa_invoice_id as id from postings where client = ? and status = 'posted'", client
    )
    return int(row["id"])


def line_of(provider: Provider, document_id: int, name: str) -> int:
    lines = provider.document(document_id)["lines"]
    return next(int(line["id"]) for line in lines if line["item_shortdescription"] == name)


def contents(provider: Provider) -> dict[str, list[Json]]:
    return {table: provider.rows(f"select * from {table} order by all") for table in TABLES}


def adds_up(provider: Provider, month: str = OCTOBER) -> bool:
    return provider.prove(month).whole and None not in provider.fates(month)


def billed_lines(provider: Provider) -> list[tuple[int, str]]:
    """Each line of ours on an invoice or a recurring one: HaloPSA's client and the name."""
    dump = provider.sandbox.halopsa.dump()
    return sorted(
        (document["client_id"], line["item_shortdescription"])
        for document in [*dump["invoices"], *dump["recurring_invoices"]]
        for line in document["lines"]
        if str(line.get("comment_2") or "").startswith("bp-")
    )


def delete_ours(provider: Provider, document_id: int) -> None:
    """Let an agent delete what we put on a document."""
    if document_id > 0 and provider.document(document_id)["reference"].startswith("bp-d-"):
        provider.agent("delete", document_id)
        return
    for name, _, _ in provider.ours(document_id):
        provider.agent("delete_line", document_id, line_id=line_of(provider, document_id, name))


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


def issued_october(provider: Provider) -> int:
    """October on a recurring invoice, issued on the first of November, and taken off the recurring invoice."""
    lines = [licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")]
    november = bill(NOVEMBER, licence("mail", ACME, "11.00"))
    world = make_world([ACME], [bill(OCTOBER, *lines), november], templates=[template(-7)])
    provider.set_up(world, [ACME], {"target": "recurring"})
    provider.close()
    (issued,) = provider.issue("2026-11-01T07:00:00Z")
    return issued


@pytest.mark.parametrize("copies_keys", [True, False])
def test_what_was_issued_from_a_recurring_invoice_is_billed(provider: Provider, copies_keys: bool) -> None:
    issued = issued_october(provider)
    delete_ours(provider, -7)
    if not copies_keys:
        for name in ("Mail", "Backup"):
            line = line_of(provider, issued, name)
            provider.agent("edit_line", issued, line_id=line, fields={"comment_2": ""})
    released = provider.release()
    assert [(one.halopsa_id, one.money) for one in released.standing] == [(issued, 10), (issued, 30)]
    assert {one.todo for one in released.standing} == {"It was issued from the recurring invoice. Delete it there."}
    said = "bears bp-s-" if copies_keys else "looks like the line of bp-s-"
    assert all(said in one.told for one in released.standing)
    provider.agent("delete", issued)
    assert provider.release().is_done


def test_a_month_that_a_later_one_wrote_over_is_judged_by_what_was_issued_of_it(provider: Provider) -> None:
    issued = issued_october(provider)
    provider.close(NOVEMBER)
    (of_november,) = provider.issue("2026-12-01T07:00:00Z")
    ended = line_of(provider, -7, "Backup")
    assert {(one.halopsa_id, one.line_id) for one in provider.release().standing if one.halopsa_id < 0} == {(-7, ended)}
    provider.agent("delete_line", -7, line_id=ended)
    assert {one.halopsa_id for one in provider.release().standing} == {issued}
    provider.agent("void", issued)
    released = provider.release()
    assert released.is_done, "the lines on the recurring invoice and what was issued since are November's"
    assert provider.verify(NOVEMBER).agrees
    assert {one.halopsa_id for one in provider.release(NOVEMBER).standing} == {-7, of_november}


def test_an_issue_of_the_month_before_is_not_this_months(provider: Provider) -> None:
    issued_october(provider)
    provider.close(NOVEMBER)
    delete_ours(provider, -7)
    assert provider.release(NOVEMBER).is_done
    assert provider.fates(OCTOBER) == {"posted"}


def test_what_a_released_month_ended_stays_ended_for_the_month_before(provider: Provider) -> None:
    lines = [licence("mail", ACME, "10.00"), licence("disk", BIRCH, "20.00"), licence("tape", BIRCH, "5.00")]
    bills = [bill(OCTOBER, *lines), bill(NOVEMBER, licence("disk", BIRCH, "20.00"))]
    world = make_world([ACME, BIRCH], bills, templates=[template(-7), template(-8, BIRCH)])
    provider.set_up(world, [ACME, BIRCH], {"target": "recurring"})
    provider.close()
    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER)
    assert (provider.ours(-7), provider.ours(-8)) == (
        [("Mail", "10.00", False)],
        [("Disk", "20.00", True), ("Tape", "5.00", False)],
    )

    assert provider.release(NOVEMBER, "client-1").is_done, "November only ended lines of client-1"
    provider.agent("delete_line", -8, line_id=line_of(provider, -8, "Disk"))
    assert provider.release(NOVEMBER, "client-2").is_done

    def still_drifts() -> list[tuple[str, str]]:
        return [(one.kind, one.name) for one in provider.verify(OCTOBER).drift]

    assert still_drifts() == [("line_gone", "Disk")], "what the person deleted, and nothing that November ended"

    provider.close(NOVEMBER)
    assert provider.ours(-7) == [("Mail", "10.00", False)]
    assert still_drifts() == []
    assert provider.verify(NOVEMBER).agrees


def test_an_open_posting_is_settled_first(provider: Provider) -> None:
    post_october(provider)
    provider.agent("delete", document_of(provider))
    provider.rows("update postings set status = 'unknown' where client = 'client-1'")
    with pytest.raises(StillOpen) as caught:
        provider.release()
    said = str(caught.value)
    assert said.startswith("client-1: document bp-d-")
    assert "over 40.00 USD was sent at 2026-10-06 15:00 UTC" in said
    assert "Nothing was released for 2026-10. billing-pipeline close 2026-10 --client client-1 --post settles" in said
    assert StillOpen.exit_code == 3


def test_a_change_of_the_same_document_that_may_still_arrive_is_settled_first(provider: Provider) -> None:
    post_october(provider, "recurring", templates=[template(-7), template(-8, BIRCH)])
    delete_ours(provider, -7)
    provider.rows(
        "insert into postings select * replace ('2026-11' as month, 'unknown' as status, 'bp-d-x' as document_key) "
        "from postings where client = 'client-1'"
    )
    with pytest.raises(StillOpen) as caught:
        provider.release()
    said = str(caught.value)
    assert said.startswith("A change of recurring invoice -7 for client-1 in 2026-11 has an unknown outcome")
    assert "Nothing was released for client-1 in 2026-10" in said
    assert "billing-pipeline close 2026-11 --client client-1 --post settles it first" in said


def refused(provider: Provider, error: type[BillingPipelineError] = PostingRefused, client: str = "client-1") -> str:
    before = contents(provider)
    with pytest.raises(error) as caught:
        provider.release(OCTOBER, client)
    assert contents(provider) == before, "nothing was changed"
    assert error.exit_code == 1
    return str(caught.value)


def test_what_was_never_posted_cannot_be_released(provider: Provider) -> None:
    post_october(provider)
    assert refused(provider, client="client-3") == (
        "Nothing is posted for 'client-3' in 2026-10 (the nearest known one is client-1), so there is nothing to "
        "release. billing-pipeline review 2026-10 shows where each client stands."
    )


def test_a_released_month_cannot_be_released_twice(provider: Provider) -> None:
    post_october(provider)
    provider.agent("delete", document_of(provider))
    assert provider.release().is_done
    assert "Nothing is posted for 'client-1'" in refused(provider)


def test_nothing_is_released_from_a_broken_journal(provider: Provider) -> None:
    post_october(provider)
    provider.rows("update posting_journal set outcome = 'x' where seq = 2")
    said = refused(provider)
    assert said.startswith(
        "row 2 of the posting journal was changed after it was written. Nothing was released of client-1 for 2026-10."
    )
    assert "then run billing-pipeline release 2026-10 --client client-1 again." in said


def test_nothing_is_released_for_another_halopsa(provider: Provider) -> None:
    post_october(provider)
    provider.rows("update posting_journal set halopsa_tenant = 'other'")
    assert "belongs to HaloPSA" in refused(provider)


def test_nothing_is_released_while_somebody_posts(provider: Provider) -> None:
    post_october(provider)
    provider.warehouse.lock_wait_seconds = 0.1
    with provider.warehouse.posting_lock("post 2026-10 to HaloPSA"):
        assert "post 2026-10 to HaloPSA" in refused(provider, WarehouseLocked)
    with (
        provider.warehouse.posting_lock("release 2026-10 of client-1"),
        pytest.raises(WarehouseLocked, match="release"),
    ):
        provider.post()


def test_a_release_that_is_cut_short_changes_nothing(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    post_october(provider)
    provider.agent("delete", document_of(provider))
    before = contents(provider)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(releasing, "plan", die)
    with pytest.raises(KeyboardInterrupt):
        provider.release()
    assert contents(provider) == before
    monkeypatch.undo()
    assert provider.release().is_done


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
