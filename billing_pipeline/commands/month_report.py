"""A month as a billing clerk reads it: unmapped money first, where each cent went, what is held and why."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from rich.table import Table

from billing_pipeline.billing.money import show_amount, show_change
from billing_pipeline.billing.reasons import describe_hold
from billing_pipeline.commands.outcome import DONE, HELD
from billing_pipeline.commands.review_words import STATES, name_state
from billing_pipeline.commands.terminal import amount, count, head, new_table, say, say_wrapped, show
from billing_pipeline.steps.month_cents import CentRow, split_cents
from billing_pipeline.steps.month_summary import ClientMonth, CurrencyTotals, Finding, HeldCause, MonthSummary

_ZERO = Decimal(0)
_CENTS = {
    "source": "Pax8 charges",
    "decided": "Decided for single lines",
    "posted": "Posted to HaloPSA",
    "reversed": "Posted, then reversed",
    "to_approve": "Planned, to approve",
    "planned": "Planned, not posted",
    "rounding": "Rounding to the cent",
    "gap": "Not explained",
}
_MOST_FINDINGS = 12
_MOST_DETAILS = 5
_MOST_NAMES = 10


def print_unmapped(summary: MonthSummary) -> None:
    """Write the money that belongs to nobody yet, if there is any."""
    if not summary.unmapped:
        return
    head("Money without a client")
    table = new_table("Company", "Pax8 company id", "Lines", "Sell", amounts=("Sell",), counts=("Lines",))
    table.columns[1].no_wrap = True
    for one in summary.unmapped:
        name = one.company_name or ("(the lines name no company)" if one.company_id is None else "(without a name)")
        table.add_row(name, one.company_id or "", f"{one.lines:,}", amount(one.sell, one.currency))
    show(table)
    if any(one.company_id is not None for one in summary.unmapped):
        say_wrapped(
            "It is billed to nobody until a row of clients.csv says whose it is; then run "
            f"billing-pipeline close {summary.month}."
        )


def print_cents(summary: MonthSummary) -> None:
    """Write where each cent of the distributor's charges went, currency by currency."""
    head("Where each cent went")
    for totals in summary.totals:
        show(_cents_table(summary, totals))
    if summary.explained:
        say("Every line has one fate, and every cent is explained.")
    if summary.posted_documents and not (summary.differences or summary.drift):
        _print_read_back(summary)


def _print_read_back(summary: MonthSummary) -> None:
    read = summary.read_back_documents
    unread = summary.posted_documents - read
    if read:
        say(f"{count(read, 'invoice')} read back from HaloPSA: the same, to the cent.")
    if unread:
        # What nobody read is not said to be the same.
        say_wrapped(
            f"{count(unread, 'invoice')} posted and not read back yet: billing-pipeline close {summary.month} --post "
            "reads what is missing, and sends nothing twice."
        )


def _cents_table(summary: MonthSummary, totals: CurrencyTotals) -> Table:
    currency = totals.currency
    title = currency or "without a currency"
    table = new_table(title, "Lines", "Sell", "Cost", amounts=("Sell", "Cost"), counts=("Lines",))
    table.columns[0].min_width = 44
    for row in _merge_waiting(split_cents(summary, totals)):
        number = "" if row.lines is None else f"{row.lines:,}"
        style = "bold" if row.kind == "source" else None
        if row.kind == "gap" and (row.sell or row.cost):
            style = "bold red"
        table.add_row(name_cents(row), number, amount(row.sell, currency), amount(row.cost, currency), style=style)
    return table


def _merge_waiting(rows: Sequence[CentRow]) -> list[CentRow]:
    """The rows, with a held client's lines counted to the line that blocks it."""
    merged: dict[tuple[str, str | None], CentRow] = {}
    for row in rows:
        waits = replace(row, kind="held") if row.kind == "blocked" else row
        there = merged.get((waits.kind, waits.reason))
        merged[(waits.kind, waits.reason)] = waits if there is None else there.plus(waits)
    return list(merged.values())


def name_cents(row: CentRow) -> str:
    """Where money of a row went, in words."""
    if row.reason is None:
        return _CENTS.get(row.kind, f"{row.kind.capitalize()}: no reason")
    label = row.label if row.label.startswith(("Azure", "HaloPSA")) else row.label[0].lower() + row.label[1:]
    return f"{row.kind.capitalize()}: {label}"


def print_clients(summary: MonthSummary) -> None:
    """Write a row for each client and currency, and what changed against the month before."""
    head("Client by client")
    before = f"vs {summary.previous_month}" if summary.previous_month else None
    columns = ["Client", "State", "Inv.", "Lines", "Sell", "Cost", *([before] if before else []), "Cur"]
    table = new_table(*columns, amounts=("Sell", "Cost", before or ""), counts=("Inv.", "Lines"))
    for one in summary.clients:
        cells = [
            one.client,
            STATES[name_state(one)],
            f"{one.posted_documents + one.open_documents:,}",
            f"{one.lines:,}",
            show_amount(one.sell),
            show_amount(one.cost),
            *([_change(one)] if before else []),
            one.currency,
        ]
        table.add_row(*cells)
    table.add_section()
    for total in summary.totals:
        billed = [one for one in summary.clients if one.currency == total.currency]
        documents = sum(one.posted_documents + one.open_documents for one in billed)
        sell, cost = total.posted_sell + total.open_sell, total.posted_cost + total.open_cost
        lines = sum(one.lines for one in billed)
        cells = ["Total", "", f"{documents:,}", f"{lines:,}", show_amount(sell), show_amount(cost)]
        change = sell - sum((one.previous_sell or _ZERO for one in billed), _ZERO)
        table.add_row(*cells, *([show_change(change)] if before else []), total.currency, style="bold")
    show(table)


