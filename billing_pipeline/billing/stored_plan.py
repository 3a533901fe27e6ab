"""A sealed plan as it is stored: JSON, with decimals as text."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.canonical import canonical_json, content_hash
from billing_pipeline.billing.money import show_amount
from billing_pipeline.billing.plan_types import OBSERVED

StoredPlan = Mapping[str, Any]


@dataclass(frozen=True)
class PlanTotals:
    """What the documents of one currency come to: Σ of the lines' rounded totals."""

    currency: str
    documents: int
    lines: int
    sell: Decimal
    cost: Decimal


def plan_content_hash(content: StoredPlan) -> str:
    """The hash of a stored plan, taken as it was sealed: without what the clock gave and what was only seen."""
    return content_hash({**content, "documents": [_as_sealed(document) for document in content["documents"]]})


def documents_left(content: StoredPlan, done: Collection[str]) -> list[Mapping[str, Any]]:
    """The documents of a plan whose keys are not among those `done`."""
    return [document for document in content["documents"] if document["document_key"] not in done]


def sum_documents(documents: Iterable[Mapping[str, Any]]) -> dict[str, PlanTotals]:
    """The totals of documents for each currency, in the order of its code."""
    by_currency: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for document in documents:
        by_currency[document["currency"]].append(document)
    totals = {}
    for currency, members in sorted(by_currency.items()):
        lines = [line for document in members for line in document["lines"]]
        sell = sum((Decimal(line["sell"]) for line in lines), Decimal(0))
        cost = sum((Decimal(line["cost"]) for line in lines), Decimal(0))
        totals[currency] = PlanTotals(currency, len(members), len(lines), sell, cost)
    return totals


def name_plan(month: str, client: str, content: StoredPlan) -> str:
    """A plan by client, month and money, as texts name it."""
    money = [show_amount(one.sell, one.currency) for one in sum_documents(content["documents"]).values()]
    return f"The plan of {client} for {month}" + (f" over {' and '.join(money)}" if money else "")


def is_rest_of(content: StoredPlan, whole: StoredPlan, done: Collection[str], created_items: Mapping[int, str]) -> bool:
    """Whether a plan holds exactly what is left of another once the documents `done` were carried out.

    An item that was created since stands in the rest by its id and in the other by its reference: `created_items`
    has the references by id. A new item must be one of the other plan, the same in everything.
    """

    def left(plan: StoredPlan) -> list[str]:
        return sorted(canonical_json(_by_reference(one, created_items)) for one in documents_left(plan, done))

    def new(plan: StoredPlan) -> set[str]:
        return {canonical_json(item) for item in plan["new_items"]}

    return bool(left(content)) and left(content) == left(whole) and new(content) <= new(whole)


def _as_sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in document.items()
        if name not in OBSERVED and (name != "invoice_date" or document["date_rule"] != "today")
    }


def _by_reference(document: Mapping[str, Any], created_items: Mapping[int, str]) -> dict[str, Any]:
    lines = [
        {**line, "item_id": None, "item_reference": created_items[line["item_id"]]}
        if line["item_id"] in created_items
        else line
        for line in document["lines"]
    ]
    return {**_as_sealed(document), "lines": lines}
