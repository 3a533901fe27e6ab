"""`verify`: a posted month proved anew, and what somebody changed since."""

from decimal import Decimal
from itertools import groupby

from billing_pipeline.billing.money import show_amount, show_change
from billing_pipeline.commands.connections import open_month
from billing_pipeline.commands.outcome import DONE, HELD
from billing_pipeline.commands.terminal import amount, count, head, new_table, say, say_wrapped, show
from billing_pipeline.steps.drift import Drift
from billing_pipeline.steps.publish import publish
from billing_pipeline.steps.verified_month import Verified
from billing_pipeline.steps.verify import verify as verify_month

_ZERO = Decimal(0)
_MOST_DETAILS = 25


def verify(month: str) -> int:
    """Verify a month, publish what was found, and write the report. HELD where anything differs, is unknown or held."""
    with open_month(month, "verify") as (work, halo):
        verified = verify_month(work, halo)
    # What was found is told even where it cannot be published.
    print_verified(verified, halo.address)
    publish(work.warehouse)
    return DONE if verified.is_settled else HELD


def print_verified(verified: Verified, address: str) -> None:
    """Write the report: journal, clients, what differs and what to do, what is not known, and the verdict."""
    head(f"{verified.month} against {address}")
    _print_journal(verified)
    _print_clients(verified)
    _print_drift(verified)
    _print_rest(verified)
    _print_verdict(verified)


def _print_journal(verified: Verified) -> None:
    if not verified.head.rows:
        say("Journal: empty, for nothing was ever posted.")
        return
    told = f"Journal: {count(verified.head.rows, 'row')}, each as it was written"
    if verified.noted is None:
        say_wrapped(f"{told}. Its head was never noted, so an end that was cut off would not show.")
    else:
        say_wrapped(f"{told}; none is missing of the {verified.noted.rows:,} that were noted last.")


def _print_clients(verified: Verified) -> None:
    """Write planned, posted and HaloPSA's money of each client, and their totals by currency."""
    if not verified.clients:
        return
    amounts = ["Planned", "Posted", *(["Replaced"] if verified.replaced_lines else []), "HaloPSA now", "Difference"]
    columns = ["Client", "Inv.", "Lines", *amounts, "Cur"]
    table = new_table(*columns, amounts=amounts, counts=("Inv.", "Lines"))

    def row(name: str, number: int, lines: int, sums: list[Decimal], currency: str, bold: bool = False) -> None:
        planned, posted, replaced, now = sums
        difference = now + replaced - posted
        cells = [show_amount(planned), show_amount(posted)]
        cells += [show_amount(replaced)] if verified.replaced_lines else []
        cells += [show_amount(now), show_change(difference) if difference else ""]
        style = "red" if difference else "bold" if bold else None
        table.add_row(name, f"{number:,}", f"{lines:,}", *cells, currency, style=style)

    for one in verified.clients:
        sums = [one.planned, one.posted, one.replaced, one.now]
        row(one.client or "(nobody's)", one.documents, one.lines, sums, one.currency)
    table.add_section()
    for currency in sorted({one.currency for one in verified.clients}):
        own = [one for one in verified.clients if one.currency == currency]
        sums = [sum((getattr(one, name) for one in own), _ZERO) for name in ("planned", "posted", "replaced", "now")]
        row("Total", sum(one.documents for one in own), sum(one.lines for one in own), sums, currency, bold=True)
    show(table)


def _print_drift(verified: Verified) -> None:
    """Write each difference, client by client: where it is, what it was and is, its money, and what to do."""
    if not verified.drift:
        return
    head(f"Changed since it was posted: {count(len(verified.drift), 'difference')}; nothing was repaired")
    for client, drifts in groupby(verified.drift, key=lambda one: one.client):
        told = list(drifts)
        say(f"\n{client or 'No client of ours'}, {verified.month}: {_money(told)}", style="bold")
        for one in told[:_MOST_DETAILS]:
            say_wrapped(_describe(one), indent=4, bullet="- ")
            say_wrapped(one.todo, indent=6)
            for command in one.commands:
                say(f"        {command}")
        if len(told) > _MOST_DETAILS:
            say_wrapped(f"and {len(told) - _MOST_DETAILS} more, in the table findings", indent=4, bullet="- ")


def _describe(one: Drift) -> str:
    money = f" ({show_change(one.difference, one.currency)})" if one.difference else ""
    return f"HaloPSA {one.place}: was {one.was}, is {one.now}{money}."


def _money(drifts: list[Drift]) -> str:
    totals = {
        currency: sum((one.difference for one in drifts if one.currency == currency), _ZERO)
        for currency in sorted({one.currency for one in drifts})
    }
    said = [show_change(total, currency) for currency, total in totals.items() if total]
    return " and ".join(said) or "no money in sum"


def _print_rest(verified: Verified) -> None:
    if verified.unexplained:
        head("Not explained")
        for text in verified.unexplained:
            say_wrapped(text, bullet="- ")
    if verified.opened:
        head("Not known yet")
        for text in verified.opened:
            say_wrapped(text, bullet="- ")
        say(f"To settle it: billing-pipeline close {verified.month} --post")
    if verified.replaced_lines:
        months = ", ".join(f"{number:,} by {month}" for month, number in verified.replaced_by.items())
        head("Replaced by later months")
        say_wrapped(
            f"{count(verified.replaced_lines, 'line')} of recurring invoices {_were(verified.replaced_lines)} written "
            f"over since ({months}): HaloPSA has no longer what {verified.month} put there, so it is proved by the "
            "journal alone."
        )


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _print_verdict(verified: Verified) -> None:
    month = verified.month
    if not verified.documents:
        head(f"Nothing is posted for {month}: there is nothing of it that HaloPSA could have.")
    elif verified.agrees:
        documents = count(verified.documents, "invoice")
        proved = count(verified.lines - verified.replaced_lines, "line")
        head(f"Proved: {documents} with {proved} in HaloPSA as posted, to the cent.")
        say(f"Every cent of {month} is explained, from the Pax8 invoice to HaloPSA.")
    else:
        sums: dict[str, Decimal] = {}
        for one in verified.drift:
            sums[one.currency] = sums.get(one.currency, _ZERO) + abs(one.difference)
        money = ", ".join(amount(total, currency) for currency, total in sorted(sums.items()) if total)
        number = count(verified.differences, "difference")
        head(f"Not proved: {number}{f', {money} in question' if money else ''}.")
    if verified.held_clients:
        say(
            f"{count(verified.held_clients, 'client')} of {month} still held: "
            f"billing-pipeline review {month} says why, with the money."
        )
