"""Which charges repeat and which come once, and charges that HaloPSA's own sync bills already."""

from typing import Any

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    NOVEMBER,
    OCTOBER,
    Client,
    Json,
    bill,
    invoice,
    labour,
    licence,
    make_world,
    numbered,
    template,
)

TARGETS = ("new", "latest", "recurring")
AZURE = "Microsoft Azure Plan - Arrears Charge - Prod - 99999999-9999-4999-8999-999999999999 - Storage"


def every_kind(client: Client) -> list[Json]:
    """A line of each kind; the names of those that come once start with "once"."""
    return [
        licence("mail", client, "10.00"),
        licence("fee", client, "1.00", type="service-charge"),
        licence("reserved", client, "50.00", sku="MST-ARI-1"),
        licence("once-prorate", client, "3.00", type="prorate"),
        licence("once-credit", client, "-2.00", type="service-credit"),
        licence("once-setup", client, "9.00", type="one-time", term="One-Time"),
        licence("once-acronis", client, "4.00", term="Arrears", vendorName="Acronis"),
        licence("once-azure", client, "5.00", term="Arrears", sku="MST-AZR-1", description=AZURE),
        licence("once-annual", client, "120.00", term="Annual"),
        licence("once-reserved", client, "500.00", sku="MST-ARI-2", term="3-Year"),
    ]


REPEATING = {"Mail", "Fee", "Reserved"}
ONCE = {line["productName"] for line in every_kind(ACME)} - REPEATING


def names(lines: list[tuple[str, str, bool]]) -> set[str]:
    return {name for name, _, _ in lines}


def behave(**non_recurring: str) -> dict[str, Any]:
    """Settings of the clients by what they do with charges that come once."""
    return {
        client.replace("_", "-"): {"settings": {"behaviour": {"non_recurring": value}}}
        for client, value in non_recurring.items()
    }


def test_what_comes_once_goes_where_the_setting_says(provider: Provider) -> None:
    """Acme's on a new invoice, Birch's on its latest, Cedar's on the recurring invoice with a warning; one month later
    what came once has ended there."""
    cedar = numbered(3, -9)
    clients = [ACME, BIRCH, cedar]
    bills = [
        bill(OCTOBER, *(line for client in clients for line in every_kind(client))),
        bill(NOVEMBER, licence("mail", cedar, "10.00")),
    ]
    world = make_world(
        clients,
        bills,
        invoices=[invoice(55), invoice(66, BIRCH)],
        templates=[template(-7), template(-8, BIRCH), template(-9, cedar)],
    )
    text = {"line_text": {"short": "{product}"}}
    settings = behave(client_2="latest", client_3="recurring")
    provider.set_up(world, clients, {"target": "recurring"}, settings=text, clients=settings)

    provider.close(OCTOBER)

    assert names(provider.ours(-7)) == names(provider.ours(-8)) == REPEATING
    assert provider.invoice_ids() == [55, 66, 67]
    assert [names(provider.ours(number)) for number in (55, 66, 67)] == [set(), ONCE, ONCE]
    assert names(provider.ours(-9)) == REPEATING | ONCE
    warned = provider.findings("repeats_one_time")
    assert len(warned) == len(ONCE)
    assert (
        "Once-annual (license, 120.00 USD) comes once, and stands on the recurring invoice until the next month is "
        "closed: issued twice before, it is billed twice (behaviour.non_recurring is recurring)" in warned
    )
    assert provider.holds() == []
    assert provider.fates() == {"posted"}
    assert provider.prove().whole

    provider.close(OCTOBER)
    assert provider.findings("repeats_one_time") == warned, "told once, and still after it was posted"
    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER)
    assert [(name, net) for name, net, active in provider.ours(-9) if active] == [("Mail", "10.00")]


def test_a_warning_goes_when_the_setting_does(provider: Provider) -> None:
    world = make_world([ACME], [bill(OCTOBER, *every_kind(ACME))], templates=[template(-7)])
    provider.set_up(world, [ACME], {"target": "recurring", "non_recurring": "recurring"})
    provider.close(send=False)
    assert provider.findings("repeats_one_time")

    provider.configure([ACME], {"target": "recurring", "non_recurring": "new"})
    provider.close(send=False)

    assert provider.findings("repeats_one_time") == []


