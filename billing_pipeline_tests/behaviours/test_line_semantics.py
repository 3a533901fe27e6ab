"""Tenants that do not replace lines, or that do more than they were asked: found on the first document, not later."""

import pytest

from billing_pipeline.steps.month_summary import summarize_month
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    NOVEMBER,
    OCTOBER,
    bill,
    invoice,
    labour,
    licence,
    make_world,
    numbered,
    template,
)

CEDAR = numbered(3)
MONTHS = (OCTOBER, NOVEMBER)


def set_up_two(provider: Provider, target: str = "latest") -> None:
    lines = [licence("mail", ACME, "10.00"), licence("mail", BIRCH, "20.00")]
    world = make_world(
        [ACME, BIRCH],
        [bill(OCTOBER, *lines)],
        invoices=[invoice(55), invoice(66, BIRCH)],
        templates=[template(-7), template(-8, BIRCH)],
    )
    provider.set_up(world, [ACME, BIRCH], {"target": target})


@pytest.mark.parametrize(("target", "first", "second"), [("latest", 55, 66), ("recurring", -7, -8)])
def test_a_tenant_that_adds_every_line_is_found_on_its_first_document(
    provider: Provider, target: str, first: int, second: int
) -> None:
    set_up_two(provider, target)
    provider.switch(lines="duplicate")
    untouched = provider.document(second)

    result = provider.close()

    assert result.stopped is not None
    name = "invoice" if first > 0 else "recurring invoice"
    assert f"after the change of {name} {first} of client-1, lines that are not ours differ: line" in result.stopped
    assert len(provider.findings("others_changed")) == 1
    summary = summarize_month(provider.warehouse, OCTOBER)
    assert summary is not None
    assert (len(summary.differences), summary.explained) == (1, False)
    assert provider.document(second) == untouched
    assert not provider.prove().whole
    doubled = provider.document(first)

    # The next run changes no second document, and says why, with the money.
    result = provider.close()
    assert provider.document(first) == doubled
    assert provider.document(second) == untouched
    assert provider.holds() == [("client-2", "target_changed")]
    assert f"no existing document is changed before this is repaired in HaloPSA: {name} {first} of" in provider.why()
    assert "Then run billing-pipeline close 2026-10 --client client-2 --post" in provider.why()

    # A person takes the copies off, and the tenant is set right: it goes on by itself.
    copies = [line["id"] for line in doubled["lines"] if line["item_shortdescription"].startswith("Labour")][1:]
    for line_id in copies:
        provider.agent("delete_line", first, line_id=line_id)
    provider.switch(lines="replace")
    provider.close()
    assert provider.ours(second) == [("Mail", "20.00", True)]
    assert provider.findings("others_changed") == []
    assert provider.holds() == []
    assert provider.posted() == 30
    assert provider.prove().whole


def test_new_invoices_are_made_while_a_document_waits_for_its_repair(provider: Provider) -> None:
    lines = [licence("mail", ACME, "10.00"), licence("mail", BIRCH, "20.00"), licence("mail", CEDAR, "30.00")]
    world = make_world([ACME, BIRCH, CEDAR], [bill(OCTOBER, *lines)], invoices=[invoice(55), invoice(66, BIRCH)])
    provider.set_up(world, [ACME, BIRCH, CEDAR], {"target": "latest"})
    provider.switch(lines="duplicate")
    provider.close()

    provider.close()

    assert provider.holds() == [("client-2", "target_changed")]
    assert provider.ours(max(provider.invoice_ids())) == [("Mail", "30.00", True)]


@pytest.mark.parametrize(("action", "said"), [("delete", "gone"), ("void", "voided")])
def test_a_damaged_invoice_that_is_gone_is_waited_for_no_more(provider: Provider, action: str, said: str) -> None:
    set_up_two(provider)
    provider.switch(lines="duplicate")
    provider.close()
    provider.agent(action, 55)
    provider.switch(lines="replace")

    provider.close()

    assert provider.ours(66) == [("Mail", "20.00", True)]
    assert provider.findings("others_changed") == []
    assert provider.rows("select outcome from posting_journal where event = 'others_repaired'") == [{"outcome": said}]


