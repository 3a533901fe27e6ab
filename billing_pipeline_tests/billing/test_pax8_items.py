"""A Pax8 item as typed columns: nothing refused, nothing rounded, what cannot be read named."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_pipeline.billing.pax8_items import (
    AMOUNT_FIELDS,
    TEXT_FIELDS,
    invoice_content_hash,
    line_ids,
    read_item,
    read_items,
)
from billing_pipeline_tests.properties.profiles import bounded

INVOICE = {"id": "inv", "invoiceDate": "2026-10-01", "currencyCode": "USD", "total": 5, "status": "Unpaid"}


def test_an_item_with_nothing_in_it_is_read_as_nothing() -> None:
    (item,) = read_items("inv", [{}])
    assert {name for name, value in item.columns.items() if value is not None} == {
        "invoice_id",
        "line_no",
        "source_line_id",
        "line_key",
    }
    assert (item.unreadable, item.too_large, item.cut) == ((), (), ())


def test_amounts_are_exact_beside_the_text_they_came_as() -> None:
    item = read_item("inv", 3, "L", {"total": Decimal("41.11540"), "costTotal": 37, "quantity": "2.5"})
    assert (item.columns["total"], item.columns["total_text"]) == (Decimal("41.1154"), "41.11540")
    assert (item.columns["cost_total"], item.columns["cost_total_text"]) == (Decimal(37), "37")
    assert (item.columns["quantity"], item.columns["quantity_text"]) == (Decimal("2.5"), "2.5")
    assert (item.columns["line_no"], item.columns["source_line_id"]) == (3, "L")


def test_digits_past_the_eighteenth_are_cut_and_named() -> None:
    item = read_item(
        "inv", 1, "L", {"total": Decimal("0.1234567890123456789"), "price": Decimal("0.30000000000000004")}
    )
    assert item.cut == ("total",)
    assert item.columns["total"] == Decimal("0.123456789012345678")
    assert item.columns["total_text"] == "0.1234567890123456789"
    assert item.columns["price"] == Decimal("0.30000000000000004")


def test_an_amount_that_cannot_be_kept_is_named_and_its_text_is_kept() -> None:
    item = read_item("inv", 1, "L", {"total": Decimal("1e20"), "costTotal": Decimal("1e30"), "price": "x"})
    assert item.too_large == ("total", "costTotal")
    assert item.unreadable == ("price",)
    assert [item.columns[name] for name in ("total", "cost_total", "price")] == [None, None, None]
    assert item.columns["total_text"] == "1E+20"


def test_an_amount_that_would_spoil_the_sum_of_all_lines_is_left_out() -> None:
    largest = Decimal("99999999999999999999")
    (alone,) = read_items("inv", [{"total": largest}])
    assert (alone.columns["total"], alone.too_large) == (largest, ())
    first, absurd, last = read_items("inv", [{"total": 22}, {"total": largest, "costTotal": 5}, {"total": -3}])
    assert [item.columns["total"] for item in (first, absurd, last)] == [Decimal(22), None, Decimal(-3)]
    assert (absurd.too_large, absurd.columns["cost_total"]) == (("total",), Decimal(5))


@pytest.mark.parametrize("value", [True, [], {}, "twelve", "1,000"])
def test_what_is_no_number_is_named(value: Any) -> None:
    item = read_item("inv", 1, "L", {"total": value})
    assert item.unreadable == ("total",)
    assert item.columns["total"] is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-10-31", date(2026, 10, 31)),
        ("2026-10-31T00:00:00.000Z", date(2026, 10, 31)),
        ("31.10.2026", date(2026, 10, 31)),
        ("10/31/2026", date(2026, 10, 31)),
        ("10/11/2026", None),
        ("", None),
        (20261031, None),
        (None, None),
    ],
)
def test_periods_are_dates_or_nothing(text: object, day: date | None) -> None:
    assert read_item("inv", 1, "L", {"endPeriod": text}).columns["end_period"] == day


@pytest.mark.parametrize(("value", "text"), [("  ", None), (" a ", "a"), (None, None), (7, "7"), (["x"], '["x"]')])
def test_texts_are_stripped_and_blank_is_nothing(value: object, text: str | None) -> None:
    assert read_item("inv", 1, "L", {"sku": value}).columns["sku"] == text


def test_lines_without_an_id_get_one_from_content_and_ordinal() -> None:
    same, other = {"sku": "A", "total": 1}, {"sku": "B", "total": 1}
    first, second, third, fourth = line_ids([same, other, dict(same), {**same, "id": " X-1 "}])
    assert first.startswith("content-")
    assert first.endswith("-1")
    assert (second[:-2] != first[:-2], third[:-2]) == (True, first[:-2])
    assert (third[-2:], fourth) == ("-2", "X-1")


@given(st.permutations([{"sku": "A"}, {"sku": "A"}, {"sku": "B"}, {"sku": "C", "total": 1}]))
def test_made_ids_do_not_depend_on_the_order_of_lines(items: list[dict[str, Any]]) -> None:
    ids = line_ids(items)
    assert sorted(ids) == sorted(line_ids([{"sku": "A"}, {"sku": "A"}, {"sku": "B"}, {"sku": "C", "total": 1}]))
    assert len(set(ids)) == 4


def test_content_is_what_was_said_and_not_how_it_was_written() -> None:
    before = invoice_content_hash(INVOICE, [{"id": "1", "total": 22, "details": None}, {"id": "2"}])
    paid = {**INVOICE, "status": "Paid", "balance": 0, "total": Decimal("5.0")}
    assert invoice_content_hash(paid, [{"id": "2"}, {"total": Decimal("22.00"), "id": "1"}]) == before


@pytest.mark.parametrize(
    ("invoice", "items"),
    [
        ({**INVOICE, "total": 6}, [{"id": "1", "total": 22}]),
        ({**INVOICE, "invoiceDate": "2026-10-02"}, [{"id": "1", "total": 22}]),
        ({**INVOICE, "currencyCode": "CAD"}, [{"id": "1", "total": 22}]),
        (INVOICE, [{"id": "1", "total": 23}]),
        (INVOICE, [{"id": "1", "total": 22}, {"id": "1", "total": 22}]),
        (INVOICE, [{"id": "1", "total": 22, "description": "x"}]),
        (INVOICE, []),
    ],
)
def test_other_content_is_told(invoice: dict[str, Any], items: list[dict[str, Any]]) -> None:
    assert invoice_content_hash(invoice, items) != invoice_content_hash(INVOICE, [{"id": "1", "total": 22}])


def test_every_column_of_the_line_comes_from_one_field() -> None:
    fields = [*AMOUNT_FIELDS.values(), *TEXT_FIELDS.values()]
    assert len(set(fields)) == len(fields)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
_FIELDS = [*AMOUNT_FIELDS.values(), *TEXT_FIELDS.values(), "id", "startPeriod", "endPeriod"]


@bounded(200)
@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_any_value_in_any_field_is_read(item: dict[str, Any]) -> None:
    (read,) = read_items("inv", [item])
    assert read.columns["source_line_id"]
    assert all(read.columns[column] is None or type(read.columns[column]) is str for column in TEXT_FIELDS)
    assert all(read.columns[column] is None or read.columns[column].is_finite() for column in AMOUNT_FIELDS)