def _change(one: ClientMonth) -> str:
    if one.hold_reasons:
        return "held"
    if one.change is None:
        return "new" if one.sell else ""
    return show_change(one.change)


def print_held(summary: MonthSummary) -> None:
    """Write each held client with its money, why it is held and what to do."""
    causes = _by_cause(summary.held)
    if not causes:
        return
    head("Held, and not billed until it is settled")
    for client in summary.held_clients:
        say(f"\n{client}: {_held_money(summary, client)}", style="bold")
        for code in causes[client]:
            label, next_step = describe_hold(code, summary.month, client, causes[client][code])
            say_wrapped(f"{label} ({code}).", indent=4)
            for detail in list(dict.fromkeys(causes[client][code]))[:_MOST_DETAILS]:
                say_wrapped(detail, indent=4, bullet="- ")
            more = len(causes[client][code]) - _MOST_DETAILS
            if more > 0:
                say_wrapped(f"and {more} more, in the table holds", indent=4, bullet="- ")
            say_wrapped(next_step, indent=4)


def _by_cause(held: Sequence[HeldCause]) -> dict[str, dict[str, list[str]]]:
    """Client -> reason -> details."""
    causes: dict[str, dict[str, list[str]]] = {}
    for cause in held:
        causes.setdefault(cause.client, {}).setdefault(cause.reason, []).append(cause.detail)
    return causes


def _held_money(summary: MonthSummary, client: str) -> str:
    held = [amount(one.held_sell, one.currency) for one in summary.clients if one.client == client and one.held_sell]
    return " and ".join(held) or "no known money"


def print_findings(summary: MonthSummary) -> None:
    """Write what a person should look at though it holds nothing."""
    if summary.drift:
        head(f"What verify found; billing-pipeline verify {summary.month} looks again")
        for finding in summary.drift:
            say_of_clients([finding.client or ""], finding.detail)
    for title, texts in (
        ("HaloPSA differs from what was planned", summary.differences),
        ("HaloPSA refused", summary.refused),
    ):
        if texts:
            head(title)
            for text in texts:
                say_wrapped(text, bullet="- ")
    _print_findings("Worth a look", summary.findings)
    _print_findings("Worth a look, of the whole month", summary.month_findings)


def _print_findings(title: str, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    head(title)
    told: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        told.setdefault((finding.kind, finding.detail), []).append(finding.client or "")
    for (_, detail), clients in list(told.items())[:_MOST_FINDINGS]:
        say_of_clients(clients, detail)
    if len(told) > _MOST_FINDINGS:
        say_wrapped(f"and {len(told) - _MOST_FINDINGS} more, in the table findings", bullet="- ")


def say_of_clients(clients: Iterable[str], detail: str) -> None:
    """Write what is true of some clients, once; of a month where they are empty texts."""
    whose = sorted({client for client in clients if client})
    if len(whose) > _MOST_NAMES:
        whose = [*whose[:_MOST_NAMES], f"{len(whose) - _MOST_NAMES:,} more"]
    say_wrapped(f"{', '.join(whose)}: {detail}" if whose else detail, bullet="- ")


def print_headline(summary: MonthSummary) -> None:
    """Write the month in four lines: clients, lines, invoices in and out. Money without a client is shown before."""
    if summary.unmapped:
        head("The month in short")
    billed, held = summary.billed_clients, len(summary.held_clients)
    waiting = f" ({summary.clients_to_approve:,} of them to approve)" if summary.clients_to_approve else ""
    say(
        f"{count(len({one.client for one in summary.clients}), 'client')}: {billed:,} billed{waiting}, {held:,} held, "
        f"{len({one.client for one in summary.clients if one.excluded}):,} excluded"
    )
    credited = f" ({summary.not_billed_invoices} of them not to be billed)" if summary.not_billed_invoices else ""
    say(f"{count(summary.invoices, 'Pax8 invoice')}{credited} with {count(summary.lines, 'line')}")
    if summary.posted_documents or not summary.open_documents:
        undone = _money(summary, "reversed", "")
        posted = _money(summary, "posted", "no money" if undone else "nothing")
        less = f" after {undone} was reversed on credits" if undone else ""
        say(f"{count(summary.posted_documents, 'invoice')} in HaloPSA, as drafts: {posted}{less}")
    to_approve = summary.documents_to_approve
    if to_approve:
        say(f"{count(to_approve, 'invoice')} to approve: {_money(summary, 'to_approve', 'no money is added')}")
    if summary.open_documents > to_approve:
        to_post = count(summary.open_documents - to_approve, "invoice")
        say(f"{to_post} to post: {_money(summary, 'to_post', 'no money is added')}")


def _money(summary: MonthSummary, what: str, none: str = "nothing") -> str:
    totals = [(getattr(total, f"{what}_sell"), total.currency) for total in summary.totals]
    return ", ".join(amount(sell, currency) for sell, currency in totals if sell) or none


def verdict(summary: MonthSummary, posted: bool) -> int:
    """HELD where something is held, refused, different or drifted, or was to be posted and was not; else DONE.

    A plan that waits for its approval is not held: it counts where the month was to be posted.
    """
    undecided = summary.earlier_credits or any(one.state == "proposed" for one in summary.corrections)
    settled = summary.explained and not (summary.held or summary.refused or summary.drift or undecided)
    unposted = summary.open_documents or summary.clients_to_approve
    return DONE if settled and not (posted and unposted) else HELD
