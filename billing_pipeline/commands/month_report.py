"""A month as a billing clerk reads it: unmapped money first, where each cent went, what is held and why."""

from collections.abc import Sequence
from decimal import Decimal

from rich.table import Table

from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.reasons import reason_of
from billing_pipeline.commands.outcome import DONE, HELD
from billing_pipeline.commands.terminal import amount, count, head, new_table, say, say_wrapped, show
from billing_pipeline.steps.month_summary import ClientMonth, CurrencyTotals, Fate, HeldCause, MonthSummary

_ZERO = Decimal(0)
_NOT_BILLED = {"dropped": "Dropped", "excluded": "Excluded", "held": "Held", "blocked": "Held"}
_MOST_FINDINGS = 12
_MOST_DETAILS = 5


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
        say("It is billed to nobody until a row of clients.csv says whose it is; then close the month again.")


def print_cents(summary: MonthSummary) -> None:
    """Write where each cent of the distributor's charges went, currency by currency."""
    head("Where each cent went")
    for totals in summary.totals:
        show(_cents_table(summary, totals))
    if summary.explained:
        say("Every line has one fate, and every cent is explained.")
    if summary.posted_documents and not summary.differences:
        say(f"{count(summary.posted_documents, 'invoice')} read back from HaloPSA: the same, to the cent.")


def _cents_table(summary: MonthSummary, totals: CurrencyTotals) -> Table:
    currency = totals.currency
    title = currency or "without a currency"
    table = new_table(title, "Lines", "Sell", "Cost", amounts=("Sell", "Cost"), counts=("Lines",))
    table.columns[0].min_width = 44
    fates = [fate for fate in summary.fates if fate.currency == currency]

    def row(text: str, lines: int | None, sell: Decimal, cost: Decimal, style: str | None = None) -> None:
        number = "" if lines is None else f"{lines:,}"
        table.add_row(text, number, amount(sell, currency), amount(cost, currency), style=style)

    row("Pax8 charges", sum(fate.lines for fate in fates), totals.source_sell, totals.source_cost, "bold")
    billed: int | None = sum(fate.lines for fate in fates if fate.disposition in ("posted", "planned", "collapsed"))
    if totals.posted_sell or totals.posted_cost:
        row("Posted to HaloPSA", billed, totals.posted_sell, totals.posted_cost)
        billed = None
    if totals.open_sell or totals.open_cost or billed:
        row("Planned, not posted", billed, totals.open_sell, totals.open_cost)
    for text, shared in _by_reason(fates).items():
        sell, cost = sum((fate.sell for fate in shared), _ZERO), sum((fate.cost for fate in shared), _ZERO)
        row(text, sum(fate.lines for fate in shared), sell, cost)
    row("Rounding to the cent", None, totals.residual_sell, totals.residual_cost)
    style = "bold red" if totals.sell_gap or totals.cost_gap else None
    row("Not explained", None, totals.sell_gap, totals.cost_gap, style)
    return table


def _by_reason(fates: Sequence[Fate]) -> dict[str, list[Fate]]:
    """What is not billed, by fate and reason; a held client's lines count with the line that blocks it."""
    shared: dict[str, list[Fate]] = {}
    for disposition, word in _NOT_BILLED.items():
        for fate in fates:
            if fate.disposition == disposition:
                label = reason_of(fate.reason).label if fate.reason else "no reason"
                label = label if label.startswith("Azure") else label[0].lower() + label[1:]
                shared.setdefault(f"{word}: {label}", []).append(fate)
    return shared


def print_clients(summary: MonthSummary) -> None:
    """Write a row for each client and currency, and what changed against the month before."""
    head("Client by client")
    before = f"vs {summary.previous_month}" if summary.previous_month else None
    columns = ["Client", "State", "Inv.", "Lines", "Sell", "Cost", *([before] if before else []), "Cur"]
    table = new_table(*columns, amounts=("Sell", "Cost", before or ""), counts=("Inv.", "Lines"))
    for one in summary.clients:
        cells = [
            one.client,
            _state(one),
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
        table.add_row(*cells, *([_signed(change)] if before else []), total.currency, style="bold")
    show(table)


def _state(one: ClientMonth) -> str:
    if one.hold_reasons:
        return "held"
    if one.excluded:
        return "excluded"
    if one.open_documents:
        return "partly" if one.posted_documents else "planned"
    if one.posted_documents:
        return "posted"
    return "nothing"


def _change(one: ClientMonth) -> str:
    if one.hold_reasons:
        return "held"
    if one.previous_sell is None:
        return "new" if one.sell else ""
    return _signed(one.sell - one.previous_sell)


def _signed(change: Decimal) -> str:
    return ("+" if change > 0 else "") + show_amount(change)


def print_held(summary: MonthSummary) -> None:
    """Write each held client with its money, why it is held and what to do."""
    if not summary.held:
        return
    head("Held, and not billed until it is settled")
    causes = _by_cause(summary.held)
    for client in summary.held_clients:
        say(f"\n{client}: {_held_money(summary, client)}", style="bold")
        for code in causes[client]:
            label, next_step = reason_of(code).as_hold()
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
    for title, texts in (
        ("HaloPSA differs from what was planned", summary.differences),
        ("HaloPSA refused", summary.refused),
    ):
        if texts:
            head(title)
            for text in texts:
                say_wrapped(text, bullet="- ")
    if not summary.findings:
        return
    head("Worth a look")
    told: dict[tuple[str, str], list[str]] = {}
    for finding in summary.findings:
        told.setdefault((finding.kind, finding.detail), []).append(finding.client or "")
    for (_, detail), clients in list(told.items())[:_MOST_FINDINGS]:
        whose = sorted({client for client in clients if client})
        say_wrapped(f"{', '.join(whose)}: {detail}" if whose else detail, bullet="- ")
    if len(told) > _MOST_FINDINGS:
        say_wrapped(f"and {len(told) - _MOST_FINDINGS} more, in the table findings", bullet="- ")


def print_headline(summary: MonthSummary) -> None:
    """Write the month in four lines: clients, lines, invoices in and out."""
    billed, held = summary.billed_clients, len(summary.held_clients)
    say(
        f"{count(len({one.client for one in summary.clients}), 'client')}: {billed:,} billed, {held:,} held, "
        f"{len({one.client for one in summary.clients if one.excluded}):,} excluded"
    )
    credited = f" ({summary.not_billed_invoices} of them not to be billed)" if summary.not_billed_invoices else ""
    say(f"{count(summary.invoices, 'Pax8 invoice')}{credited} with {count(summary.lines, 'line')}")
    if summary.posted_documents or not summary.open_documents:
        say(f"{count(summary.posted_documents, 'invoice')} in HaloPSA, as drafts: {_money(summary, 'posted')}")
    if summary.open_documents:
        say(f"{count(summary.open_documents, 'invoice')} to post: {_money(summary, 'open')}")


def _money(summary: MonthSummary, what: str) -> str:
    totals = [(getattr(total, f"{what}_sell"), total.currency) for total in summary.totals]
    return ", ".join(amount(sell, currency) for sell, currency in totals if sell) or "nothing"


def verdict(summary: MonthSummary, posted: bool) -> int:
    """HELD where something is held, refused or different, or was to be posted and was not; else DONE."""
    undecided = any(one.state == "proposed" for one in summary.corrections)
    settled = summary.explained and not (summary.held or summary.refused or undecided)
    return DONE if settled and not (posted and summary.open_documents) else HELD
