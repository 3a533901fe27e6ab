"""`demo`: a whole month, closed on this machine, and what a billing clerk sees of it."""

from pathlib import Path

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


def demo(folder: Path) -> int:
    """Close the demo months, and write the summary. FAILED where it is not what the demo world is made for."""
    home = DemoFolder(folder.absolute())
    open_log(home.path.parent)
    with show_stages() as stages:
        result = run_demo(home, stages)
    _print_result(result, home)
    for difference in result.differs:
        say(f"The demo differs from what it is made for: {difference}", notes(), style="red")
    return FAILED if result.differs else DONE


def _print_result(result: DemoResult, home: DemoFolder) -> None:
    summary = result.summary
    head(f"The demo month {summary.month} is closed")
    print_headline(summary)
    print_unmapped(summary)
    print_held(summary)
    print_cents(summary)
    print_findings(summary)
    head("Where to look next")
    say("make ui")
    say("    Dagster, with every run of this demo: asset by asset, month by month, client by client")
    say(f"billing-pipeline review {summary.month}   (with the variables of {_shown(home.path / 'demo.env')})")
    say("    the same month client by client, with what changed against the month before")
    say(f"{_shown(result.published)}")
    say("    the published DuckDB database, for example:")
    say(f"    select * from dispositions where month = '{summary.month}' and disposition = 'dropped';")


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
