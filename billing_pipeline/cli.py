"""The command line: what a billing clerk types. What the commands do is in `commands`, one module each."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from billing_pipeline.commands import clients, products
from billing_pipeline.commands.log_file import open_log
from billing_pipeline.commands.outcome import INTERRUPTED, STOPPED, ends_with_exit_code
from billing_pipeline.commands.terminal import notes, say

app = typer.Typer(
    name="billing-pipeline",
    help="From a Pax8 invoice to HaloPSA invoices: every line explained, posted exactly once.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 done but something is held, unknown or drifted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)
app.add_typer(clients.app, name="clients")
app.add_typer(products.app, name="products")

Month = Annotated[str, typer.Argument(metavar="MONTH", help="The month of the Pax8 invoice, as 2026-10.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 is a free one.")]

# Each command imports its module when it runs: Dagster takes seconds to import, and --help must not.


@app.command()
@ends_with_exit_code
def demo(
    folder: Annotated[Path, typer.Option(help="The demo's own folder. It is made new.")] = Path("data/demo"),
    ui: Annotated[bool, typer.Option("--ui", help="Show the last demo in Dagster's UI, until Ctrl-C.")] = False,
) -> int:
    """Close a demo month on this machine: no credentials, nothing but loopback."""
    from billing_pipeline.commands import demo as command

    return command.show(folder) if ui else command.demo(folder)


@app.command()
@ends_with_exit_code
def sandbox(pax8_port: Port = 0, halopsa_port: Port = 0) -> int:
    """Serve a Pax8 and a HaloPSA of our own until Ctrl-C, and print the variables that lead there."""
    from billing_pipeline.commands import sandbox as command

    return command.sandbox(pax8_port, halopsa_port)


@app.command()
@ends_with_exit_code
def check() -> int:
    """Try the credentials and rights of Pax8 and HaloPSA, and the settings. Changes nothing."""
    from billing_pipeline.commands import check as command

    return command.check()


@app.command()
@ends_with_exit_code
def codes() -> int:
    """List HaloPSA's items, taxes and accounts to choose defaults from."""
    from billing_pipeline.commands import codes as command

    return command.codes()


@app.command()
@ends_with_exit_code
def close(
    month: Month,
    client: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Only this client; may be repeated.")] = None,
    post: Annotated[bool, typer.Option("--post", help="Post the invoices to HaloPSA, as drafts.")] = False,
    force_cap: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Pass this cap this time; may be repeated.")
    ] = None,
    correct: Annotated[
        bool, typer.Option("--correct", help="Bill the difference where an invoice was credited after it was posted.")
    ] = False,
) -> int:
    """Fetch and prepare a month, and post it if asked to. Without --post nothing is written to HaloPSA."""
    from billing_pipeline.commands import close as command

    return command.close(month, client or (), post, force_cap or (), correct)


@app.command()
@ends_with_exit_code
def review(
    month: Month,
    client: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this client, line by line; may be repeated.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with every line to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> int:
    """Show a month as it stands: what changes in HaloPSA, before and after, what is held, where each cent went."""
    from billing_pipeline.commands import review as command

    return command.review(month, client or (), html, as_json)


@app.command()
@ends_with_exit_code
def reverse(
    month: Month,
    client: Annotated[str, typer.Option(metavar="KEY", help="The client whose month is taken back.")],
    post: Annotated[bool, typer.Option("--post", help="Post the credit to HaloPSA, as a draft.")] = False,
) -> int:
    """Take a posted month of a client back, as a credit of its own. Without --post nothing is written to HaloPSA."""
    from billing_pipeline.commands import reverse as command

    return command.reverse_month(month, client, post)


@app.command()
@ends_with_exit_code
def approve(
    month: Month,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="The person who approves.")],
    client: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Only this client's plan; may be repeated.")
    ] = None,
    reversal: Annotated[
        bool, typer.Option("--reversal", help="Approve what reverse --post takes back of one client. Reads HaloPSA.")
    ] = False,
) -> int:
    """Approve the plans that await it, so that close --post may post them (approval: required)."""
    from billing_pipeline.commands import approve as command

    if reversal:
        return command.approve_taking_back(month, client or (), by)
    return command.approve(month, client or (), by)


