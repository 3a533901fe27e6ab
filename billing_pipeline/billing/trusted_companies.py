"""Which companies are their client's by their external id alone, where the settings trust it.

An external id is a free text in Pax8: it can be the number of another PSA, or of another client. So it is believed
only where nothing else is known: for a client that a person wrote into clients.csv with that HaloPSA id and without a
company, and for one company only.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing_pipeline.billing.mapping_rows import ClientRow


@dataclass(frozen=True)
class Trusted:
    """By company id: the row of the client that its external id names, or why that is not believed."""

    clients: Mapping[str, ClientRow]
    refused: Mapping[str, str]


def trust_external_ids(external_ids: Mapping[str, str], clients: Sequence[ClientRow]) -> Trusted:
    """Judge the external ids of companies without a row, all of them together; empty ones say nothing."""
    rows: dict[str, list[ClientRow]] = defaultdict(list)
    for row in clients:
        if row.halopsa_client_id is not None:
            rows[str(row.halopsa_client_id)].append(row)
    claims: dict[str, list[str]] = defaultdict(list)
    for company_id, external_id in sorted(external_ids.items()):
        if external_id.strip():
            claims[external_id.strip()].append(company_id)
    trusted: dict[str, ClientRow] = {}
    refused: dict[str, str] = {}
    for external_id, companies in claims.items():
        why = _why_not(external_id, rows.get(external_id, []), companies)
        for company_id in companies:
            if why is None:
                trusted[company_id] = rows[external_id][0]
            else:
                refused[company_id] = f"its externalId {external_id} is not trusted: {why}"
    return Trusted(trusted, refused)


def _why_not(external_id: str, rows: Sequence[ClientRow], companies: Sequence[str]) -> str | None:
    if not rows:
        return "no client of clients.csv has this HaloPSA id"
    client = rows[0].client
    if any(row.pax8_company_id is not None for row in rows):
        return f"client {client} (HaloPSA {external_id}) has another company in clients.csv"
    if rows[0].excluded:
        return f"client {client} is excluded, and only a row of its own may exclude a company"
    if len(companies) > 1:
        return f"{len(companies)} companies have it"
    return None
