"""A stored plan: what it comes to, and whether it is what is left of another."""

import json
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.stored_plan import documents_left, is_rest_of, sum_documents


def make_line(sell: str = "22", item_id: int | None = 900, reference: str | None = None) -> dict[str, Any]:
    return {"sell": sell, "cost": "1.5", "item_id": item_id, "item_reference": reference}


def make_document(key: str, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    usual = {"date_rule": "source", "invoice_date": "2026-10-01", "target_hash": "", "currency": "USD"}
    return {"document_key": key, "lines": list(lines or [make_line()]), **usual, **changes}


def make_plan(*documents: dict[str, Any], new_items: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"documents": list(documents), "new_items": [{"reference": name} for name in new_items]}


A, B = make_document("a"), make_document("b", make_line("8"), make_line("30.25"))


def test_documents_are_summed_by_currency() -> None:
    cad = make_document("c", make_line("7"), currency="CAD")
    totals = sum_documents([A, B, cad])
    assert [(one.currency, one.documents, one.lines, one.sell, one.cost) for one in totals.values()] == [
        ("CAD", 1, 1, Decimal("7"), Decimal("1.5")),
        ("USD", 2, 3, Decimal("60.25"), Decimal("4.5")),
    ]


def test_what_was_carried_out_is_not_left() -> None:
    assert documents_left(make_plan(A, B), {"a"}) == [B]


def test_the_rest_of_a_plan_is_what_was_not_carried_out() -> None:
    assert is_rest_of(make_plan(B), make_plan(A, B), {"a"}, {})
    assert is_rest_of(make_plan(A, B), make_plan(A, B), {"a"}, {})
    assert not is_rest_of(make_plan(B), make_plan(A, B), set(), {})
    assert not is_rest_of(make_plan(B, make_document("c")), make_plan(A, B), {"a"}, {})
    assert not is_rest_of(make_plan(make_document("b")), make_plan(A, B), {"a"}, {})
    assert not is_rest_of(make_plan(), make_plan(A, B), {"a", "b"}, {})


def test_what_is_only_observed_and_the_clocks_date_make_no_other_document() -> None:
    then = make_document("b", date_rule="today", target_hash="x")
    now = make_document("b", date_rule="today", target_hash="y", invoice_date="2026-10-09")
    assert is_rest_of(make_plan(now), make_plan(A, then), {"a"}, {})
    moved = json.loads(json.dumps(B).replace("2026-10-01", "2026-10-09"))
    assert not is_rest_of(make_plan(moved), make_plan(A, B), {"a"}, {})


def test_an_item_that_was_created_since_is_the_same_item() -> None:
    then = make_plan(A, make_document("b", make_line(item_id=None, reference="pax8:p:monthly")), new_items=("x", "y"))
    now = make_document("b", make_line(item_id=77))
    assert is_rest_of(make_plan(now), then, {"a"}, {77: "pax8:p:monthly"})
    assert not is_rest_of(make_plan(now), then, {"a"}, {77: "pax8:p:annual"})
    assert not is_rest_of(make_plan(now), then, {"a"}, {})


def test_a_new_item_must_be_one_of_the_whole_plan() -> None:
    whole = make_plan(A, B, new_items=("x", "y"))
    assert is_rest_of(make_plan(B, new_items=("y",)), whole, {"a"}, {})
    assert not is_rest_of(make_plan(B, new_items=("z",)), whole, {"a"}, {})
