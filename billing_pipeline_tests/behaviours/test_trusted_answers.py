"""Changes of existing documents: the first of a run is read again, the others are proved by their answers.

One bulk read at the end proves all.
"""

from typing import Any

import pytest

from billing_pipeline.sandbox.halopsa_schedule import schedule_edit
from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import (
    OCTOBER,
    SUPPORT,
    bill,
    invoice,
    licence,
    make_world,
    numbered,
    template,
)

CLIENTS = [numbered(number, -number) for number in (1, 2, 3)]
ROUTES = {"latest": "/api/Invoice", "recurring": "/api/RecurringInvoice"}
BEHAVIOURS = pytest.mark.parametrize("target", ROUTES)


def set_up(provider: Provider, target: str, **changes: Any) -> list[int]:
    """Three clients are charged 10.00 each on a document that is there; the documents' ids."""
    first = {"lines": []} if changes.get("first_is_empty") else {}
    invoices = [invoice(500 + place, one, **(first if place == 1 else {})) for place, one in enumerate(CLIENTS, 1)]
    templates = [template(one.template or 0, one) for one in CLIENTS]
    lines = [licence("mail", one, "10.00") for one in CLIENTS]
    world = make_world(CLIENTS, [bill(OCTOBER, *lines)], invoices=invoices, templates=templates)
    provider.set_up(world, CLIENTS, {"target": target, "when_none": "hold"})
    return [501, 502, 503] if target == "latest" else [-1, -2, -3]


def reads_of(provider: Provider, document_id: int) -> int:
    """How often a document was read by its id."""
    ending = f"/{document_id}"
    return sum(
        one["method"] == "GET" and one["path"].endswith(ending)
        for one in provider.sandbox.halopsa_service.log.requests()
    )


def agent_after_write(provider: Provider, target: str, document_id: int, action: str, **order: Any) -> None:
    """Let an agent work on the first line of a document right after our change of it was answered.

    The edit waits for the write of the document: as many writes of its kind as its place among them.
    """
    place = abs(document_id) % 500
    line_id = provider.document(document_id)["lines"][0]["id"]
    edit = {"action": action, "id": document_id, **({} if action == "add_line" else {"line_id": line_id}), **order}
    schedule_edit(provider.sandbox.halopsa, {"edit": edit, "route": ROUTES[target], "method": "POST", "reads": place})


@BEHAVIOURS
def test_only_the_first_is_read_again(provider: Provider, target: str) -> None:
    documents = set_up(provider, target)

    result = provider.close()

    assert len(result.posted) == 3
    assert [reads_of(provider, one) for one in documents] == [2, 1, 1]
    assert provider.posted() == 30
    assert provider.verify().is_settled


def test_the_first_of_each_kind_is_read_again(provider: Provider) -> None:
    set_up(provider, "latest")
    settings = {"clients": {"client-3": {"settings": {"behaviour": {"target": "recurring"}}}}}
    provider.configure(CLIENTS, {"target": "latest", "when_none": "hold"}, **settings)

    provider.close()

    assert [reads_of(provider, one) for one in (501, 502, -3)] == [2, 1, 2]
    assert provider.posted() == 30


def test_a_document_without_lines_proves_nothing_of_how_lines_are_replaced(provider: Provider) -> None:
    documents = set_up(provider, "latest", first_is_empty=True)

    provider.close()

    assert [reads_of(provider, one) for one in documents] == [2, 2, 1]


@BEHAVIOURS
def test_answers_without_lines_are_no_proof(provider: Provider, target: str) -> None:
    documents = set_up(provider, target)
    provider.switch(update_answer="bare")

    result = provider.close()

    assert len(result.posted) == 3
    assert [reads_of(provider, one) for one in documents] == [2, 2, 2]
    assert provider.posted() == 30
    assert provider.verify().is_settled


@BEHAVIOURS
@pytest.mark.parametrize("answer", ["whole", "sent"])
def test_lines_that_are_added_instead_of_replaced_are_found_on_one_document_whatever_the_answer_says(
    provider: Provider, target: str, answer: str
) -> None:
    documents = set_up(provider, target)
    provider.switch(lines="duplicate", update_answer=answer)

    result = provider.close()

    assert provider.writes(ROUTES[target]) == 1
    assert "lines that are not ours differ: line " in str(result.stopped)
    assert "is a copy" in str(result.stopped)
    assert [len(provider.document(one)["lines"]) for one in documents] == [3, 1, 1]


@BEHAVIOURS
def test_a_first_answer_that_is_lost_leaves_the_second_to_be_read_again(provider: Provider, target: str) -> None:
    documents = set_up(provider, target)
    provider.disturb("drop", ROUTES[target], when="after")
    provider.switch(lines="duplicate", update_answer="sent")

    result = provider.close()

    assert provider.writes(ROUTES[target]) == 2
    assert "is a copy" in str(result.stopped)
    assert len(provider.document(documents[2])["lines"]) == 1


@BEHAVIOURS
def test_a_line_that_an_agent_edits_after_the_answer_is_told_and_holds_nothing_up(
    provider: Provider, target: str
) -> None:
    documents = set_up(provider, target)
    agent_after_write(provider, target, documents[1], "edit_line", fields={"unit_price": 51})

    result = provider.close()

    assert (len(result.posted), result.stopped) == (3, None)
    (said,) = provider.findings("others_edited")
    assert f"{'invoice' if target == 'latest' else 'recurring invoice'} {documents[1]}: line " in said
    assert "unit_price was " in said
    assert provider.findings("others_changed") == []
    assert provider.posted() == 30


@BEHAVIOURS
def test_a_line_that_vanishes_after_the_answer_stops_all_further_changes(provider: Provider, target: str) -> None:
    documents = set_up(provider, target)
    agent_after_write(provider, target, documents[1], "delete_line")

    result = provider.close()

    assert len(result.posted) == 3
    assert "lines that are not ours differ: line " in str(result.stopped)
    assert "vanished" in str(result.stopped)
    assert len(provider.findings("others_changed")) == 1
    assert provider.posted() == 30


def test_a_copy_that_only_the_bulk_read_shows_stops_all_further_changes(provider: Provider) -> None:
    documents = set_up(provider, "latest")
    copied = {"_itemid": SUPPORT, "qty_order": 2, "unit_price": 50, "item_shortdescription": "Labour 50200"}
    agent_after_write(provider, "latest", documents[1], "add_line", line=copied)

    result = provider.close()

    assert "is a copy" in str(result.stopped)
    assert len(provider.findings("others_changed")) == 1


def test_a_line_that_an_agent_adds_after_the_answer_is_told_once(provider: Provider) -> None:
    documents = set_up(provider, "latest")
    added = {"_itemid": SUPPORT, "qty_order": 1, "unit_price": 5, "item_shortdescription": "by hand"}
    agent_after_write(provider, "latest", documents[1], "add_line", line=added)

    result = provider.close()
    provider.close()

    assert (len(result.posted), result.stopped) == (3, None)
    assert len(provider.findings("lines_appeared")) == 1


def test_what_a_killed_run_changed_is_proved_by_the_next(provider: Provider) -> None:
    documents = set_up(provider, "latest")
    provider.prepare()
    provider.disturb("status", method="GET", contains="includelines", status=503, count=1_000, after=2)
    assert "could not be read back" in str(provider.post().stopped)
    provider.sandbox.halopsa_service.faults.clear()
    provider.agent("delete_line", documents[2], line_id=50300)

    assert "vanished" in str(provider.post().stopped)
    assert provider.posted() == 30
