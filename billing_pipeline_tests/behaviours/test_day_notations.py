"""Tenants write a day as midnight UTC or as their own midnight in UTC: a document belongs to the month of its day."""

import pytest

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    NOVEMBER,
    OCTOBER,
    bill,
    invoice,
    licence,
    make_world,
    numbered,
    template,
)

CEDAR, DOGWOOD = numbered(3), numbered(4)
TENANTS = [
    ("America/Denver", "local_midnight", ""),
    ("Europe/Berlin", "local_midnight", "Z"),
    ("Europe/London", "local_midnight", ""),
    ("Pacific/Auckland", "local_midnight", "Z"),
    ("Pacific/Auckland", "midnight", ""),
    ("America/Denver", "midnight", "Z"),
]


@pytest.mark.parametrize(("time_zone", "days", "date_suffix"), TENANTS, ids=" ".join)
def test_charges_land_in_their_month_in_either_notation(
    provider: Provider, time_zone: str, days: str, date_suffix: str
) -> None:
    """Each zone but one changes its clock between the two months, or on the first day of the second."""
    clients = [ACME, BIRCH, CEDAR, DOGWOOD]
    bills = [
        bill(month, *(licence(f"mail-{one.key}", one, "10.00") for one in clients)) for month in (OCTOBER, NOVEMBER)
    ]
    drafts = [invoice(51, day="2026-10-31"), invoice(52, day="2026-11-01"), invoice(53, DOGWOOD, "2026-10-01")]
    issued = template(-8, BIRCH, lastcreated="1900-01-01T00:00:00", lines=[])
    targets = {ACME.key: "latest", BIRCH.key: "recurring", CEDAR.key: "new", DOGWOOD.key: "latest"}
    provider.set_up(
        make_world(clients, bills, invoices=drafts, templates=[issued]),
        clients,
        {},
        clients={key: {"settings": {"behaviour": {"target": target}}} for key, target in targets.items()},
        time_zone=time_zone,
    )
    provider.switch(days=days, time_zone=time_zone, date_suffix=date_suffix)

    provider.close(OCTOBER)
    first = {number: provider.ours(number) for number in (51, 52, 53)}
    provider.issue("2026-11-01T18:00:00Z")
    provider.close(NOVEMBER)

    assert first == {
        51: [("Mail-client-1", "10.00", True)],
        52: [],
        53: [("Mail-client-4", "10.00", True)],
    }
    assert provider.ours(51) == first[51]
    assert provider.ours(52) == [("Mail-client-1", "10.00", True)]
    assert provider.ours(-8) == [("Mail-client-2", "10.00", True)]
    assert provider.holds(NOVEMBER) == []
    for month in (OCTOBER, NOVEMBER):
        assert provider.posted(month) == 40
        assert provider.verify(month).drift == ()


def test_a_document_that_was_moved_by_a_day_into_another_month_is_told(provider: Provider) -> None:
    provider.set_up(
        make_world([ACME], [bill(OCTOBER, licence("mail", ACME, "10.00"))]),
        [ACME],
        {"target": "new"},
        time_zone="Europe/Berlin",
    )
    provider.switch(days="local_midnight", time_zone="Europe/Berlin")
    provider.close()
    assert provider.verify().drift == ()
    (made,) = provider.invoice_ids()
    provider.agent("edit", made, fields={"invoice_date": "2026-09-30T00:00:00"})
    (drift,) = provider.verify().drift
    assert (drift.kind, drift.was, drift.now) == ("date_changed", "dated 2026-10-01", "dated 2026-09-30")
