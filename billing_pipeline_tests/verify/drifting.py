"""A posted month that people change in HaloPSA."""

from typing import Any

from billing_pipeline_tests.behaviours.provider import Provider
from billing_pipeline_tests.behaviours.world import ACME, BIRCH, OCTOBER, Json, bill, licence, make_world

# A HaloPSA client that clients.csv does not name.
NOBODY = 299


def post_october(provider: Provider, target: str = "new", **others: Any) -> Json:
    """Post a Mail of 10.00 and a Backup of 30.00 for Acme; the document that they came to stand on."""
    lines = [licence("mail", ACME, "10.00", "8.00"), licence("backup", ACME, "30.00", "21.00", quantity=3)]
    behaviour = {"target": target}
    provider.set_up(make_world([ACME, BIRCH], [bill(OCTOBER, *lines)], **others), [ACME, BIRCH], behaviour)
    provider.close()
    (posted,) = provider.rows("select halopsa_invoice_id as id from postings where status = 'posted'")
    return provider.document(posted["id"])


def line_of(document: Json, name: str) -> int:
    return next(line["id"] for line in document["lines"] if line["item_shortdescription"] == name)


def copy_of(document: Json, **fields: Any) -> Json:
    return {
        "fields": {
            "client_id": document["client_id"],
            "invoice_date": document["invoice_date"],
            "currency_code": document["currency_code"],
            **fields,
        },
        "lines": [{name: value for name, value in line.items() if name != "id"} for line in document["lines"]],
    }
