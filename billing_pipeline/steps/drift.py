"""How HaloPSA's documents differ from what was posted: each difference with its place, its money, and what to do.

Nothing is repaired here or anywhere: people change documents for reasons that the pipeline cannot know.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from billing_pipeline.billing.halopsa_days import read_day
from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.money import round_amount, show_amount
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.billing.templates import was_issued
from billing_pipeline.steps.changed_lines import changed_words, net_amount, tax_of_ours
from billing_pipeline.steps.halo_documents import Row
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.halo_targets import issue_mark
from billing_pipeline.steps.key_fields import document_key_of, line_key
from billing_pipeline.steps.others_lines import name_target
from billing_pipeline.steps.posted_ledger import PostedDocument, PostedLine

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Drift:
    """One difference between what was posted and what HaloPSA has now.

    `was` and `now` are words for a person; `sell_was` and `sell_now` the net money that they come to, in `currency`.
    `client` is None where a document is no known client's. `todo` says what a person does about it; where it ends
    with a colon, `commands` are those to type.
    """

    kind: str
    client: str | None
    document_key: str | None
    charge_key: str | None
    halopsa_id: int
    line_id: int | None
    name: str
    was: str
    now: str
    todo: str
    currency: str
    sell_was: Decimal
    sell_now: Decimal
    commands: tuple[str, ...] = ()

    @property
    def difference(self) -> Decimal:
        """What HaloPSA has more than was posted; below zero what it has less."""
        return self.sell_now - self.sell_was

    @property
    def place(self) -> str:
        """The document and the line, as a person looks for them."""
        line = "" if self.line_id is None else f", line {self.line_id}"
        return f"{name_target(self.halopsa_id)}{line}{f' ({self.name})' if self.name else ''}"

    @property
    def told(self) -> str:
        """The whole of it in one text."""
        return " ".join([f"HaloPSA {self.place}: was {self.was}, is {self.now}.", self.todo, *self.commands])


def bill_again(month: str, client: str) -> tuple[str, str]:
    """The commands by which charges that HaloPSA no longer has are billed again."""
    return (
        f"billing-pipeline release {month} --client {client}",
        f"billing-pipeline close {month} --client {client} --post",
    )


def find_drift(
    document: PostedDocument, row: Row | None, fields: HaloPsaFields, *, taxed_by_halopsa: bool = True
) -> list[Drift]:
    """How HaloPSA's document `row` (None: it is gone) differs from the posted one.

    Lines that a later month wrote over are left out: what they were is not there any more. Where accounting computes
    the tax (`taxed_by_halopsa` is false), it may be another one there than HaloPSA answered with.
    """
    kept = sum((line.sell for line in document.kept), _ZERO)
    if row is None:
        if not document.kept and not document.is_ours:
            return []
        return [_may_be_billed_again(_gone(document, kept), document)]
    if row.get("voided"):
        again = "take that back again" if document.takes_back else "bill its charges again"
        todo = f"If that is meant, leave it. To {again}, delete it there, then:"
        void = _of_document(document, "document_void", "a document that bills", "void", todo, kept, _ZERO)
        return [_may_be_billed_again(void, document)]
    found = _find_header_drift(document, row, fields, kept)
    by_key: dict[str, list[Row]] = defaultdict(list)
    for one in row.get("lines") or ():
        by_key[line_key(one, fields)].append(one)
    by_id = {integer(one.get("id")): one for one in row.get("lines") or ()}
    lines = [drift for line in document.kept for drift in _find_line_drift(document, line, by_key, by_id, fields)]
    lines += _find_reactivated(document, by_id)
    if document.is_ours:
        lines += _find_foreign_lines(document, row, fields)
    if any(drift.kind in ("client_changed", "currency_changed") for drift in found):
        # Its money is told once, with the document.
        lines = [replace(drift, sell_was=_ZERO, sell_now=_ZERO) for drift in lines]
    found += lines
    if taxed_by_halopsa and not any(drift.difference for drift in found):
        # With another amount comes another tax: that is told already.
        found += _find_tax_drift(document, row, fields)
    return found


def _may_be_billed_again(drift: Drift, document: PostedDocument) -> Drift:
    if document.takes_back:
        return replace(
            drift, commands=(f"billing-pipeline reverse {document.month} --client {document.client} --post",)
        )
    return replace(drift, commands=bill_again(document.month, document.client))


def _gone(document: PostedDocument, kept: Decimal) -> Drift:
    others = "" if document.is_ours else "It was not ours alone: ask who deleted it. "
    todo = f"{others}If that is meant, leave it, or make it again there by hand. To bill its charges again:"
    if document.takes_back:
        todo = "What it took back is billed again. If that is meant, leave it. To take it back again:"
    return _of_document(document, "document_gone", "there", "gone", todo, kept, _ZERO)


def _of_document(
    document: PostedDocument, kind: str, was: str, now: str, todo: str, sell_was: Decimal, sell_now: Decimal
) -> Drift:
    return Drift(
        kind,
        document.client,
        document.document_key,
        None,
        document.halopsa_id,
        None,
        "",
        was,
        now,
        todo,
        document.currency,
        sell_was,
        sell_now,
    )


def _find_header_drift(document: PostedDocument, row: Row, fields: HaloPsaFields, kept: Decimal) -> list[Drift]:
    found = []

    def differs(kind: str, was: str, now: str, todo: str, sell_was: Decimal = _ZERO) -> None:
        found.append(_of_document(document, kind, was, now, todo, sell_was, _ZERO))

    client_id = integer(row.get("client_id"))
    if client_id != document.halopsa_client_id:
        was, now = f"on HaloPSA client {document.halopsa_client_id}", f"on HaloPSA client {client_id}"
        differs("client_changed", was, now, "Move it back there, or bill the charges to the right client.", kept)
    currency_id = integer(row.get("currency_code"))
    if None not in (currency_id, document.currency_id) and currency_id != document.currency_id:
        was, now = f"in HaloPSA currency {document.currency_id}", f"in HaloPSA currency {currency_id}"
        differs("currency_changed", was, now, "Set the currency back there.", kept)
    if document.is_ours:
        key = document_key_of(row, fields)
        if key != document.document_key:
            todo = f"Put the key back into {fields.document_key_field}: the pipeline knows the document by it."
            differs("document_key_changed", f"keyed {document.document_key}", f"keyed {key!r}", todo)
        day = read_day(row.get("invoice_date"), fields.zone)
        if day is not None and document.invoice_date is not None and day != document.invoice_date:
            todo = "Set the date back there, or keep it: it may count for another month's accounts."
            differs("date_changed", f"dated {document.invoice_date}", f"dated {day}", todo)
    elif (
        document.halopsa_id < 0
        and document.kept
        and row.get("disabled")
        and not was_issued(document.issue_mark, issue_mark(row, fields))
    ):
        differs("template_disabled", "to be issued", "disabled", "Enable it there, or nothing of it is billed.", kept)
    return found


def _find_tax_drift(document: PostedDocument, row: Row, fields: HaloPsaFields) -> list[Drift]:
    """The tax of the document, or of our lines among others', where none of them was written over since."""
    if document.tax is None or len(document.kept) < len(document.lines):
        return []
    tax = tax_of_ours(document, row, fields)
    if tax is None or tax == round_amount(document.tax, document.currency):
        return []
    todo = (
        "Set the taxes of its lines back there, or keep it if it is meant: the tax was not sent, HaloPSA computes it."
    )
    was = f"taxed with {show_amount(document.tax, document.currency)}"
    now = f"taxed with {show_amount(tax, document.currency)}"
    return [_of_document(document, "tax_changed", was, now, todo, _ZERO, _ZERO)]


