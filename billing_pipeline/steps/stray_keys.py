"""Our keys where they do not belong: on a second document, or on one that the journal knows nothing of."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing_pipeline.billing.keys import is_ours, is_slot
from billing_pipeline.billing.settings import HaloPsaFields
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.changed_lines import net_amount
from billing_pipeline.steps.drift import Drift
from billing_pipeline.steps.halo_documents import Row
from billing_pipeline.steps.halo_facts import currency_codes, integer, text
from billing_pipeline.steps.key_fields import document_key_of, line_key
from billing_pipeline.steps.others_lines import name_target
from billing_pipeline.steps.posted_ledger import PostedDocument
from billing_pipeline.steps.record_corrections import claimed_keys
from billing_pipeline.steps.snapshots import latest_snapshot

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Owner:
    """Where a key was posted."""

    month: str
    client: str
    halopsa_id: int


def find_stray_keys(
    session: Session,
    month: str,
    rows: Sequence[Row],
    documents: Sequence[PostedDocument],
    clients: Mapping[int, str],
    fields: HaloPsaFields,
) -> list[Drift]:
    """Documents among `rows` that bear keys of this month's charges and are not theirs, or keys that nobody posted.

    `clients` are our client keys by HaloPSA's client id. A key of another month is left to that month, and a key of
    a posting that is still open is not known to be wrong. What HaloPSA issues from a recurring invoice bears its slots.
    A void document bills nothing, whatever it bears.
    """
    places = list(places_of_keys(rows, fields))
    owners = read_owners(session, {key for key, _, _ in places})
    in_flight = _read_keys_in_flight(session)
    slots_here = {line.slot_key for document in documents for line in document.kept if line.slot_key is not None}
    copied: dict[int, list[tuple[str, Row | None]]] = defaultdict(list)
    unknown: dict[int, list[tuple[str, Row | None]]] = defaultdict(list)
    by_id = {int(row["id"]): row for row in rows}
    for key, row_id, line in places:
        known = owners.get(key, ())
        if not known:
            if key not in in_flight:
                unknown[row_id].append((key, line))
        elif is_slot(key):
            if row_id < 0 and key in slots_here and row_id not in {owner.halopsa_id for owner in known}:
                copied[row_id].append((key, line))
        elif known[0].month == month and known[0].halopsa_id != row_id:
            copied[row_id].append((key, line))
    codes = currency_codes(latest_snapshot(session, "halopsa_currencies").rows)
    found = [_copy(by_id[row_id], borne, owners, codes) for row_id, borne in sorted(copied.items())]
    found += [_unknown(by_id[row_id], borne, clients, codes) for row_id, borne in sorted(unknown.items())]
    return found


def places_of_keys(rows: Iterable[Row], fields: HaloPsaFields) -> Iterable[tuple[str, int, Row | None]]:
    """Our keys on documents that are not void: the key, the document's id and the line, None where it is its own."""
    for row in rows:
        if row.get("voided"):
            continue
        key = document_key_of(row, fields)
        if is_ours(key):
            yield key, int(row["id"]), None
        for line in row.get("lines") or ():
            key = line_key(line, fields)
            if is_ours(key):
                yield key, int(row["id"]), line


def read_owners(session: Session, keys: Iterable[str]) -> dict[str, list[Owner]]:
    """Where each of the keys stands posted. Charges and documents stand once, slots month after month."""
    session.frame("keys_in_halopsa", {"key": "VARCHAR"}, [{"key": key} for key in sorted(keys)])
    owners: dict[str, list[Owner]] = defaultdict(list)
    for row in session.rows(
        "select charge_key as key, month, client, halopsa_invoice_id from document_lines "
        "semi join keys_in_halopsa on keys_in_halopsa.key = document_lines.charge_key where slot_key is null "
        "union all select distinct slot_key, month, client, halopsa_invoice_id from document_lines "
        "semi join keys_in_halopsa on keys_in_halopsa.key = document_lines.slot_key "
        "union all select document_key, month, client, halopsa_invoice_id from postings "
        "semi join keys_in_halopsa on keys_in_halopsa.key = postings.document_key where status = 'posted' "
        "order by all"
    ):
        owners[row["key"]].append(Owner(row["month"], row["client"], row["halopsa_invoice_id"]))
    return owners


def _read_keys_in_flight(session: Session) -> set[str]:
    keys: set[str] = set()
    for row in session.rows("select detail from postings where status in ('sending', 'unknown')"):
        document = json.loads(row["detail"])["document"]
        keys.add(document["document_key"])
        keys.update(claimed_keys(document))
        for line in document["lines"]:
            keys.update(key for key in (line["charge_key"], line["slot_key"]) if key)
    return keys


def _copy(
    row: Row, borne: Sequence[tuple[str, Row | None]], owners: Mapping[str, Sequence[Owner]], codes: Mapping[int, str]
) -> Drift:
    owner = owners[borne[0][0]][0]
    homes = sorted({owners[key][0].halopsa_id for key, _ in borne}, key=abs)
    named = ", ".join(name_target(home) for home in homes)
    todo = f"Delete there what bills twice: {_describe(borne)} belong on {named}."
    return _stray(row, borne, "key_twice", owner.client, f"posted on {named}", "here too", todo, codes)


def _unknown(
    row: Row, borne: Sequence[tuple[str, Row | None]], clients: Mapping[int, str], codes: Mapping[int, str]
) -> Drift:
    client = clients.get(integer(row.get("client_id")) or 0)
    todo = (
        f"The journal does not have {_describe(borne)} as posted. Look where it comes from (another database, a "
        "request that arrived late) before anything is posted for this client; delete it there if it bills twice."
    )
    return _stray(row, borne, "key_unknown", client, "not known", "there", todo, codes)


def _stray(
    row: Row,
    borne: Sequence[tuple[str, Row | None]],
    kind: str,
    client: str | None,
    was: str,
    now: str,
    todo: str,
    codes: Mapping[int, str],
) -> Drift:
    lines = [line for _, line in borne if line is not None]
    currency = codes.get(integer(row.get("currency_code")) or 0) or (next(iter(codes.values())) if codes else "")
    billed = sum((net_amount(line, currency) for line in lines if not line.get("isinactive")), _ZERO)
    documents = [key for key, line in borne if line is None]
    return Drift(
        kind=kind,
        client=client,
        document_key=documents[0] if documents else None,
        charge_key=borne[0][0] if len(borne) == 1 and lines and not is_slot(borne[0][0]) else None,
        halopsa_id=int(row["id"]),
        line_id=integer(lines[0].get("id")) if len(lines) == 1 else None,
        name=text(lines[0].get("item_shortdescription")) if len(lines) == 1 else "",
        was=was,
        now=now,
        todo=todo,
        currency=currency,
        sell_was=_ZERO,
        sell_now=billed,
    )


def _describe(borne: Sequence[tuple[str, Any]]) -> str:
    keys = [key for key, _ in borne]
    more = f" and {len(keys) - 2} more keys of ours" if len(keys) > 2 else ""
    return f"{', '.join(keys[:2])}{more}"
