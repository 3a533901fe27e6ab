"""HaloPSA's own Pax8 import: who it bills too is held, and what it costs to know that."""

from collections.abc import Iterable
from typing import Any

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    NOVEMBER,
    OCTOBER,
    Client,
    bill,
    labour,
    licence,
    make_world,
    numbered,
    template,
)

CEDAR = numbered(3, -9)
NEW = {"target": "new"}


def set_up(
    provider: Provider,
    fields: dict[str, dict[str, Any]],
    clients: Iterable[Client] = (ACME, BIRCH),
    templates: Iterable[dict[str, Any]] = (),
    **tables: Any,
) -> None:
    clients = list(clients)
    bills = [
        bill(month, *(licence(f"mail-{one.key}", one, "10.00") for one in clients)) for month in (OCTOBER, NOVEMBER)
    ]
    templates = list(templates) or [template(one.template or 0, one) for one in clients]
    world = make_world(clients, bills, client_fields=fields, templates=templates, **tables)
    provider.set_up(world, clients, NEW)
    provider.switch(change_seq=False)


def asked(provider: Provider) -> int:
    return int(provider.halo.requests["GET /Client/{id}"])


def test_a_client_on_halopsas_own_pax8_import_is_held_until_it_is_on_one_of_the_two(provider: Provider) -> None:
    """Its items need not be ours: usage has no line before it is imported."""
    set_up(provider, {ACME.key: {"pax8monthlyinvoice": -7}})
    provider.close()
    assert provider.holds() == [(ACME.key, "double_billing")]
    assert (
        "Pax8 charges Mail-client-1, and HaloPSA's own Pax8 import bills HaloPSA client 201 (client-1) on recurring "
        "invoice -7, which its field pax8monthlyinvoice names: clear that field there"
    ) in provider.why()
    # Its list row says nothing of it: while it is held, the detail itself is read again.
    provider.agent("edit_other", ACME.halopsa_id, resource="Client", fields={"pax8monthlyinvoice": 0})
    provider.close()
    assert provider.holds() == []
    assert provider.posted() == 20
    assert provider.prove().whole


@pytest.mark.parametrize("field", ["pax8monthlyinvoice", "pax8annualinvoice"])
@pytest.mark.parametrize("value", [0, -1, -99, 7])
def test_a_detail_counts_where_halopsa_has_the_recurring_invoice(provider: Provider, field: str, value: int) -> None:
    set_up(provider, {ACME.key: {field: value}})
    provider.prepare()
    # Recurring invoices have negative ids; a field that leaves the minus out means the same one.
    assert provider.holds() == ([(ACME.key, "double_billing")] if value == 7 else [])
    told = provider.findings("own_billing_unknown")
    assert [f"{field} of HaloPSA client 201 (client-1) names recurring invoice -99" in one for one in told] == [
        True for _ in range(value == -99)
    ]


def test_minus_one_is_a_recurring_invoice_only_of_the_client_itself(provider: Provider) -> None:
    details = {one.key: {"pax8monthlyinvoice": -1} for one in (ACME, BIRCH)}
    set_up(provider, details, templates=[template(-1, ACME), template(-8, BIRCH)])
    provider.prepare()
    assert provider.holds() == [(ACME.key, "double_billing")]


def test_an_import_that_bills_no_more_holds_nobody(provider: Provider) -> None:
    templates = [template(-7, ACME, disabled=True), template(-8, BIRCH, enddate="2026-10-05T00:00:00")]
    set_up(provider, {one.key: {"pax8annualinvoice": one.template} for one in (ACME, BIRCH)}, templates=templates)
    provider.close()
    assert provider.holds() == []
    before = asked(provider)
    provider.close(NOVEMBER, send=False)
    assert asked(provider) == before, "nothing bills them, so nothing is asked again"


def test_the_import_of_a_payer_counts_for_what_stands_on_it(provider: Provider) -> None:
    """Acme's item stands on the recurring invoice of its payer's import, Birch's payer imports something else."""
    payers = [numbered(8), numbered(9)]
    fields = {
        ACME.key: {"client_to_invoice": 208},
        BIRCH.key: {"client_to_invoice": 209},
        "client-8": {"pax8monthlyinvoice": -20},
        "client-9": {"pax8monthlyinvoice": -21},
    }
    templates = [
        template(-20, payers[0], lines=[labour(1, _itemid=900)]),
        template(-21, payers[1], lines=[labour(2, _itemid=901)]),
    ]
    clients = [ACME, BIRCH, *payers]
    bills = [bill(OCTOBER, *(licence(f"mail-{one.key}", one, "10.00") for one in (ACME, BIRCH)))]
    provider.set_up(make_world(clients, bills, client_fields=fields, templates=templates), [ACME, BIRCH], NEW)
    provider.prepare()
    assert provider.holds() == [(ACME.key, "double_billing")]
    assert "HaloPSA client 208 (client-8) on recurring invoice -20" in provider.why()