def _find_line_drift(
    document: PostedDocument,
    line: PostedLine,
    by_key: Mapping[str, Sequence[Row]],
    by_id: Mapping[int | None, Row],
    fields: HaloPsaFields,
) -> list[Drift]:
    there = by_key.get(line.key, ())
    if not there:
        there = [by_id[line.line_id]] if line.line_id is not None and line.line_id in by_id else []
        if not there:
            todo = (
                f"If that is meant, leave it; else put it back there as it was. To bill all charges of "
                f"{document.client} again, delete what else stands there of them, then:"
            )
            if document.takes_back:
                todo = (
                    "If that is meant, leave it; else put it back there as it was. To take all of it back again, "
                    "delete that credit there, then:"
                )
            return [_may_be_billed_again(_of_line(document, line, "line_gone", "gone", todo), document)]
        key = line_key(there[0], fields)
        todo = f"Put the key back into {fields.charge_key_field}: the pipeline knows the line by it."
        lost = _of_line(document, line, "line_key_changed", f"keyed {key!r}", todo, line.sell)
        found = [replace(lost, was=f"keyed {line.key}")]
    else:
        found = []
    if len(there) > 1:
        total = sum((net_amount(one, document.currency) for one in there if not one.get("isinactive")), _ZERO)
        ids = ", ".join(str(one.get("id")) for one in there)
        todo = "Delete all but one there."
        return [_of_line(document, line, "line_twice", f"there {len(there)} times (lines {ids})", todo, total)]
    now = there[0]
    if now.get("isinactive"):
        return [*found, _of_line(document, line, "line_inactive", "inactive", "Make it active there, if it is due.")]
    was_words, now_words = changed_words(line, now, document.currency)
    if now_words:
        net = net_amount(now, document.currency)
        todo = "Set it back there, or keep it if it is meant: the pipeline changes nothing that was posted."
        changed = _of_line(document, line, "line_changed", ", ".join(now_words), todo, net)
        found.append(replace(changed, was=", ".join(was_words)))
    pending = sum(not one.get("isinvoiced") for one in now.get("prorata_data") or ())
    if pending and document.halopsa_id < 0:
        todo = "Delete the rows there, if they are not meant: its next issue bills them besides."
        found.append(_of_line(document, line, "pro_rata", f"with {pending} pro-rata rows", todo, line.sell))
    return found


