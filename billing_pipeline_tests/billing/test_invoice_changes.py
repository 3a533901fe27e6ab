"""What an invoice may not change, and what it may."""

from typing import Any

import pytest

from billing_pipeline.billing.invoice_changes import (
    BILLED_FIELDS,
    describe_other_changes,
    hash_billed_content,
    match_lines,
)
from billing_pipeline.billing.pax8_items import AMOUNT_FIELDS, TEXT_FIELDS

HEAD = {"id": "inv", "invoiceDate": "2026-10-01", "currencyCode": "USD", "total": 5, "status": "Unpaid"}
# What only names things, and what is kept for analysts and read by no rule, key, amount or mapping of a charge.
NAMES = {"companyName", "productName", "vendorName"}
KEPT_ONLY = NAMES | {"externalId", "details", "unitOfMeasure", "rateType", "chargeType", "amountDue"}


def test_every_field_that_is_kept_is_billed_or_known_not_to_be() -> None:
    kept = {"id", "startPeriod", "endPeriod", *AMOUNT_FIELDS.values(), *TEXT_FIELDS.values()}
    assert kept == BILLED_FIELDS | KEPT_ONLY
    assert not BILLED_FIELDS & KEPT_ONLY


@pytest.mark.parametrize("field", sorted(BILLED_FIELDS))
def test_what_a_charge_is_made_of_is_other_content(field: str) -> None:
    items: list[dict[str, Any]] = [{"id": "L1", field: "before"}]
    assert hash_billed_content(HEAD, items) != hash_billed_content(HEAD, [{**items[0], field: "after"}])


@pytest.mark.parametrize("field", [*sorted(KEPT_ONLY), "aFieldThatPax8Adds"])
def test_what_no_charge_is_made_of_is_not(field: str) -> None:
    before, after = [{"id": "L1", field: "before"}], [{"id": "L1", field: "x" * 99}]
    assert hash_billed_content(HEAD, before) == hash_billed_content({**HEAD, "status": "Paid"}, after)
    assert describe_other_changes(before, after) == f'{field} of 1 line (line 1: "before" is now "{"x" * 59}…)'


def test_lines_are_found_again_by_what_a_charge_is_made_of() -> None:
    before = [{"total": 1, "companyName": "A"}, {"total": 2, "companyName": "A"}, {"total": 1, "companyName": "B"}]
    now = [{"total": 2, "companyName": "C"}, {"total": 1, "companyName": "C"}, {"total": 1}, {"total": 1}]
    assert match_lines(before, now) == [1, 0, 2, None]
