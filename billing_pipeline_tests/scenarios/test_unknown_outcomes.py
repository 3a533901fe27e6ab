"""HaloPSA fails in the middle of a posting: each charge is billed once, or held until looking has settled it."""

from typing import Any

import pytest

from billing_pipeline_tests.scenarios.closing import Provider
from billing_pipeline_tests.scenarios.steps import Steps
from billing_pipeline_tests.scenarios.worlds import (
    ACME,
    BIRCH,
    Client,
    make_invoice,
    make_line,
    make_world,
    numbered_client,
)

AFTER_THE_GRACE = "2026-10-05T15:16:00Z"

HELD_ACME = [("acme", "held", "unknown_outcome", 1, "10.00"), ("birch", "posted", None, 1, "20.00")]
ALL_POSTED = [("acme", "posted", None, 1, "10.00"), ("birch", "posted", None, 1, "20.00")]
ALL_BILLED = {1001: ["10.00"], 1002: ["20.00"]}


def set_up_a_line_each(provider: Provider, count: int) -> list[Client]:
    """Clients who are charged 10.00 each, in the order in which their documents are sent."""
    clients = [numbered_client(number) for number in range(1, count + 1)]
    lines = [make_line(number, client, "10.00") for number, client in enumerate(clients, start=1)]
    provider.set_up(make_world(clients, [make_invoice(lines)]), clients)
    return clients


def events(provider: Provider, client: str) -> list[str]:
    """What the journal tells of a client."""
    rows = provider.query("select event from posting_journal where client = ? order by seq", client)
    return [event for (event,) in rows]


LOST_AFTER_COMMIT: list[dict[str, Any]] = [
    {"kind": "status", "status": 500, "when": "after"},
    {"kind": "status", "status": 408, "when": "after"},
    {"kind": "drop", "when": "after"},
    {"kind": "delay", "seconds": 1.3, "when": "after"},
    {"kind": "cut"},
    {"kind": "truncate"},
    {"kind": "html", "when": "after"},
    {"kind": "body", "body": {"id": "no number"}, "when": "after"},
    {"kind": "body", "body": {"id": 4711}, "when": "after"},
]


def test_answers_lost_after_commit_in_every_way_post_nothing_twice(provider: Provider) -> None:
    clients = set_up_a_line_each(provider, len(LOST_AFTER_COMMIT))
    for fault in LOST_AFTER_COMMIT:
        provider.disturb_halopsa(**fault)
    steps = Steps(provider)

    steps.close()
    steps.post()

    assert provider.billed() == {client.halopsa_id: ["10.00"] for client in clients}
    assert provider.posts() == len(clients)
    assert {row[1] for row in provider.dispositions()} == {"posted"}
    assert provider.held() == []
    for client in clients:
        assert events(provider, client.key) == ["sending", "unknown", "settled", "read_back"]
    assert provider.adds_up()


LOST_BEFORE_COMMIT: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "drop"},
    {"kind": "html"},
    {"kind": "body", "body": "{}"},
]


def test_requests_lost_before_commit_are_held_until_the_grace_has_passed_and_then_posted(provider: Provider) -> None:
    clients = set_up_a_line_each(provider, len(LOST_BEFORE_COMMIT) + 1)
    for fault in LOST_BEFORE_COMMIT:
        provider.disturb_halopsa(**fault)
    *lost, spared = clients
    steps = Steps(provider)

    steps.close()
    assert provider.billed() == {spared.halopsa_id: ["10.00"]}
    assert provider.held() == [(client.key, "unknown_outcome") for client in lost]
    assert provider.adds_up()

    steps.close()
    assert provider.posts() == len(clients), "within the grace nothing is sent again"
    assert provider.held() == [(client.key, "unknown_outcome") for client in lost]
    assert provider.adds_up()

    provider.set_time(AFTER_THE_GRACE)
    steps.close()
    assert sorted(provider.billed().items()) == [(client.halopsa_id, ["10.00"]) for client in clients]
    assert provider.posts() == len(clients) + len(lost)
    assert {row[1] for row in provider.dispositions()} == {"posted"}
    assert provider.held() == []
    for client in lost:
        assert events(provider, client.key)[0] == "sending"
        assert events(provider, client.key)[-4:] == ["absent", "sending", "posted", "read_back"]
    assert provider.value("select count(*) from postings") == len(clients)
    assert provider.adds_up()


def test_the_hold_of_an_unknown_outcome_names_the_money_and_what_to_run(month: Provider) -> None:
    month.disturb_halopsa("drop")

    Steps(month).close()

    ((client, reason, detail, money),) = month.query(
        "select client, reason, detail, sell::decimal(28,2)::text from holds"
    )
    assert (client, reason, money) == ("acme", "unknown_outcome", "10.00")
    assert "of acme over 10.00 USD" in detail
    assert "run billing-pipeline close 2026-10 --client acme --post again: it looks, and never sends twice" in detail


def test_a_commit_that_lands_after_our_look_is_found_and_not_repeated(month: Provider) -> None:
    month.disturb_halopsa("drop", commit_after_requests=10_000)
    steps = Steps(month)
    steps.close()
    assert month.dispositions() == HELD_ACME

    month.let_late_writes_commit()
    month.set_time(AFTER_THE_GRACE)
    steps.close()

    assert month.billed() == {1002: ["20.00"], 1001: ["10.00"]}
    assert month.posts() == 2
    assert month.dispositions() == ALL_POSTED
    assert month.adds_up()


