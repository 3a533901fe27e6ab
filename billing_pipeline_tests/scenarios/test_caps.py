"""Safety caps: past each, the client or the month is held with its figures until a person forces that cap."""

from typing import Any

import pytest

from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import ACME, BIRCH, make_invoice, make_line, make_world


def set_up_month(provider: Provider, acme: str = "10.00", **caps: Any) -> Steps:
    lines = [make_line(1, ACME, acme, acme), make_line(2, BIRCH, "20.00", "16.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH], caps=caps)
    return Steps(provider)


def test_past_max_invoices_nothing_is_posted_until_it_is_forced(provider: Provider) -> None:
    steps = set_up_month(provider, max_invoices=1)

    steps.close()
    assert provider.billed() == {}
    assert provider.held() == [("acme", "cap:max_invoices"), ("birch", "cap:max_invoices")]
    assert provider.query("select distinct detail from holds order by all")[0][0].startswith(
        "2 invoices are more than caps.max_invoices 1 allows (10.00 USD held); force it with --force-cap max_invoices"
    )
    assert provider.adds_up()

    steps.close(force_caps=["max_invoices"])
    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}
    assert provider.adds_up()


def test_a_client_past_max_client_total_is_held_alone_until_it_is_forced(provider: Provider) -> None:
    steps = set_up_month(provider, max_client_total={"USD": 15})

    steps.close()
    assert provider.billed() == {1001: ["10.00"]}
    ((client, reason, detail),) = provider.query("select client, reason, detail from holds")
    assert (client, reason) == ("birch", "cap:max_client_total")
    assert "20.00 USD is more than 15.00 USD; force it with --force-cap max_client_total" in detail
    assert provider.adds_up()

    steps.close(force_caps=["max_client_total"])
    assert provider.billed() == {1001: ["10.00"], 1002: ["20.00"]}


def test_a_negative_invoice_is_held_until_it_is_forced(provider: Provider) -> None:
    steps = set_up_month(provider, acme="-7.10")

    steps.close()
    assert provider.billed() == {1002: ["20.00"]}
    assert provider.held() == [("acme", "negative_total")]
    assert "-7.10 USD" in provider.value("select detail from holds")
    assert provider.adds_up()

    steps.close(force_caps=["negative_invoice"])
    assert sorted(provider.billed().items()) == [(1001, ["-7.10"]), (1002, ["20.00"])]
    assert provider.adds_up()


@pytest.mark.parametrize("forced", ["max_invoices", "first_invoice"])
def test_forcing_one_cap_leaves_the_others_in_force(provider: Provider, forced: str) -> None:
    steps = set_up_month(provider, acme="-7.10", max_client_total={"USD": 15})

    steps.close(force_caps=[forced])

    assert provider.billed() == {}
    assert provider.held() == [("acme", "negative_total"), ("birch", "cap:max_client_total")]


def test_a_total_of_zero_with_lines_is_posted(provider: Provider) -> None:
    steps = set_up_month(provider, acme="0.00")

    steps.close()

    assert provider.billed() == {1001: ["0.00"], 1002: ["20.00"]}
    assert provider.held() == []
