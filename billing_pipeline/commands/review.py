"""`review`: a month as it stands in the database, client by client: in the terminal, as a page, or as JSON."""

from collections.abc import Sequence
from pathlib import Path

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.commands.approval_report import print_approvals
from billing_pipeline.commands.correction_report import print_corrections
from billing_pipeline.commands.month_report import (
    print_cents,
    print_clients,
    print_findings,
    print_headline,
    print_held,
    print_unmapped,
    verdict,
)
from billing_pipeline.commands.reversal_report import print_reversals
from billing_pipeline.commands.review_json import write_review_json
from billing_pipeline.commands.review_page.page_file import check_page_file, write_page
from billing_pipeline.commands.review_page.render import render_page
from billing_pipeline.commands.review_report import print_changes, print_client_lines, print_stale
from billing_pipeline.commands.surroundings import NothingThere, demand_month, existing_warehouse, read_environment
from billing_pipeline.commands.terminal import head, say
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import load_settings
from billing_pipeline.settings.nearest import find_nearest
from billing_pipeline.steps.month_review import MonthReview, review_month


def review(month: str, clients: Sequence[str] = (), html: Path | None = None, as_json: bool = False) -> int:
    """Write what is known of a month; nothing is fetched and nothing changed. HELD where something is held.

    `clients` empty means all. Raises SettingsError for wrong usage, NothingThere where the month was never fetched.
    """
    demand_month(month)
    if html is not None and as_json:
        raise SettingsError("--html and --json together: ask for one of them, then for the other.")
    if html is not None:
        check_page_file(html)
    reviewed = _read(read_environment(), month, clients)
    if as_json:
        print(write_review_json(reviewed))  # noqa: T201
    elif html is not None:
        write_page(html, render_page(reviewed))
        head(f"{month} as it stands")
        print_headline(reviewed.summary)
        say(f"The page is {html}")
    else:
        _print(reviewed, detailed=bool(clients))
    return verdict(reviewed.summary, posted=False)


def _read(environment: Environment, month: str, clients: Sequence[str]) -> MonthReview:
    warehouse = existing_warehouse(environment)
    config, problem = None, None
    try:
        config = load_settings(environment.config_folder)
    except SettingsError as error:
        problem = str(error)
    wanted = tuple(dict.fromkeys(clients))
    with warehouse.kept_open():
        reviewed = review_month(warehouse, month, config, wanted, problem)
    if reviewed is None:
        raise NothingThere(
            f"{month} was never fetched into {environment.warehouse}: close it first (billing-pipeline close {month})."
        )
    missing = sorted(set(wanted) - {client.client for client in reviewed.clients})
    if missing:
        everyone = review_month(warehouse, month, config)
        nearest = find_nearest(missing[0], [client.client for client in everyone.clients] if everyone else [])
        end = f"the nearest client there is {nearest}" if nearest else "without --client, review lists the clients"
        raise SettingsError(f"{missing[0]!r} has nothing in {month}: {end}.")
    return reviewed


def _print(reviewed: MonthReview, *, detailed: bool) -> None:
    summary = reviewed.summary
    head(f"{summary.month} as it stands")
    print_unmapped(summary)
    print_headline(summary)
    print_stale(reviewed)
    print_clients(summary)
    if detailed:
        print_client_lines(reviewed)
    else:
        print_changes(reviewed)
    print_corrections(summary)
    print_reversals(summary)
    print_approvals(summary, given=True)
    print_held(summary)
    print_cents(summary)
    print_findings(summary)
