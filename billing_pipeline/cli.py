"""The command line: what a billing clerk types. What the commands do is in `commands`, one module each."""

import os
from pathlib import Path
from typing import Annotated

import typer

from billing_pipeline.commands.log_file import open_log
from billing_pipeline.commands.outcome import ends_with_exit_code

app = typer.Typer(
    name="billing-pipeline",
    help="From a Pax8 invoice to HaloPSA invoices: every line explained, posted exactly once.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 done but something is held or unknown.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)

# Each command imports its module when it runs: Dagster takes seconds to import, and --help must not.


@app.command()
@ends_with_exit_code
def demo(
    folder: Annotated[Path, typer.Option(help="The demo's own folder, which is made new.")] = Path("data/demo"),
) -> int:
    """Close a demo month on this machine: no credentials, nothing but loopback."""
    from billing_pipeline.commands.demo import demo as run

    return run(folder)


def main() -> None:
    """Run the command line; the entry point `billing-pipeline`."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    open_log()
    app()
