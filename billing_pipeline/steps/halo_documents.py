"""A planned document as HaloPSA takes it, and a HaloPSA document as we compare it with the plan."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.money import parse_amount, round_amount, show_amount
from billing_pipeline.billing.settings import HaloPsaService
from billing_pipeline.steps.halo_facts import integer, text

Row = Mapping[str, Any]


@dataclass(frozen=True)
class FoundLine:
    """One of our lines as HaloPSA has it; `charge_key` is the key it bears, amounts are in the minor unit."""

    charge_key: str
    line_id: int | None
    sell: Decimal
    cost: Decimal


@dataclass(frozen=True)
class FoundDocument:
    """A HaloPSA document that bears our keys. `tax` and `total` are HaloPSA's own figures."""

    invoice_id: int
    client_id: int | None
    document_key: str | None
    lines: tuple[FoundLine, ...]
    other_lines: int
    tax: Decimal | None

    @property
    def sell(self) -> Decimal:
        """Σ of our lines' net amounts."""
        return sum((line.sell for line in self.lines), Decimal(0))

    @property
    def cost(self) -> Decimal:
        """Σ of our lines' costs."""
        return sum((line.cost for line in self.lines), Decimal(0))


def to_halo(document: Row, item_ids: Mapping[str, int], fields: HaloPsaService) -> dict[str, Any]:
    """The body of the POST for a document of a sealed plan (its JSON). Drafts only: never `posted: true`.

    `item_ids` are the ids of items that were created for it, by reference.
    """
    return {
        "client_id": document["billed_client_id"],
        "invoice_date": f"{document['invoice_date']}T00:00:00",
        "currency_code": document["currency_id"],
        fields.document_key_field: document["document_key"],
        "posted": False,
        "lines": [_line_to_halo(line, item_ids, fields) for line in document["lines"]],
    }


def to_halo_update(existing: Row, document: Row, item_ids: Mapping[str, int], fields: HaloPsaService) -> dict[str, Any]:
    """The body of the POST that changes an existing document: every line whole, as it was read, with ours among them.

    `lines` is a replace set, so a line left out would be deleted.
    """
    replaced = {line["target_line_id"]: line for line in document["lines"] if line["target_line_id"] is not None}
    lines = []
    for line in existing.get("lines") or ():
        if line["id"] in document["deactivate"]:
            lines.append({**line, "isinactive": True})
        elif line["id"] in replaced:
            lines.append({**line, **_line_to_halo(replaced[line["id"]], item_ids, fields), "isinactive": False})
        else:
            lines.append(dict(line))
    lines += [_line_to_halo(line, item_ids, fields) for line in document["lines"] if line["target_line_id"] is None]
    body = {"id": existing["id"], "lines": lines}
    if existing.get("change_seq") is not None:
        body["change_seq"] = existing["change_seq"]
    return body


def key_in_halo(line: Row) -> str:
    """The key that a planned line bears in HaloPSA: on recurring lines its slot, for item ids change every month."""
    return str(line["slot_key"] or line["charge_key"])


def _line_to_halo(line: Row, item_ids: Mapping[str, int], fields: HaloPsaService) -> dict[str, Any]:
    unit_price = Decimal(line["unit_price"])
    body: dict[str, Any] = {
        "_itemid": line["item_id"] if line["item_id"] is not None else item_ids[line["item_reference"]],
        "item_shortdescription": line["short_description"],
        "item_longdescription": line["long_description"],
        "qty_order": Decimal(line["quantity"]),
        # Integrations write one or the other: with both, no tenant is left with a price of zero.
        "unit_price": unit_price,
        "baseprice": unit_price,
        "unit_cost": Decimal(line["unit_cost"]),
        fields.charge_key_field: key_in_halo(line),
    }
    if line["tax_id"] is not None:
        body["tax_code"] = str(line["tax_id"])
    if line["income_account"] is not None:
        body["nominal_code"] = line["income_account"]
    return body


def read_document(row: Row, document: Row, fields: HaloPsaService) -> FoundDocument:
    """A HaloPSA invoice with its lines, as far as it concerns the planned document.

    On a document that others made, that is our planned lines alone.
    """
    currency, updates = document["currency"], document["action"] != "create"
    planned = {key_in_halo(line) for line in document["lines"]}
    lines, others = [], 0
    for line in row.get("lines") or ():
        key = text(line.get(fields.charge_key_field))
        if not is_ours(key) or (updates and key not in planned):
            others += 0 if updates else 1
            continue
        quantity = parse_amount(line.get("qty_order"))
        quantity = Decimal(1) if quantity is None else quantity
        net = parse_amount(line.get("net_amount"))
        if net is None:
            net = (parse_amount(line.get("unit_price")) or Decimal(0)) * quantity
        cost = (parse_amount(line.get("unit_cost")) or Decimal(0)) * quantity
        lines.append(FoundLine(key, integer(line.get("id")), round_amount(net, currency), round_amount(cost, currency)))
    key = text(row.get(fields.document_key_field))
    return FoundDocument(
        invoice_id=int(row["id"]),
        client_id=integer(row.get("client_id")),
        document_key=key if is_ours(key) else None,
        lines=tuple(sorted(lines, key=lambda line: (line.charge_key, line.line_id or 0))),
        other_lines=others,
        tax=parse_amount(row.get("tax_total")),
    )


def differences(document: Row, found: FoundDocument) -> list[str]:
    """How HaloPSA's document differs from the planned one: client, lines, net amounts; empty when to the cent."""
    said = []
    currency = document["currency"]
    if found.client_id != document["billed_client_id"]:
        said.append(f"it is on HaloPSA client {found.client_id}, planned on {document['billed_client_id']}")
    by_key: dict[str, list[FoundLine]] = defaultdict(list)
    for line in found.lines:
        by_key[line.charge_key].append(line)
    for line in document["lines"]:
        ours = by_key.pop(key_in_halo(line), [])
        name = f"line {line['short_description']!r} ({key_in_halo(line)})"
        if len(ours) != 1:
            said.append(f"{name} is there {len(ours)} times")
            continue
        planned_sell, planned_cost = Decimal(line["sell"]), Decimal(line["cost"])
        if ours[0].sell != planned_sell:
            said.append(
                f"{name} has {show_amount(ours[0].sell, currency)}, planned {show_amount(planned_sell, currency)}"
            )
        if ours[0].cost != planned_cost:
            said.append(
                f"{name} has cost {show_amount(ours[0].cost, currency)}, planned {show_amount(planned_cost, currency)}"
            )
    said += [f"a line that was not planned: {key}" for key in sorted(by_key)]
    if found.other_lines:
        said.append(f"{found.other_lines} lines that are not ours")
    return said


def index_by_key(rows: Sequence[Row], fields: HaloPsaService) -> dict[str, list[Row]]:
    """HaloPSA documents by each of our keys that they bear, document keys and charge keys alike."""
    index: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        keys = {text(row.get(fields.document_key_field))}
        keys |= {text(line.get(fields.charge_key_field)) for line in row.get("lines") or ()}
        for key in keys:
            if is_ours(key):
                index[key].append(row)
    return index