@pytest.mark.parametrize("action", ["post", "request_approval"])
def test_a_damaged_invoice_that_was_closed_holds_nothing_up_and_stays_told(provider: Provider, action: str) -> None:
    """It bills the lines of others twice, and nobody else would say so."""
    set_up_two(provider)
    provider.switch(lines="duplicate")
    provider.close()
    provider.agent(action, 55)
    provider.switch(lines="replace")

    provider.close()
    assert provider.ours(66) == [("Mail", "20.00", True)]
    assert len(provider.findings("others_changed")) == 1
    assert not provider.prove().whole

    (copy,) = [line["id"] for line in provider.document(55)["lines"] if line["item_code"] == "SUP"][1:]
    provider.agent("delete_line", 55, line_id=copy)
    provider.close()
    assert provider.findings("others_changed") == []
    assert provider.prove().whole


def test_our_own_lines_in_place_show_a_tenant_that_adds_them(provider: Provider) -> None:
    """Nothing but our lines stands there: the copy of ours is found all the same."""
    bills = [bill(month, licence("mail", ACME, "10.00")) for month in (OCTOBER, NOVEMBER)]
    provider.set_up(make_world([ACME], bills, templates=[template(-7, lines=[])]), [ACME], {"target": "recurring"})
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")
    provider.switch(lines="duplicate")

    result = provider.close(NOVEMBER)

    assert result.stopped is not None
    assert "is a copy" in result.stopped
    assert any("is there 2 times" in said for said in provider.findings("read_back_differs"))
    assert not provider.prove(NOVEMBER).whole


@pytest.mark.parametrize(
    ("action", "order", "said", "repair"),
    [
        (
            "edit_line",
            {"fields": {"unit_price": 60}},
            "line 5500 changed",
            ("edit_line", {"fields": {"unit_price": 50}}),
        ),
        ("delete_line", {}, "line 5500 vanished", None),
    ],
    ids=["changes", "vanishes"],
)
def test_a_line_that_changes_or_vanishes_with_our_write_stops_the_run(
    provider: Provider, action: str, order: dict[str, object], said: str, repair: tuple[str, dict[str, object]] | None
) -> None:
    """HaloPSA itself, or an automation in it, changes another line as it takes ours."""
    set_up_two(provider)
    provider.prepare()
    provider.agent_after("/api/Invoice", action, 55, method="POST", line_id=5500, **order)

    result = provider.post()

    assert result.stopped is not None
    assert said in result.stopped
    assert provider.ours(66) == []
    if repair is not None:
        provider.agent(repair[0], 55, line_id=5500, **repair[1])
    else:
        provider.agent("add_line", 55, line=labour(5500))
    provider.close()
    assert provider.ours(66) == [("Mail", "20.00", True)]
    assert provider.findings("others_changed") == []


def test_a_line_that_merely_changed_holds_up_its_own_document_alone(provider: Provider) -> None:
    """A clerk's own edit in the wrong moment must not stop everybody's billing."""
    bills = [bill(month, licence("mail", ACME, "10.00"), licence("mail", BIRCH, "20.00")) for month in MONTHS]
    world = make_world([ACME, BIRCH], bills, templates=[template(-7), template(-8, BIRCH)])
    provider.set_up(world, [ACME, BIRCH], {"target": "recurring"})
    provider.prepare()
    (others,) = provider.document(-7)["lines"]
    edit = {"line_id": others["id"], "fields": {"unit_price": 60}}
    provider.agent_after("/api/RecurringInvoice", "edit_line", -7, method="POST", **edit)
    result = provider.post()
    assert result.stopped is not None
    assert "Our lines over 10.00 USD for 2026-10 are there." in result.stopped
    then = "until then this one is not changed again. Then run billing-pipeline close 2026-10 --client client-1 --post"
    assert then in result.stopped

    assert provider.close().stopped is None
    assert provider.ours(-8) == [("Mail", "20.00", True)]
    assert provider.holds() == []
    assert not provider.prove().whole, "it stays told"

    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER)
    assert provider.holds(NOVEMBER) == [("client-1", "target_changed")]
    why = provider.why(NOVEMBER)
    assert "over 10.00 USD was not sent: recurring invoice -7 is not changed before this is repaired in HaloPSA" in why
    assert f"recurring invoice -7 of client-1 for 2026-10: line {others['id']} changed (unit_price was" in why
    assert "Then run billing-pipeline close 2026-11 --client client-1 --post" in why

    provider.agent("edit_line", -7, line_id=others["id"], fields={"unit_price": others["unit_price"]})
    provider.close(NOVEMBER)
    assert provider.holds(NOVEMBER) == []
    assert provider.findings("others_changed") == []


