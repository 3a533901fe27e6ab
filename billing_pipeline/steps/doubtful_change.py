"""Whether a change of a recurring invoice that does not stand there as planned may have been billed all the same.

It may have arrived, been issued, and been edited since: what stands there now says nothing of what was issued.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.halopsa_days import read_day
from billing_pipeline.billing.keys import is_ours
from billing_pipeline.billing.names import is_same_name
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.billing.templates import was_issued
from billing_pipeline.steps.changed_lines import is_like
from billing_pipeline.steps.halo_documents import Row, key_in_halo
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.halo_targets import issue_mark, line_content
from billing_pipeline.steps.key_fields import line_key
from billing_pipeline.steps.others_lines import Content, describe_changes, name_target, replaced_ids


def read_our_lines(row: Row, document: Row, fields: HaloPsaFields) -> list[dict[str, Any]]:
    """The lines of a document that a planned update rewrites or ends, as they are."""
    ours = replaced_ids(document)
    return [line_content(line, fields) for line in row.get("lines") or () if line["id"] in ours]


def find_doubt(
    document: Mapping[str, Any],
    before: Sequence[Content] | None,
    others: Sequence[Content],
    row: Row | None,
    invoices: Sequence[Row],
    fields: HaloPsaFields,
) -> str | None:
    """Why a planned change that is not on `row` may have been billed, with what settles it; None where it was not.

    `row` is the recurring invoice now, None where it is gone; `before` are our lines as they were when the change was
    sent, None where nobody wrote that down, `others` those of others; `invoices` are those of HaloPSA that may have
    been issued since.
    """
    target_id, mark = document["target_id"], document["issue_mark"]
    issued = _issued_since(document, invoices, fields)
    if row is None:
        billing = [one for one in issued if _may_bill_it(one, document, fields)]
        if not billing:
            return None
        return (
            f"{name_target(target_id)} is gone, and HaloPSA issued {_name_invoices(billing)} from it since: void what "
            "bills these lines there, and they are planned anew"
        )
    touched = None if before is None else _what_was_touched(document, before, others, row, fields)
    is_issued = was_issued(mark, issue_mark(row, fields))
    planned = "; ".join(_what_is_not_as_planned(document, row, fields))
    if touched == [] or (touched is None and not is_issued):
        billing = find_billing(document, invoices, fields)
        if not billing:
            return None
        return (
            f"{_name_invoices(billing)} that HaloPSA issued from {name_target(target_id)} bears its lines, so that the "
            f"change did arrive, and what it wrote stands there no more. Set it there as planned ({planned}), or void "
            "what was issued, and it is planned anew"
        )
    was = "; ".join(touched) if touched else "which was not written down"
    lines = f"its lines there are neither as planned ({planned}) nor surely as they were ({was})"
    if not is_issued:
        # A plan made anew may wait, as for an approval, until what stands there was issued.
        return f"{name_target(target_id)} was edited since, and {lines}: set them there as planned"
    return (
        f"HaloPSA issued {name_target(target_id)} since ({_name_invoices(issued)}), and {lines}. Look at what was "
        "issued: if it bills these lines, set them there as planned, and if it does not, as they were"
    )


def find_billing(document: Mapping[str, Any], invoices: Sequence[Row], fields: HaloPsaFields) -> list[Row]:
    """The invoices that HaloPSA issued since the change of a recurring invoice was sent, and that bill that change."""
    return [row for row in _issued_since(document, invoices, fields) if _bills_it(row, document, fields)]


def _bills_it(row: Row, document: Mapping[str, Any], fields: HaloPsaFields) -> bool:
    """Whether an issued invoice has a line of the change: one that the change added, or one with its texts."""
    there = {line_key(line, fields): line for line in row.get("lines") or ()}
    return any(
        planned["target_line_id"] is None
        or (
            is_same_name(planned["short_description"], text(line.get("item_shortdescription")))
            and is_same_name(planned["long_description"], text(line.get("item_longdescription")))
        )
        for planned in document["lines"]
        if (line := there.get(key_in_halo(planned))) is not None
    )


def _issued_since(document: Row, invoices: Sequence[Row], fields: HaloPsaFields) -> list[Row]:
    last = _last_issue(document["issue_mark"], fields)
    slots = {key_in_halo(line) for line in document["lines"]}
    issued: dict[int, Row] = {}
    for row in invoices:
        day = read_day(row.get("invoice_date"), fields.zone)
        if row.get("voided") or (last is not None and day is not None and day <= last):
            continue
        bears = any(line_key(line, fields) in slots for line in row.get("lines") or ())
        if bears or integer(row.get("recurring_invoice_id")) == document["target_id"]:
            issued[int(row["id"])] = row
    return [row for _, row in sorted(issued.items())]


def _last_issue(mark: str, fields: HaloPsaFields) -> date | None:
    """The day of the last issue in an issue mark. That is a moment, and who issues goes by the day in UTC or by the
    tenant's: the later of both, for the next issue is at least a week away."""
    moment = mark.partition("|")[0]
    return max((day for zone in (UTC, fields.zone) if (day := read_day(moment, zone)) is not None), default=None)