def _find_reactivated(document: PostedDocument, by_id: Mapping[int | None, Row]) -> list[Drift]:
    """Lines of ours that ended and bill again: their next issue bills what nobody is charged for."""
    found = []
    for line in (by_id[line_id] for line_id in document.ended if line_id in by_id):
        if line.get("isinactive"):
            continue
        net = net_amount(line, document.currency)
        todo = "Its charge ended: set it inactive there, or each next issue bills it."
        told = f"active with {show_amount(net, document.currency)}"
        drift = _of_document(document, "line_active_again", "ended", told, todo, _ZERO, net)
        found.append(replace(drift, line_id=integer(line.get("id")), name=text(line.get("item_shortdescription"))))
    return found


def _find_foreign_lines(document: PostedDocument, row: Row, fields: HaloPsaFields) -> list[Drift]:
    """Lines on a document that we created which bear none of our keys, and never did."""
    ours = {line.line_id for line in document.lines}
    found = []
    for line in row.get("lines") or ():
        line_id = integer(line.get("id"))
        if is_ours(line_key(line, fields)) or (line_id is not None and line_id in ours):
            continue
        net = _ZERO if line.get("isinactive") else net_amount(line, document.currency)
        name = text(line.get("item_shortdescription"))
        todo = "If it is meant, leave it; else take it off there, or put it on an invoice of its own."
        told = f"there with {show_amount(net, document.currency)}"
        drift = _of_document(document, "line_added", "not there", told, todo, _ZERO, net)
        found.append(replace(drift, line_id=line_id, name=name))
    return found


def _of_line(
    document: PostedDocument, line: PostedLine, kind: str, now: str, todo: str, sell_now: Decimal = _ZERO
) -> Drift:
    return Drift(
        kind,
        document.client,
        document.document_key,
        line.charge_key,
        document.halopsa_id,
        line.line_id,
        line.name,
        show_amount(line.sell, document.currency),
        now,
        todo,
        document.currency,
        line.sell,
        sell_now,
    )
