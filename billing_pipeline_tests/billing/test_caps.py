"""Safety caps, each with its figures, each until it is forced."""

from decimal import Decimal
from typing import Any

import pytest

from billing_pipeline.billing.caps import CAP_NAMES, ClientHistory, find_month_cap, find_passed_caps
from billing_pipeline.billing.plan_types import ClientPlan
from billing_pipeline.billing.settings import Caps
from billing_pipeline_tests.billing.charges import charge, plan_new


def plan(*sells: str, currency: str = "USD") -> ClientPlan:
    charges = [charge(f"c{number}", sell, "0", currency=currency) for number, sell in enumerate(sells)]
    return plan_new(*charges)


def history(
    last: dict[str, str] | None = None, this: dict[str, str] | None = None, was_billed: bool = True
) -> ClientHistory:
    def money(totals: dict[str, str]) -> dict[str, tuple[Decimal, Decimal]]:
        return {currency: (Decimal(sell), Decimal(0)) for currency, sell in totals.items()}

    return ClientHistory(None if last is None else money(last), money(this or {}), was_billed, "2026-09")


def reasons(
    *arguments: Any, forced: tuple[str, ...] = (), before: ClientHistory | None = None, **caps: Any
) -> list[str]:
    passed = find_passed_caps(plan(*arguments), Caps.model_validate(caps), before or ClientHistory())
    return [one.hold.reason for one in passed if one.name not in forced]


def test_by_default_only_a_negative_invoice_is_stopped() -> None:
    assert reasons("1000000.00") == []
    assert reasons("-1.00") == ["negative_total"]
    assert reasons("-1.00", negative_invoice=False) == []
    assert reasons("-1.00", forced=("negative_invoice",)) == []


def test_a_clients_total_is_capped_in_its_currency() -> None:
    caps: dict[str, Any] = {"max_client_total": {"USD": 100, "CAD": 1}}
    assert reasons("60.00", "40.00", **caps) == []
    assert reasons("60.00", "40.01", **caps) == ["cap:max_client_total"]
    assert reasons("60.00", "40.01", forced=("max_client_total",), **caps) == []


def test_what_the_month_billed_already_counts_towards_the_cap() -> None:
    caps: dict[str, Any] = {"max_client_total": {"USD": 100}}
    assert reasons("40.01", before=history(this={"USD": "60.00"}), **caps) == ["cap:max_client_total"]
    assert reasons("40.01", before=history(this={"CAD": "60.00"}), **caps) == []


@pytest.mark.parametrize(
    ("last", "sell", "minimum", "held"),
    [
        ("100.00", "120.00", None, False),
        ("100.00", "120.01", None, True),
        ("100.00", "79.99", None, True),
        ("100.00", "120.01", 50, False),
        ("1000.00", "1300.00", 50, True),
        ("0.00", "0.01", None, True),
        ("0.00", "0.01", 1, False),
    ],
)
def test_a_change_is_measured_against_the_last_closed_month(
    last: str, sell: str, minimum: int | None, held: bool
) -> None:
    found = reasons(sell, before=history({"USD": last}), max_change_percent=20, min_change_amount=minimum)
    assert found == (["cap:max_change_percent"] if held else [])


def test_a_late_document_is_no_change_by_itself() -> None:
    before = history({"USD": "100.00"}, {"USD": "95.00"})
    assert reasons("5.00", before=before, max_change_percent=20) == []
    assert reasons("50.00", before=before, max_change_percent=20) == ["cap:max_change_percent"]


def test_without_a_closed_month_there_is_nothing_to_compare_with() -> None:
    assert reasons("5.00", before=history(None, was_billed=False), max_change_percent=20, first_invoice=True) == []


def test_a_first_invoice_is_one_of_a_client_that_was_never_billed() -> None:
    assert reasons("5.00", before=history({}, was_billed=False), first_invoice=True) == ["cap:first_invoice"]
    assert reasons("5.00", before=history({}, was_billed=True), first_invoice=True) == []
    assert reasons("5.00", before=history({}, was_billed=False)) == []


@pytest.mark.parametrize(
    ("sell", "caps", "figures"),
    [
        ("150.00", {"max_client_total": {"USD": 100}}, "150.00 USD is more than 100.00 USD"),
        ("150.00", {"first_invoice": True}, "the first invoice of this client, 150.00 USD"),
        (
            "20.00",
            {"max_change_percent": 10},
            "20.00 USD after 90.00 USD in 2026-09, 70.00 USD less, is a change of more than 10 %",
        ),
        ("-7.10", {}, "the USD invoice would come to -7.10 USD"),
    ],
)
def test_each_cap_tells_its_figures_and_the_way_past_it(sell: str, caps: dict[str, Any], figures: str) -> None:
    before = history({"USD": "90.00"}, was_billed="first_invoice" not in caps)
    (passed,) = find_passed_caps(plan(sell), Caps.model_validate(caps), before)
    assert passed.figures == figures
    assert passed.hold.detail == f"{figures}; force it with --force-cap {passed.name}"


def test_a_hold_names_both_figures_and_the_way_past_it() -> None:
    (passed,) = find_passed_caps(
        plan("150.00"), Caps.model_validate({"max_change_percent": 20}), history({"USD": "100.00"})
    )
    assert (passed.hold.currency, passed.hold.sell) == ("USD", Decimal("150.00"))
    assert passed.hold.detail == (
        "150.00 USD after 100.00 USD in 2026-09, 50.00 USD more, is a change of more than 20 %; force it with "
        "--force-cap max_change_percent"
    )


@pytest.mark.parametrize("name", [name for name in CAP_NAMES if name != "max_invoices"])
def test_forcing_one_cap_forces_no_other(name: str) -> None:
    caps: dict[str, Any] = {"max_client_total": {"USD": 0}, "max_change_percent": 1, "first_invoice": True}
    before = history({"USD": "-5.00"}, was_billed=False)
    assert len(reasons("10.00", "-30.00", before=before, **caps)) == 3
    left = reasons("10.00", "-30.00", before=before, forced=(name,), **caps)
    assert len(left) == (3 if name == "max_client_total" else 2)


def test_more_invoices_than_allowed_stop_the_month() -> None:
    two = Caps.model_validate({"max_invoices": 2})
    assert find_month_cap(2, two) is None
    assert find_month_cap(3, two) == "3 invoices are more than caps.max_invoices 2 allows"
    assert find_month_cap(99, Caps()) is None
