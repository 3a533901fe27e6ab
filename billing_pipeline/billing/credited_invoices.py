"""Invoices that were credited after their charges were posted, and the invoices that follow them.

Source: the distributor credits a wrong invoice as a whole, keeps it in the list, and a new invoice follows, which may
be dated in a later month.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing_pipeline.billing.invoice_status import Standing
from billing_pipeline.billing.names import is_same_name


@dataclass(frozen=True)
class SeenInvoice:
    """An invoice as it was seen last; `first_fetch` is the fetch that saw it first, `month` its own."""

    invoice_id: str
    status: str
    standing: Standing
    invoice_date: date | None
    partner_name: str | None
    company_id: str | None
    first_fetch: int
    month: str = ""
    currency: str | None = None


@dataclass(frozen=True)
class SharedPeriods:
    """How many things a credited invoice and one of a later month both charge: `same` in a period of the credited one,
    `later` only in later periods."""

    same: int
    later: int

    @property
    def is_regular(self) -> bool:
        """Whether the later invoice goes on where the credited one ended, as every month's does."""
        return self.later > self.same


@dataclass(frozen=True)
class StandingCharge:
    """A charge that stands billed for an invoice which is credited now.

    `sell` and `cost` are what was billed in the minor unit, `source_*` exact. `billed_charge_key` is the key of the
    line that bears it in HaloPSA, on the document `document_key`, of the group `group`.
    """

    charge_key: str
    billed_charge_key: str
    integration: str
    invoice_id: str
    invoice_date: date
    line_no: int
    currency: str
    sell: Decimal
    cost: Decimal
    source_sell: Decimal
    source_cost: Decimal
    document_key: str
    halopsa_invoice_id: int | None
    posted_fetch: int
    group: str
    row_kind: str
    line_class: str
    collapse_group: str | None
    subscription_id: str | None
    product_id: str
    sku: str
    term: str
    name: str
    period_start: date | None
    period_end: date | None
    item_id: int | None
    item_reference: str | None
    short_description: str
    income_account: str | None
    expense_account: str | None
    tax_id: int | None


@dataclass(frozen=True)
class CorrectionCase:
    """What is open for one client: the credited invoices with the charges that stand billed for them.

    `followers` are the invoices of `month` that may take their place, `pairs` the follower that is proposed to replace
    each credited invoice, None where there is none.
    """

    credited: tuple[SeenInvoice, ...]
    standing: tuple[StandingCharge, ...]
    followers: tuple[SeenInvoice, ...]
    pairs: Mapping[str, str | None]
    month: str = ""

    def follows(self, invoice_id: str) -> bool:
        """Whether the charges of an invoice wait for this case."""
        return any(one.invoice_id == invoice_id for one in self.followers)


def name_documents(halopsa_invoice_ids: Iterable[int | None]) -> str:
    """HaloPSA documents as texts name them, each once; ids of recurring invoices are below zero."""
    known = sorted({one for one in halopsa_invoice_ids if one is not None}, key=lambda one: (one < 0, abs(one)))
    return ", ".join(f"invoice {one}" if one > 0 else f"recurring invoice {one}" for one in known)


def is_same_partner(one: SeenInvoice, other: SeenInvoice) -> bool:
    """Whether two invoices may be of one partner: nothing that both of them say of it differs."""
    said = ((one.company_id, other.company_id), (one.partner_name, other.partner_name))
    return all(not a or not b or is_same_name(a, b) for a, b in said)


def open_case(
    invoices: Sequence[SeenInvoice],
    standing: Sequence[StandingCharge],
    month: str = "",
    shared: Mapping[tuple[str, str], SharedPeriods] | None = None,
) -> CorrectionCase | None:
    """The case of one client in `month`; None where nothing stands billed for a credited invoice.

    `invoices` are all of the month and the credited ones of earlier months, `standing` the client's charges that stand
    billed for those not to be billed. `shared` says of a credited invoice and one of the month what both charge.
    An invoice of an earlier month that nothing of this month follows is none of its cases.
    """
    by_id = {invoice.invoice_id: invoice for invoice in invoices}
    credited = sorted((by_id[invoice_id] for invoice_id in {charge.invoice_id for charge in standing}), key=_age)
    posted = {
        one.invoice_id: max(charge.posted_fetch for charge in standing if charge.invoice_id == one.invoice_id)
        for one in credited
    }
    following = {
        one.invoice_id: find_followers(one, posted[one.invoice_id], invoices, month, shared or {}) for one in credited
    }
    credited = [one for one in credited if one.month == month or following[one.invoice_id]]
    if not credited:
        return None
    followers = sorted({one.invoice_id: one for found in following.values() for one in found}.values(), key=_age)
    ours = {one.invoice_id for one in credited}
    charges = tuple(charge for charge in standing if charge.invoice_id in ours)
    return CorrectionCase(tuple(credited), charges, tuple(followers), _propose_pairs(credited, following), month)


def find_followers(
    credited: SeenInvoice,
    posted_fetch: int,
    invoices: Sequence[SeenInvoice],
    month: str,
    shared: Mapping[tuple[str, str], SharedPeriods],
) -> list[SeenInvoice]:
    """The invoices of `month` that may take the place of a credited one, the oldest first.

    In its own month: what the same partner was sent after its charges were posted. In a later month the partner also
    has its regular invoice, which charges the same things in later periods; one invoice a currency at most is that.
    """
    found, regular = [], set()
    for invoice in sorted(invoices, key=_age):
        if invoice.month != month or invoice.standing == "not_billed" or not is_same_partner(credited, invoice):
            continue
        periods = shared.get((credited.invoice_id, invoice.invoice_id))
        if credited.month == month or periods is None:
            if invoice.first_fetch > posted_fetch:
                found.append(invoice)
        elif periods.is_regular and invoice.currency not in regular:
            regular.add(invoice.currency)
        else:
            found.append(invoice)
    return found


def _propose_pairs(
    credited: Iterable[SeenInvoice], following: Mapping[str, Sequence[SeenInvoice]]
) -> dict[str, str | None]:
    """For each credited invoice, oldest first, the oldest of those that follow it that is not taken yet."""
    taken: set[str] = set()
    pairs: dict[str, str | None] = {}
    for one in credited:
        free = (other for other in following[one.invoice_id] if other.invoice_id not in taken)
        found = next(free, None)
        pairs[one.invoice_id] = None if found is None else found.invoice_id
        taken.update(() if found is None else (found.invoice_id,))
    return pairs


def _age(invoice: SeenInvoice) -> tuple[date, int, str]:
    return (invoice.invoice_date or date.max, invoice.first_fetch, invoice.invoice_id)
