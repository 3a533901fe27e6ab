"""Behaviour `recurring`: our lines in place month after month by their slot, and nothing else touched."""

from typing import Any

import pytest

from billing_pipeline.commands.month_report import print_headline, verdict
from billing_pipeline.commands.outcome import DONE, HELD
from billing_pipeline.steps.month_summary import summarize_month
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    Json,
    bill,
    labour,
    licence,
    make_world,
    numbered,
    template,
)

RECURRING = {"target": "recurring"}


def set_up_months(provider: Provider, *bills: Json, templates: list[Json] | None = None, **changes: Any) -> None:
    provider.set_up(make_world([ACME], bills, templates=templates or [template(-7)], **changes), [ACME], RECURRING)


def issue_november(provider: Provider) -> None:
    provider.issue("2026-11-01T07:00:00Z")


def issue_december(provider: Provider) -> None:
    provider.issue("2026-12-01T07:00:00Z")


@pytest.mark.parametrize("lines", ["replace", "append"])
def test_three_months_keep_each_subscription_on_its_line(provider: Provider, lines: str) -> None:
    """Mail grows, backup ends and comes back, voice is new; the lines of others stay to the byte."""
    others = [labour(701, "100.00", 1), labour(702, "19.99", 3, isinactive=True)]
    set_up_months(
        provider,
        bill(OCTOBER, licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")),
        bill(NOVEMBER, licence("voice", ACME, "7.00"), licence("mail", ACME, "20.00", quantity=2)),
        bill(DECEMBER, licence("mail", ACME, "20.00", quantity=2), licence("backup", ACME, "33.00")),
        templates=[template(-7, lines=others)],
    )
    provider.switch(lines=lines)
    before = provider.text_of_others(-7)

    provider.close(OCTOBER)
    october = provider.places(-7)
    assert sorted(provider.ours(-7)) == [("Backup", "30.00", True), ("Mail", "10.00", True)]

    (issued,) = provider.issue("2026-11-01T07:00:00Z")
    assert sorted(provider.ours(issued)) == [("Backup", "30.00", True), ("Mail", "10.00", True)]
    provider.close(NOVEMBER)
    assert sorted(provider.ours(-7)) == [("Backup", "30.00", False), ("Mail", "20.00", True), ("Voice", "7.00", True)]
    (mail,) = [line for line in provider.document(-7)["lines"] if line["item_shortdescription"] == "Mail"]
    assert (mail["qty_order"], mail["unit_price"]) == (2, 10)
    assert october.items() <= provider.places(-7).items(), "the same slots on the same lines"

    (issued,) = provider.issue("2026-12-01T07:00:00Z")
    assert sorted(provider.ours(issued)) == [("Mail", "20.00", True), ("Voice", "7.00", True)]
    provider.close(DECEMBER)
    assert sorted(provider.ours(-7)) == [("Backup", "33.00", True), ("Mail", "20.00", True), ("Voice", "7.00", False)]
    assert october.items() <= provider.places(-7).items()

    assert provider.text_of_others(-7) == before
    assert provider.holds(OCTOBER) == provider.holds(NOVEMBER) == provider.holds(DECEMBER) == []
    assert [provider.posted(month) for month in (OCTOBER, NOVEMBER, DECEMBER)] == [40, 27, 53]
    assert all(provider.prove(month).whole for month in (OCTOBER, NOVEMBER, DECEMBER))
    counts = provider.sandbox.halopsa_service.log.counts()
    assert counts["POST /api/RecurringInvoice/process"] == 2, "those that HaloPSA's own scheduler made"
    assert not [route for route in counts if "void" in route or route.startswith("DELETE")]
    assert not any(document["posted"] for document in provider.sandbox.halopsa.dump()["invoices"])


def test_a_client_without_any_charge_has_its_lines_ended(provider: Provider) -> None:
    set_up_months(
        provider, bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER, licence("other", BIRCH, "1.00"))
    )
    provider.close(OCTOBER)
    issue_november(provider)
    before = provider.text_of_others(-7)

    provider.close(NOVEMBER, send=False)
    planned = provider.planned["client-1"].plan.plan_hash
    provider.now = "2026-11-09T15:00:00Z"
    provider.close(NOVEMBER)

    assert provider.planned["client-1"].plan.plan_hash == planned, "no clock in it"
    assert provider.ours(-7) == [("Mail", "10.00", False)]
    assert provider.text_of_others(-7) == before
    assert provider.holds(NOVEMBER) == [(f"pax8-{BIRCH.company}", "unmapped_client")]
    assert provider.prove(NOVEMBER).whole
    (plan_of_end,) = [one for one in provider.documents() if one.action == "update_recurring"]
    assert (plan_of_end.lines, len(plan_of_end.deactivate)) == ((), 1)

    writes = provider.writes("/api/RecurringInvoice")
    provider.close(NOVEMBER)
    assert provider.writes("/api/RecurringInvoice") == writes, "ended once"


