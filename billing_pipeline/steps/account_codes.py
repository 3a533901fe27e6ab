"""Account codes in use. HaloPSA has no list of them: they are free texts on items, groups and lines."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from billing_pipeline.steps.halo_facts import text

Row = Mapping[str, Any]

INCOME, EXPENSE = "income", "expense"
# HaloPSA calls an expense account one thing on an item and another on a product group (its API's Item and AssetGroup).
_EXPENSE_FIELDS = {"item": "purchasenominalcode", "product group": "nominalcodepurchase"}


def account_codes(
    items: Iterable[Row], groups: Iterable[Row], recurring_invoices: Iterable[Row]
) -> list[dict[str, Any]]:
    """Each code with its kind (`income` or `expense`), where it stands and how often, in a stable order."""
    uses: Counter[tuple[str, str, str]] = Counter()
    for place, rows in (("item", items), ("product group", groups)):
        for row in rows:
            uses[(INCOME, text(row.get("nominalcode")), place)] += 1
            uses[(EXPENSE, text(row.get(_EXPENSE_FIELDS[place])), place)] += 1
    for invoice in recurring_invoices:
        for line in invoice.get("lines") or ():
            uses[(INCOME, text(line.get("nominal_code")), "recurring line")] += 1
    return [
        {"id": f"{kind}:{code}:{place}", "kind": kind, "code": code, "used_on": place, "uses": count}
        for (kind, code, place), count in sorted(uses.items())
        if code
    ]
