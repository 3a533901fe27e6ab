"""What existing HaloPSA documents held when a plan saw them, from the snapshots that are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.document_changes import LineState, StandingLine
from billing_pipeline.billing.exact_json import read_exact_json
from billing_pipeline.billing.money import parse_amount
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.halo_targets import observed_hash, read_target
from billing_pipeline.steps.read_targets import INVOICES_KIND

_KINDS = (INVOICES_KIND, "halopsa_recurring_invoices")


@dataclass(frozen=True)
class Sought:
    """A document as a plan saw it: its id, the hash of what was seen, and the snapshots that the plan was made from."""

    target_id: int
    target_hash: str
    snapshot_ids: tuple[int, ...]


def read_standing_lines(
    session: Session, sought: Sequence[Sought], fields: HaloPsaFields
) -> dict[tuple[int, str], tuple[StandingLine, ...]]:
    """The lines of each document as it was seen, by its id and hash; what no snapshot holds is left out."""
    wanted = {(one.target_id, one.target_hash) for one in sought}
    snapshots = sorted({snapshot_id for one in sought for snapshot_id in one.snapshot_ids})
    found = _match(_read_rows(session, wanted, snapshots), wanted, fields)
    left = wanted - found.keys()
    if left:
        # The same plan may have been sealed again on a target that somebody had changed meanwhile.
        found.update(_match(_read_rows(session, left, None), left, fields))
    return found


def _read_rows(
    session: Session, wanted: set[tuple[int, str]], snapshots: Sequence[int] | None
) -> list[Mapping[str, Any]]:
    if not wanted:
        return []
    rows = session.rows(
        "select distinct payload from snapshot_rows semi join (select kind, content_hash from snapshots "
        "where $every or snapshot_id in (select unnest($snapshots::bigint[]))) using (kind, content_hash) "
        "where kind in (select unnest($kinds::text[])) and row_id in (select unnest($ids::text[]))",
        {
            "every": snapshots is None,
            "snapshots": list(snapshots or ()),
            "kinds": list(_KINDS),
            "ids": sorted({str(target_id) for target_id, _ in wanted}),
        },
    )
    return [read_exact_json(row["payload"]) for row in rows]


def _match(
    rows: Sequence[Mapping[str, Any]], wanted: set[tuple[int, str]], fields: HaloPsaFields
) -> dict[tuple[int, str], tuple[StandingLine, ...]]:
    found = {}
    for row in rows:
        seen = (int(row["id"]), observed_hash(row, fields))
        if seen in wanted:
            found[seen] = standing_lines(row, fields)
    return found


def standing_lines(row: Mapping[str, Any], fields: HaloPsaFields) -> tuple[StandingLine, ...]:
    """The lines of a HaloPSA document, in their order."""
    lines = row.get("lines") or ()
    seen = read_target(row, fields).lines
    return tuple(
        StandingLine(one.line_id, bool(one.key), _state(line, one.net, one.inactive))
        for line, one in zip(lines, seen, strict=True)
    )


def _state(line: Mapping[str, Any], net: Decimal, inactive: bool) -> LineState:
    quantity = parse_amount(line.get("qty_order"))
    quantity = Decimal(1) if quantity is None else quantity
    return LineState(
        text=text(line.get("item_shortdescription")),
        long_text=text(line.get("item_longdescription")),
        quantity=quantity,
        unit_price=parse_amount(line.get("unit_price")) or Decimal(0),
        sell=net,
        cost=(parse_amount(line.get("unit_cost")) or Decimal(0)) * quantity,
        inactive=inactive,
        item_id=integer(line.get("_itemid")),
        item_reference=None,
        tax_id=integer(line.get("tax_code")),
        account=text(line.get("nominal_code")) or None,
    )
