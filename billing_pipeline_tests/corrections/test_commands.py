"""A correction as a clerk meets it: review shows the case, close --post --correct settles it."""

from collections.abc import Mapping

import pytest

from billing_pipeline.commands.close import close
from billing_pipeline.commands.review import review
from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.conftest import provider, running_sandbox
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    INVOICE,
    MONTH,
    SECOND_INVOICE,
    make_invoice,
    make_line,
    make_world,
)

__all__ = ["provider", "running_sandbox"]


def use(environment: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    """Let commands work for a provider."""
    for name, value in variables.items():
        environment.setenv(name, value)


def section(printed: str) -> list[str]:
    """The lines of the section on corrections, single-spaced."""
    _, _, rest = printed.partition("Credited after it was billed\n")
    return [" ".join(line.split()) for line in rest.splitlines() if line.strip(" ─")]


def test_review_shows_the_case_and_close_settles_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [make_line(1, ACME, "50.00"), make_line(2, ACME, "9.00", sku="B"), make_line(3, BIRCH, "20.00")]
    provider.set_up(make_world([ACME, BIRCH], [make_invoice(lines)]), [ACME, BIRCH])
    use(monkeypatch, provider.variables)
    provider.close()
    provider.change_pax8_invoice(INVOICE, status="Credited")
    lines = [make_line(11, ACME, "52.00"), make_line(12, ACME, "9.00", sku="B"), make_line(13, BIRCH, "19.00")]
    provider.sandbox.pax8.add_invoice(make_invoice(lines, SECOND_INVOICE))

    capsys.readouterr()
    assert close(MONTH, (), post=True, force_caps=()) == 3
    assert provider.posts() == 2
    capsys.readouterr()
    assert review(MONTH) == 3
    assert section(capsys.readouterr().out)[:6] == [
        f"Invoice {INVOICE} is Credited; invoice {SECOND_INVOICE} takes its place.",
        "Client State Billed Due Difference Changed Same",
        "acme to decide 59.00 USD 61.00 USD 2.00 USD 1 1",
        "birch to decide 20.00 USD 19.00 USD -1.00 USD 1 0",
        f"To bill the differences on invoices of their own: billing-pipeline close {MONTH} --post --correct",
        "An invoice below zero is posted only with --force-cap negative_invoice as well.",
    ]

    assert close(MONTH, (), post=True, force_caps=["negative_invoice"], correct=True) == 0
    assert section(capsys.readouterr().out)[2:4] == [
        "acme posted 59.00 USD 61.00 USD 2.00 USD 1 1",
        "birch posted 20.00 USD 19.00 USD -1.00 USD 1 0",
    ]
    assert provider.billed() == {1001: ["59.00", "2.00"], 1002: ["20.00", "-1.00"]}
    assert provider.adds_up()
