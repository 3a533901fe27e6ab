"""`release`: let a client's month be posted again, once HaloPSA has none of it."""

from decimal import Decimal

from billing_pipeline.commands.connections import open_month
from billing_pipeline.commands.outcome import DONE, HELD
from billing_pipeline.commands.terminal import amount, count, head, new_table, say, say_wrapped, show
from billing_pipeline.steps.publish import publish
from billing_pipeline.steps.release import Released
from billing_pipeline.steps.release import release as release_month


def release(month: str, client: str) -> int:
    """Release a client's month and publish the database. HELD where HaloPSA still has some of it, or the client is
    held from being posted again."""
    with open_month(month, "release") as (work, halo):
        released = release_month(work, halo, client)
    if not released.is_done:
        _print_standing(released)
        return HELD
    # What was done is told even where it cannot be published.
    _print_released(released)
    publish(work.warehouse)
    return HELD if released.holds else DONE


def _print_standing(released: Released) -> None:
    month, client = released.month, released.client
    head(f"Nothing was released: HaloPSA still has some of what was posted for {client} in {month}")
    for one in released.standing:
        say_wrapped(one.told, bullet="- ")
    say(f"\nWhen it is gone: billing-pipeline release {month} --client {client}")


def _print_released(released: Released) -> None:
    month, client = released.month, released.client
    head(f"{month} of {client} is released: HaloPSA has none of it")
    table = new_table("Was HaloPSA", "Document", "Lines", "Sell", amounts=("Sell",), counts=("Lines",))
    for one in released.documents:
        table.add_row(str(one.halopsa_id), one.document_key, f"{len(one.lines):,}", amount(one.sell, one.currency))
    show(table)
    total = ", ".join(amount(sell, currency) for currency, sell in sorted(released.money.items()))
    lines = sum((len(one.lines) for one in released.documents), 0)
    say(f"{count(lines, 'charge')} over {total or amount(Decimal(0), '')} may be posted again, once.")
    if released.holds:
        head("Held, before it can be posted again")
        for text in released.holds:
            say_wrapped(text, bullet="- ")
    if released.awaits is not None:
        head("To approve, before it can be posted again")
        say_wrapped(released.awaits, bullet="- ")
    say(f"\nTo post it again: billing-pipeline close {month} --client {client} --post")
