"""A month as a billing clerk reads it: unmapped money first, where each cent went, what is held and why."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from rich.table import Table

from billing_pipeline.billing.reasons import reason_of
from billing_pipeline.commands.terminal import amount, count, head, new_table, results, say
from billing_pipeline.steps.month_summary import ClientMonth, CurrencyTotals, Fate, HeldCause, MonthSummary

_ZERO = Decimal(0)
_NOT_BILLED = (("dropped", "Dropped"), ("excluded", "Excluded"), ("held", "Held"), ("blocked", "Held"))
_MOST_FINDINGS = 12


def print_unmapped(summary: MonthSummary) -> None:
    """Write the money that belongs to nobody yet, if there is any."""
    if not summary.unmapped:
        return
    head("Money without a client")
    table = new_table(
        "Company", "Pax8 company id", "Lines", "Sell", "Cost", amounts=("Sell", "Cost"), counts=("Lines",)
    )
    for one in summary.unmapped:
        name = one.company_name or ("(no company on the line)" if one.company_id is None else "(no name)")
        table.add_row(
            name, one.company_id or "", f"{one.lines:,}", amount(one.sell, one.currency), amount(one.cost, one.currency)
        )
    _show(table)
    if any(one.company_id is not None for one in summary.unmapped):
        say("It is billed to nobody until a row of clients.csv says whose it is; then close the month again.")


def print_cents(summary: MonthSummary) -> None:
    """Write where each cent of the distributor's charges went, currency by currency."""
    head("Where each cent went")
    for totals in summary.totals:
        _show(_cents_table(summary, totals))
    if summary.explained:
        say("Every line has one fate, and every cent is explained.")


def _cents_table(summary: MonthSummary, totals: CurrencyTotals) -> Table:
    currency = totals.currency
    table = new_table("", "Lines", "Sell", "Cost", amounts=("Sell", "Cost"), counts=("Lines",))
    fates = [fate for fate in summary.fates if fate.currency == currency]

    def row(text: str, lines: int | None, sell: Decimal, cost: Decimal, style: str | None = None) -> None:
        number = "" if lines is None else f"{lines:,}"
        table.add_row(text, number, amount(sell, currency), amount(cost, currency), style=style)

    lines_in = sum(fate.lines for fate in fates)
    row("Money in: Pax8 charges", lines_in, totals.source_sell, totals.source_cost, "bold")
    billed = sum(fate.lines for fate in fates if fate.disposition in ("posted", "planned", "collapsed"))
    if totals.posted_sell or totals.posted_cost or not totals.open_sell:
        row("Posted to HaloPSA", billed, totals.posted_sell, totals.posted_cost)
        billed = None
    if totals.open_sell or totals.open_cost:
        row("Planned, not posted", billed, totals.open_sell, totals.open_cost)
    for disposition, word in _NOT_BILLED:
        for fate in fates:
            if fate.disposition == disposition:
                row(f"{word}: {_reason_text(fate)}", fate.lines, fate.sell, fate.cost)
    row("Rounding to the cent", None, totals.residual_sell, totals.residual_cost)
    style = None if not totals.sell_gap and not totals.cost_gap else "bold red"
    row("Not explained", None, totals.sell_gap, totals.cost_gap, style)
    return table


def _reason_text(fate: Fate) -> str:
    if fate.reason is None:
        return "no reason"
    reason = reason_of(fate.reason)
    said = reason.label[0].lower() + reason.label[1:] if not reason.label.startswith("Azure") else reason.label
    if fate.disposition == "held":
        said = f"with a client that is ({said})" if reason.fate == "blocked" else said
    return said + (f" ({count(fate.unpriced, 'line')} without an amount)" if fate.unpriced else "")


def print_clients(summary: MonthSummary) -> None:
    """Write a row for each client and currency, and what changed against the month before."""
    head("Client by client")
    before = f"Against {summary.previous_month}" if summary.previous_month else None
    columns = ["Client", "State", "Invoices", "Lines", "Sell", "Cost", *([before] if before else [])]
    table = new_table(*columns, amounts=("Sell", "Cost", before or ""), counts=("Invoices", "Lines"))
    for one in summary.clients:
        cells = [
            one.client,
            _state(one),
            f"{one.posted_documents + one.open_documents:,}",
            f"{one.lines:,}",
            amount(one.sell, one.currency),
            amount(one.cost, one.currency),
        ]
        table.add_row(*cells, *([_change(one)] if before else []))
    _show(table)


def _state(one: ClientMonth) -> str:
    if one.hold_reasons:
        return "held"
    if one.excluded:
        return "excluded"
    if one.open_documents:
        return "planned" if not one.posted_documents else "partly posted"
    if one.posted_documents:
        return "posted"
    return "nothing to bill"


def _change(one: ClientMonth) -> str:
    if one.hold_reasons:
        return "held"
    if one.previous_sell is None:
        return "new" if one.sell else ""
    change = one.sell - one.previous_sell
    return ("+" if change > 0 else "") + amount(change, one.currency)


def print_held(summary: MonthSummary) -> None:
    """Write each held client with its money, why it is held and what to do."""
    if not summary.held:
        return
    head("Held, and not billed until it is settled")
    table = new_table("Client", "Money held", "Why, and what to do", amounts=("Money held",))
    money = {client: _held_money(summary, client) for client in summary.held_clients}
    shown: set[str] = set()
    for client, reason, causes in _causes(summary.held):
        table.add_row(client, "" if client in shown else money[client], _explain_hold(reason, causes))
        shown.add(client)
    _show(table)


def _causes(held: Sequence[HeldCause]) -> Iterator[tuple[str, str, list[HeldCause]]]:
    grouped: dict[tuple[str, str], list[HeldCause]] = {}
    for cause in held:
        grouped.setdefault((cause.client, cause.reason), []).append(cause)
    for (client, reason), causes in grouped.items():
        yield client, reason, causes


def _held_money(summary: MonthSummary, client: str) -> str:
    held = [amount(one.held_sell, one.currency) for one in summary.clients if one.client == client and one.held_sell]
    return "\n".join(held) or "unknown"


def _explain_hold(code: str, causes: list[HeldCause]) -> str:
    reason = reason_of(code)
    details = "; ".join(dict.fromkeys(cause.detail for cause in causes))
    return f"{reason.label} ({code}). {details.rstrip('.')}. {reason.next_step}"


def print_findings(summary: MonthSummary) -> None:
    """Write what a person should look at though it holds nothing."""
    for title, texts in (
        ("HaloPSA differs from what was planned", summary.differences),
        ("HaloPSA refused", summary.refused),
    ):
        if texts:
            head(title)
            for text in texts:
                say(f"- {text}")
    if not summary.findings:
        return
    head("Worth a look")
    told: dict[tuple[str, str], list[str]] = {}
    for finding in summary.findings:
        told.setdefault((finding.kind, finding.detail), []).append(finding.client or "")
    for (_, detail), clients in list(told.items())[:_MOST_FINDINGS]:
        whose = sorted({client for client in clients if client})
        say(f"- {', '.join(whose)}: {detail}" if whose else f"- {detail}")
    if len(told) > _MOST_FINDINGS:
        say(f"- and {len(told) - _MOST_FINDINGS} more: select * from findings where month = '{summary.month}'")


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


def _show(table: Table) -> None:
    results().print(table)
