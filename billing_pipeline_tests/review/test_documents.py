"""The documents of a review: what is created, changed and made inactive, before and after, for every behaviour."""

from decimal import Decimal

from billing_pipeline.commands.review_page.entries import make_entries
from billing_pipeline.steps.snapshots import store_snapshot
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
    template,
)
from billing_pipeline_tests.review.reading import (
    lines_of,
    read_client,
    read_review,
    sums_of_three_way,
    total_in_halopsa,
)


def test_a_new_invoice_has_no_before_and_keeps_its_figures_once_it_is_posted(provider: Provider) -> None:
    lines = [licence("mail", ACME, "10.00", "8.00", quantity=2), licence("backup", ACME, "30.005", "3.00")]
    taxes = [{"id": 3, "name": "Sales tax", "code": "S", "value": Decimal("5.0")}]
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], taxes=taxes), [ACME, BIRCH], {"target": "new"})
    with provider.warehouse.session("taxes") as session:
        store_snapshot(session, "halopsa_taxes", taxes, "sandbox", session.now)
    provider.prepare()

    (document,) = read_client(provider).documents
    assert (document.action, document.stage, document.halopsa_id) == ("create", "to_post", None)
    assert (document.before_total, document.after_total, document.cost) == (None, Decimal("40.01"), 11)
    assert lines_of(document) == [("added", "Mail", None, "10.00"), ("added", "Backup", None, "30.01")]
    first, second = document.lines
    assert (first.after.quantity, first.after.unit_price, first.after.item_id) == (2, 5, 900)
    (source,) = [one for one in read_client(provider).source_lines if one.line_key in second.line_keys]
    assert (source.line_no, source.sell, source.product, source.disposition) == (
        2,
        Decimal("30.005"),
        "Backup",
        "planned",
    )
    assert read_review(provider).item_names[900] == "Cloud services"
    assert [client.client for client in read_review(provider).clients] == ["client-1"], "who is charged nothing"

    provider.post()
    (posted,) = read_client(provider).documents
    assert (posted.stage, posted.halopsa_id) == ("posted", provider.invoice_ids()[0])
    assert posted.lines == document.lines
    assert posted.after_total == total_in_halopsa(provider, provider.invoice_ids()[0])
    assert posted.tax == posted.expected_tax == document.expected_tax == 2


def test_an_invoice_that_exists_shows_its_own_lines_and_ours_before_and_after(provider: Provider) -> None:
    draft = invoice(510, lines=[labour(1, "50.00", 2), labour(2, "19.99", 1, isinactive=True)])
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], invoices=[draft])
    provider.set_up(world, [ACME], {"target": "latest"})
    provider.prepare()

    (document,) = read_client(provider).documents
    assert (document.action, document.stage, document.halopsa_id) == ("update_invoice", "to_post", 510)
    assert (document.before_total, document.after_total, document.sell) == (100, 110, 10)
    assert lines_of(document) == [
        ("added", "Mail", None, "10.00"),
        ("kept", "Labour 1", "100.00", "100.00"),
        ("kept", "Labour 2", None, None),
    ]
    assert [line.ours for line in document.lines] == [True, False, False]

    provider.post()
    provider.prepare()  # new snapshots, in which our line stands already
    (posted,) = read_client(provider).documents
    assert (posted.stage, posted.before_total, posted.after_total) == ("posted", 100, 110)
    assert posted.lines == document.lines
    assert total_in_halopsa(provider, 510) == 110