@app.command()
@ends_with_exit_code
def decide(
    month: Month,
    line: Annotated[
        list[str] | None, typer.Option("--line", metavar="ID", help="The line, by its id; may be repeated.")
    ] = None,
    invoice: Annotated[
        str | None, typer.Option(metavar="ID", help="Its invoice, where several have a line of this id.")
    ] = None,
    exclude: Annotated[bool, typer.Option("--exclude", help="Count it, and bill it to nobody.")] = False,
    sell: Annotated[str | None, typer.Option(metavar="AMOUNT", help="What the client pays for it, in all.")] = None,
    cost: Annotated[str | None, typer.Option(metavar="AMOUNT", help="What it costs us, in all.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="The currency of its amounts.")] = None,
    line_class: Annotated[str | None, typer.Option("--class", metavar="CLASS", help="Its kind of charge.")] = None,
    client: Annotated[str | None, typer.Option(metavar="KEY", help="The client whose it is.")] = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides.")] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    of: Annotated[str | None, typer.Option(metavar="KEY", help="List every line of this client.")] = None,
) -> int:
    """Decide what counts for single lines that cannot be billed as they came; without --line, list those that wait."""
    from billing_pipeline.billing.line_decisions import Decision
    from billing_pipeline.commands import decide as command

    given: dict[Decision, str | None]
    given = {"sell": sell, "cost": cost, "currency": currency, "class": line_class, "client": client}
    values = {name: value for name, value in given.items() if value is not None}
    if exclude:
        values = {"exclude": "", **values}
    return command.decide(month, line or (), invoice, values, by, why, of)


@app.command()
@ends_with_exit_code
def explain(
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="A client key of clients.csv.")],
    integration: Annotated[str, typer.Option(metavar="NAME", help="pax8 or halopsa_contracts.")] = "pax8",
) -> int:
    """Show every setting of a client, and the level, file and line that it comes from."""
    from billing_pipeline.commands import explain as command

    return command.explain(client, integration)


@app.command()
@ends_with_exit_code
def verify(month: Month) -> int:
    """Read HaloPSA again and prove a posted month: journal, every cent, every line. Repairs nothing."""
    from billing_pipeline.commands import verify as command

    return command.verify(month)


@app.command()
@ends_with_exit_code
def release(
    month: Month,
    client: Annotated[str, typer.Option(metavar="KEY", help="The client whose charges may be posted again.")],
) -> int:
    """Let a client's month be posted again, once it is proved that HaloPSA has none of it."""
    from billing_pipeline.commands import release as command

    return command.release(month, client)


@app.command()
@ends_with_exit_code
def resolve(
    month: Month,
    client: Annotated[str, typer.Option(metavar="KEY", help="The client whose document has an unknown outcome.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="The person who says so.")],
    absent: Annotated[bool, typer.Option("--absent", help="HaloPSA does not have it: it is posted again.")] = False,
    invoice: Annotated[
        int | None,
        typer.Option("--invoice", metavar="ID", help="HaloPSA has it as this invoice; recurring ones are below 0."),
    ] = None,
) -> int:
    """Say what became of a document of unknown outcome, where looking does not tell. Sends nothing."""
    from billing_pipeline.commands import resolve as command

    return command.resolve(month, client, by, absent=absent, invoice_id=invoice)


@app.command()
@ends_with_exit_code
def publish() -> int:
    """Publish the database to analysts once more; every close does so too."""
    from billing_pipeline.commands import publish as command

    return command.publish()


def main() -> None:
    """Run the command line; the entry point `billing-pipeline`."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sign shows another one; it must not stop a posting run.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    open_log()
    try:
        app()
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            say(STOPPED, notes())
        raise
