"""What a month changes in HaloPSA, in the terminal: an overview for all clients, every line for those asked for."""

from collections.abc import Sequence
from decimal import Decimal

from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.reasons import reason_of
from billing_pipeline.commands.review_words import (
    STAGES,
    name_changed,
    name_document,
    name_stage,
    prepare_command,
    show_quantity,
    show_state,
)
from billing_pipeline.commands.terminal import amount, count, head, new_table, say, say_wrapped, show
from billing_pipeline.steps.month_review import ClientReview, MonthReview
from billing_pipeline.steps.review_documents import DocumentReview

_MOST_STALE = 5


def print_stale(review: MonthReview) -> None:
    """Write what is not planned yet, and which plans would not be posted as they stand."""
    if not review.prepared:
        head("Fetched, and not prepared yet: nothing is planned")
        say(f"    {prepare_command(review)}")
    stale = review.stale_clients
    if not stale and review.settings_problem is None:
        return
    head("Not of the newest state: nothing is posted until it is prepared again")
    if review.settings_problem is not None:
        say("The settings folder cannot be read now, so no plan can be held against it:")
        say(review.settings_problem)
    for why in dict.fromkeys(client.stale for client in stale):
        names = [client.client for client in stale if client.stale == why]
        more = len(names) - _MOST_STALE
        told = ", ".join(names[:_MOST_STALE]) + (f" and {more} more" if more > 0 else "")
        plans = "The plan of 1 client" if len(names) == 1 else f"Each plan of {len(names):,} clients"
        say_wrapped(f"{plans} {why}: {told}", bullet="- ")
    if stale:
        say(f"    {prepare_command(review)}")


def print_changes(review: MonthReview) -> None:
    """Write what is created, changed and made inactive, and each existing document that changes, before and after."""
    documents = [document for client in review.clients for document in client.documents]
    if not documents:
        return
    head("What changes in HaloPSA")
    for stage, word in STAGES.items():
        these = [document for document in documents if document.stage == stage]
        if these:
            say_wrapped(f"{word[0].upper() + word[1:]}: {_count_documents(these)}")
    items = sum(len(client.new_items) for client in review.clients)
    if items:
        say(f"{count(items, 'item')} created with them")
    changed = [document for document in documents if document.action.startswith("update")]
    if changed:
        columns = ("Client", "Document", "Stands", "Before", "After", "Add", "Change", "End", "Cur")
        table = new_table(*columns, amounts=columns[3:5], counts=columns[5:8])
        for document in changed:
            table.add_row(
                document.client,
                ("template " if document.action == "update_recurring" else "invoice ") + str(document.halopsa_id),
                STAGES[document.stage],
                _total(document.before_total),
                show_amount(document.after_total),
                *(f"{document.count(change):,}" for change in ("added", "changed", "made_inactive")),
                document.currency,
            )
        show(table)
    say(f"Line by line: billing-pipeline review {review.summary.month} --client KEY, or --html FILE for all")


def _count_documents(documents: Sequence[DocumentReview]) -> str:
    parts = []
    for action, noun in (
        ("create", "new invoice"),
        ("update_invoice", "changed invoice"),
        ("update_recurring", "changed recurring invoice"),
        ("record", "correction without a difference"),
    ):
        number = sum(document.action == action for document in documents)
        if number:
            many = "corrections without a difference" if action == "record" else None
            parts.append(count(number, noun, many))
    lines: list[str] = []
    for change, word in (("added", "added"), ("changed", "changed"), ("made_inactive", "made inactive")):
        number = sum(document.count(change) for document in documents)
        lines.append(f"{count(number, 'line') if not lines else f'{number:,}'} {word}")
    return f"{', '.join(parts)}; {', '.join(lines)}"


def _total(total: Decimal | None) -> str:
    return "not kept" if total is None else show_amount(total)


def print_client_lines(review: MonthReview) -> None:
    """Write each document of each client of the review, line by line, and the lines that are not billed."""
    for client in review.clients:
        head(f"{client.client} ({client.name})" if client.name else client.client)
        if not client.documents:
            say("Nothing of it changes in HaloPSA.")
        for document in client.documents:
            _print_document(document)
        for item in client.new_items:
            say_wrapped(f"Creates the item {item.name!r} in {item.item_group} ({item.reference})", bullet="- ")
        _print_not_billed(client)
        _print_decided(client)


def _print_document(document: DocumentReview) -> None:
    say(f"\n{name_document(document)} ({name_stage(document)})", style="bold")
    if not document.lines:
        return
    if document.action == "create":
        columns: tuple[str, ...] = ("Line", "Quantity", "Unit price", "Sell", "Cost")
        table = new_table(*columns, amounts=columns[2:], counts=columns[1:2])
        for line in document.lines:
            after = line.after
            prices = (after.unit_price, after.sell, after.cost)
            table.add_row(
                after.text, show_quantity(after), *(show_amount(price, document.currency) for price in prices)
            )
    else:
        table = new_table("Line", "What", "Before", "After")
        for line in document.lines:
            before = "" if line.before is None else show_state(line.before, document.currency)
            what = name_changed(line) if line.ours or line.change != "kept" else "not ours, stays"
            table.add_row(line.after.text, what, before, show_state(line.after, document.currency))
    show(table)
    before_total = document.before_total
    told = f"{show_amount(document.after_total, document.currency)} before tax"
    if document.action.startswith("update"):
        told = f"{_total(before_total)} → {told}"
    tax = document.tax if document.tax is not None else document.expected_tax
    if tax is not None:
        told += f", {show_amount(tax, document.currency)} tax{'' if document.tax is not None else ' expected'}"
    say(f"Total {told}")


def _print_decided(client: ClientReview) -> None:
    decided = [line for line in client.source_lines if line.decided]
    if not decided:
        return
    say("\nDecided for single lines (line_decisions.csv)", style="bold")
    for line in decided:
        sent = "no amount" if line.sent_sell is None else amount(line.sent_sell, line.sent_currency or "")
        say_wrapped(
            f"invoice line {line.line_no} ({line.product or line.description}), sent with {sent}: {line.decided}",
            bullet="- ",
        )


def _print_not_billed(client: ClientReview) -> None:
    left = client.not_billed
    if not left:
        return
    say("\nNot billed", style="bold")
    table = new_table("Invoice line", "Product", "Reason", "Sell", amounts=("Sell",))
    for line in left:
        fate = f"{line.disposition}: {reason_of(line.reason).label}" if line.reason else ""
        table.add_row(str(line.line_no), line.product or line.description, fate, amount(line.sell, line.currency))
    show(table)