def test_what_only_ends_lines_is_told_as_still_to_post(provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_months(provider, bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER), bill(DECEMBER))
    provider.close(OCTOBER)
    issue_november(provider)
    # November is not even fetched: nothing of the month before speaks for the client in December.
    provider.close(DECEMBER, send=False)

    prepared = summarize_month(provider.warehouse, DECEMBER)
    assert prepared is not None
    assert [(one.client, one.currency, one.open_documents) for one in prepared.clients] == [("client-1", "USD", 1)]
    assert (verdict(prepared, posted=False), verdict(prepared, posted=True)) == (DONE, HELD)
    print_headline(prepared)
    assert "1 invoice to post: no money is added" in capsys.readouterr().out

    provider.post(DECEMBER)
    closed = summarize_month(provider.warehouse, DECEMBER)
    assert closed is not None
    assert (closed.open_documents, closed.posted_documents) == (0, 1)
    assert verdict(closed, posted=True) == DONE


def test_closing_an_old_month_again_ends_nothing_of_a_later_one(provider: Provider) -> None:
    set_up_months(
        provider,
        bill(OCTOBER, licence("mail", ACME, "10.00")),
        bill(NOVEMBER, licence("mail", ACME, "20.00"), licence("voice", ACME, "7.00")),
    )
    provider.close(OCTOBER)
    issue_november(provider)
    provider.close(NOVEMBER)
    before = provider.document(-7)
    read_back = provider.rows("select * from posted_lines where month = '2026-10'")

    provider.close(OCTOBER)
    issue_december(provider)
    provider.close(OCTOBER)

    assert provider.document(-7)["lines"] == before["lines"]
    assert provider.rows("select * from posted_lines where month = '2026-10'") == read_back, "read once, and kept"
    assert provider.holds(OCTOBER) == []
    assert provider.posted(OCTOBER) == 10
    assert provider.prove(OCTOBER).whole


def test_a_second_close_of_the_month_changes_nothing(provider: Provider) -> None:
    set_up_months(provider, bill(OCTOBER, licence("mail", ACME, "10.00")))
    provider.close()
    before = provider.document(-7)

    provider.close()
    issue_november(provider)
    provider.close()

    assert provider.document(-7)["lines"] == before["lines"]
    assert provider.writes("/api/RecurringInvoice") == 1
    assert provider.posted() == 10
    assert provider.prove().whole


def test_a_supplementary_invoice_gets_further_lines(provider: Provider) -> None:
    """More seats of a subscription that was billed already stand beside it, before the issue that bills both."""
    later = {"number": 2, "invoiceDate": "2026-10-20", "release_at": "2026-10-20T12:00:00Z"}
    set_up_months(
        provider,
        bill(OCTOBER, licence("mail", ACME, "10.00")),
        bill(OCTOBER, licence("mail", ACME, "5.00"), licence("voice", ACME, "7.00"), **later),
        bill(NOVEMBER, licence("mail", ACME, "15.00"), licence("voice", ACME, "7.00")),
    )
    provider.close()
    first = provider.places(-7)
    provider.now = "2026-10-21T15:00:00Z"

    provider.close()

    assert sorted(provider.ours(-7)) == [("Mail", "10.00", True), ("Mail", "5.00", True), ("Voice", "7.00", True)]
    assert first.items() <= provider.places(-7).items()
    assert provider.posted() == 22
    assert provider.prove().whole
    (issued,) = provider.issue("2026-11-01T07:00:00Z")
    assert len(provider.ours(issued)) == 3

    provider.now = ""
    provider.close(NOVEMBER)
    assert sorted(provider.ours(-7)) == [("Mail", "15.00", True), ("Mail", "5.00", False), ("Voice", "7.00", True)]
    assert provider.prove(NOVEMBER).whole


