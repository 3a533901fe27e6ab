"""What the invoice sensor decides, from plain values."""

from datetime import date

import pytest

from billing_pipeline.automation import SeenInvoice, months_to_look_at, new_billable


@pytest.mark.parametrize(
    ("today", "months"),
    [
        (date(2026, 10, 1), ["2026-09"]),
        (date(2026, 10, 3), ["2026-09"]),
        (date(2026, 10, 4), ["2026-09", "2026-10"]),
        (date(2026, 10, 31), ["2026-09", "2026-10"]),
        (date(2027, 1, 2), ["2026-12"]),
        (date(2027, 1, 4), ["2026-12", "2027-01"]),
        (date(2026, 3, 4), ["2026-02", "2026-03"]),
    ],
)
def test_before_the_release_day_only_last_month_may_be_news(today: date, months: list[str]) -> None:
    assert months_to_look_at(today, release_day=4, start_month="2026-01") == months


def test_no_month_before_the_first_one_is_looked_at() -> None:
    assert months_to_look_at(date(2026, 10, 3), 4, "2026-10") == []
    assert months_to_look_at(date(2026, 10, 5), 4, "2026-10") == ["2026-10"]


def october(status: str, invoice_id: str = "one") -> SeenInvoice:
    return SeenInvoice(invoice_id, status, "2026-10")


@pytest.mark.parametrize(
    ("before", "now", "is_news"),
    [
        (None, "Unpaid", True),
        (None, "Paid", True),
        (None, "Carried", True),
        (None, "Nothing Due", True),
        (None, "Disputed", True),
        (None, "Void", False),
        (None, "Credited", False),
        ("Unpaid", "Unpaid", False),
        ("Unpaid", "Paid", False),
        ("Paid", "Nothing Due", False),
        ("Unpaid", "Credited", True),
        ("Paid", "Void", True),
        ("Disputed", "Unpaid", True),
        ("Credited", "Unpaid", True),
    ],
)
def test_an_invoice_is_news_once_and_a_payment_never_is(before: str | None, now: str, is_news: bool) -> None:
    seen = {} if before is None else {"one": before}

    news = new_billable([october(now)], seen)

    assert news == ({"2026-10": [october(now)]} if is_news else {})


def test_news_are_told_month_by_month() -> None:
    listed = [october("Unpaid"), october("Unpaid", "two"), SeenInvoice("three", "Unpaid", "2026-09")]

    news = new_billable(listed, {"two": "Paid"})

    assert news == {"2026-10": [listed[0]], "2026-09": [listed[2]]}
