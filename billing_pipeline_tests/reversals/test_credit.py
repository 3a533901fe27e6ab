"""What takes a month back: the opposite of each posted line, to the cent, on a credit of its own."""

from decimal import Decimal

from billing_pipeline.steps.reversal_summary import summarize_reversals
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    ITEM,
    NOVEMBER,
    OCTOBER,
    SUPPORT,
    bill,
    invoice,
    licence,
    make_world,
    numbered,
)
from billing_pipeline_tests.reversals.undoing import (
    adds_up,
    keys_in_halopsa,
    look_at,
    money_in_halopsa,
    newest,
    take_back,
)

TAXES = [
    {"id": 3, "name": "No tax", "code": "NONE", "value": Decimal("0.0")},
    {"id": 4, "name": "Sales tax", "code": "TX", "value": Decimal("8.25")},
    {"id": 5, "name": "New sales tax", "code": "TX2", "value": Decimal("9.5")},
]
ZERO = (Decimal(0), Decimal(0), Decimal(0))


def azure(name: str, sell: str, cost: str) -> dict[str, object]:
    """A line of Azure consumption of Acme."""
    said = "Microsoft Azure Plan - Arrears Charge - Prod - 99999999-9999-4999-8999-999999999999 - Storage"
    return licence(name, ACME, sell, cost, term="Arrears", sku="MST-AZR-P1", description=said, vendorName="Microsoft")


def test_every_posted_line_is_taken_back_line_by_line_to_the_cent(provider: Provider) -> None:
    lines = [
        licence("seats", ACME, "220.00", "176.00", quantity=10, price=Decimal("22.00")),
        licence("extra", ACME, "14.675", "11.7349", quantity=2, type="prorate"),
        licence("credit", ACME, "-25.00", "-20.00", type="service-credit"),
        licence("bundled", ACME, "0", "15.00"),
        licence("trial", ACME, "0", "0"),
        azure("vm", "41.1154", "37.3776"),
        azure("adjustment", "-12.40", "-11.27"),
        licence("mail", BIRCH, "20.00"),
    ]
    world = make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], taxes=TAXES)
    world.halopsa["items"][0]["taxcode"] = 4
    provider.set_up(world, [ACME, BIRCH], {}, settings={"modifiers": {"collapse_azure": True}})
    provider.close()
    first, birch = (provider.document(number) for number in provider.invoice_ids())
    # What HaloPSA itself put on our lines is taken back too, whatever it would put there now.
    provider.agent("edit_other", ITEM, resource="Item", fields={"taxcode": 5, "nominalcode": "9999"})

    result = take_back(provider)

    credit = newest(provider)
    assert result.posting.posted == [credit["reference"]]
    assert (credit["client_id"], credit["posted"], credit["internal_note"]) == (
        ACME.halopsa_id,
        False,
        f"Takes back invoice {first['id']}",
    )
    assert credit["invoice_date"][:10] == "2026-10-01"
    assert len(credit["lines"]) == len(first["lines"]) == 6
    for there, back in zip(first["lines"], credit["lines"], strict=True):
        assert back["net_amount"] == -there["net_amount"]
        assert (back["qty_order"], back["unit_price"]) == (there["qty_order"], -there["unit_price"])
        assert back["unit_cost"] == -there["unit_cost"]
        for field in ("_itemid", "item_shortdescription", "tax_code", "nominal_code"):
            assert back[field] == there[field]
        said, *rest = back["item_longdescription"].splitlines()
        assert f"Takes back invoice {first['id']}" in said
        assert f"of October 2026: {there['net_amount']:,.2f} USD billed" in said
        assert "\n".join(rest) == there["item_longdescription"]
    assert money_in_halopsa(provider)[f"1 {ACME.halopsa_id}"] == ZERO
    assert money_in_halopsa(provider)[f"1 {BIRCH.halopsa_id}"][0] == Decimal("20.00")
    assert provider.document(birch["id"]) == birch
    assert set(keys_in_halopsa(provider).values()) == {1}
    assert provider.findings("tax_differs") == []
    (row,) = provider.rows("select sum(readback_sell) as sell, sum(readback_cost) as cost from reversals")
    (posted,) = provider.rows("select sum(sell) as sell, sum(cost) as cost from posted_lines where client = 'client-1'")
    assert (row["sell"], row["cost"]) == (-posted["sell"], -posted["cost"])
    assert adds_up(provider)


def test_a_credit_says_what_it_takes_back_also_where_its_key_is_the_internal_note(provider: Provider) -> None:
    world = make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))])
    provider.set_up(world, [ACME], {}, halopsa={"document_key_field": "internal_note"})
    provider.close()
    (first,) = provider.invoice_ids()

    result = take_back(provider)

    credit = newest(provider)
    assert result.posting.posted == [credit["internal_note"]]
    assert credit["reference"] == f"Takes back invoice {first}"
    assert adds_up(provider)


