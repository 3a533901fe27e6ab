"""Behaviour `latest`: which invoice takes the charges, and what happens where none does."""

from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.steps import plan
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
)

LATEST = {"target": "latest"}
HOLD = {"target": "latest", "when_none": "hold"}

# What makes a draft of the month no target, and what the hold says of it.
EXCLUDED: dict[str, tuple[Json, str]] = {
    "posted": ({"posted": True}, "posted to accounting"),
    "posted by date": ({"dateposted": "2026-10-03T00:00:00"}, "posted to accounting"),
    "sent": ({"datesent": "2026-10-03T00:00:00"}, "sent"),
    "sent by status": ({"emailstatus": 2}, "sent"),
    "voided": ({"voided": True}, "voided"),
    "synced to Xero": ({"xeroid": "xero-1"}, "synced to accounting"),
    "synced to QuickBooks": ({"qboid": 77}, "synced to accounting"),
    "synced by number": ({"thirdpartyinvoicenumber": "ACC-1"}, "synced to accounting"),
    "paid by its date": ({"datepaid": "2026-10-03T00:00:00"}, "paid in part or whole"),
    "paid with a credit": ({"amountdue": Decimal("0.00")}, "paid in part or whole"),
    "owed in part": ({"amountdue": Decimal("99.99")}, "paid in part or whole"),
    "part-paid": ({"amountpaid": Decimal("0.01")}, "paid in part or whole"),
    "awaiting approval": ({"requires_approval": True, "approval_status": 0}, "in approval"),
    "approved": ({"approval_status": 1}, "in approval"),
    "a credit": ({"creditlinkedtoinvoiceid": 50}, "a credit"),
    "of another type": ({"invoicetype": 1}, "no invoice by its type"),
    "a purchase order": ({"purchaseorder_id": 9}, "of a purchase order"),
    "in another currency": ({"currency_code": 2}, ""),
    "of the month before": ({"invoice_date": "2026-09-30T23:59:59"}, ""),
    "of the month after": ({"invoice_date": "2026-11-01T00:00:00"}, ""),
    "without a date": ({"invoice_date": "1900-01-01T00:00:00"}, ""),
    "another client's": ({"client_id": 299}, ""),
}


def one_client_each(count: int) -> list[Client]:
    return [numbered(number) for number in range(1, count + 1)]


def test_no_document_but_an_open_invoice_of_the_month_takes_charges(provider: Provider) -> None:
    clients = one_client_each(len(EXCLUDED))
    drafts = [
        invoice(500 + place, client, **fields)
        for place, (client, (fields, _)) in enumerate(zip(clients, EXCLUDED.values(), strict=True))
    ]
    lines = [licence(f"line{place}", client, "10.00") for place, client in enumerate(clients)]
    # The paid ones of another client must not be met by a client without any.
    world = make_world([*clients, Client("nobody", 299, "none")], [bill(OCTOBER, *lines)], invoices=drafts)
    provider.set_up(world, clients, HOLD)

    provider.close()

    assert provider.holds() == sorted((client.key, "no_latest_invoice") for client in clients)
    details = {row["client"]: row["detail"] for row in provider.rows("select client, detail from holds")}
    for client, (name, (_, said)) in zip(clients, EXCLUDED.items(), strict=True):
        assert f"has no open USD invoice dated in 2026-10{' (' if said else ' '}" in details[client.key], name
        assert said in details[client.key], name
        assert "10.00 USD held" in details[client.key]
    assert provider.writes() == 0
    assert provider.prove().whole


UNSET = {
    **dict.fromkeys(("paymentstatus", "emailstatus", "approval_status", "invoicetype", "creditlinkedtoinvoiceid"), -1),
    **{"qboid": -1, "xeroid": "00000000-0000-0000-0000-000000000000", "datepaid": "1900-01-01T00:00:00"},
}
# The drafts of a client, as (id, day, changes), and which of them takes its charge; 0: a new one.
CHOICES: dict[str, tuple[list[tuple[int, str, Json]], int]] = {
    "none at all": ([], 0),
    "none that is open": ([(510, "2026-10-02", {"posted": True})], 0),
    "the newest by date": ([(523, "2026-10-02", {}), (520, "2026-10-09", {}), (524, "2026-10-05", {})], 520),
    "of one day the highest id": ([(530, "2026-10-09", {}), (532, "2026-10-09", {}), (531, "2026-10-09", {})], 532),
    "an older one that is open": ([(540, "2026-10-02", {}), (541, "2026-10-20", {"datesent": "2026-10-21"})], 540),
    "one whose codes nobody knows": (
        [(545, "2026-10-02", {"paymentstatus": 3, "emailstatus": 1, "amountdue": Decimal("99.998")})],
        545,
    ),
    "one whose codes say that nothing is set": (
        [(546, "2026-10-02", {**UNSET, "datesent": "0001-01-01T00:00:00", "dateposted": "1899-12-30T00:00:00"})],
        546,
    ),
    "one that HaloPSA issued from a template": (
        [(550, "2026-10-01", {}), (551, "2026-10-02", {"recurring_invoice_id": -3})],
        551,
    ),
}


