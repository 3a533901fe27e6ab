"""`review`: a month as it stands in the database, client by client."""

import re

from billing_pipeline.billing.errors import SettingsError
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
from billing_pipeline.commands.surroundings import NothingThere, existing_warehouse, read_environment
from billing_pipeline.commands.terminal import head
from billing_pipeline.steps.month_summary import summarize_month


def review(month: str) -> int:
    """Write what is known of a month; nothing is fetched and nothing changed. HELD where something is held."""
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
        raise SettingsError(f"{month!r} is no month: write it as YYYY-MM.")
    environment = read_environment()
    summary = summarize_month(existing_warehouse(environment), month)
    if summary is None:
        raise NothingThere(
            f"{month} was never fetched into {environment.warehouse}: close it first (billing-pipeline close {month})."
        )
    head(f"{month} as it stands")
    print_headline(summary)
    print_unmapped(summary)
    print_clients(summary)
    print_corrections(summary)
    print_held(summary)
    print_cents(summary)
    print_findings(summary)
    return verdict(summary, posted=False)
