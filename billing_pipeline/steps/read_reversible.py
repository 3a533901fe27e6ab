"""What stands of a client's posted month in HaloPSA and may be taken back, and why some of it may not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.errors import PostingRefused
from billing_pipeline.billing.money import parse_amount, show_amount
from billing_pipeline.billing.reversals import StandingLine
from billing_pipeline.billing.templates import was_issued
from billing_pipeline.steps.halo_documents import Row, index_by_key, key_in_halo, plain_differences, read_document
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.halo_targets import issue_mark, was_sent, why_in_accounting
from billing_pipeline.steps.key_fields import line_key
from billing_pipeline.steps.others_lines import name_target, read_target_row
from billing_pipeline.steps.posting_state import Posting

_UNTAXED_HERE = ("qbo_ast", "xero_auto")


@dataclass(frozen=True)
class PostedDocument:
    """A document that was posted for the client's month: its planned JSON with the `lines` not taken back yet."""

    document: Row
    lines: tuple[Row, ...]
    halopsa_invoice_id: int

    @property
    def money(self) -> str:
        """What its lines come to, as texts say it."""
        sell = sum((Decimal(line["sell"]) for line in self.lines), Decimal(0))
        return show_amount(sell, self.document["currency"])


@dataclass(frozen=True)
class Reversible:
    """The lines to take back, and what is told beside: `notes` on what was sent, or needs no credit.

    `issued` are the notes on recurring invoices that HaloPSA issued since: only a person can credit what it made.
    """

    lines: tuple[StandingLine, ...]
    notes: tuple[str, ...]
    issued: tuple[str, ...]


def read_reversible(posting: Posting, documents: Sequence[PostedDocument], invoices: Sequence[Row]) -> Reversible:
    """Read each document from HaloPSA, whole, and return the lines that stand as they were posted.

    `invoices` are HaloPSA's, read in bulk. Raises PostingRefused, which names every document that cannot be taken
    back here and what to do about it; nothing is changed.
    """
    month, client = posting.work.month, posting.work.clients[0]
    by_key = index_by_key(invoices, posting.fields)
    ours = {one.halopsa_invoice_id for one in documents}
    lines: list[StandingLine] = []
    problems: list[str] = []
    notes: list[str] = []
    issued: list[str] = []
    for one in documents:
        row = read_target_row(posting.halo, one.halopsa_invoice_id)
        name = f"HaloPSA {name_target(one.halopsa_invoice_id)} of {client} over {one.money}"
        if one.document["action"] == "update_recurring":
            if row is not None and was_issued(one.document["issue_mark"], issue_mark(row, posting.fields)):
                issued.append(f"{name} {_describe_issued(posting, one, invoices)}")
                continue
            problem, note = _look_at_template(posting, one, row)
        else:
            problem, note = _find_problem(posting, one, row, by_key, ours), None
        if problem is not None:
            problems.append(f"{name} {problem}")
        elif note is not None:
            notes.append(f"{name} {note}")
        elif row is not None:
            lines += _stand(posting, one, row)
            if was_sent(row):
                notes.append(f"{name} was sent to the client: send the credit too")
    if problems:
        raise not_taken_back(month, client, problems)
    return Reversible(tuple(lines), (*notes, *issued), tuple(issued))


def not_taken_back(month: str, client: str, problems: Sequence[str]) -> PostingRefused:
    """The refusal that names every reason."""
    return PostingRefused("\n".join([f"{month} of {client} was not taken back; nothing was changed.", *problems]))


def _find_problem(
    posting: Posting, one: PostedDocument, row: Row | None, by_key: Mapping[str, Sequence[Row]], ours: Collection[int]
) -> str | None:
    """Why an invoice cannot be taken back by a credit from here; None where it can."""
    month, client = posting.work.month, posting.work.clients[0]
    release = f"billing-pipeline release {month} --client {client}"
    own = {line["charge_key"] for line in one.document["lines"]}
    borne = [line_key(line, posting.fields) for line in (row or {}).get("lines") or ()]
    it = "it" if one.document["action"] == "create" and own.issuperset(borne) else "our lines on it"
    if row is None:
        return (
            f"is not there any more, so nothing of it is billed. See billing-pipeline verify {month}; to bill its "
            f"charges again: {release}"
        )
    if row.get("voided"):
        return (
            f"is voided, so nothing of it is billed. See billing-pipeline verify {month}; to bill its charges again, "
            f"delete {it} in HaloPSA, then {release}"
        )
    if said := why_in_accounting(row):
        return (
            f"is in accounting already ({', '.join(said)}): make the credit there. What it bills: "
            f"billing-pipeline review {month}"
        )
    if said := _find_drift(posting, one, row):
        return (
            f"differs from what was posted: {'; '.join(said)}. See billing-pipeline verify {month}. Put it right in "
            f"HaloPSA and reverse again, or delete {it} there, then {release}"
        )
    keys = [line["charge_key"] for line in one.lines]
    keys += [one.document["document_key"]] if one.document["action"] == "create" else []
    twins = sorted({int(found["id"]) for key in keys for found in by_key.get(key, ())} - set(ours))
    if twins:
        return (
            f"is not alone: HaloPSA invoices {', '.join(map(str, twins))} bear its keys too. Delete them there, then "
            f"billing-pipeline reverse {month} --client {client} again"
        )
    return None


