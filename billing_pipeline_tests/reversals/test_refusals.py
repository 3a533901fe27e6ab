"""What is not taken back from here, and what a person reads then."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, NOVEMBER, OCTOBER, bill, licence, make_world
from billing_pipeline_tests.reversals.undoing import look_at, refusal, take_back

RELEASE = f"billing-pipeline release {OCTOBER} --client client-1"
VERIFY = f"billing-pipeline verify {OCTOBER}"
REVIEW = f"billing-pipeline review {OCTOBER}"


@contextmanager
def undone(provider: Provider) -> Iterator[None]:
    """Let HaloPSA be as it was once the block is over."""
    content = provider.sandbox.halopsa.dump()
    yield
    provider.sandbox.halopsa.load(content)


@pytest.fixture
def posted(provider: Provider) -> Provider:
    """Acme was billed two lines on invoice 1, Birch one on invoice 2."""
    lines = [
        licence("mail", ACME, "1000.00", "800.00"),
        licence("disk", ACME, "5.00"),
        licence("mail", BIRCH, "20.00"),
    ]
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)]), [ACME, BIRCH], {})
    provider.close()
    return provider


IN_ACCOUNTING: dict[str, tuple[str, dict[str, Any], str]] = {
    "posted": ("post", {}, "posted to accounting"),
    "synced": ("sync", {"number": "ACC-1"}, "synced to accounting"),
    "with an accounting id": ("edit", {"fields": {"qboid": 77}}, "synced to accounting"),
    "paid": ("pay", {}, "paid in part or whole"),
    "part-paid": ("pay", {"amount": "0.01"}, "paid in part or whole"),
}


def test_what_accounting_has_gets_its_credit_there(posted: Provider) -> None:
    for name, (action, order, said) in IN_ACCOUNTING.items():
        with undone(posted):
            posted.agent(action, 1, **order)
            text = refusal(posted)
        assert text.startswith(f"{OCTOBER} of client-1 was not taken back; nothing was changed.\n"), name
        assert "HaloPSA invoice 1 of client-1 over 1,005.00 USD is in accounting already (" in text, name
        assert said in text, name
        assert "make the credit there" in text, name
        assert REVIEW in text, name


def test_an_invoice_that_was_only_sent_to_the_client_is_credited(posted: Provider) -> None:
    posted.agent("send", 1)
    reversal = take_back(posted).reversal
    assert len(posted.invoice_ids()) == 3
    assert reversal is not None
    assert reversal.notes == (
        "HaloPSA invoice 1 of client-1 over 1,005.00 USD was sent to the client: send the credit too",
    )


def test_an_invoice_that_is_gone_or_void_bills_nothing(posted: Provider) -> None:
    posted.agent("void", 1)
    text = refusal(posted)
    assert "HaloPSA invoice 1 of client-1 over 1,005.00 USD is voided, so nothing of it is billed" in text
    assert VERIFY in text
    assert f"delete it in HaloPSA, then {RELEASE}" in text

    posted.agent("delete", 1)
    text = refusal(posted)
    assert "HaloPSA invoice 1 of client-1 over 1,005.00 USD is not there any more" in text
    assert f"to bill its charges again: {RELEASE}" in text


DRIFT: dict[str, tuple[str, dict[str, Any], str]] = {
    "an amount": ("edit_line", {"line_id": 1, "fields": {"unit_price": 999}}, "has 999.00 USD, planned 1,000.00 USD"),
    "a cost": ("edit_line", {"line_id": 1, "fields": {"unit_cost": 1}}, "has cost 1.00 USD, planned 800.00 USD"),
    "a line less": ("delete_line", {"line_id": 1}, "is there 0 times"),
    "an inactive line": ("edit_line", {"line_id": 1, "fields": {"isinactive": True}}, "is inactive"),
    "another client": ("edit", {"fields": {"client_id": 202}}, "it is on HaloPSA client 202, planned on 201"),
    "another currency": ("edit", {"fields": {"currency_code": 2}}, "it has HaloPSA's currency 2, planned 1"),
    "no item": ("edit_line", {"line_id": 1, "fields": {"_itemid": 0}}, "line 'Mail' has no item any more"),
}


def test_what_differs_from_what_was_posted_is_looked_at_first(posted: Provider) -> None:
    for name, (action, order, said) in DRIFT.items():
        with undone(posted):
            posted.agent(action, 1, **order)
            text = refusal(posted)
        assert "HaloPSA invoice 1 of client-1 over 1,005.00 USD differs from what was posted: " in text, name
        assert said in text, name
        assert VERIFY in text, name
        assert f"Put it right in HaloPSA and reverse again, or delete it there, then {RELEASE}" in text, name


def test_a_document_of_ours_with_lines_of_others_is_never_to_be_deleted_whole(posted: Provider) -> None:
    with undone(posted):
        posted.agent("add_line", 1, line={"qty_order": 1, "unit_price": 5})
        posted.agent("edit_line", 1, line_id=1, fields={"unit_price": 999})
        assert f"reverse again, or delete our lines on it there, then {RELEASE}" in refusal(posted)


def test_a_second_invoice_with_our_keys_is_deleted_first(posted: Provider) -> None:
    first = posted.document(1)
    fields = {"client_id": 201, "invoice_date": "2026-10-01", "currency_code": 1}
    line = {"qty_order": 1, "unit_price": 5, "comment_2": first["lines"][1]["comment_2"]}
    twin = posted.agent("create", fields=fields, lines=[line])["id"]
    text = refusal(posted)
    assert f"HaloPSA invoices {twin} bear its keys too. Delete them there" in text
    assert f"billing-pipeline reverse {OCTOBER} --client client-1 again" in text


def test_nothing_posted_is_nothing_to_take_back(posted: Provider) -> None:
    text = refusal(posted, "client-l")
    assert text.startswith(f"Nothing was posted for client-l in {OCTOBER}, so there is nothing to take back")
    assert "the nearest known one is client-1" in text
    assert REVIEW in text
    other = refusal(posted, month=NOVEMBER)
    assert other == (
        f"Nothing was posted for client-1 in {NOVEMBER}, so there is nothing to take back. "
        f"See billing-pipeline review {NOVEMBER}."
    )


def test_a_posting_that_nobody_knows_the_outcome_of_is_settled_first(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {})
    provider.disturb("drop")
    provider.close()
    text = refusal(provider)
    assert "of client-1 over 10.00 USD was sent and nobody knows yet whether HaloPSA has it" in text
    assert f"Run billing-pipeline close {OCTOBER} --client client-1 --post first: it looks, and never sends" in text


def test_lines_of_the_credit_that_stand_elsewhere_are_looked_at_first(posted: Provider) -> None:
    (line, *_) = look_at(posted).plan.documents[0].lines
    fields = {"client_id": 201, "invoice_date": "2026-10-01", "currency_code": 1}
    strange = posted.agent(
        "create", fields=fields, lines=[{"qty_order": 1, "unit_price": -5, "comment_2": line.charge_key}]
    )["id"]
    text = refusal(posted)
    assert f"HaloPSA invoices {strange} bear keys of document bp-d-" in text
    assert "of client-1 over -1,005.00 USD already, but not as that document. Delete them in HaloPSA" in text


def test_a_broken_journal_and_another_tenant_shut_the_gate(posted: Provider) -> None:
    with posted.warehouse.session("spoil") as session:
        session.execute("update posting_journal set outcome = 'edited' where seq = 2")
    assert "row 2 of the posting journal was changed after it was written" in refusal(posted)
    assert f"then run billing-pipeline reverse {OCTOBER} --client client-1 again" in refusal(posted)

    posted.halo.tenant, tenant = "another", posted.halo.tenant
    try:
        with pytest.raises(PostingRefused, match="This database's journal belongs to HaloPSA"):
            take_back(posted)
    finally:
        posted.halo.tenant = tenant
