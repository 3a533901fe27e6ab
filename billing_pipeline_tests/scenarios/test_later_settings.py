"""Settings that change after posting: what was posted is final, and no line is ever billed twice."""

from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    SECOND_INVOICE,
    make_azure_line,
    make_invoice,
    make_line,
    make_world,
)

COLLAPSE = {"modifiers": {"collapse_azure": True, "drop_zero": True, "drop_favorable_prorata": True}}


def set_up_month(provider: Provider, **settings: object) -> Steps:
    lines = [
        make_line(1, ACME, "10.00", "8.00"),
        make_azure_line(2, ACME, "41.1154", "37.3776"),
        make_azure_line(3, ACME, "0.0044", "0.0040"),
        make_line(4, ACME, "0"),
        make_line(5, ACME, "-7.10", "-5.68", type="prorate"),
    ]
    provider.set_up(make_world([ACME], [make_invoice(lines)]), [ACME], settings=settings)
    return Steps(provider)


def test_collapse_switched_off_after_posting_bills_no_line_twice(provider: Provider) -> None:
    steps = set_up_month(provider, modifiers={"collapse_azure": True})
    steps.close()
    before = provider.dispositions()
    assert provider.billed() == {1001: ["44.02"]}

    provider.set_settings(settings={"modifiers": {"collapse_azure": False}})
    steps.close()

    assert provider.billed() == {1001: ["44.02"]}
    assert provider.posts() == 1
    assert provider.dispositions() == before
    assert provider.adds_up()


def test_drops_switched_off_after_posting_bill_only_what_was_never_billed(provider: Provider) -> None:
    steps = set_up_month(provider, **COLLAPSE)
    steps.close()
    assert provider.billed() == {1001: ["51.12"]}

    provider.set_settings(settings={"modifiers": {"drop_favorable_prorata": False}}, caps={"negative_invoice": False})
    steps.close()
    steps.close()

    # The zero line and the prorate were dropped and never billed: now they are wanted, on a document of their own.
    assert provider.billed() == {1001: ["51.12", "-7.10"]}
    assert len(provider.halopsa_invoices()[1]["lines"]) == 2
    assert provider.adds_up()


def test_drops_switched_on_after_posting_take_nothing_back(provider: Provider) -> None:
    steps = set_up_month(provider)
    steps.close()
    before = provider.dispositions()

    provider.set_settings(settings=COLLAPSE)
    steps.close()

    assert provider.billed() == {1001: ["44.02"]}
    assert provider.dispositions() == before
    assert provider.adds_up()


def test_a_late_azure_line_of_a_second_invoice_is_collapsed_apart_from_the_posted_ones(provider: Provider) -> None:
    steps = set_up_month(provider, **COLLAPSE)
    steps.close()
    provider.sandbox.pax8.add_invoice(
        make_invoice([make_azure_line(11, ACME, "1.005", "0.90")], SECOND_INVOICE, "2026-10-04")
    )

    steps.close()

    assert provider.billed() == {1001: ["51.12", "1.01"]}
    assert provider.adds_up()


def test_a_client_excluded_after_posting_keeps_what_was_posted(provider: Provider) -> None:
    steps = set_up_month(provider, **COLLAPSE)
    steps.close()

    provider.set_clients([ACME], excluded=[ACME])
    steps.close()

    assert provider.billed() == {1001: ["51.12"]}
    assert {row[1] for row in provider.dispositions()} == {"posted", "collapsed", "excluded"}
    assert provider.adds_up()
