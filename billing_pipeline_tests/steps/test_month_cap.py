"""`max_invoices` counts the invoices of the whole month, however its clients are split over runs; forcing is told."""

from typing import Any

import pytest

from billing_pipeline.steps.system_user import system_user
from billing_pipeline_tests.steps.months import (
    DEFAULT_ITEM,
    Month,
    MonthMaker,
    company_of,
    halopsa_clients,
    line,
    rows_of,
)

CLIENTS = ("acme", "birch", "cedar")
HELD = "cap:max_invoices"


def settings(limit: int | None, **caps: Any) -> dict[str, Any]:
    return {"settings": DEFAULT_ITEM, "caps": {"max_invoices": limit, **caps}}


@pytest.fixture
def month(months: MonthMaker) -> Month:
    """Three clients with one invoice each, in a month that may have two."""
    items = [line(name, companyId=company_of(name)) for name in CLIENTS]
    return months.make(items, config=settings(2), clients=rows_of(*CLIENTS), halopsa=HALOPSA)


HALOPSA = {"clients": halopsa_clients(*CLIENTS)}


def prepare(month: Month, *clients: str, forced: tuple[str, ...] = ()) -> None:
    """Prepare some clients, as one range of a close does."""
    everyone = month.work
    month.work = everyone.of(clients or everyone.clients)
    month.prepare(forced)
    month.work = everyone


def held(month: Month) -> dict[str, list[str]]:
    rows = month.rows("select client, reason from holds order by client, reason_rank")
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["client"], []).append(row["reason"])
    return found


def test_ranges_that_are_within_the_cap_one_by_one_are_past_it_together(month: Month) -> None:
    prepare(month, "acme", "birch")
    assert held(month) == {}

    prepare(month, "cedar")

    assert held(month) == {name: [HELD] for name in CLIENTS}
    (told,) = {row["detail"] for row in month.rows("select detail from holds")}
    assert told == (
        "3 invoices are more than caps.max_invoices 2 allows (22.00 USD held); force it with --force-cap max_invoices"
    )
    assert month.post().posted == []
    assert month.three_way("acme")["sell_gap"] == "0"


def test_what_was_posted_counts_too(month: Month) -> None:
    prepare(month, "acme", "birch")
    assert len(month.post().posted) == 2

    prepare(month, "cedar")
    assert held(month) == {"cedar": [HELD]}
    prepare(month)
    assert held(month) == {"cedar": [HELD]}


def test_what_was_sent_and_is_not_known_counts_too(month: Month) -> None:
    prepare(month, "acme", "birch")
    month.post()
    with month.work.warehouse.session("let an outcome be unknown") as session:
        session.execute("update postings set status = 'unknown' where client = 'acme'")

    prepare(month, "birch", "cedar")

    assert held(month)["cedar"] == [HELD]


def test_a_range_that_comes_back_below_the_cap_lets_the_others_go(month: Month) -> None:
    prepare(month)
    assert held(month) == {name: [HELD] for name in CLIENTS}

    month.configure(settings(2), clients=rows_of(*CLIENTS).replace("acme,false", "acme,true"))
    prepare(month, "acme", "birch")

    assert held(month).keys() <= {"acme"}


def test_a_client_that_something_else_holds_is_not_counted(month: Month) -> None:
    month.configure(settings(2, max_client_total={"USD": 1}), clients=rows_of(*CLIENTS))
    prepare(month)

    assert held(month) == {name: ["cap:max_client_total"] for name in CLIENTS}


def test_forcing_it_for_one_client_lets_no_other_go(month: Month) -> None:
    prepare(month)
    prepare(month, "acme", forced=("max_invoices",))

    assert held(month) == {"birch": [HELD], "cedar": [HELD]}
    prepare(month, "birch")
    assert held(month) == {"birch": [HELD], "cedar": [HELD]}
    assert len(month.post().posted) == 1


@pytest.mark.parametrize("other", ["max_client_total", "max_change_percent", "first_invoice", "negative_invoice"])
def test_forcing_another_cap_leaves_it_in_force(month: Month, other: str) -> None:
    prepare(month, forced=(other,))

    assert held(month) == {name: [HELD] for name in CLIENTS}


def findings(month: Month) -> list[tuple[Any, ...]]:
    rows = month.rows("select client, detail, sell from findings where kind = 'cap_forced' order by client, detail")
    return [tuple(row.values()) for row in rows]


def test_a_forced_cap_stays_visible_with_its_figures_and_who_forced_it(month: Month) -> None:
    month.configure(settings(2, max_client_total={"USD": 20}), clients=rows_of(*CLIENTS))
    prepare(month, forced=("max_invoices", "max_client_total", "first_invoice"))

    who = f"{system_user()} (system user) forced it with --force-cap"
    assert [(client, detail, str(sell)) for client, detail, sell in findings(month)][:2] == [
        ("acme", f"22.00 USD is more than 20.00 USD; {who} max_client_total", "22.000000000000000000"),
        ("acme", f"3 invoices are more than caps.max_invoices 2 allows; {who} max_invoices", "22.000000000000000000"),
    ]
    plans = month.rows("select distinct forced_caps from plans where documents > 0")
    assert [row["forced_caps"] for row in plans] == [["max_client_total", "max_invoices"]]
    month.post()
    prepare(month)
    assert len(findings(month)) == 6
    assert held(month) == {}


def test_a_cap_that_was_forced_and_not_posted_is_forgotten_with_its_plan(month: Month) -> None:
    prepare(month, forced=("max_invoices",))
    assert len(findings(month)) == 3

    prepare(month)

    assert findings(month) == []
    assert held(month) == {name: [HELD] for name in CLIENTS}
