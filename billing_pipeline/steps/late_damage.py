"""Whether lines of others are as they were on documents that we changed: asked once more of the bulk read at the end.

The answer to the change said so. What differs now came later, or is what this HaloPSA does without saying.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.halo_documents import Row
from billing_pipeline.steps.others_lines import Damage, find_damage, read_target_row
from billing_pipeline.steps.posting_state import Posting


def read_changed_documents(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of the postings `rows`, those whose existing document is to be looked at: changed with an answer, not read back
    yet, with nothing told of its other lines, and with no later change of ours on the same document."""
    newest = session.rows(
        "with told as (select document_key, max(seq) filter (event = 'sending') as sent, "
        "arg_max(event, seq) filter (event in ('posted', 'adopted', 'settled')) as outcome from posting_journal "
        "group by document_key having not bool_or(event = 'others_changed')), "
        "changes as (select document_key, sent, outcome, "
        "json_extract_string(detail, '$.document.target_id')::bigint as target_id "
        "from postings join told using (document_key) where status in ('posted', 'sending', 'unknown')) "
        "select arg_max(document_key, sent) as document_key, arg_max(outcome, sent) as outcome from changes "
        "where target_id is not null group by target_id"
    )
    appeared = session.rows("select document_key from findings where kind = 'lines_appeared'")
    wanted = {row["document_key"] for row in newest if row["outcome"] == "posted"}
    wanted -= {row["document_key"] for row in appeared}
    return [row for row in rows if row["read_back_at"] is None and row["document_key"] in wanted]


def find_late_damage(posting: Posting, rows: Sequence[Mapping[str, Any]], by_id: dict[int, Row]) -> dict[str, Damage]:
    """What became of the lines of others on changed documents, by document key; those that are as they were left out.

    `by_id` are the documents as the bulk read has them. One that differs there is read by its id, for a list may leave
    fields out; that takes its place in `by_id`. Raises what the HaloPSA client raises for reads.
    """
    late = {}
    for row in rows:
        halopsa_id, detail = int(row["halopsa_invoice_id"]), json.loads(row["detail"])
        document, others = detail["document"], detail["others"]
        if halopsa_id not in by_id or not _differs(find_damage(others, by_id[halopsa_id], document, posting.fields)):
            continue
        whole = read_target_row(posting.halo, halopsa_id)
        if whole is None:
            del by_id[halopsa_id]
            continue
        by_id[halopsa_id] = whole
        damage = find_damage(others, whole, document, posting.fields)
        if _differs(damage):
            late[row["document_key"]] = damage
    return late


def _differs(damage: Damage) -> bool:
    return bool(damage or damage.strange)