def test_a_line_that_vanished_is_not_taken_for_its_twin_that_stayed(provider: Provider) -> None:
    twins = [labour(5500), labour(5501, item_shortdescription="Labour 5500")]
    lines = [licence("mail", ACME, "10.00"), licence("mail", BIRCH, "20.00")]
    drafts = [invoice(55, lines=twins), invoice(66, BIRCH)]
    provider.set_up(
        make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], invoices=drafts), [ACME, BIRCH], {"target": "latest"}
    )
    provider.prepare()
    provider.agent_after("/api/Invoice", "delete_line", 55, method="POST", line_id=5500)
    provider.post()

    provider.close()
    assert provider.holds() == [("client-2", "target_changed")]
    assert "line 5500 vanished" in provider.why()

    provider.agent("add_line", 55, line=labour(5500))
    provider.close()
    assert provider.holds() == []
    assert provider.findings("others_changed") == []


def test_a_line_that_an_agent_adds_meanwhile_stops_nothing(provider: Provider) -> None:
    set_up_two(provider)
    provider.prepare()
    line = {"_itemid": 901, "qty_order": 1, "unit_price": 5}
    provider.agent_after("/api/Invoice", "add_line", 55, method="POST", line=line)

    result = provider.post()

    assert result.stopped is None
    assert len(provider.findings("lines_appeared")) == 1
    assert provider.ours(66) == [("Mail", "20.00", True)]
    assert provider.prove().whole


def test_a_pro_rata_row_that_halopsa_adds_for_a_changed_quantity_is_told(provider: Provider) -> None:
    bills = [bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER, licence("mail", ACME, "20.00", quantity=2))]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.switch(prorata_row_on_quantity_change=True)
    provider.close(OCTOBER)
    assert provider.prove(OCTOBER).whole
    provider.issue("2026-11-01T07:00:00Z")

    provider.close(NOVEMBER)

    assert any(
        "1 pro-rata rows from HaloPSA, which its next issue bills" in said
        for said in provider.findings("read_back_differs")
    )
    assert not provider.prove(NOVEMBER).whole


def test_a_line_that_halopsa_does_not_end_is_told(provider: Provider) -> None:
    bills = [bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER)]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.close(OCTOBER)
    (place,) = provider.places(-7).values()
    provider.issue("2026-11-01T07:00:00Z")
    order = {"line_id": place, "fields": {"isinactive": False}}
    provider.agent_after("/api/RecurringInvoice", "edit_line", -7, method="POST", **order)

    provider.close(NOVEMBER)

    assert any(f"line {place} ended and is still active" in said for said in provider.findings("read_back_differs"))
    assert not provider.prove(NOVEMBER).whole


@pytest.mark.parametrize(("target", "document"), [("latest", 55), ("recurring", -7)])
def test_what_halopsa_fills_in_itself_is_no_change_of_a_line(provider: Provider, target: str, document: int) -> None:
    """A line without a tax of its own takes its item's, and its tax amounts, as soon as anybody saves the document."""
    bare = [labour(5500, tax_code="0"), labour(5501)]
    made = invoice(55, lines=bare) if document > 0 else template(-7, lines=bare)
    given = {"invoices": [made]} if document > 0 else {"templates": [made]}
    items = [{"id": 900, "name": "Cloud services"}, {"id": 901, "name": "Support", "taxcode": 3}]
    taxes = [{"id": 3, "name": "Sales", "value": 8}]
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], **given, items=items, taxes=taxes)
    provider.set_up(world, [ACME], {"target": target})

    result = provider.close()

    assert result.stopped is None
    others = provider.document(document)["lines"][:2]
    assert [(line["tax_code"], line["tax_amount"]) for line in others] == [("3", 8), ("3", 8)]
    assert provider.findings("others_changed") == []
    assert provider.prove().whole
