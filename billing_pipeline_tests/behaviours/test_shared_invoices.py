"""An invoice of ours to which late charges were added: each of our documents on it is judged by itself."""

from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, OCTOBER, bill, licence, make_world

LATE = "2026-10-08T00:00:00Z"
AFTER_THE_LATE_BILL = "2026-10-09T15:00:00Z"


def set_up(provider: Provider, **others: Any) -> None:
    bills = [
        bill(OCTOBER, licence("mail", ACME, "10.00")),
        bill(OCTOBER, licence("voice", ACME, "7.00"), number=2, release_at=LATE),
    ]
    provider.set_up(make_world([ACME], bills, **others), [ACME], {"target": "latest"})


def test_the_tax_of_what_was_added_is_no_drift_of_what_was_there(provider: Provider) -> None:
    set_up(provider, taxes=[{"id": 3, "name": "VAT", "value": 10}, {"id": 4, "name": "High", "value": 20}])
    provider.close()
    assert provider.document(1)["tax_total"] == 1
    provider.now = AFTER_THE_LATE_BILL
    provider.close()
    assert provider.document(1)["tax_total"] == Decimal("1.70")

    assert provider.verify().is_settled

    (mail, _) = provider.document(1)["lines"]
    provider.agent("edit_line", 1, line_id=mail["id"], fields={"tax_code": "4"})
    told = {drift.kind: (drift.was, drift.now) for drift in provider.verify().drift}
    assert told["tax_changed"] == ("taxed with 1.00 USD", "taxed with 2.00 USD")


@pytest.mark.parametrize("is_known", [True, False], ids=["not read back", "not answered"])
def test_a_document_that_was_added_to_before_it_was_read_back_is_proved(provider: Provider, is_known: bool) -> None:
    set_up(provider)
    provider.prepare()
    if not is_known:
        provider.disturb("drop", when="after")
    provider.disturb("status", status=500, method="GET", count=20, after=1)
    result = provider.post()
    assert (len(result.posted), len(result.unknown)) == ((1, 0) if is_known else (0, 1))
    provider.sandbox.halopsa_service.faults.clear()
    provider.now = AFTER_THE_LATE_BILL

    provider.close()

    assert provider.ours(1) == [("Mail", "10.00", True), ("Voice", "7.00", True)]
    assert provider.findings("read_back_differs") == provider.findings("answer_differs") == []
    assert [row["readback_sell"] for row in provider.rows("select readback_sell from postings order by sell")] == [
        7,
        10,
    ]
    assert provider.prove().whole