def test_the_newest_open_invoice_takes_the_charges_by_date_and_then_by_id(provider: Provider) -> None:
    clients = one_client_each(len(CHOICES))
    drafts = [
        invoice(number, client, day, **changes)
        for client, (made, _) in zip(clients, CHOICES.values(), strict=True)
        for number, day, changes in made
    ]
    # A slot of another template on an issued invoice is no key of what we add.
    drafts[-1]["lines"].append(labour(7, comment_2="bp-s-" + "0" * 32))
    # A redirected client adds to the invoice of who pays, and not to its own.
    child, parent = numbered(20), numbered(21)
    drafts += [invoice(600, child), invoice(601, parent)]
    lines = [licence("mail", client, "10.00") for client in [*clients, child]]
    redirect = {child.key: {"client_to_invoice": parent.halopsa_id}}
    world = make_world([*clients, child, parent], [bill(OCTOBER, *lines)], invoices=drafts, client_fields=redirect)
    provider.set_up(world, [*clients, child], LATEST)
    before = {number: provider.text_of_others(number) for number in provider.invoice_ids()}

    provider.close()

    found = {
        row["client"]: row["halopsa_invoice_id"]
        for row in provider.rows("select * from postings where status = 'posted'")
    }
    for client, (name, (_, chosen)) in zip(clients, CHOICES.items(), strict=True):
        assert found[client.key] == chosen or (not chosen and found[client.key] > max(before)), name
    assert found[child.key] == 601
    assert {number: provider.text_of_others(number) for number in before} == before
    assert provider.fates() == {"posted"}
    assert provider.prove().whole


def test_an_invoice_of_ours_counts_too(provider: Provider) -> None:
    """The month's first charges make a new invoice; a supplementary Pax8 invoice finds it and adds to it."""
    bills = [
        bill(OCTOBER, licence("a", ACME, "10.00")),
        bill(
            OCTOBER, licence("b", ACME, "5.00"), number=2, invoiceDate="2026-10-20", release_at="2026-10-20T12:00:00Z"
        ),
    ]
    provider.set_up(make_world([ACME], bills), [ACME], LATEST)
    provider.close()
    (made,) = provider.invoice_ids()
    provider.now = "2026-10-21T15:00:00Z"

    provider.close()

    assert provider.invoice_ids() == [made]
    assert provider.ours(made) == [("A", "10.00", True), ("B", "5.00", True)]
    assert provider.document(made)["invoice_date"] == "2026-10-01T00:00:00"
    assert provider.posted() == 15
    assert provider.prove().whole


def test_two_clients_that_one_pays_for_add_to_the_same_invoice(provider: Provider) -> None:
    parent = numbered(9)
    pays = {"client_to_invoice": parent.halopsa_id}
    world = make_world(
        [ACME, BIRCH, parent],
        [bill(OCTOBER, licence("a", ACME, "10.00"), licence("b", BIRCH, "-40.00"))],
        invoices=[invoice(56, parent)],
        client_fields={"client-1": pays, "client-2": pays},
    )
    provider.set_up(world, [ACME, BIRCH], LATEST)

    provider.close()

    assert provider.holds() == []
    assert provider.ours(56) == [("A", "10.00", True), ("B", "-40.00", True)]
    assert provider.prove().whole


