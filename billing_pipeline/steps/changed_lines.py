"""How a line of ours differs in HaloPSA from what was posted, in words."""

from decimal import Decimal

from billing_pipeline.billing.canonical import decimal_text
from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.money import parse_amount, round_amount, show_amount
from billing_pipeline.billing.names import is_same_name
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.steps.halo_documents import Row, read_tax
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.key_fields import line_key
from billing_pipeline.steps.posted_ledger import PostedDocument, PostedLine

_ZERO = Decimal(0)
# HaloPSA's amounts are doubles: less than this is how a double is written, not a change.
_NOISE = Decimal("0.000001")
_LONGEST_SAID = 60


def net_amount(line: Row, currency: str) -> Decimal:
    """A line's net amount in the minor unit: HaloPSA's own figure, else price times quantity."""
    net = parse_amount(line.get("net_amount"))
    if net is None:
        net = (parse_amount(line.get("unit_price")) or _ZERO) * _quantity(line)
    return round_amount(net, currency)


def is_like(line: Row, item_id: int | None, name: str, sell: Decimal, currency: str) -> bool:
    """Whether a line of HaloPSA without a key may be one of ours all the same: its item, its name or its money is."""
    return (
        (item_id is not None and integer(line.get("_itemid")) == item_id)
        or (bool(name) and is_same_name(text(line.get("item_shortdescription")), name))
        or net_amount(line, currency) == sell
    )


def tax_of_ours(document: PostedDocument, row: Row, fields: HaloPsaFields) -> Decimal | None:
    """What HaloPSA taxes a document with, for its own lines alone where others are among them: on a document of others,
    or where another one of ours was added to it. None where HaloPSA does not say so."""
    own = {line.key for line in document.lines}
    borne = (line_key(line, fields) for line in row.get("lines") or ())
    if document.is_ours and all(key in own or not is_ours(key) for key in borne):
        tax = parse_amount(row.get("tax_total"))
    else:
        tax = read_tax(row, own, fields)
    return None if tax is None else round_amount(tax, document.currency)


def changed_words(line: PostedLine, now: Row, currency: str) -> tuple[list[str], list[str]]:
    """What a line was and is, in those of its figures, codes and texts that changed; nothing where none did.

    What was left out for HaloPSA to fill in is not compared. HaloPSA leaves out what is unset: that is none.
    """
    quantity, price = _quantity(now), parse_amount(now.get("unit_price"))
    net = net_amount(now, currency)
    cost = round_amount((parse_amount(now.get("unit_cost")) or _ZERO) * quantity, currency)
    item = integer(now.get("_itemid"))
    was, is_now = [], []

    def differ(before: str, after: str) -> None:
        was.append(before)
        is_now.append(after)

    if abs(quantity - line.quantity) > _NOISE:
        differ(f"quantity {decimal_text(line.quantity)}", f"quantity {decimal_text(quantity)}")
    if price is not None and abs(price - line.unit_price) > _NOISE:
        differ(f"unit price {show_amount(line.unit_price)}", f"unit price {show_amount(price)}")
    if net != line.sell:
        differ(show_amount(line.sell, currency), show_amount(net, currency))
    if cost != line.cost:
        differ(f"cost {show_amount(line.cost, currency)}", f"cost {show_amount(cost, currency)}")
    if None not in (item, line.item_id) and item != line.item_id:
        differ(f"item {line.item_id}", f"item {item}")
    tax = integer(now.get("tax_code"))
    if line.tax_id is not None and tax != line.tax_id:
        differ(f"tax {line.tax_id}", f"tax {tax or 'none'}")
    account = text(now.get("nominal_code"))
    if line.income_account is not None and account != line.income_account.strip():
        differ(f"account {line.income_account}", f"account {account or 'none'}")
    for name, field, sent in (
        ("called", "item_shortdescription", line.name),
        ("described", "item_longdescription", line.long_description),
    ):
        # HaloPSA may write white space in its own way.
        before, after = " ".join(sent.split()), " ".join(text(now.get(field)).split())
        if before and not is_same_name(before, after):
            start = _start_of_difference(before, after)
            differ(f"{name} {_show(before, start)!r}", f"{name} {_show(after, start)!r}")
    return was, is_now


def is_issued_from(row: Row, document: PostedDocument, fields: HaloPsaFields) -> bool:
    """Whether HaloPSA issued an invoice from our lines of a recurring invoice as they were posted: their texts say of
    which month they are."""
    if row.get("voided") or integer(row.get("recurring_invoice_id")) != document.halopsa_id:
        return False
    there = {line_key(line, fields): line for line in row.get("lines") or ()}
    return bool(document.lines) and all(
        line.key in there and not changed_words(line, there[line.key], document.currency)[0] for line in document.lines
    )


def _quantity(line: Row) -> Decimal:
    quantity = parse_amount(line.get("qty_order"))
    return Decimal(1) if quantity is None else quantity


def _start_of_difference(before: str, after: str) -> int:
    """Where to begin to show two texts, so that their first difference is seen."""
    pairs = enumerate(zip(before, after, strict=False))
    differs = next((place for place, (one, other) in pairs if one != other), min(len(before), len(after)))
    return max(0, differs - _LONGEST_SAID // 2)


def _show(said: str, start: int) -> str:
    shown = said[start : start + _LONGEST_SAID]
    return f"{'…' if start else ''}{shown}{'…' if start + _LONGEST_SAID < len(said) else ''}"
