"""The taxes and account codes that HaloPSA had when it was last looked at."""

from billing_pipeline.billing.known_codes import KnownCodes
from billing_pipeline.resources.warehouse import Session
from billing_pipeline.steps.account_codes import EXPENSE, INCOME
from billing_pipeline.steps.halo_facts import integer, text
from billing_pipeline.steps.snapshots import Snapshot, newest_snapshot


def read_known_codes(session: Session) -> tuple[KnownCodes, list[int]]:
    """The codes of the newest snapshots, and the ids of these; a kind of which there is none stays unknown."""
    taxes, accounts = newest_snapshot(session, "halopsa_taxes"), newest_snapshot(session, "halopsa_account_codes")
    tax_ids = None if taxes is None else frozenset(filter(None, (integer(row.get("id")) for row in taxes.rows)))
    known = KnownCodes(tax_ids, _codes(accounts, INCOME), _codes(accounts, EXPENSE))
    return known, [snapshot.snapshot_id for snapshot in (taxes, accounts) if snapshot is not None]


def _codes(accounts: Snapshot | None, kind: str) -> frozenset[str]:
    rows = () if accounts is None else accounts.rows
    return frozenset(text(row.get("code")) for row in rows if row.get("kind") == kind)