def test_a_supplementary_invoice_after_the_issue_does_not_bill_the_first_again(provider: Provider) -> None:
    later = {"number": 2, "invoiceDate": "2026-10-28", "release_at": "2026-11-02T12:00:00Z"}
    set_up_months(
        provider,
        bill(OCTOBER, licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00")),
        bill(OCTOBER, licence("voice", ACME, "7.00"), **later),
        bill(NOVEMBER, licence("mail", ACME, "20.00")),
    )
    provider.close()
    issue_november(provider)
    provider.now = "2026-11-03T15:00:00Z"

    provider.close()

    assert sorted(provider.ours(-7)) == [("Backup", "30.00", False), ("Mail", "10.00", False), ("Voice", "7.00", True)]
    assert provider.posted() == 47
    provider.now = ""
    provider.close(NOVEMBER)
    assert provider.holds(NOVEMBER) == [("client-1", "not_issued")], "or October's voice would never be billed"
    (issued,) = provider.issue("2026-12-01T07:00:00Z")
    assert provider.ours(issued) == [("Voice", "7.00", True)]


def test_a_prorate_that_comes_and_goes_never_moves_a_licence(provider: Provider) -> None:
    """Prorate and licence are of one subscription; the slots count on, and what repeats comes first."""
    prorate = licence("mail", ACME, "3.00", type="prorate")
    bills = [bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER, prorate, licence("mail", ACME, "20.00"))]
    provider.set_up(
        make_world([ACME], bills, templates=[template(-7)]), [ACME], {**RECURRING, "non_recurring": "recurring"}
    )
    provider.close(OCTOBER)
    (place,) = provider.places(-7).values()
    issue_november(provider)

    provider.close(NOVEMBER)

    by_id = {line["id"]: line["net_amount"] for line in provider.document(-7)["lines"]}
    assert by_id[place] == 20
    assert len(provider.places(-7)) == 2


def test_a_line_in_place_gets_this_months_content_and_keeps_what_an_agent_added(provider: Provider) -> None:
    """Acme's product has another name, SKU and item; an agent worked on Birch's line; Cedar is taxed no more."""
    cedar = numbered(3, -9)
    clients = [ACME, BIRCH, cedar]
    renamed = {"productName": "Mail Plus", "sku": "OTHER", "purchaseOrderNumber": "PO 9"}
    bills = [
        bill(OCTOBER, *(licence("mail", client, "10.00") for client in clients)),
        bill(
            NOVEMBER, *(licence("mail", client, "12.00", **(renamed if client is ACME else {})) for client in clients)
        ),
    ]
    world = make_world(
        clients,
        bills,
        templates=[template(-7), template(-8, BIRCH), template(-9, cedar)],
        taxes=[{"id": 3, "name": "Sales tax", "code": "TAX", "value": 10}],
    )
    provider.set_up(world, clients, RECURRING)
    provider.close(OCTOBER)
    places = {number: provider.places(number) for number in (-7, -8, -9)}
    (place,) = places[-8].values()
    provider.agent("edit_line", -8, line_id=place, fields={"site": 5, "comment_1": "cost centre 12", "unit_price": 99})
    provider.agent("edit_other", cedar.halopsa_id, resource="Client", fields={"taxable": False})
    issue_november(provider)
    provider.configure(clients, RECURRING, settings={"codes": {"item": 901}})

    provider.close(NOVEMBER)

    assert {number: provider.places(number) for number in (-7, -8, -9)} == places
    ours = {number: provider.document(number)["lines"][-1] for number in (-7, -8, -9)}
    assert [(line["_itemid"], line["unit_price"]) for line in ours.values()] == [(901, 12)] * 3
    assert ours[-7]["item_shortdescription"] == "Mail Plus"
    assert (ours[-8]["site"], ours[-8]["comment_1"]) == (5, "cost centre 12")
    assert (ours[-7]["tax_code"], ours[-9]["tax_code"], ours[-9]["tax_amount"]) == ("3", "0", 0)
    assert provider.prove(NOVEMBER).whole