def test_usage_that_halopsa_imports_on_another_item_is_told(provider: Provider) -> None:
    """Where every charge stands on the default item, the item tells nothing of what the usage is."""
    usage = labour(71, item_shortdescription="Azure by HaloPSA", csp_invoice_id=5)
    set_up(provider, {}, templates=[template(-7, ACME, lines=[usage]), template(-8, BIRCH)])
    provider.close()
    assert provider.holds() == []
    assert provider.findings("other_consumption") == [
        "HaloPSA imports usage on line 71 of recurring invoice -7 (Azure by HaloPSA, csp_invoice_id 5): see that none "
        "of it is what Pax8 charges"
    ]


def test_a_detail_is_read_once_and_again_where_its_client_or_a_recurring_invoice_changed(provider: Provider) -> None:
    set_up(provider, {}, clients=[ACME, BIRCH, CEDAR])
    start = asked(provider)
    provider.close()
    assert asked(provider) == start + 3
    # What HaloPSA issues, and what it issues again, is nothing of the client's.
    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER, send=False)
    assert asked(provider) == start + 3
    provider.agent("edit_other", ACME.halopsa_id, resource="Client", fields={"accountsid": "A-1"})
    provider.agent("add_line", -8, line=labour(0, csp_invoice_id=3))
    provider.close(NOVEMBER, send=False)
    assert asked(provider) == start + 5


def test_what_we_write_on_a_recurring_invoice_asks_for_no_detail(provider: Provider) -> None:
    set_up(provider, {})
    provider.configure([ACME, BIRCH], {"target": "recurring"})
    provider.close()
    provider.issue("2026-11-01T07:00:00Z")
    before = asked(provider)
    provider.close(NOVEMBER)
    assert asked(provider) == before
    assert provider.posted(NOVEMBER) == 20


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_detail_that_cannot_be_read_is_trouble_of_its_client_alone(provider: Provider, status: int) -> None:
    set_up(provider, {BIRCH.key: {"pax8monthlyinvoice": -8}})
    provider.disturb("status", "/api/Client/201", "GET", status=status, count=None)
    provider.close()
    assert provider.holds() == [(BIRCH.key, "double_billing")]
    assert provider.posted() == 10
    [told] = provider.findings("own_billing_unknown")
    assert told.startswith("the detail of HaloPSA client 201 (client-1) cannot be read")
    assert "look at pax8monthlyinvoice and pax8annualinvoice of HaloPSA client 201" in told
    assert str(status) in told
    provider.sandbox.halopsa_service.faults.clear()
    provider.close()
    assert provider.findings("own_billing_unknown") == []


def test_a_missing_right_is_asked_for_three_times_and_not_for_every_client(provider: Provider) -> None:
    """What a detail said before stays: a client that HaloPSA bills itself is held though nobody may read it now."""
    clients = [numbered(number, -number) for number in range(1, 7)]
    set_up(provider, {"client-2": {"pax8monthlyinvoice": -2}}, clients=clients)
    provider.prepare()
    provider.agent("edit_other", 206, resource="Client", fields={"accountsid": "A-1"})
    provider.disturb("status", "/api/Client/{id}", "GET", status=403, count=None)
    start = asked(provider)
    provider.prepare()
    assert asked(provider) - start <= 2
    assert provider.holds() == [("client-2", "double_billing")]
    # Nothing is known of anybody yet.
    provider.rows("delete from snapshots where kind = 'halopsa_client_details'")
    start = asked(provider)
    provider.prepare()
    assert asked(provider) - start == 3
    assert len(provider.findings("own_billing_unknown")) == len(clients)
    assert provider.holds() == []


def test_clients_that_halopsa_lists_and_does_not_find_keep_no_other_from_being_asked_for(provider: Provider) -> None:
    clients = [numbered(number, -number) for number in range(1, 7)]
    set_up(provider, {"client-6": {"pax8monthlyinvoice": -6}}, clients=clients)
    for number in range(1, 6):
        provider.disturb("status", f"/api/Client/{200 + number}", "GET", status=404, count=None)
    start = asked(provider)
    provider.prepare()
    assert asked(provider) == start + len(clients)
    assert provider.holds() == [("client-6", "double_billing")]
    assert len(provider.findings("own_billing_unknown")) == 5