def find_changes(posting: Posting, documents: Sequence[PostedDocument]) -> list[str]:
    """Which invoices are not any more as they were when they were taken back, and how; HaloPSA is asked for each."""
    changed = []
    for one in documents:
        if one.document["action"] == "update_recurring":
            continue
        row = read_target_row(posting.halo, one.halopsa_invoice_id)
        said = ["it is gone"] if row is None else _find_drift(posting, one, row)
        if said:
            name = f"HaloPSA {name_target(one.halopsa_invoice_id)} over {one.money}"
            changed.append(f"{name}, which it takes back, was changed meanwhile: {'; '.join(said)}")
    return changed


def _find_drift(posting: Posting, one: PostedDocument, row: Row) -> list[str]:
    """How our lines of an invoice differ from what was posted. Lines of others on it are not ours to judge."""
    document = {**one.document, "lines": list(one.lines)}
    found = read_document(row, document, posting.fields)
    planned = {key_in_halo(line) for line in one.lines}
    ours = tuple(line for line in found.lines if line.charge_key in planned)
    said = plain_differences(document, replace(found, lines=ours, other_lines=0))
    said += [
        f"line {line['item_shortdescription']!r} has no item any more"
        for line in row.get("lines") or ()
        if line_key(line, posting.fields) in planned and integer(line.get("_itemid")) is None
    ]
    return said


def _look_at_template(posting: Posting, one: PostedDocument, row: Row | None) -> tuple[str | None, str | None]:
    """Why lines on a recurring invoice that was not issued since cannot be taken back, or why none of them needs to be.

    HaloPSA bills them when it issues the recurring invoice: what was never issued was never billed, and a credit
    for it would give money away.
    """
    month, client = posting.work.month, posting.work.clients[0]
    if row is None:
        return (
            "is not there any more, so nobody can tell here whether it was issued. If it was, credit the invoice that "
            f"it issued in HaloPSA; see billing-pipeline verify {month}"
        ), None
    slots = {key_in_halo(line) for line in one.lines}
    active = [
        line
        for line in row.get("lines") or ()
        if line_key(line, posting.fields) in slots and not line.get("isinactive")
    ]
    if active:
        ids = ", ".join(str(line["id"]) for line in active)
        return (
            f"was not issued since, so its lines are not billed yet and a credit would give money away. Delete lines "
            f"{ids} there. Then billing-pipeline reverse {month} --client {client} takes back what else was posted, or "
            f"billing-pipeline release {month} --client {client} lets the charges be billed again"
        ), None
    return None, "was never issued with our lines, and they are inactive or gone: nothing of them is to be taken back"


def _describe_issued(posting: Posting, one: PostedDocument, invoices: Sequence[Row]) -> str:
    """What was issued is on HaloPSA's own invoice, which we did not make: a person credits it there."""
    slots = {key_in_halo(line) for line in one.lines}
    issued = sorted(
        int(invoice["id"])
        for invoice in invoices
        if integer(invoice.get("recurring_invoice_id")) == one.halopsa_invoice_id
        and slots & {line_key(line, posting.fields) for line in invoice.get("lines") or ()}
    )
    named = f" (look at invoice {', '.join(map(str, issued))})" if issued else ""
    return (
        f"was issued since: HaloPSA made that invoice by itself{named}. Credit that one in HaloPSA; what it bills of "
        f"ours: billing-pipeline review {posting.work.month}"
    )


def _stand(posting: Posting, one: PostedDocument, row: Row) -> list[StandingLine]:
    there = {line_key(line, posting.fields): line for line in row.get("lines") or ()}
    return [_standing_line(posting, one, row, line, there[key_in_halo(line)]) for line in one.lines]


def _standing_line(posting: Posting, one: PostedDocument, row: Row, line: Row, there: Row) -> StandingLine:
    document = one.document
    engine = posting.work.config.resolve(document["client"], line["integration"]).charge.tax_engine
    # HaloPSA's own line says which item, account and tax are to be taken back, also where we left them to HaloPSA.
    tax_id = integer(there.get("tax_code")) if engine == "halopsa" else line["tax_id"]
    amounts = ("quantity", "unit_price", "unit_cost", "sell", "cost", "source_sell", "source_cost")
    figures: dict[str, Any] = {name: Decimal(line[name]) for name in amounts}
    return StandingLine(
        charge_key=line["charge_key"],
        integration=line["integration"],
        invoice_id=line["invoice_id"],
        document_key=document["document_key"],
        document_name=_document_name(row),
        halopsa_invoice_id=one.halopsa_invoice_id,
        halopsa_line_id=integer(there.get("id")),
        billed_client_id=document["billed_client_id"],
        currency=document["currency"],
        currency_id=document["currency_id"],
        invoice_date=date.fromisoformat(document["invoice_date"]),
        item_id=integer(there.get("_itemid")) or line["item_id"],
        short_description=line["short_description"],
        long_description=line["long_description"],
        tax_id=tax_id,
        tax=None if engine in _UNTAXED_HERE else parse_amount(there.get("tax_amount")),
        income_account=text(there.get("nominal_code")) or line["income_account"],
        expense_account=line["expense_account"],
        **figures,
    )


def _document_name(row: Row) -> str:
    number = text(row.get("invoicenumber"))
    return name_target(int(row["id"])) + (f" (number {number})" if number not in ("", str(row["id"])) else "")
