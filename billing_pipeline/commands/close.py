"""`close`: a month through Dagster, and what came of it."""

import shlex
from collections.abc import Sequence

from billing_pipeline.close import Closing, close_month
from billing_pipeline.commands.approval_report import print_approvals
from billing_pipeline.commands.correction_report import print_corrections
from billing_pipeline.commands.interruption import ends_after_ctrl_c
from billing_pipeline.commands.month_report import (
    print_cents,
    print_clients,
    print_findings,
    print_headline,
    print_held,
    print_unmapped,
    verdict,
)
from billing_pipeline.commands.progress import show_stages
from billing_pipeline.commands.reversal_report import print_reversals
from billing_pipeline.commands.surroundings import read_environment
from billing_pipeline.commands.terminal import count, head, notes, say
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.steps.month_summary import MonthSummary, summarize_month


def close(month: str, clients: Sequence[str], post: bool, force_caps: Sequence[str], correct: bool = False) -> int:
    """Close a month, for all clients or some. HELD where something is held, unknown or differs."""
    environment = read_environment()
    environment.require_credentials()
    closing = Closing(month, tuple(clients), post=post, force_caps=tuple(force_caps), correct=correct)
    with ends_after_ctrl_c(), show_stages() as stages:
        closed = close_month(environment, closing, stages)
    if closed.dead_runs:
        say(
            f"{count(len(closed.dead_runs), 'run')} of a process that died before: marked as failed in Dagster.",
            notes(),
        )
    summary = summarize_month(
        Warehouse(environment.warehouse, environment.lock_wait_seconds), month, closed.clients if clients else ()
    )
    assert summary is not None  # the month was just fetched
    _print_closed(summary, closing)
    return verdict(summary, posted=post)


def _print_closed(summary: MonthSummary, closing: Closing) -> None:
    head(f"{summary.month} is closed" if closing.post else f"{summary.month} is prepared; nothing was posted")
    print_unmapped(summary)
    print_headline(summary)
    if not closing.post:
        print_clients(summary)
    print_corrections(summary)
    print_reversals(summary)
    print_approvals(summary, given=False)
    print_held(summary)
    print_cents(summary)
    print_findings(summary)
    # What waits for an approval has its command above.
    to_post = summary.open_documents - summary.documents_to_approve
    if to_post and not closing.post:
        head(f"To post {count(to_post, 'invoice')} as drafts to HaloPSA")
        say(f"    {_command(closing, post=True)}")
    elif to_post:
        head(f"{count(to_post, 'planned invoice')} not posted; to try again, nothing is sent twice")
        say(f"    {_command(closing, post=True)}")
    say(f"\nClient by client: billing-pipeline review {summary.month}")


def _command(closing: Closing, post: bool) -> str:
    words = ["billing-pipeline", "close", closing.month]
    for client in closing.clients:
        words += ["--client", client]
    for cap in closing.force_caps:
        words += ["--force-cap", cap]
    words += ["--correct"] if closing.correct else []
    return shlex.join([*words, "--post"] if post else words)
