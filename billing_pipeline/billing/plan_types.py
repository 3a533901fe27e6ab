"""The sealed plan of a client's month: exactly what will change in HaloPSA, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from billing_pipeline.billing.canonical import canonical_json, content_hash

PLAN_VERSION = 1

# `record` sends nothing: a correction in which no amount differs changes our ledger alone.
Action = Literal["create", "update_invoice", "update_recurring", "record"]
# What was seen of the target, and not what we change: it stands in the plan, but not in its hash.
OBSERVED = ("target_hash", "issue_mark", "other_sell")


@dataclass(frozen=True)
class ChargeToPlan:
    """One charge that is left to bill, reconciled. Amounts are exact, in `currency`; periods are half-open."""

    charge_key: str
    integration: str
    invoice_id: str
    invoice_date: date
    line_no: int
    row_kind: str
    line_class: str
    product_id: str
    product_name: str
    sku: str
    term: str
    description: str
    purchase_order: str | None
    subscription_id: str | None
    period_start: date | None
    period_end: date | None
    currency: str
    quantity: Decimal
    price: Decimal | None
    sell: Decimal
    cost: Decimal
    item_id: int | None
    item_reference: str | None
    income_account: str | None
    expense_account: str | None
    tax_id: int | None
    collapse_group: str | None
    setting_level: str | None
    line_keys: tuple[str, ...]
    # The description of an Azure charge; of a collapsed line only where all of it is one Azure subscription.
    azure_text: str = ""


@dataclass(frozen=True)
class BilledClient:
    """The HaloPSA client on which a client's documents are made, after HaloPSA's own redirect.

    `recurring_client_id` is the one that its recurring invoices stand on, which HaloPSA redirects by itself. `fault` is
    why nothing can be billed to it, in words; None where it can.
    """

    client: str
    name: str
    halopsa_client_id: int
    billed_client_id: int
    billed_client_name: str
    recurring_client_id: int
    fault: str | None
    currency: str | None
    why_no_currency: str = ""

    @property
    def currency_text(self) -> str:
        """Its currency for people, or what is the matter with it."""
        return self.currency or self.why_no_currency or "no default currency"

    @property
    def inactive(self) -> bool:
        """Whether nothing can be billed to it."""
        return self.fault is not None


@dataclass(frozen=True)
class PlannedLine:
    """A document line as HaloPSA will get it; `sell` and `cost` are the rounded totals.

    `line_keys` are the source lines that it bills, several where they were collapsed. On a recurring invoice the
    line is known by `slot_key`, and `target_line_id` is the line that it takes the place of, if there is one.
    """

    charge_key: str
    integration: str
    invoice_id: str
    collapse_group: str | None
    setting_level: str | None
    line_keys: tuple[str, ...]
    item_id: int | None
    item_reference: str | None
    short_description: str
    long_description: str
    quantity: Decimal
    unit_price: Decimal
    unit_cost: Decimal
    sell: Decimal
    cost: Decimal
    source_sell: Decimal
    source_cost: Decimal
    tax_id: int | None
    income_account: str | None
    expense_account: str | None
    slot_key: str | None = None
    target_line_id: int | None = None


@dataclass(frozen=True)
class CorrectedPair:
    """A charge that stands billed for a credited invoice, and the charge that takes its place; either may be missing.

    `old_*` is what was billed, `new_*` what is due, `*_source_*` exact. `charge_key` is that of the difference line,
    None where nothing differs; `billed_charge_key` is that of the line which bears the new charge in HaloPSA.
    """

    name: str
    credited_invoice_id: str
    replacement_invoice_id: str | None
    old_charge_key: str | None
    old_document_key: str | None
    old_halopsa_invoice_id: int | None
    old_sell: Decimal
    old_cost: Decimal
    old_source_sell: Decimal
    old_source_cost: Decimal
    new_charge_key: str | None
    new_sell: Decimal
    new_cost: Decimal
    new_source_sell: Decimal
    new_source_cost: Decimal
    new_line_keys: tuple[str, ...]
    collapse_group: str | None
    setting_level: str | None
    charge_key: str | None
    billed_charge_key: str | None


@dataclass(frozen=True)
class ReversedLine:
    """A posted line and the line `charge_key` that takes it back. `tax` is what HaloPSA taxed it with, None where it
    does not say so line by line."""

    charge_key: str
    reversed_charge_key: str
    reversed_document_key: str
    reversed_halopsa_invoice_id: int
    reversed_halopsa_line_id: int | None
    tax: Decimal | None


@dataclass(frozen=True)
class PlannedDocument:
    """A document to create, or an existing one to change. `date_rule` stands in the hash for a date of the clock's.

    An update names its `target_id` and what was seen of it: `target_hash`, `issue_mark` (a template's), `other_sell`
    (what it comes to without our lines). `deactivate` are ids of lines of ours that ended. A correction says in
    `corrects` what it puts in the place of what, a credit that takes a month back in `reverses` which lines it undoes.
    """

    document_key: str
    client: str
    billed_client_id: int
    currency: str
    currency_id: int
    group: str
    date_rule: str
    invoice_date: date
    lines: tuple[PlannedLine, ...]
    action: Action = "create"
    target_id: int | None = None
    target_hash: str = ""
    issue_mark: str = ""
    other_sell: Decimal = Decimal(0)
    deactivate: tuple[int, ...] = ()
    corrects: tuple[CorrectedPair, ...] = ()
    reverses: tuple[ReversedLine, ...] = ()

    @property
    def resulting_total(self) -> Decimal:
        """What the document comes to before tax once the plan is carried out."""
        return self.other_sell + self.sell

    @property
    def sell(self) -> Decimal:
        """Σ of the lines' rounded totals, before tax."""
        return sum((line.sell for line in self.lines), Decimal(0))

    @property
    def cost(self) -> Decimal:
        """Σ of the lines' rounded costs."""
        return sum((line.cost for line in self.lines), Decimal(0))


@dataclass(frozen=True)
class NewItem:
    """An item that HaloPSA does not have and that posting creates, once, in the product group `item_group`."""

    reference: str
    name: str
    sku: str
    product_id: str
    term: str
    integration: str
    item_group: str
    income_account: str | None
    expense_account: str | None
    tax_id: int | None


@dataclass(frozen=True)
class Hold:
    """Why a client's month, or one line of it, may not be posted, with its money."""

    disposition: str
    reason: str
    detail: str
    currency: str | None
    sell: Decimal | None
    cost: Decimal | None
    source_line_id: str | None = None


@dataclass(frozen=True)
class ClientPlan:
    """The plan of one client and month, in the order in which it is carried out."""

    month: str
    client: str
    new_items: tuple[NewItem, ...]
    documents: tuple[PlannedDocument, ...]

    def as_json(self) -> str:
        """The plan as canonical JSON: what is stored, shown, and carried out."""
        return canonical_json(self._content(with_clock=True))

    @property
    def plan_hash(self) -> str:
        """SHA-256 over the plan without anything that a clock or a run gave it."""
        return content_hash(self._content(with_clock=False))

    def _content(self, *, with_clock: bool) -> Mapping[str, Any]:
        documents = []
        for document in self.documents:
            content = {**vars(document), "lines": [vars(line) for line in document.lines]}
            # Left out where they are empty: a plan that corrects nothing keeps the hash it always had.
            for name in ("corrects", "reverses"):
                del content[name]
                if told := getattr(document, name):
                    content[name] = [vars(one) for one in told]
            if not with_clock:
                for name in (*OBSERVED, *(("invoice_date",) if document.date_rule == "today" else ())):
                    del content[name]
            documents.append(content)
        return {
            "version": PLAN_VERSION,
            "month": self.month,
            "client": self.client,
            "new_items": [vars(item) for item in self.new_items],
            "documents": documents,
        }
