"""`decide`: say what counts for single lines that cannot be billed as they came, or see which ones wait for it."""

import shlex
from collections.abc import Mapping, Sequence

from billing_pipeline.billing.errors import SettingsError
from billing_pipeline.billing.line_decisions import Decision, describe_decision
from billing_pipeline.billing.reasons import reason_of
from billing_pipeline.commands.outcome import DONE
from billing_pipeline.commands.surroundings import demand_month, existing_warehouse, read_environment
from billing_pipeline.commands.terminal import amount, count, head, say, say_wrapped
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.decide import FILE, DecidedChange, OpenLine, open_lines
from billing_pipeline.steps.decide import decide as write_decisions

_MOST_LINES = 50


def decide(
    month: str,
    lines: Sequence[str],
    invoice: str | None,
    values: Mapping[Decision, str],
    by: str,
    why: str,
    of: str | None,
) -> int:
    """Write the decisions and say what they change; without a line, list the lines that wait for one.

    Raises SettingsError where something is missing or cannot be; then nothing was written.
    """
    demand_month(month)
    environment = read_environment()
    config = load_settings(environment.config_folder)
    warehouse = existing_warehouse(environment)
    if not lines:
        if values:
            raise SettingsError(
                f"For which line? Add --line ID: billing-pipeline decide {month} lists those that wait."
            )
        _print_open(month, of, open_lines(warehouse, month, of))
        return DONE
    if not values:
        raise SettingsError(
            "Decided is nothing yet: add --exclude, --sell AMOUNT, --cost AMOUNT, --currency CODE, --class CLASS or "
            "--client KEY."
        )
    changes = write_decisions(config, warehouse, month, lines, invoice, values, by, why)
    _print_changes(month, changes)
    say(f"\nWritten to {config.folder / FILE}.")
    say_wrapped(f"Nothing else is changed yet: billing-pipeline close {month}{_scope(changes)} takes it up.")
    return DONE


def _scope(changes: Sequence[DecidedChange]) -> str:
    """The one client that a close has to look at, or nothing where it is the whole month."""
    clients = {change.line.client for change in changes} | {
        change.value for change in changes if change.decision == "client"
    }
    return f" --client {clients.pop()}" if len(clients) == 1 else ""


def _print_changes(month: str, changes: Sequence[DecidedChange]) -> None:
    head(f"Decided for {month}")
    for change in changes:
        before = f", in the place of {change.before}" if change.before else ""
        told = "it is excluded: counted, and billed to nobody"
        if change.decision != "exclude":
            told = f"{describe_decision(change.decision, change.value)}{before}"
        say_wrapped(f"{_name(change.line)}: {told}", bullet="- ")
    say("What the distributor sent stays beside it, and the three-way proof shows the difference.")


def _print_open(month: str, of: str | None, lines: Sequence[OpenLine]) -> None:
    if not lines:
        say(f"No line of {month}{f' of {of}' if of else ''} waits for a decision.")
        return
    one = len(lines) == 1
    that = ("is not posted" if one else "are not posted") if of else ("waits" if one else "wait") + " for a decision"
    whose = f"{f' of {of}' if of else ''} that {that}"
    head(f"{count(len(lines), 'line')} of {month}{whose}")
    for line in lines[:_MOST_LINES]:
        label = reason_of(line.reason).label if line.reason else ""
        told = "" if line.problem.lower() == label.lower() else f" ({line.problem or line.reason})"
        why = f": {label}{told}" if line.reason else ""
        say_wrapped(f"--line {shlex.quote(line.source_line_id)}: {_name(line)}{why}", bullet="- ")
    if len(lines) > _MOST_LINES:
        say_wrapped(f"and {len(lines) - _MOST_LINES:,} more, in the table normalized_charges", bullet="- ")
    say_wrapped(
        f"Decide with billing-pipeline decide {month} --line ID, one of --exclude, --sell AMOUNT, --cost AMOUNT, "
        "--currency CODE, --class CLASS and --client KEY, and --by NAME --why TEXT."
    )


def _name(line: OpenLine) -> str:
    money = "amount not known" if line.sell is None else amount(line.sell, line.currency or "")
    return f"invoice {line.invoice_id}, line {line.line_no} ({line.product or 'no product'}) of {line.client}, {money}"