def test_a_recurring_invoice_shows_lines_that_change_come_and_end(provider: Provider) -> None:
    october = [licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00"), licence("fax", ACME, "3.00")]
    november = [
        licence("voice", ACME, "7.00"),
        licence("mail", ACME, "20.00", quantity=2),
        licence("fax", ACME, "3.00", startPeriod="2026-10-01"),
    ]
    world = make_world([ACME], [bill(OCTOBER, *october), bill(NOVEMBER, *november)], templates=[template(-7)])
    provider.set_up(world, [ACME], {"target": "recurring"})
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")
    provider.prepare(NOVEMBER)

    (document,) = read_client(provider, NOVEMBER).documents
    assert (document.action, document.stage, document.halopsa_id) == ("update_recurring", "to_post", -7)
    assert (document.before_total, document.after_total) == (143, 130)
    assert lines_of(document) == [
        ("added", "Voice", None, "7.00"),
        ("changed", "Mail", "10.00", "20.00"),
        ("changed", "Fax", "3.00", "3.00"),
        ("made_inactive", "Backup", "30.00", None),
        ("kept", "Labour 7000", "100.00", "100.00"),
    ]
    changed = {line.after.text: line.changed for line in document.lines}
    assert changed["Mail"] == ("text", "quantity", "sell", "cost")
    assert changed["Fax"] == ("text",), "only its period moves on"
    assert document.count("made_inactive") == read_client(provider, NOVEMBER).count("made_inactive") == 1
    places = provider.places(-7)
    assert {line.line_id for line in document.lines if line.before and line.ours} == set(places.values())

    provider.post(NOVEMBER)
    provider.prepare(NOVEMBER)
    (posted,) = read_client(provider, NOVEMBER).documents
    assert (posted.stage, posted.before_total, posted.after_total) == ("posted", 143, 130)
    assert posted.lines == document.lines
    assert total_in_halopsa(provider, -7) == 130
    (of_october,) = read_client(provider, OCTOBER).documents
    assert (of_october.before_total, of_october.after_total) == (100, 143), "an old month reads as it did"


def test_a_template_whose_lines_only_end_is_a_document_too(provider: Provider) -> None:
    bills = [bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER, licence("other", BIRCH, "1.00"))]
    world = make_world([ACME, BIRCH], bills, templates=[template(-7)])
    provider.set_up(world, [ACME, BIRCH], {"target": "recurring", "non_recurring": "new"})
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")
    provider.prepare(NOVEMBER)
    (document,) = read_client(provider, NOVEMBER).documents
    assert lines_of(document) == [
        ("made_inactive", "Mail", "10.00", None),
        ("kept", "Labour 7000", "100.00", "100.00"),
    ]
    assert (document.before_total, document.after_total, document.sell) == (110, 100, 0)
    states = [
        ("client-1", "planned", ("change", "inactive", "to_post")),
        ("client-2", "held", ("held",)),
    ]
    entries = make_entries(read_review(provider, NOVEMBER))
    assert [(entry.client.client, entry.state, entry.tags) for entry in entries] == states
    provider.post(NOVEMBER)
    assert [entry.state for entry in make_entries(read_review(provider, NOVEMBER))] == ["posted", "held"]


def test_a_plan_that_was_sealed_again_shows_what_it_saw_last(provider: Provider) -> None:
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))], invoices=[invoice(510)])
    provider.set_up(world, [ACME], {"target": "latest"})
    provider.prepare()
    first = provider.planned["client-1"].plan.plan_hash
    provider.agent("edit_line", 510, line_id=51000, fields={"unit_price": Decimal("60.00")})
    provider.prepare()
    assert provider.planned["client-1"].plan.plan_hash == first, "what is seen is not in the hash"

    (document,) = read_client(provider).documents
    assert (document.before_total, document.after_total) == (120, 130)
    provider.post()
    (posted,) = read_client(provider).documents
    assert (posted.stage, posted.before_total, posted.after_total) == ("posted", 120, 130)


def test_what_is_held_and_what_is_not_known_is_told_apart(provider: Provider) -> None:
    bills = [bill(OCTOBER, licence("mail", ACME, "10.00"), licence("refund", BIRCH, "-5.00"))]
    provider.set_up(make_world([ACME, BIRCH], bills), [ACME, BIRCH], {"target": "new"})
    provider.prepare()
    assert [one.stage for one in read_client(provider, client="client-2").documents] == ["held"]
    assert [one.reason for one in read_client(provider, client="client-2").holds] == ["negative_total"]
    provider.disturb("status", status=500)
    provider.post()
    assert [one.stage for one in read_client(provider).documents] == ["unknown"]


def test_the_documents_of_a_month_add_up_to_the_three_way_proof(provider: Provider) -> None:
    lines = [licence("mail", ACME, "10.005", "1.00"), licence("voice", BIRCH, "7.00"), licence("sync", BIRCH, "1.33")]
    world = make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], templates=[template(-7)], invoices=[invoice(510, BIRCH)])
    provider.set_up(world, [ACME, BIRCH], {"target": "recurring"}, clients={BIRCH.key: _to_latest()})
    provider.prepare()
    for _ in range(2):
        review = read_review(provider)
        sums = {
            (client.client, document.currency): (document.sell, document.cost)
            for client in review.clients
            for document in client.documents
        }
        assert sums == sums_of_three_way(provider)
        for document in (document for client in review.clients for document in client.documents):
            after = sum((line.after.sell for line in document.lines if not line.after.inactive), Decimal(0))
            assert after == document.after_total
            assert document.before_total is not None
            assert document.after_total - document.before_total == document.sell, "nothing of ours was there before"
        provider.post()


def _to_latest() -> dict[str, object]:
    return {"settings": {"behaviour": {"target": "latest"}}}