def test_the_collapsed_azure_line_comes_once(provider: Provider) -> None:
    world = make_world([ACME], [bill(OCTOBER, *every_kind(ACME))], templates=[template(-7)])
    modifiers = {"collapse_azure": True, "azure_classes": ["azure_consumption", "azure_commitment"]}
    provider.set_up(world, [ACME], {"target": "recurring"}, settings={"modifiers": modifiers})

    provider.close(send=False)

    once, repeating = provider.documents()
    assert (once.action, repeating.action) == ("create", "update_recurring")
    assert {line.short_description for line in repeating.lines} == {"Mail", "Fee"}
    (collapsed,) = [line for line in once.lines if line.collapse_group is not None]
    assert collapsed.sell == 555


def test_a_product_that_halopsas_own_sync_bills_holds_the_client(provider: Provider) -> None:
    """Whatever the behaviour. A disabled or ended template, an inactive or ended line and another item bill nothing."""
    synced = {"recurring_invoice_quantity_type": 3}
    held = [
        ("by quantity type", {}, labour(1, _itemid=900, **synced)),
        ("by licences", {}, labour(2, _itemid=900, quantity_licences=[{"id": 1}])),
        ("by subscriptions", {}, labour(3, _itemid=900, quantity_subscriptions=[{"id": 1}])),
        ("by a line of usage", {}, labour(10, _itemid=900, consumption_line_type=2)),
        ("by an invoice of the CSP", {}, labour(11, _itemid=900, csp_invoice_id=77)),
    ]
    free = [
        ("another item", {}, labour(4, _itemid=901, **synced)),
        ("not automatic", {}, labour(5, _itemid=900, consumption_line_type=-1, csp_invoice_id=0)),
        ("inactive line", {}, labour(6, _itemid=900, isinactive=True, **synced)),
        ("ended line", {}, labour(7, _itemid=900, **{**synced, "enddate": "2026-10-05T00:00:00"})),
        ("disabled", {"disabled": True}, labour(8, _itemid=900, **synced)),
        ("ended", {"enddate": "2026-10-05T00:00:00"}, labour(9, _itemid=900, **synced)),
    ]
    held, free = [(target, *case) for target in TARGETS for case in held], [("new", *case) for case in free]
    clients = [numbered(number, -number) for number in range(1, len(held + free) + 1)]
    # The sync's template is another one than the mapped one.
    templates = [
        template(-number, client, lines=[labour(100 + number)]) for number, client in enumerate(clients, start=1)
    ]
    templates += [
        template(-100 - number, client, lines=[{**line, "id": 1000 + number}], **fields)
        for number, (client, (_, _, fields, line)) in enumerate(zip(clients, held + free, strict=True), start=1)
    ]
    lines = [licence(f"mail{number}", client, "10.00") for number, client in enumerate(clients)]
    behaviours = {
        client.key: {"settings": {"behaviour": {"target": target}}}
        for client, (target, *_) in zip(clients, held + free, strict=True)
    }
    world = make_world(clients, [bill(OCTOBER, *lines)], templates=templates)
    provider.set_up(world, clients, {}, clients=behaviours)
    before = [provider.text_of_others(-100 - number) for number in range(1, len(clients) + 1)]

    provider.close()

    assert provider.holds() == sorted((client.key, "double_billing") for client in clients[: len(held)])
    assert (
        "Pax8 charges Mail0, and HaloPSA's own sync bills the same item on line 1001 of recurring invoice -101 "
        "(Labour 1, recurring_invoice_quantity_type 3): make that inactive there"
    ) in provider.why()
    assert [provider.text_of_others(-100 - number) for number in range(1, len(clients) + 1)] == before
    assert provider.prove().whole


def test_the_sync_of_a_redirected_client_counts_as_its_own(provider: Provider) -> None:
    parent = numbered(9)
    automatic = labour(1, _itemid=900, recurring_invoice_quantity_type=3)
    world = make_world(
        [ACME, parent],
        [bill(OCTOBER, licence("mail", ACME, "10.00"))],
        templates=[template(-20, parent, original_client_id=ACME.halopsa_id, lines=[automatic])],
    )
    provider.set_up(world, [ACME], {"target": "new"})

    provider.close()

    assert provider.holds() == [("client-1", "double_billing")]


def test_automatic_lines_on_our_template_are_never_written(provider: Provider) -> None:
    automatic = labour(
        71, quantity=12, recurring_invoice_quantity_type=3, quantity_licences=[{"id": 4, "licence_id": 9}]
    )
    bills = [bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER, licence("voice", ACME, "7.00"))]
    provider.set_up(
        make_world([ACME], bills, templates=[template(-7, lines=[automatic])]), [ACME], {"target": "recurring"}
    )
    before = provider.text_of_others(-7)

    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER)

    assert provider.text_of_others(-7) == before
    assert provider.prove(NOVEMBER).whole
