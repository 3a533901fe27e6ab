"""The reasons, in the order in which a held client's first cause is chosen."""

import pytest

from billing_pipeline.billing.caps import CAP_NAMES
from billing_pipeline.billing.reasons import REASONS, describe_hold, reason_of, reason_rank


def test_the_order_of_reasons_is_the_documented_one() -> None:
    documented = (
        "drop_azure favorable_prorata zero excluded_client excluded_line invoice_status inactive_client "
        "unmapped_client no_company unknown_type unknown_term missing_amount rule_failed no_item ambiguous_item "
        "currency negative_total "
        "double_billing no_latest_invoice no_recurring_invoice not_issued correction target_changed unknown_outcome "
        "cap awaiting_approval"
    )
    assert " ".join(reason.code for reason in REASONS) == documented


def test_ranks_follow_the_order() -> None:
    assert [reason_rank(reason.code) for reason in REASONS] == list(range(len(REASONS)))


@pytest.mark.parametrize("name", CAP_NAMES)
def test_every_cap_has_the_rank_of_caps(name: str) -> None:
    assert reason_rank(f"cap:{name}") == reason_rank("cap")
    assert reason_of(f"cap:{name}").code == "cap"


def test_an_invoice_that_holds_its_month_is_told_otherwise_than_one_that_is_not_billed() -> None:
    reason = reason_of("invoice_status")
    label, next_step = describe_hold("invoice_status", "2026-10", None)
    assert "cannot be billed as it stands" in label
    assert "control_total: report" in next_step
    assert (label, next_step) != (reason.label, reason.next_step)
    assert "invoice_statuses" in next_step
    assert next_step.endswith("billing-pipeline close 2026-10.")
    assert describe_hold("currency", "2026-10", None)[0] == reason_of("currency").label


def test_every_reason_says_what_to_do_next() -> None:
    for reason in REASONS:
        assert reason.label
        assert reason.next_step.endswith(".")


@pytest.mark.parametrize(
    ("code", "client", "command"),
    [
        ("currency", "acme", "billing-pipeline close 2026-10 --client acme."),
        ("currency", None, "billing-pipeline close 2026-10."),
        ("unmapped_client", "pax8-c-1", "billing-pipeline close 2026-10."),
        ("correction", "acme", "billing-pipeline close 2026-10 --client acme --post --correct."),
        ("unknown_outcome", "acme", "billing-pipeline close 2026-10 --client acme --post again: "),
        ("cap:max_invoices", "acme", "billing-pipeline close 2026-10 --client acme --post --force-cap max_invoices."),
        (
            "negative_total",
            "acme",
            "billing-pipeline close 2026-10 --client acme --post --force-cap negative_invoice. ",
        ),
        ("negative_total", "acme", "billing-pipeline decide 2026-10 --of acme lists them"),
        ("missing_amount", "acme", "then run billing-pipeline close 2026-10 --client acme."),
        ("no_company", "unassigned", "billing-pipeline decide 2026-10 --line ID --client KEY --by NAME --why TEXT"),
        ("awaiting_approval", "acme", "billing-pipeline approve 2026-10 --client acme --by NAME."),
    ],
)
def test_the_next_step_of_a_hold_names_the_whole_command(code: str, client: str | None, command: str) -> None:
    _, next_step = describe_hold(code, "2026-10", client)
    assert command in next_step


def test_the_next_step_of_a_correction_below_zero_is_the_command_that_its_text_names() -> None:
    command = "billing-pipeline close 2026-10 --client acme --post --correct --force-cap negative_invoice"
    _, next_step = describe_hold("negative_total", "2026-10", "acme", [f"to post it all the same, run {command}"])
    assert next_step == f"Credit it by hand, or run {command}."
    # Of several clients only some are corrected: each text names its own command.
    _, next_step = describe_hold("negative_total", "2026-10", None, [f"run {command}", "the USD invoice"])
    assert "--correct" not in next_step


def test_every_next_step_can_be_told() -> None:
    for reason in REASONS:
        _, next_step = describe_hold(reason.code, "2026-10", "acme")
        assert "{" not in next_step


def test_an_unknown_reason_is_an_error() -> None:
    with pytest.raises(KeyError):
        reason_of("bad weather")
