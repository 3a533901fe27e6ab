"""`demo`: a whole month, closed on this machine, and what a billing clerk sees of it."""

import sys
from contextlib import ExitStack
from pathlib import Path

from billing_pipeline.commands.interruption import ends_after_ctrl_c
from billing_pipeline.commands.log_file import open_log
from billing_pipeline.commands.month_report import (
    print_cents,
    print_findings,
    print_headline,
    print_held,
    print_unmapped,
)
from billing_pipeline.commands.outcome import DONE, FAILED
from billing_pipeline.commands.progress import show_stages
from billing_pipeline.commands.terminal import head, notes, say
from billing_pipeline.demo.folder import DemoFolder
from billing_pipeline.demo.month import DemoResult, run_demo
from billing_pipeline.demo.ui import run_ui
from billing_pipeline.sandbox.demo_world import DEMO_MONTH


def demo(folder: Path) -> int:
    """Close the demo months, and write the summary. FAILED where it is not what the demo world is made for."""
    home = DemoFolder(folder.absolute())
    open_log(home.path.parent)
    with ends_after_ctrl_c(), show_stages() as stages:
        result = run_demo(home, stages)
    _print_result(result, home)
    for difference in result.differs:
        say(f"The demo differs from what it is made for: {difference}", notes(), style="red")
    return FAILED if result.differs else DONE


def show(folder: Path) -> int:
    """Show the last demo in Dagster's UI until Ctrl-C; where none ran yet, run it first."""
    home = DemoFolder(folder.absolute())
    open_log(home.path.parent)
    with ExitStack() as running:
        with show_stages() as stages:
            if not home.is_finished:
                stages("No demo ran yet: running it first")
                with ends_after_ctrl_c():
                    run_demo(home, stages)
            ui = running.enter_context(run_ui(home, stages))
        _print_address(ui.address, home)
        ui.wait()
    say("Stopped.", notes())
    return DONE


def _print_address(address: str, home: DemoFolder) -> None:
    say(f"\n{address}", style="bold")
    say(f"    runs:     {address}/runs")
    say(f"    assets:   {address}/asset-groups")
    say(f"    a month:  {address}/assets/month_reconciliation?partition={DEMO_MONTH}")
    say(f"What Dagster says itself is in {_shown(home.path)}/webserver.log and daemon.log. Ctrl-C stops everything.")


def _print_result(result: DemoResult, home: DemoFolder) -> None:
    summary = result.summary
    head(f"The demo month {summary.month} is closed")
    print_unmapped(summary)
    print_headline(summary)
    print_held(summary)
    print_cents(summary)
    print_findings(summary)
    head("Where to look next")
    say("make ui")
    say("    Dagster, with every run of this demo: asset by asset, month by month, client by client")
    variables = f"BILLING_WAREHOUSE={_shown(home.warehouse)} BILLING_CONFIG={_shown(home.config)}"
    say(f"{variables} {_program()} review {summary.month} --html review.html")
    say("    the same month as a page, line by line; without --html in the terminal, client by client")
    say(f"{_shown(result.published)}")
    say("    the published database, for DuckDB 1.2 and later; what was dropped, and which setting did it:")
    say("    select client, reason, setting_level, count(*), sum(sell) from dispositions")
    say(f"    where month = '{summary.month}' and disposition = 'dropped' group by all order by all;")


def _program() -> str:
    program = Path(sys.argv[0])
    return _shown(program.absolute()) if program.name == "billing-pipeline" else "billing-pipeline"


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
