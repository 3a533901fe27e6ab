"""The invariants see what they are there for: a month that is all well, spoilt in one place, is found out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from billing_pipeline_tests.torture.invariants import find_unexplained, find_violations
from billing_pipeline_tests.torture.ledger import Ledger
from billing_pipeline_tests.torture.player import Stage
from billing_pipeline_tests.torture.scene import Scene
from billing_pipeline_tests.torture.schedule import Event, Kill, Schedule

CALM = Schedule(0, "mixed", (Event(kill=Kill("answered: create Invoice")),))


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Scene, Ledger]]:
    """A month that was played to its end."""
    with Stage() as stage:
        stage.play(CALM, keep=True)
        yield stage.scene, Ledger.read(stage.scene)


def ours(scene: Scene, place: int = -1) -> dict[str, object]:
    """One of our own invoices, as HaloPSA has it."""
    invoices = scene.sandbox.halopsa.tables["invoices"]
    return invoices[sorted(row_id for row_id, row in invoices.items() if row["reference"].startswith("bp-d-"))[place]]


def bill_twice(scene: Scene, ledger: Ledger) -> Ledger:
    scene.sandbox.halopsa.tables["invoices"][9999] = {**ours(scene), "id": 9999}
    return ledger


def lose(scene: Scene, ledger: Ledger) -> Ledger:
    del scene.sandbox.halopsa.tables["invoices"][ours(scene)["id"]]
    return ledger


def lose_a_cent(scene: Scene, ledger: Ledger) -> Ledger:
    ours(scene)["lines"][0]["net_amount"] -= Decimal("0.01")
    return ledger


def change_a_line_of_others(scene: Scene, ledger: Ledger) -> Ledger:
    scene.sandbox.halopsa.tables["invoices"][590]["lines"][0]["comment_1"] = "by us"
    return ledger


def delete_a_draft_of_others(scene: Scene, ledger: Ledger) -> Ledger:
    del scene.sandbox.halopsa.tables["invoices"][590]
    return ledger


def change_a_client(scene: Scene, ledger: Ledger) -> Ledger:
    scene.sandbox.halopsa.tables["clients"][201]["inactive"] = True
    return ledger


def create_an_item_twice(scene: Scene, ledger: Ledger) -> Ledger:
    items = scene.sandbox.halopsa.tables["items"]
    items[9999] = {**items[max(items)], "id": 9999}
    return ledger


def make_a_document_without_plan(scene: Scene, ledger: Ledger) -> Ledger:
    scene.sandbox.halopsa.tables["invoices"][9999] = {**ours(scene), "id": 9999, "reference": "x", "lines": []}
    return ledger


def forget_an_intent(scene: Scene, ledger: Ledger) -> Ledger:
    scene.sent.digests["0" * 64] += 1
    return ledger


def forget_an_outcome(scene: Scene, ledger: Ledger) -> Ledger:
    return replace(ledger, events=tuple(row for row in ledger.events if row["event"] not in ("posted", "settled")))


def send_after_posting(scene: Scene, ledger: Ledger) -> Ledger:
    sending = next(row for row in ledger.events if row["event"] == "sending")
    return replace(ledger, events=(*ledger.events, sending))


def lose_a_line(scene: Scene, ledger: Ledger) -> Ledger:
    return replace(ledger, lines=ledger.lines[1:])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (bill_twice, "is there 2 times"),
        (lose, "is not in HaloPSA as"),
        (lose_a_cent, "more than without us"),
        (change_a_line_of_others, "a line of document 590 is not as it was"),
        (delete_a_draft_of_others, "document 590 is gone"),
        (change_a_client, "clients of HaloPSA were changed"),
        (create_an_item_twice, "was created 2 times"),
        (make_a_document_without_plan, "document 9999 was made, which no plan asked for"),
        (forget_an_intent, "documents were sent without an intent"),
        (forget_an_outcome, "the journal tells of document"),
        (send_after_posting, "the journal tells of document"),
        (lose_a_line, "have not one fate each"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_must_never_be_is_found(
    played: tuple[Scene, Ledger], spoil: Callable[[Scene, Ledger], Ledger], said: str
) -> None:
    scene, ledger = played
    state, digests = scene.sandbox.halopsa, scene.sent.digests.copy()
    before = state.dump()
    assert find_violations(scene, ledger) == []
    try:
        assert said in "\n".join(find_violations(scene, spoil(scene, ledger)))
    finally:
        state.load(before)
        scene.sent.digests = digests


def test_a_line_that_is_neither_billed_nor_held_with_its_money_is_found(played: tuple[Scene, Ledger]) -> None:
    _, ledger = played
    first, *rest = ledger.lines
    held = {**first, "disposition": "held", "reason": "unknown_outcome"}
    hold = {"client": first["client"], "reason": "unknown_outcome", "detail": "why", "sell": None, "currency": "USD"}
    assert find_unexplained(ledger) == []

    (said,) = find_unexplained(replace(ledger, lines=(held, *rest)))
    assert "no hold says why" in said
    (said,) = find_unexplained(replace(ledger, lines=(held, *rest), holds=(hold,)))
    assert "its hold lacks a text or its money" in said
    assert find_unexplained(replace(ledger, lines=(held, *rest), holds=({**hold, "sell": Decimal(1)},))) == []