def test_two_clients_on_one_invoice_never_take_it_below_zero_together(provider: Provider) -> None:
    parent = numbered(9)
    pays = {"client_to_invoice": parent.halopsa_id}
    world = make_world(
        [ACME, BIRCH, parent],
        [bill(OCTOBER, licence("a", ACME, "-70.00"), licence("b", BIRCH, "-70.00"))],
        invoices=[invoice(56, parent)],
        client_fields={"client-1": pays, "client-2": pays},
    )
    provider.set_up(world, [ACME, BIRCH], LATEST)

    provider.close()
    assert provider.holds() == [("client-2", "target_changed")]

    provider.close()
    assert provider.holds() == [("client-2", "negative_total")]
    assert "would come to -40.00 USD" in provider.why()
    assert provider.ours(56) == [("A", "-70.00", True)]


def test_the_total_that_would_result_must_not_be_negative(provider: Provider) -> None:
    """To zero is well; a cent below is held, and may be forced."""
    lines = [licence("credit", ACME, "-100.00"), licence("credit", BIRCH, "-100.01")]
    world = make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], invoices=[invoice(55), invoice(66, BIRCH)])
    provider.set_up(world, [ACME, BIRCH], LATEST)

    provider.close()

    assert provider.holds() == [("client-2", "negative_total")]
    assert "would come to -0.01 USD" in provider.why()
    provider.close(forced=["negative_invoice"])
    assert provider.ours(55) == [("Credit", "-100.00", True)]
    assert provider.ours(66) == [("Credit", "-100.01", True)]
    assert provider.prove().whole


def test_the_invoice_keeps_its_own_date_whatever_the_date_rule_says(provider: Provider) -> None:
    world = make_world(
        [ACME], [bill(OCTOBER, licence("a", ACME, "10.00"), invoiceDate="2026-10-25")], invoices=[invoice(55)]
    )
    provider.set_up(world, [ACME], {**LATEST, "date": "today"})
    # The invoice is dated weeks before the charges and the closing: it must be found again all the same.
    provider.now = "2026-12-20T15:00:00Z"

    result = provider.close()

    assert provider.document(55)["invoice_date"] == "2026-10-02T00:00:00"
    assert result.read_back == 1
    assert provider.posted() == 10
    assert provider.prove().whole


def test_the_next_month_has_its_own_latest_invoice(provider: Provider) -> None:
    bills = [bill(month, licence("a", ACME, "10.00")) for month in (OCTOBER, NOVEMBER)]
    drafts = [invoice(55), invoice(57, day="2026-11-03")]
    provider.set_up(make_world([ACME], bills, invoices=drafts), [ACME], LATEST)

    provider.close(OCTOBER)
    provider.close(NOVEMBER)
    provider.close(OCTOBER)

    assert provider.writes() == 2, "closing again changes nothing"
    assert provider.ours(55) == provider.ours(57) == [("A", "10.00", True)]
    assert provider.prove(OCTOBER).whole
    assert provider.prove(NOVEMBER).whole


def test_where_halopsa_has_one_currency_an_invoice_that_names_none_is_in_it(provider: Provider) -> None:
    only = [{"id": 1, "name": "US Dollar", "symbol": "$", "code": "USD"}]
    world = make_world(
        [ACME], [bill(OCTOBER, licence("a", ACME, "10.00"))], invoices=[invoice(55, currency_code=0)], currencies=only
    )
    provider.set_up(world, [ACME], LATEST)

    provider.close()

    assert provider.ours(55) == [("A", "10.00", True)]


def test_latest_is_never_planned_without_looking(provider: Provider) -> None:
    """No reader of invoices is not the same as no invoice."""
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("a", ACME, "10.00"))]), [ACME], LATEST)
    provider.prepare()

    with pytest.raises(BillingPipelineError, match="behaviour latest"):
        plan.plan(provider._work(OCTOBER))


@pytest.mark.parametrize(
    "switches",
    [{"lines": "replace"}, {"lines": "append", "omit_nulls": False, "sentinel_dates": False}],
    ids=["replace", "append, with nulls"],
)
def test_lines_of_others_stay_to_the_byte(provider: Provider, switches: dict[str, Any]) -> None:
    many = [labour(number, f"{number}.10", changed) for number, changed in ((81, 1), (82, 3), (83, 7))]
    many[1]["isinactive"] = True
    world = make_world([ACME], [bill(OCTOBER, licence("a", ACME, "10.00"))], invoices=[invoice(55, lines=many)])
    provider.set_up(world, [ACME], LATEST)
    provider.switch(**switches)
    before = provider.text_of_others(55)

    provider.close()

    assert provider.text_of_others(55) == before
    assert provider.ours(55) == [("A", "10.00", True)]
    assert provider.prove().whole
