"""A client's key is renamed in clients.csv, or its row taken out, while its lines live on a recurring invoice."""

from dataclasses import replace

import pytest

from billing_pipeline.commands.month_report import verdict
from billing_pipeline.commands.outcome import HELD
from billing_pipeline.steps.month_summary import summarize_month
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    ACME,
    BIRCH,
    NOVEMBER,
    OCTOBER,
    Client,
    Json,
    bill,
    licence,
    make_world,
    template,
)

RECURRING, NEW = {"target": "recurring"}, {"target": "new"}
RENAMED = replace(ACME, key="acme")
TOLD = (
    "recurring invoice -7 goes on billing line 8001 over 10.00 USD of client-1 (2026-10), which has no row in "
    "clients.csv any more: put the key client-1 back there (a key is never renamed), or set the lines inactive in "
    "HaloPSA; then run billing-pipeline close 2026-11"
)


@pytest.fixture
def issued(provider: Provider) -> Provider:
    """October is on the recurring invoice and was issued; November is released."""
    bills = [
        bill(OCTOBER, licence("mail", ACME, "10.00")),
        bill(NOVEMBER, licence("mail", ACME, "10.00"), licence("disk", BIRCH, "1.00")),
    ]
    templates = [template(-7), template(-8, BIRCH)]
    provider.set_up(make_world([ACME, BIRCH], bills, templates=templates), [ACME, BIRCH], RECURRING)
    provider.close(OCTOBER)
    provider.issue("2026-11-01T07:00:00Z")
    return provider


@pytest.mark.parametrize(
    ("client", "behaviour"),
    [(RENAMED, RECURRING), (replace(RENAMED, template=None), NEW)],
    ids=["recurring", "new, without the recurring invoice"],
)
def test_a_renamed_client_is_held_while_its_old_lines_bill(issued: Provider, client: Client, behaviour: Json) -> None:
    issued.configure([client, BIRCH], behaviour)

    issued.close(NOVEMBER)

    assert issued.holds(NOVEMBER) == [("acme", "double_billing")]
    assert issued.why(NOVEMBER) == f"{TOLD} --client acme --post (10.00 USD held)"
    assert issued.findings("lines_left") == [TOLD]
    assert issued.ours(-7) == [("Mail", "10.00", True)]
    assert not issued.prove(NOVEMBER).whole
    summary = summarize_month(issued.warehouse, NOVEMBER)
    assert summary is not None
    assert verdict(summary, posted=True) == HELD
    ((_, line_id),) = issued.places(-7).items()

    issued.agent("edit_line", -7, line_id=line_id, fields={"isinactive": True})
    issued.close(NOVEMBER)

    assert issued.holds(NOVEMBER) == []
    assert issued.findings("lines_left") == []
    assert issued.prove(NOVEMBER).whole


def test_lines_of_a_client_without_a_row_are_told_until_it_is_put_back(issued: Provider) -> None:
    issued.configure([BIRCH], RECURRING)

    issued.close(NOVEMBER)

    assert issued.holds(NOVEMBER) == [(f"pax8-{ACME.company}", "unmapped_client")]
    assert issued.findings("lines_left") == [TOLD]
    assert issued.ours(-8) == [("Disk", "1.00", True)]

    issued.configure([ACME, BIRCH], RECURRING)
    issued.close(NOVEMBER)

    assert issued.holds(NOVEMBER) == []
    assert issued.findings("lines_left") == []
    assert issued.ours(-7) == [("Mail", "10.00", True)]
    assert issued.prove(NOVEMBER).whole


def test_who_has_the_subscriptions_now_is_held_too(issued: Provider) -> None:
    """Acme's company went to Birch: its mail would be billed on Birch's recurring invoice and on its own."""
    issued.configure([replace(BIRCH, company=ACME.company)], RECURRING)

    issued.close(NOVEMBER)

    assert ("client-2", "double_billing") in issued.holds(NOVEMBER)
    assert f"{TOLD} --client client-2 --post (10.00 USD held)" in issued.why(NOVEMBER)
    assert issued.ours(-8) == []
    ((_, line_id),) = issued.places(-7).items()

    issued.agent("delete_line", -7, line_id=line_id)
    issued.close(NOVEMBER)

    assert issued.ours(-8) == [("Mail", "10.00", True)]
    assert issued.findings("lines_left") == []


def test_lines_that_bill_nothing_more_hold_nobody(issued: Provider) -> None:
    issued.agent("edit", -7, fields={"disabled": True})
    issued.configure([replace(RENAMED, template=None), BIRCH], NEW)

    issued.close(NOVEMBER)

    assert issued.holds(NOVEMBER) == []
    assert issued.findings("lines_left") == []
