"""A planned document as HaloPSA takes it, and a HaloPSA document as we compare it with the plan."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.credited_invoices import name_documents
from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.money import as_stored, parse_amount, round_amount, show_amount
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.steps.halo_facts import integer
from billing_pipeline.steps.key_fields import document_key_of, empty_elsewhere, keys_on, line_key

Row = Mapping[str, Any]


@dataclass(frozen=True)
class FoundLine:
    """One of our lines as HaloPSA has it; `charge_key` is the key it bears, amounts are in the minor unit.

    `pro_rata_rows` are those that HaloPSA added and has not billed yet.
    """

    charge_key: str
    line_id: int | None
    sell: Decimal
    cost: Decimal
    inactive: bool = False
    pro_rata_rows: int = 0


@dataclass(frozen=True)
class FoundDocument:
    """A HaloPSA document that bears our keys. `tax` is HaloPSA's own figure, of a document of others for our lines.

    `not_ended` are ids of lines of ours that should be inactive and are not.
    """

    invoice_id: int
    client_id: int | None
    document_key: str | None
    lines: tuple[FoundLine, ...]
    other_lines: int
    tax: Decimal | None
    not_ended: tuple[int, ...] = ()
    voided: bool = False
    currency_id: int | None = None

    @property
    def sell(self) -> Decimal:
        """Σ of our lines' net amounts."""
        return sum((line.sell for line in self.lines), Decimal(0))

    @property
    def cost(self) -> Decimal:
        """Σ of our lines' costs."""
        return sum((line.cost for line in self.lines), Decimal(0))


def to_halo(document: Row, item_ids: Mapping[str, int], fields: HaloPsaFields) -> dict[str, Any]:
    """The body of the POST for a document of a sealed plan (its JSON). Drafts only: never `posted: true`.

    `item_ids` are the ids of items that were created for it, by reference.
    """
    corrected = name_documents(pair["old_halopsa_invoice_id"] for pair in document.get("corrects", ()))
    undone = name_documents(pair["reversed_halopsa_invoice_id"] for pair in document.get("reverses", ()))
    said = f"Corrects {corrected}" if corrected else f"Takes back {undone}" if undone else ""
    # Where the key takes the place of the note, the reference is free for it.
    noted_in = "reference" if fields.document_key_field == "internal_note" else "internal_note"
    note = {noted_in: said} if said else {}
    return {
        **note,
        "client_id": document["billed_client_id"],
        "invoice_date": f"{document['invoice_date']}T00:00:00",
        "currency_code": document["currency_id"],
        fields.document_key_field: document["document_key"],
        "posted": False,
        "lines": [_line_to_halo(line, item_ids, fields) for line in document["lines"]],
    }


def to_halo_update(existing: Row, document: Row, item_ids: Mapping[str, int], fields: HaloPsaFields) -> dict[str, Any]:
    """The body of the POST that changes an existing document: every line whole, as it was read, with ours among them.

    `lines` is a replace set, so a line left out would be deleted.
    """
    replaced = {line["target_line_id"]: line for line in document["lines"] if line["target_line_id"] is not None}
    lines = []
    for line in existing.get("lines") or ():
        if line["id"] in document["deactivate"]:
            lines.append({**line, "isinactive": True})
        elif line["id"] in replaced:
            lines.append(_in_place(line, _line_to_halo(replaced[line["id"]], item_ids, fields), fields))
        else:
            lines.append(dict(line))
    lines += [_line_to_halo(line, item_ids, fields) for line in document["lines"] if line["target_line_id"] is None]
    body = {"id": existing["id"], "lines": lines}
    if existing.get("change_seq") is not None:
        body["change_seq"] = existing["change_seq"]
    return body


def _in_place(line: Row, ours: Mapping[str, Any], fields: HaloPsaFields) -> dict[str, Any]:
    """A line of ours with this month's content; what an agent added to it stays, what belongs to the old one goes."""
    kept = dict(line)
    if ours["_itemid"] != integer(line.get("_itemid")):
        kept.pop("item_code", None)
    if integer(line.get("tax_code")) is not None:
        # A scalar that is left out stays; 0 is how HaloPSA says that a line has no tax of its own.
        kept["tax_code"] = "0"
    return {**kept, **ours, **empty_elsewhere(line, fields), "isinactive": False}


def key_in_halo(line: Row) -> str:
    """The key that a planned line bears in HaloPSA: on recurring lines its slot, for item ids change every month."""
    return str(line["slot_key"] or line["charge_key"])


def _line_to_halo(line: Row, item_ids: Mapping[str, int], fields: HaloPsaFields) -> dict[str, Any]:
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


