"""What a person decided for one source line: how a decision is written, checked, and put together for its line."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias, get_args

from billing_pipeline.billing.canonical import canonical_json, decimal_text
from billing_pipeline.billing.exact_json import read_exact_json
from billing_pipeline.billing.keys import charge_key
from billing_pipeline.billing.mapping_rows import LineDecisionRow
from billing_pipeline.billing.money import as_stored, parse_amount

Decision: TypeAlias = Literal["exclude", "sell", "cost", "currency", "class", "client"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
LINE_CLASSES = (
    "license",
    "azure_consumption",
    "azure_commitment",
    "other_arrears",
    "prorate",
    "one_time",
    "fee",
    "credit",
)
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class DecidedLine:
    """All decisions of one source line. Amounts are totals of the line; None is not decided.

    `told` is what was decided, by whom and why, as canonical JSON: it is stored with what was made of it.
    """

    line_key: str
    excluded: bool
    sell: Decimal | None
    cost: Decimal | None
    currency: str | None
    line_class: str | None
    client: str | None
    told: str


def check_decision(decision: Decision, value: str) -> str:
    """The value of a decision as it is kept. Raises ValueError with what to write instead."""
    match decision:
        case "exclude":
            if value:
                raise ValueError("exclude takes no value: leave it empty")
            return ""
        case "sell" | "cost":
            return decimal_text(_check_amount(value))
        case "currency":
            if not _CURRENCY.fullmatch(value.upper()):
                raise ValueError(f"{value!r} is no currency code: write three letters (ISO 4217), as in USD")
            return value.upper()
        case "class":
            if value.lower() not in LINE_CLASSES:
                raise ValueError(f"{value!r} is no line class: write one of {', '.join(LINE_CLASSES)}")
            return value.lower()
        case "client":
            if not value:
                raise ValueError("is empty: write a client key of clients.csv")
            return value


def _check_amount(value: str) -> Decimal:
    amount = parse_amount(value)
    if amount is None:
        raise ValueError(f"{value!r} is no amount: write digits with a point, as in 22.50")
    if as_stored(amount) != amount:
        raise ValueError(f"{value!r} has more than 20 digits before the point or 18 after it: write fewer")
    return amount


def join_decisions(rows: Iterable[LineDecisionRow]) -> dict[str, DecidedLine]:
    """The decisions by line, each known by its line key."""
    by_line: dict[str, list[LineDecisionRow]] = defaultdict(list)
    for row in rows:
        by_line[charge_key(row.integration, row.invoice_id, row.source_line_id)].append(row)
    return {line_key: _join(line_key, members) for line_key, members in by_line.items()}


def _join(line_key: str, rows: list[LineDecisionRow]) -> DecidedLine:
    order = {decision: place for place, decision in enumerate(DECISIONS)}
    told = [
        {"decision": row.decision, "value": row.value, "by": row.by, "why": row.why}
        for row in sorted(rows, key=lambda row: order[row.decision])
    ]
    return read_told(line_key, canonical_json(told))


def read_told(line_key: str, told: str) -> DecidedLine:
    """The decisions of a line from the text under which they are stored."""
    values = {one["decision"]: one["value"] for one in read_exact_json(told)}
    return DecidedLine(
        line_key=line_key,
        excluded="exclude" in values,
        sell=Decimal(values["sell"]) if "sell" in values else None,
        cost=Decimal(values["cost"]) if "cost" in values else None,
        currency=values.get("currency"),
        line_class=values.get("class"),
        client=values.get("client"),
        told=told,
    )


def describe_decisions(told: str | None) -> str:
    """What was decided, in words; empty where nothing was."""
    if not told:
        return ""
    return "; ".join(
        f"{describe_decision(one['decision'], one['value'])} by {one['by']} ({one['why']})"
        for one in read_exact_json(told)
    )


def decided_by(told: str) -> list[str]:
    """Who decided something for a line, from the text under which its decisions are stored."""
    return [str(one["by"]) for one in read_exact_json(told)]


def describe_decision(decision: str, value: str) -> str:
    """One decision in words, as in `sell 22.50`."""
    return "excluded" if decision == "exclude" else f"{decision} {value}"