def test_two_clients_on_one_recurring_invoice_leave_each_others_lines(provider: Provider) -> None:
    parent = numbered(9)
    clients = [numbered(1, -7), numbered(2, -7)]
    redirect = {"client_to_invoice_recurring": parent.halopsa_id}
    bills = [
        bill(OCTOBER, licence("mail", clients[0], "10.00"), licence("mail", clients[1], "20.00")),
        bill(NOVEMBER, licence("mail", clients[0], "11.00"), licence("mail", clients[1], "21.00")),
        bill(DECEMBER, licence("mail", clients[0], "12.00")),
    ]
    world = make_world(
        [*clients, parent],
        bills,
        templates=[template(-7, parent)],
        client_fields={"client-1": redirect, "client-2": redirect},
    )
    provider.set_up(world, clients, RECURRING)

    provider.close(OCTOBER)
    issue_november(provider)
    provider.close(NOVEMBER)
    assert sorted(provider.ours(-7)) == [("Mail", "11.00", True), ("Mail", "21.00", True)]
    issue_december(provider)
    provider.close(DECEMBER)

    assert sorted(provider.ours(-7)) == [("Mail", "12.00", True), ("Mail", "21.00", False)]
    assert provider.holds(OCTOBER) == provider.holds(NOVEMBER) == provider.holds(DECEMBER) == []
    assert provider.prove(NOVEMBER).whole
    assert provider.prove(DECEMBER).whole


def test_a_client_that_leaves_its_recurring_invoice_leaves_no_live_line_there(provider: Provider) -> None:
    """Acme turns to new invoices, Birch gets another recurring invoice; Cedar is excluded, and left to a person."""
    cedar = numbered(3, -9)
    clients = [ACME, BIRCH, cedar]
    bills = [bill(month, *(licence("mail", one, "20.00") for one in clients)) for month in (OCTOBER, NOVEMBER)]
    templates = [template(-7), template(-8, BIRCH), template(-9, cedar), template(-10, BIRCH)]
    provider.set_up(make_world(clients, bills, templates=templates), clients, RECURRING)
    provider.close(OCTOBER)
    provider.configure(
        [ACME, numbered(2, -10), numbered(3, -9, excluded=True)],
        RECURRING,
        clients={ACME.key: {"settings": {"behaviour": {"target": "new"}}}},
    )

    provider.close(NOVEMBER)
    assert provider.holds(NOVEMBER) == [("client-1", "not_issued"), ("client-2", "not_issued")]
    assert "20.00 USD held" in provider.why(NOVEMBER)

    issue_november(provider)
    provider.close(NOVEMBER)
    assert provider.ours(-7) == provider.ours(-8) == [("Mail", "20.00", False)]
    assert provider.ours(-10) == [("Mail", "20.00", True)]
    assert provider.ours(-9) == [("Mail", "20.00", True)]
    assert provider.ours(max(provider.invoice_ids())) == [("Mail", "20.00", True)]
    assert provider.prove(NOVEMBER).whole


def test_lines_are_found_again_by_their_slot_where_the_database_is_new(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    set_up_months(
        provider, bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER, licence("voice", ACME, "7.00"))
    )
    provider.close(OCTOBER)
    issue_november(provider)
    with provider.warehouse.session("forget everything") as session:
        for table in ("postings", "posted_lines", "posted_source_lines", "posting_journal"):
            session.execute(f"delete from {table}")
    (provider.warehouse.published / "journal-head.json").unlink()

    provider.close(NOVEMBER)

    assert sorted(provider.ours(-7)) == [("Mail", "10.00", False), ("Voice", "7.00", True)]


def test_the_total_that_would_result_must_not_be_negative(provider: Provider) -> None:
    lines = [licence("credit", ACME, "-100.00"), licence("credit", BIRCH, "-100.01")]
    world = make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], templates=[template(-7), template(-8, BIRCH)])
    provider.set_up(world, [ACME, BIRCH], RECURRING)

    provider.close()

    assert provider.holds() == [("client-2", "negative_total")]
    assert (provider.ours(-7), provider.ours(-8)) == ([("Credit", "-100.00", True)], [])