def _name_invoices(rows: Sequence[Row]) -> str:
    return f"invoice {', '.join(str(row['id']) for row in rows)}" if rows else "an invoice that is not found"


def _what_was_touched(
    document: Row, before: Sequence[Content], others: Sequence[Content], row: Row, fields: HaloPsaFields
) -> list[str]:
    """How our lines differ from what they were when the change was sent; empty where they do not."""
    now = {line["id"]: line_content(line, fields) for line in row.get("lines") or ()}
    said = [f"line {old['id']} vanished" for old in before if old["id"] not in now]
    for old in before:
        changes = describe_changes(old, now[old["id"]]) if old["id"] in now else ""
        if changes:
            said.append(f"line {old['id']}: {changes}")
    added = [line for line in document["lines"] if line["target_line_id"] is None]
    awaited = {key_in_halo(line) for line in added}
    known = {content["id"] for content in (*before, *others)}
    for line in row.get("lines") or ():
        key = line_key(line, fields)
        # Without its key a line that we added is known by what it is.
        nameless = line["id"] not in known and not is_ours(key) and any(_is_like(line, one, document) for one in added)
        if key in awaited or nameless:
            said.append(f"line {line['id']} was not there")
    return said


def _may_bill_it(row: Row, document: Mapping[str, Any], fields: HaloPsaFields) -> bool:
    """Whether an issued invoice may have a line of the change: one of its slots, or one without a key like it."""
    slots = {key_in_halo(line) for line in document["lines"]}
    for line in row.get("lines") or ():
        key = line_key(line, fields)
        if key in slots or (not is_ours(key) and any(_is_like(line, one, document) for one in document["lines"])):
            return True
    return False


def _is_like(line: Row, planned: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    return is_like(
        line, planned["item_id"], planned["short_description"], Decimal(planned["sell"]), document["currency"]
    )


def _what_is_not_as_planned(document: Row, row: Row, fields: HaloPsaFields) -> list[str]:
    said = []
    lines = {line_key(line, fields): line for line in row.get("lines") or ()}
    for planned in document["lines"]:
        line = lines.get(key_in_halo(planned))
        wanted = (
            f"{planned['quantity']} x {planned['unit_price']}, {planned['short_description']!r}, "
            f"{planned['long_description']!r}"
        )
        key = f"the key {key_in_halo(planned)} in {fields.charge_key_field}"
        name = f"a line with {key}" if line is None else f"line {line['id']}"
        said.append(f"{name} with {wanted}")
    active = [line["id"] for line in row.get("lines") or () if line["id"] in document["deactivate"]]
    return said + [f"line {line_id} inactive" for line_id in active]
