"""What a month that was taken back is to all that comes after: final, and no month without charges."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps.month_history import client_histories
from billing_pipeline.steps.replay import replay_plans
from billing_pipeline_tests.behaviours.provider import BROWSER, Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, NOVEMBER, OCTOBER, bill, licence, make_world
from billing_pipeline_tests.reversals.undoing import adds_up, keys_in_halopsa, newest, take_back

CHANGE = {"caps": {"max_change_percent": 10}}


def set_up(provider: Provider, behaviour: dict[str, str] | None = None, *, sell: str = "100.00") -> None:
    """Acme and Birch were billed in October and are charged the same in November."""
    lines = [licence("mail", ACME, sell, "80.00"), licence("mail", BIRCH, "20.00")]
    world = make_world([ACME, BIRCH], [bill(month, *lines) for month in (OCTOBER, NOVEMBER)])
    provider.set_up(world, [ACME, BIRCH], behaviour or {}, **CHANGE)
    provider.close()


def changes(provider: Provider, month: str) -> dict[str, tuple[Decimal, Decimal | None]]:
    """Sell and what it is compared with, by client."""
    rows = provider.rows("select client, sell, previous_sell from month_over_month where month = ?", month)
    return {row["client"]: (row["sell"], row["previous_sell"]) for row in rows}


def test_no_close_plans_it_again_and_every_cent_stays_explained(provider: Provider) -> None:
    set_up(provider)
    take_back(provider)
    before = provider.rows("select * from three_way order by all")

    provider.close()

    assert provider.documents() == []
    assert provider.writes() == 3
    assert provider.fates() == {"posted"}
    assert provider.rows("select * from three_way order by all") == before
    assert adds_up(provider)


def test_the_next_month_is_compared_with_what_stands_and_caps_with_what_was_charged(provider: Provider) -> None:
    set_up(provider)
    take_back(provider)

    provider.close(NOVEMBER)

    assert provider.holds(NOVEMBER) == []
    assert changes(provider, NOVEMBER) == {"client-1": (100, 0), "client-2": (20, 20)}
    assert changes(provider, OCTOBER) == {"client-1": (0, None), "client-2": (20, None)}
    assert adds_up(provider, NOVEMBER)


def test_what_was_billed_in_its_place_counts_instead(provider: Provider) -> None:
    set_up(provider, sell="999.00")
    take_back(provider)
    # What the distributor charges instead comes on a second invoice of the month.
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, licence("mail", ACME, "100.00", "80.00"), number=2))
    provider.prepare()
    assert changes(provider, OCTOBER)["client-1"] == (100, None), "planned, and the rest is taken back"

    provider.close()

    assert changes(provider, OCTOBER)["client-1"] == (100, None)
    with provider.warehouse.session("ask") as session:
        history = client_histories(session, OCTOBER, ["client-1"])["client-1"]
        later = client_histories(session, NOVEMBER, ["client-1"])["client-1"]
    assert history.this_month == {"USD": (Decimal("100.00"), Decimal("80.00"))}
    assert later.last_month == history.this_month
    assert later.was_billed
    assert adds_up(provider)


def test_a_late_charge_is_never_added_to_the_credit(provider: Provider) -> None:
    set_up(provider, {"target": "latest"})
    take_back(provider)
    credit = newest(provider)
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, licence("disk", ACME, "5.00"), number=2))

    provider.close(forced=["max_change_percent"])

    assert provider.document(credit["id"]) == credit
    assert set(keys_in_halopsa(provider).values()) == {1}
    (late,) = provider.rows("select halopsa_invoice_id as id from posted_lines where sell = 5")
    assert late["id"] != credit["id"]
    assert adds_up(provider)

    take_back(provider)

    assert [line["net_amount"] for line in newest(provider)["lines"]] == [Decimal("-5.00")]
    assert set(keys_in_halopsa(provider).values()) == {1}
    assert len(provider.rows("select distinct document_key from reversals")) == 2
    assert adds_up(provider)


def test_nothing_is_added_to_a_credit_of_which_nobody_knows_yet(provider: Provider) -> None:
    """Birch is billed on Acme's HaloPSA client, and is not held while Acme's credit is looked for."""
    world = make_world(
        [ACME, BIRCH],
        [bill(OCTOBER, licence("mail", ACME, "100.00"))],
        client_fields={"client-2": {"client_to_invoice": 201}},
    )
    provider.set_up(world, [ACME, BIRCH], {"target": "latest"})
    provider.close()
    provider.disturb("drop", commit_after_requests=1_000_000)
    take_back(provider)
    BROWSER.post(f"{provider.sandbox.halopsa_url}/_sandbox/commits").raise_for_status()
    credit = newest(provider)
    assert credit["total"] < 0
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, licence("disk", BIRCH, "300.00"), number=2))

    provider.prepare()

    assert provider.holds() == [("client-1", "unknown_outcome")]
    (planned,) = provider.documents("client-2")
    assert planned.target_id != credit["id"]
    provider.post()
    assert [line["net_amount"] for line in provider.document(credit["id"])["lines"]] == [Decimal("-100.00")]


def test_a_credit_of_which_nobody_knows_yet_is_no_invoice_of_the_month(provider: Provider) -> None:
    lines = [licence("mail", ACME, "100.00"), licence("mail", BIRCH, "20.00")]
    caps = {"caps": {"max_invoices": 3}}
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)]), [ACME, BIRCH], {}, **caps)
    provider.close()
    provider.disturb("drop", commit_after_requests=1_000_000)
    take_back(provider)
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, licence("disk", BIRCH, "5.00"), number=2))

    provider.prepare()

    assert provider.holds() == [("client-1", "unknown_outcome")]


def test_what_takes_the_place_of_a_credited_invoice_is_billed_whole(provider: Provider) -> None:
    set_up(provider)
    take_back(provider)
    provider.sandbox.pax8.edit_invoice(f"{OCTOBER}-invoice-1", {"status": "Credited"})
    again = [licence("mail", ACME, "104.00", "83.00"), licence("mail", BIRCH, "21.00")]
    provider.sandbox.pax8.add_invoice(bill(OCTOBER, *again, number=2))

    provider.close(forced=["max_change_percent"])

    # Birch was not taken back: for that client only the difference is due, when a person asks for it.
    assert provider.holds() == [("client-2", "correction")]
    assert [line["net_amount"] for line in newest(provider)["lines"]] == [Decimal("104.00")]
    assert provider.prove().whole


def test_plans_of_before_are_made_again_to_the_byte(provider: Provider, tmp_path: Path) -> None:
    set_up(provider)
    take_back(provider)
    folder = tmp_path / "replay"
    folder.mkdir()
    provider.warehouse.close()

    work = replace(provider._work(OCTOBER), warehouse=Warehouse(provider.warehouse.path))
    replayed = replay_plans(work, folder)

    assert len(replayed) == 2
    assert all(one.same for one in replayed)
