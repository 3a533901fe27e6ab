"""What an agent does to a document between our write and our reading it back is told, until it is put right."""

from typing import Any

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, licence, make_world

INVOICE = "/api/Invoice"


@pytest.fixture
def planned(provider: Provider) -> Provider:
    """Acme is to be billed 10.00, on invoice 1."""
    provider.set_up(make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]), [ACME], {})
    provider.prepare()
    return provider


@pytest.mark.parametrize(
    ("action", "order", "said"),
    [
        ("void", {}, "it is voided"),
        ("edit", {"fields": {"currency_code": 2}}, "it has HaloPSA's currency 2, planned 1"),
    ],
)
def test_a_document_that_bills_nothing_of_the_plan_is_not_as_planned(
    planned: Provider, action: str, order: dict[str, Any], said: str
) -> None:
    planned.agent_after(INVOICE, action, 1, method="POST", **order)

    planned.post()

    (found,) = planned.findings("read_back_differs")
    assert found.endswith(f": {said}")
    assert planned.rows("select outcome from posting_journal where event = 'read_back'") == [{"outcome": said}]
    assert not planned.prove().whole


def test_a_voided_document_that_was_unknown_is_no_document_as_planned(planned: Provider) -> None:
    planned.disturb("drop", when="after")
    planned.agent_after(INVOICE, "void", 1, method="POST")

    planned.post()

    assert planned.rows("select outcome from posting_journal where event = 'settled'") == [{"outcome": "it is voided"}]
    assert not planned.prove().whole