def test_without_post_the_same_plan_is_shown_and_nothing_is_written(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00", "8.00"))]), [ACME], {})
    provider.close()

    first, second = look_at(provider), look_at(provider)

    assert first.plan.plan_hash == second.plan.plan_hash
    (document,) = first.plan.documents
    assert (document.sell, document.cost, document.currency) == (Decimal("-10.00"), Decimal("-8.00"), "USD")
    assert provider.writes() == 1
    assert provider.rows("select * from reversals") == []

    result = take_back(provider)
    assert result.reversal is not None
    assert result.reversal.plan.plan_hash == first.plan.plan_hash
    (sealed,) = provider.rows("select plan_hash from postings where sell < 0")
    assert sealed["plan_hash"] == first.plan.plan_hash


def test_lines_on_an_invoice_of_others_are_credited_and_the_invoice_is_left_alone(provider: Provider) -> None:
    lines = [licence("mail", ACME, "10.00"), licence("mail", BIRCH, "20.00")]
    redirect = {BIRCH.key: {"client_to_invoice": ACME.halopsa_id}}
    world = make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], invoices=[invoice(55)], client_fields=redirect)
    provider.set_up(world, [ACME, BIRCH], {"target": "latest"})
    # A tenant that writes -1 for what is not paid, sent or approved: nothing of it is in accounting.
    provider.switch(unset_code=-1)
    provider.close()
    before = provider.document(55)
    assert len(provider.ours(55)) == 2, "Birch is billed through Acme, on the same invoice"

    take_back(provider, "client-2")

    assert provider.document(55) == before
    credit = newest(provider)
    assert (credit["client_id"], [line["net_amount"] for line in credit["lines"]]) == (
        ACME.halopsa_id,
        [Decimal("-20.00")],
    )
    assert adds_up(provider)
    with provider.warehouse.session("ask") as session:
        (told,) = summarize_reversals(session, OCTOBER)
    assert (told.reversed_halopsa_invoice_ids, told.shared_halopsa_invoice_ids) == ((55,), (55,))


def test_each_currency_gets_a_credit_of_its_own(provider: Provider) -> None:
    dollars, second = licence("mail", ACME, "10.00"), licence("disk", ACME, "5.00")
    canadian = licence("mail", ACME, "7.00", currencyCode="CAD")
    bills = [bill(OCTOBER, dollars), bill(OCTOBER, canadian, number=2, currencyCode="CAD", release_at=None)]
    world = make_world([ACME], bills[:1])
    provider.set_up(world, [ACME], {})
    provider.close()
    provider.agent("edit_other", ACME.halopsa_id, resource="Client", fields={"default_currency_code": 2})
    provider.sandbox.pax8.add_invoice(bills[1])
    provider.close()
    provider.agent("edit_other", ACME.halopsa_id, resource="Client", fields={"default_currency_code": 1})
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, second, number=3))
    provider.close()
    assert len(provider.invoice_ids()) == 3

    take_back(provider)

    assert len(provider.invoice_ids()) == 5
    credits_made = [provider.document(number) for number in provider.invoice_ids()[3:]]
    assert [(one["currency_code"], one["revenue"]) for one in credits_made] == [
        (2, Decimal("-7.00")),
        (1, Decimal("-15.00")),
    ]
    assert credits_made[1]["internal_note"] == "Takes back invoice 1, invoice 3"
    assert set(money_in_halopsa(provider).values()) == {ZERO}
    assert adds_up(provider)


def test_a_line_that_an_agent_put_on_our_document_is_not_taken_back(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {})
    provider.close()
    provider.agent("add_line", 1, line={"_itemid": SUPPORT, "qty_order": 1, "unit_price": 99})

    take_back(provider)

    assert [line["net_amount"] for line in newest(provider)["lines"]] == [Decimal("-10.00")]
    assert len(provider.document(1)["lines"]) == 2


def test_the_date_is_that_of_the_setting(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {"date": "today"})
    provider.close()
    provider.now = "2026-11-20T15:00:00Z"

    take_back(provider)

    assert newest(provider)["invoice_date"][:10] == "2026-11-20"


def test_another_month_of_the_client_is_left_alone(provider: Provider) -> None:
    client = numbered(1)
    bills = [bill(month, licence("mail", client, "10.00")) for month in (OCTOBER, NOVEMBER)]
    provider.set_up(make_world([client], bills), [client], {})
    provider.close(OCTOBER)
    provider.close(NOVEMBER)

    take_back(provider, month=NOVEMBER)

    (undone,) = provider.rows("select month, reversed_halopsa_invoice_id as id from reversals")
    assert (undone["month"], undone["id"]) == (NOVEMBER, 2)
    assert adds_up(provider, OCTOBER)
    assert adds_up(provider, NOVEMBER)


def test_an_item_that_was_created_for_it_is_on_the_credit_too(provider: Provider) -> None:
    create = {"product_lifecycle": {"mode": "create"}, "codes": {}}
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {}, settings=create)
    provider.close()
    (created,) = (item["id"] for item in provider.sandbox.halopsa.dump()["items"] if item.get("externalreference"))

    take_back(provider)

    assert [line["_itemid"] for line in newest(provider)["lines"]] == [created]


def test_a_client_that_is_held_can_be_taken_back(provider: Provider) -> None:
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {})
    provider.close()
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, licence("odd", ACME, "5.00", type="no-such-type"), number=2))
    provider.close()
    assert provider.holds() == [("client-1", "unknown_type")]

    take_back(provider)

    assert [line["net_amount"] for line in newest(provider)["lines"]] == [Decimal("-10.00")]
    assert provider.holds() == [("client-1", "unknown_type")]
    assert provider.prove().whole
