"""A posted month that is to be released."""

from typing import Any

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, Json, bill, licence, make_world

TABLES = ("postings", "posted_lines", "posted_source_lines", "corrections", "posting_journal", "holds", "plans")


def post_october(provider: Provider, target: str = "new", **others: Any) -> None:
    """Post Mail and Backup, 40.00 in all, for Acme, and Voice over 7.00 for Birch."""
    lines = [licence("mail", ACME, "10.00"), licence("backup", ACME, "30.00"), licence("voice", BIRCH, "7.00")]
    behaviour = {"target": target, "non_recurring": target}
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], **others), [ACME, BIRCH], behaviour)
    provider.close()


def document_of(provider: Provider, client: str = "client-1") -> int:
    (row,) = provider.rows(
        "select halopsa_invoice_id as id from postings where client = ? and status = 'posted'", client
    )
    return int(row["id"])


def line_of(provider: Provider, document_id: int, name: str) -> int:
    lines = provider.document(document_id)["lines"]
    return next(int(line["id"]) for line in lines if line["item_shortdescription"] == name)


def contents(provider: Provider) -> dict[str, list[Json]]:
    return {table: provider.rows(f"select * from {table} order by all") for table in TABLES}


def adds_up(provider: Provider, month: str = OCTOBER) -> bool:
    return provider.prove(month).whole and None not in provider.fates(month)


def delete_ours(provider: Provider, document_id: int) -> None:
    """Let an agent delete what we put on a document."""
    if document_id > 0 and provider.document(document_id)["reference"].startswith("bp-d-"):
        provider.agent("delete", document_id)
        return
    for name, _, _ in provider.ours(document_id):
        provider.agent("delete_line", document_id, line_id=line_of(provider, document_id, name))
