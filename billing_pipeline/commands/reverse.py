"""`reverse`: take a client's posted month back, shown first, posted when asked for."""

from contextlib import suppress

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.commands.connections import open_month
from billing_pipeline.commands.interruption import ends_after_ctrl_c
from billing_pipeline.commands.outcome import DONE, HELD
from billing_pipeline.commands.reversal_report import (
    describe_credit,
    print_credits,
    print_how_to_bill_again,
    print_notes,
)
from billing_pipeline.commands.terminal import amount, count, head, say, say_wrapped
from billing_pipeline.steps.month_summary import summarize_month
from billing_pipeline.steps.publish import publish
from billing_pipeline.steps.reversal_summary import TakenBack, summarize_reversals
from billing_pipeline.steps.reverse import Reversal, ReversalResult, plan_to_reverse, reverse
from billing_pipeline.steps.work import Work


class TakingBackStopped(BillingPipelineError):
    """Something would stop every request, so that the credit was not posted."""


def reverse_month(month: str, client: str, post: bool) -> int:
    """Show what takes a client's posted month back, or post it. HELD where its outcome is unknown or differs."""
    with open_month(month, "reverse", client) as (work, halo):
        if not post:
            planned = plan_to_reverse(work, halo)
            _print_plan(planned, _read_credits(work), work.config.settings.approval == "required")
            return DONE
        with ends_after_ctrl_c():
            result = reverse(work, halo)
            try:
                code = print_result(work, result)
            except TakingBackStopped:
                # What is known is published all the same; why it stopped is what is told.
                with suppress(BillingPipelineError):
                    publish(work.warehouse)
                raise
            publish(work.warehouse)
    return code


def _read_credits(work: Work) -> tuple[TakenBack, ...]:
    with work.warehouse.session("read what was taken back") as session:
        return summarize_reversals(session, work.month, work.clients)


def _print_plan(reversal: Reversal, credits_before: tuple[TakenBack, ...], needs_approval: bool) -> None:
    plan = reversal.plan
    if not plan.documents:
        _print_nothing_left(reversal, credits_before)
        return
    head(f"To take back {plan.month} of {plan.client}; nothing was posted")
    print_credits(reversal)
    if needs_approval:
        head("To approve it, before it is posted")
        say(f"    billing-pipeline approve {plan.month} --client {plan.client} --reversal --by NAME")
    head(f"To post {count(len(plan.documents), 'credit')} as {'drafts' if len(plan.documents) > 1 else 'a draft'}")
    say(f"    billing-pipeline reverse {plan.month} --client {plan.client} --post")


def _print_nothing_left(reversal: Reversal, done: tuple[TakenBack, ...]) -> None:
    head(f"Nothing of {reversal.plan.month} is left to take back of {reversal.plan.client}; nothing was posted")
    for one in done:
        say_wrapped(describe_credit(one), bullet="- ")
    print_notes(reversal)
    print_how_to_bill_again(reversal.plan.month, reversal.plan.client, done)


def print_result(work: Work, result: ReversalResult) -> int:
    """Write what taking back came to; its exit code. Raises TakingBackStopped where something stopped it."""
    month, client = work.month, work.clients[0]
    posting, done = result.posting, _read_credits(work)
    if posting.stopped is not None:
        raise TakingBackStopped(
            f"Taking back {month} of {client} stopped: {posting.stopped} Run billing-pipeline reverse {month} "
            f"--client {client} --post again: nothing is sent twice."
        )
    if result.reversal is not None and not (result.reversal.plan.documents or posting.settled):
        _print_nothing_left(result.reversal, done)
        return _print_rest(work)
    head(f"{month} of {client}, taken back")
    for one in done:
        say_wrapped(describe_credit(one), bullet="- ")
    if result.reversal is not None:
        print_notes(result.reversal)
    if posting.unknown or posting.refused:
        return _print_unfinished(work, posting.unknown, posting.refused)
    differing = _read_differences(work, done)
    for text in differing:
        say_wrapped(text, bullet="- ")
    say("A draft in HaloPSA. What was posted stays so in the books here: no close plans its charges again.")
    print_how_to_bill_again(month, client, done)
    rest = _print_rest(work)
    return HELD if differing else rest


def _print_rest(work: Work) -> int:
    """Write what else of the month waits: charges to post, and those held until what was unknown is planned anew."""
    month, client = work.month, work.clients[0]
    summary = summarize_month(work.warehouse, month, work.clients)
    if summary is None:
        return DONE
    if summary.open_documents:
        money = ", ".join(amount(one.open_sell, one.currency) for one in summary.totals if one.open_sell)
        over = f" over {money}" if money else ""
        say(f"Planned besides and not posted: {count(summary.open_documents, 'invoice')}{over}. To post them:")
        say(f"    billing-pipeline close {month} --client {client} --post")
    waiting = dict.fromkeys(one.detail for one in summary.held if one.reason == "unknown_outcome")
    for detail in waiting:
        say_wrapped(f"Held: {detail}", bullet="- ")
    return HELD if waiting else DONE


def _print_unfinished(work: Work, unknown: list[str], refused: list[str]) -> int:
    again = f"billing-pipeline reverse {work.month} --client {work.clients[0]} --post"
    if unknown:
        say_wrapped(
            f"{count(len(unknown), 'credit')} was sent and nobody knows yet whether HaloPSA has it. Run this again: it "
            "looks, and never sends twice."
        )
    if refused:
        with work.warehouse.session("read what was refused") as session:
            rows = session.rows(
                "select detail from findings where kind = 'refused' and document_key in (select unnest(?::text[])) "
                "order by detail",
                [refused],
            )
        for row in rows:
            say_wrapped(row["detail"], bullet="- ")
        say("Nothing of that was written. When it is put right, run this again:")
    say(f"    {again}")
    return HELD


def _read_differences(work: Work, done: tuple[TakenBack, ...]) -> list[str]:
    with work.warehouse.session("read what differs") as session:
        rows = session.rows(
            "select detail from findings where month = ? and client = ? and document_key in "
            "(select document_key from reversals where halopsa_invoice_id in (select unnest(?::bigint[]))) "
            "and kind in ('answer_differs', 'read_back_differs', 'found_twice', 'tax_differs') order by detail",
            [work.month, work.clients[0], [one.halopsa_invoice_id for one in done]],
        )
    return list(dict.fromkeys(row["detail"] for row in rows))