def read_document(row: Row, document: Row, fields: HaloPsaFields, added_since: Collection[str] = ()) -> FoundDocument:
    """A HaloPSA invoice with its lines, as far as it concerns the planned document.

    On a document that others made, that is our planned lines alone. On one that we made, lines that bear a key of
    `added_since` came with another document of ours and are left out, and so is their tax.
    """
    currency, updates = document["currency"], document["action"] != "create"
    planned = {key_in_halo(line) for line in document["lines"]}
    lines, others, is_shared = [], 0, updates
    for line in row.get("lines") or ():
        key = line_key(line, fields)
        if key in added_since and key not in planned:
            is_shared = True
            continue
        if not is_ours(key) or (updates and key not in planned):
            others += 0 if updates else 1
            continue
        quantity = parse_amount(line.get("qty_order"))
        quantity = Decimal(1) if quantity is None else quantity
        net = parse_amount(line.get("net_amount"))
        if net is None:
            net = (parse_amount(line.get("unit_price")) or Decimal(0)) * quantity
        cost = (parse_amount(line.get("unit_cost")) or Decimal(0)) * quantity
        lines.append(
            FoundLine(
                key,
                integer(line.get("id")),
                round_amount(net, currency),
                round_amount(cost, currency),
                inactive=bool(line.get("isinactive")),
                pro_rata_rows=sum(not one.get("isinvoiced") for one in line.get("prorata_data") or ()),
            )
        )
    key = document_key_of(row, fields)
    return FoundDocument(
        invoice_id=int(row["id"]),
        client_id=integer(row.get("client_id")),
        document_key=key if is_ours(key) else None,
        lines=tuple(sorted(lines, key=lambda line: (line.charge_key, line.line_id or 0))),
        other_lines=others,
        tax=read_tax(row, planned, fields) if is_shared else _stored_tax(parse_amount(row.get("tax_total"))),
        not_ended=tuple(
            int(line["id"])
            for line in row.get("lines") or ()
            if line["id"] in document["deactivate"] and not line.get("isinactive")
        ),
        voided=bool(row.get("voided")),
        currency_id=integer(row.get("currency_code")),
    )


def read_tax(row: Row, planned: Collection[str], fields: HaloPsaFields) -> Decimal | None:
    """The tax of our lines of a document; None where HaloPSA does not say it line by line."""
    total = Decimal(0)
    for line in row.get("lines") or ():
        if line_key(line, fields) not in planned:
            continue
        tax = parse_amount(line.get("tax_amount"))
        if tax is None:
            return None
        total += tax
    return _stored_tax(total)


def _stored_tax(tax: Decimal | None) -> Decimal | None:
    """A tax as the database keeps it: HaloPSA computes with doubles, whose dust has more decimals than that."""
    return None if tax is None else as_stored(tax)


def differences(document: Row, found: FoundDocument) -> list[str]:
    """How HaloPSA's document differs from the planned one: state, client, currency, lines, amounts; empty to the cent.

    What HaloPSA added to our lines of its own accord, and will bill besides, is a difference too.
    """
    return [*plain_differences(document, found), *_pro_rata_rows(found)]


def plain_differences(document: Row, found: FoundDocument) -> list[str]:
    """How HaloPSA's document differs in what we wrote."""
    said = ["it is voided"] if found.voided else []
    currency = document["currency"]
    if found.client_id != document["billed_client_id"]:
        said.append(f"it is on HaloPSA client {found.client_id}, planned on {document['billed_client_id']}")
    # An answer may leave the currency out.
    if found.currency_id not in (None, document["currency_id"]):
        said.append(f"it has HaloPSA's currency {found.currency_id}, planned {document['currency_id']}")
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
        if ours[0].inactive:
            said.append(f"{name} is inactive")
    said += [f"a line that was not planned: {key}" for key in sorted(by_key)]
    said += [f"line {line_id} ended and is still active" for line_id in found.not_ended]
    if found.other_lines:
        said.append(f"{found.other_lines} lines that are not ours")
    return said


def _pro_rata_rows(found: FoundDocument) -> list[str]:
    return [
        f"line {line.line_id} ({line.charge_key}) got {line.pro_rata_rows} pro-rata rows from HaloPSA, which its next "
        "issue bills besides: delete them there"
        for line in found.lines
        if line.pro_rata_rows
    ]


def index_by_key(rows: Sequence[Row], fields: HaloPsaFields) -> dict[str, list[Row]]:
    """HaloPSA documents by each of our keys that they bear, document keys and charge keys alike."""
    index: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for key in keys_on(row, fields):
            index[key].append(row)
    return index