@pytest.mark.parametrize("requests", [1, 3, 6])
def test_a_commit_that_lands_some_requests_later_is_billed_once(month: Provider, requests: int) -> None:
    month.disturb_halopsa("drop", commit_after_requests=requests)
    steps = Steps(month)

    steps.close()
    steps.close()

    assert sorted(month.billed().items()) == sorted(ALL_BILLED.items())
    assert month.posts() == 2
    assert month.dispositions() == ALL_POSTED
    assert month.adds_up()


def test_refused_documents_are_surely_not_written_and_sent_again_next_time(provider: Provider) -> None:
    statuses = [400, 404, 422]
    clients = set_up_a_line_each(provider, len(statuses) + 1)
    for status in statuses:
        provider.disturb_halopsa("status", status=status)
    steps = Steps(provider)

    first = steps.close()
    assert (len(first.posted), len(first.refused), first.unknown, first.stopped) == (1, 3, [], None)
    assert provider.value("select count(*) from findings where kind = 'refused'") == 3
    assert provider.adds_up()

    steps.close()
    assert sorted(provider.billed().items()) == [(client.halopsa_id, ["10.00"]) for client in clients]
    assert provider.value("select count(*) from findings where kind = 'refused'") == 0
    assert events(provider, clients[0].key) == ["sending", "not_written", "sending", "posted", "read_back"]
    assert provider.adds_up()


@pytest.mark.parametrize("status", [401, 403])
def test_after_a_refusal_that_would_meet_every_document_no_further_one_is_tried(month: Provider, status: int) -> None:
    month.disturb_halopsa("status", status=status, count=2)

    result = Steps(month).close()

    assert month.billed() == {}
    assert len(result.refused) == 1
    assert str(status) in str(result.stopped)
    assert month.value("select count(*) from posting_journal where client = 'birch'") == 0
    assert month.adds_up()


def test_a_charge_that_is_on_its_way_is_not_billed_to_the_client_that_it_moved_to(month: Provider) -> None:
    month.disturb_halopsa("drop", commit_after_requests=10_000)
    steps = Steps(month)
    steps.close()
    # Acme's company turns out to be Birch's.
    rows = [
        ("acme", "Acme Dental", 1001, "", "false", "", ""),
        ("birch", "Birch Legal", 1002, BIRCH.company_id, "false", "", ""),
        ("birch", "Birch Legal", 1002, ACME.company_id, "false", "", ""),
    ]
    month.write_csv("clients.csv", rows)

    steps.close()
    assert month.billed() == {1002: ["20.00"]}
    assert ("birch", "unknown_outcome") in month.held()
    assert month.adds_up()

    month.let_late_writes_commit()
    steps.close()
    assert month.billed() == {1002: ["20.00"], 1001: ["10.00"]}
    assert month.held() == []
    assert month.adds_up()


def test_unknown_documents_hold_what_stands_on_them_and_leave_the_posted_one_alone(provider: Provider) -> None:
    lines = [
        make_line(number, ACME, "10.00", purchaseOrderNumber=order)
        for number, order in enumerate(["PO-1", "PO-2", "PO-3"], start=1)
    ]
    provider.set_up(
        make_world([ACME], [make_invoice(lines)]), [ACME], settings={"behaviour": {"group_by": "purchase_order"}}
    )
    provider.disturb_halopsa("drop", count=2)
    steps = Steps(provider)

    steps.close()
    assert provider.dispositions() == [
        ("acme", "held", "unknown_outcome", 2, "20.00"),
        ("acme", "posted", None, 1, "10.00"),
    ]
    assert provider.value("select sum(sell)::decimal(28,2)::text from holds") == "20.00"
    assert provider.adds_up()

    provider.set_time(AFTER_THE_GRACE)
    steps.close()
    assert provider.billed() == {1001: ["10.00", "10.00", "10.00"]}
    assert provider.dispositions() == [("acme", "posted", None, 3, "30.00")]
    assert provider.adds_up()


def test_a_second_invoice_with_our_keys_is_found_when_the_month_is_read_back(month: Provider) -> None:
    steps = Steps(month)
    steps.close(post=False)
    ((document, charge),) = month.query("select document_key, charge_key from ready_to_invoice where client = 'acme'")
    # What was given up for lost lands while the same document is sent again.
    twin = {
        "action": "create",
        "fields": {"client_id": 1001, "invoice_date": "2026-10-01", "currency_code": 1, "reference": document},
        "lines": [{"item_shortdescription": "again", "qty_order": 1, "unit_price": 10, "comment_2": charge}],
    }
    month.let_agent_later(twin, route="/api/Invoice", method="POST")

    steps.post()

    assert month.billed() == {1001: ["10.00", "10.00"], 1002: ["20.00"]}
    ((client, detail),) = month.query("select client, detail from findings where kind = 'found_twice'")
    assert client == "acme"
    assert "HaloPSA invoices 2 bear its keys too: delete them there" in detail
    assert not steps.prove().whole


def test_an_agent_who_deletes_the_invoice_before_it_was_read_back_is_reported_once(month: Provider) -> None:
    month.let_agent_later({"action": "delete", "id": 1}, route="/api/Invoice", method="POST")
    steps = Steps(month)

    steps.close()
    steps.close()

    assert month.billed() == {1002: ["20.00"]}
    assert month.query("select client, kind from findings where kind = 'read_back_differs'") == [
        ("acme", "read_back_differs")
    ]
    assert month.posts() == 2
