"""`resolve`: a person's last word on what became of a posting of unknown outcome."""

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.commands.connections import open_month
from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.terminal import head, say, say_wrapped
from billing_pipeline.steps.others_lines import name_target
from billing_pipeline.steps.publish import publish
from billing_pipeline.steps.resolve import Resolved
from billing_pipeline.steps.resolve import resolve as resolve_month


def resolve(month: str, client: str, by: str, *, absent: bool, invoice_id: int | None) -> int:
    """Write down what a person says of a client's open postings, and publish the database. Sends nothing."""
    if absent == (invoice_id is not None):
        raise SettingsError(
            "Say what became of it: --invoice ID where HaloPSA has it as that invoice, --absent where it does not have "
            "it. One of the two."
        )
    if invoice_id == 0:
        raise SettingsError("--invoice 0 is no HaloPSA invoice: write the id that HaloPSA shows in its address.")
    with open_month(month, "resolve", client) as (work, halo):
        resolved = resolve_month(work, halo, by, invoice_id)
    # What was done is told even where it cannot be published.
    _print(resolved)
    publish(work.warehouse)
    return DONE


def _print(resolved: Resolved) -> None:
    month, client, by = resolved.month, resolved.client, resolved.by
    if resolved.halopsa_id is None:
        head(f"{month} of {client}: HaloPSA does not have it, says {by}")
    else:
        head(f"{month} of {client}: HaloPSA has it as {name_target(resolved.halopsa_id)}, says {by}")
    for text in resolved.documents:
        say_wrapped(text, bullet="- ")
    if resolved.differences:
        head("It is not as it was sent")
        for text in resolved.differences:
            say_wrapped(text, bullet="- ")
    then = "plan and post it again" if resolved.halopsa_id is None else "read it back, and post what waited for it"
    say(f"\nThe journal has it. To {then}: {resolved.command}")
