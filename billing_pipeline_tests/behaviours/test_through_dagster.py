"""The behaviours through Dagster, as `close` runs them: two months of three clients, and a run that stops."""

from pathlib import Path

import pytest

from billing_pipeline.close import Closed, Closing, RunFailed, close_month
from billing_pipeline.settings.environment import load_environment
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

CEDAR = numbered(3)


def close(provider: Provider, month: str, now: str) -> Closed:
    """Close a month on the provider's instance; the warehouse is a file of its own."""
    folder: Path = provider.folder
    variables = {
        **provider.sandbox.environment,
        "BILLING_CONFIG": str(folder / "config"),
        "BILLING_WAREHOUSE": str(folder / "data" / "billing.duckdb"),
        "DAGSTER_HOME": str(folder / "dagster"),
        "BILLING_NOW": now,
    }
    return close_month(load_environment(variables, None), Closing(month, post=True))


def test_every_behaviour_in_one_month_and_a_run_that_stops_in_the_next(provider: Provider) -> None:
    """Acme's licence recurs and its prorate goes on its latest, Birch adds to its latest, Cedar gets new invoices."""
    lines = [licence("mail", ACME, "10.00"), licence("mail", BIRCH, "20.00"), licence("mail", CEDAR, "30.00")]
    bills = [bill(month, *lines, licence("extra", ACME, "1.00", type="prorate")) for month in (OCTOBER, NOVEMBER)]
    world = make_world(
        [ACME, BIRCH, CEDAR],
        bills,
        invoices=[invoice(55), invoice(66, BIRCH)],
        templates=[template(-7)],
    )
    behaviours = {"client-1": {"target": "recurring", "non_recurring": "latest"}, "client-2": {"target": "latest"}}
    clients = {client: {"settings": {"behaviour": behaviour}} for client, behaviour in behaviours.items()}
    provider.set_up(world, [ACME, BIRCH, CEDAR], {}, clients=clients)
    others = {number: provider.text_of_others(number) for number in (55, 66, -7)}

    close(provider, OCTOBER, "2026-10-06T15:00:00Z")

    assert [provider.ours(number) for number in (-7, 66)] == [[("Mail", "10.00", True)], [("Mail", "20.00", True)]]
    assert [net for _, net, _ in provider.ours(55)] == ["1.00"]
    assert provider.ours(67) == [("Mail", "30.00", True)]
    assert {number: provider.text_of_others(number) for number in others} == others

    (issued,) = provider.issue("2026-11-01T07:00:00Z")
    provider.switch(lines="duplicate")
    with pytest.raises(RunFailed, match="until then no existing document is changed"):
        close(provider, NOVEMBER, "2026-11-06T15:00:00Z")

    assert len(provider.ours(issued)) > 1, "November's prorate came to what HaloPSA issued in November"
    assert provider.text_of_others(-7) == others[-7], "and nothing after it"
