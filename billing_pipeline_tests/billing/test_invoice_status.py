"""What an invoice's status means for billing."""

import pytest

from billing_pipeline.billing.invoice_status import standing


@pytest.mark.parametrize("status", ["Unpaid", "Paid", "Carried", "Nothing Due", "unpaid", " PAID "])
def test_these_are_billed(status: str) -> None:
    assert standing(status) == "billable"


@pytest.mark.parametrize("status", ["Void", "Credited", "VOID"])
def test_these_are_never_billed(status: str) -> None:
    assert standing(status) == "not_billed"


@pytest.mark.parametrize("status", [None, "", "Pending Approval", "Voided?"])
def test_a_status_that_nobody_knows_is_not_guessed(status: str | None) -> None:
    assert standing(status) == "unknown"
