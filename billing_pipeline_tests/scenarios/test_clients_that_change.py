"""Which client a charge is billed to: mappings that come late, exclusions, redirects, clients that went away."""

import pytest

from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    Client,
    make_halopsa_client,
    make_invoice,
    make_line,
    make_world,
)

UNMAPPED = f"pax8-{BIRCH.company_id}"


def set_up_month(provider: Provider, *mapped: Client, **halopsa: object) -> None:
    """Acme is charged 10.00, Birch 20.00; both are mapped unless told otherwise."""
    lines = [make_line(1, ACME, "10.00", "8.00"), make_line(2, BIRCH, "20.00", "16.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)], **halopsa), mapped or (ACME, BIRCH))


def test_a_mapping_that_arrives_later_empties_the_old_slice_and_brings_the_money(provider: Provider) -> None:
    set_up_month(provider, ACME)
    Steps(provider).close()
    assert provider.dispositions() == [
        ("acme", "posted", None, 1, "10.00"),
        (UNMAPPED, "blocked", "unmapped_client", 1, "20.00"),
    ]
    assert provider.query("select client, sell::decimal(28,2)::text from unmapped_money") == [(UNMAPPED, "20.00")]
    provider.set_clients([ACME, BIRCH])

    provider.close("birch")

    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.dispositions() == [
        ("acme", "posted", None, 1, "10.00"),
        ("birch", "posted", None, 1, "20.00"),
    ]
    for table in ("normalized_charges", "modified_charges", "reconciled_items", "ready_to_invoice", "holds"):
        assert provider.value(f"select count(*) from {table} where client = ?", UNMAPPED) == 0
    assert provider.query("select documents from plans where client = ?", UNMAPPED) == [(0,)]
    assert provider.query("select * from unmapped_money") == []
    assert provider.adds_up()


def test_what_was_posted_stays_with_its_client_when_the_mapping_changes_later(provider: Provider) -> None:
    set_up_month(provider)
    steps = Steps(provider)
    steps.close()
    rows = [
        ("acme", "Acme Dental", 1001, "", "false", "", ""),
        ("birch", "Birch Legal", 1002, BIRCH.company_id, "false", "", ""),
        ("birch", "Birch Legal", 1002, ACME.company_id, "false", "", ""),
    ]
    provider.write_csv("clients.csv", rows)

    steps.close()

    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.dispositions() == [
        ("acme", "posted", None, 1, "10.00"),
        ("birch", "posted", None, 1, "20.00"),
    ]
    assert provider.adds_up()


def test_an_excluded_client_is_counted_and_not_billed(provider: Provider) -> None:
    set_up_month(provider)
    provider.set_clients([ACME, BIRCH], excluded=[BIRCH])

    Steps(provider).close()

    assert provider.billed() == {1001: ["10.00"]}
    assert provider.dispositions() == [
        ("acme", "posted", None, 1, "10.00"),
        ("birch", "excluded", "excluded_client", 1, "20.00"),
    ]
    assert provider.adds_up()


def test_a_client_that_halopsa_bills_through_another_is_planned_on_that_one(provider: Provider) -> None:
    clients = [make_halopsa_client(ACME, client_to_invoice=BIRCH.halopsa_id), make_halopsa_client(BIRCH)]
    set_up_month(provider, clients=clients)

    Steps(provider).close()

    assert provider.billed() == {1002: ["10.00", "20.00"]}
    assert {row[1] for row in provider.dispositions()} == {"posted"}
    assert provider.query("select * from findings where kind in ('answer_differs', 'read_back_differs')") == []
    assert provider.adds_up()


def test_a_redirect_that_nobody_expected_is_posted_once_and_reported(provider: Provider) -> None:
    set_up_month(provider)
    provider.switch_halopsa(redirect_client_to=BIRCH.halopsa_id)
    steps = Steps(provider)

    steps.close()
    steps.close()

    assert provider.billed() == {1002: ["10.00", "20.00"]}
    assert provider.posts() == 2
    ((detail,),) = provider.query("select detail from findings where kind = 'read_back_differs'")
    assert "it is on HaloPSA client 1002, planned on 1001" in detail
    assert not steps.prove().whole


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"inactive": True}, "inactive_client"),
        ({"default_currency_code": 2}, "currency"),
        ({"client_to_invoice": 4711}, "inactive_client"),
    ],
)
def test_a_client_that_cannot_be_billed_is_held_and_the_others_go_on(
    provider: Provider, changes: dict[str, object], reason: str
) -> None:
    set_up_month(provider, clients=[make_halopsa_client(ACME, **changes), make_halopsa_client(BIRCH)])

    Steps(provider).close()

    assert provider.billed() == {1002: ["20.00"]}
    assert provider.held() == [("acme", reason)]
    assert "10.00" in provider.value("select detail from holds")
    assert provider.adds_up()


def test_a_client_whose_halopsa_client_does_not_exist_is_blocked_with_its_money(provider: Provider) -> None:
    set_up_month(provider, clients=[make_halopsa_client(BIRCH)])

    Steps(provider).close()

    assert provider.billed() == {1002: ["20.00"]}
    assert ("acme", "blocked", "unmapped_client", 1, "10.00") in provider.dispositions()
    assert provider.adds_up()


def test_lines_without_a_company_are_unassigned_and_hold_nobody(provider: Provider) -> None:
    lines = [make_line(1, ACME, "10.00"), make_line(2, None, "-5.00", type="service-credit", term=None)]
    provider.set_up(make_world([ACME], [make_invoice(lines)]), [ACME])

    Steps(provider).close()

    assert provider.billed() == {1001: ["10.00"]}
    assert provider.dispositions() == [
        ("acme", "posted", None, 1, "10.00"),
        ("unassigned", "blocked", "no_company", 1, "-5.00"),
    ]
    assert provider.adds_up()
