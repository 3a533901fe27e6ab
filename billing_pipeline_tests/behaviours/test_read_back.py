"""What an agent does to a document between our write and our reading it back is told, until it is put right."""

from typing import Any

import pytest

from billing_pipeline_tests.behaviours.provider import Provider, is_ours
from billing_pipeline_tests.behaviours.world import ACME, NOVEMBER, OCTOBER, bill, licence, make_world, template

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
    assert f" of client-1 over 10.00 USD for 2026-10: {said}. See billing-pipeline verify 2026-10; once it is " in found
    assert found.endswith("put right, billing-pipeline close 2026-10 --client client-1 --post looks again")
    assert planned.rows("select outcome from posting_journal where event = 'read_back'") == [{"outcome": said}]
    assert not planned.prove().whole


def test_a_voided_document_that_was_unknown_is_no_document_as_planned(planned: Provider) -> None:
    planned.disturb("drop", when="after")
    planned.agent_after(INVOICE, "void", 1, method="POST")

    planned.post()

    assert planned.rows("select outcome from posting_journal where event = 'settled'") == [{"outcome": "it is voided"}]
    assert not planned.prove().whole


def test_a_difference_goes_once_it_is_put_right(planned: Provider) -> None:
    wrong, right = {"unit_price": 9}, {"unit_price": 10}
    planned.agent_after(INVOICE, "edit_line", 1, method="POST", line_id=1, fields=wrong)
    planned.post()
    (said,) = planned.findings("read_back_differs")
    assert "has 9.00 USD, planned 10.00 USD" in said

    planned.close()
    assert planned.findings("read_back_differs") == [said], "it is asked anew and still so"
    (line,) = planned.document(1)["lines"]
    planned.agent("edit_line", 1, line_id=line["id"], fields=right)
    planned.close()

    assert planned.findings("read_back_differs") == []
    assert planned.posted() == 10
    assert planned.prove().whole
    assert planned.verify().agrees
    looks = "select count(*) as looks from posting_journal where event = 'read_back'"
    (before,) = planned.rows(looks)
    planned.close()
    assert planned.rows(looks) == [before], "what is as planned is not asked for again"


def test_a_line_too_much_in_the_answer_goes_once_it_is_taken_off(planned: Provider) -> None:
    planned.switch(blank_default_line=True)
    planned.post()
    planned.switch()
    assert planned.findings("answer_differs") == []
    (said,) = planned.findings("read_back_differs")
    assert "1 lines that are not ours" in said

    (blank,) = [line["id"] for line in planned.document(1)["lines"] if not is_ours(line)]
    planned.agent("delete_line", 1, line_id=blank)
    planned.close()

    assert planned.prove().whole


def test_a_twin_is_told_until_it_is_deleted(planned: Provider) -> None:
    (document,) = planned.documents()
    twin = {"client_id": 201, "invoice_date": "2026-10-01", "currency_code": 1, "reference": document.document_key}
    planned.agent_after(INVOICE, "create", method="POST", fields=twin, lines=[])
    planned.post()
    (said,) = planned.findings("found_twice")
    assert "over 10.00 USD for 2026-10: HaloPSA invoices 2 bear its keys too: delete them there. See" in said

    planned.agent("delete", 2)
    planned.close()

    assert planned.findings("found_twice") == []
    assert planned.prove().whole


def test_a_recurring_invoice_is_not_asked_for_a_month_that_another_wrote_over(provider: Provider) -> None:
    bills = [bill(OCTOBER, licence("mail", ACME, "10.00")), bill(NOVEMBER, licence("mail", ACME, "12.00"))]
    provider.set_up(make_world([ACME], bills, templates=[template(-7)]), [ACME], {"target": "recurring"})
    provider.prepare()
    order: dict[str, Any] = {"line_id": 7001, "fields": {"unit_price": 9}}
    provider.agent_after("/api/RecurringInvoice", "edit_line", -7, method="POST", **order)
    provider.post()
    (said,) = provider.findings("read_back_differs")
    provider.issue("2026-11-01T07:00:00Z")
    provider.close(NOVEMBER)
    assert provider.prove(NOVEMBER).whole

    provider.close()

    assert provider.findings("read_back_differs") == [said]
    assert "has 9.00 USD, planned 10.00 USD" in said
