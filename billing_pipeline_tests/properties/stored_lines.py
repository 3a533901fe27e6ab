"""Lines that three clients have alike, stored as if they had been fetched, and what the steps in SQL make of them.

No HTTP and no file to open: an example is two steps on a database that stays open, which is why there may be many.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from billing_pipeline.billing.pax8_items import read_items
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.modify import modify
from billing_pipeline.steps.normalize import normalize
from billing_pipeline.steps.snapshots import store_snapshot
from billing_pipeline.steps.work import Work
from billing_pipeline_tests.golden.case_files import MONTH, Row
from billing_pipeline_tests.golden.case_run import NOW
from billing_pipeline_tests.open_warehouse import OpenWarehouse

INVOICE = "44444444-4444-4444-8444-444444444444"
CONTENT = "the lines of the example"
# By client the Pax8 company: three that have rows in clients.csv and the same lines, and what belongs to nobody.
ALIKE: dict[str, str | None] = {"first": "company-1", "second": "company-2", "third": "company-3"}
NOBODYS: dict[str, str | None] = {"pax8-company-4": "company-4", "unassigned": None}

Money = dict[str, tuple[Decimal, Decimal]]


@dataclass(frozen=True)
class Made:
    """What became of a client's lines: by name class, outcome and reason; its collapsed lines, and its money."""

    fates: Mapping[str, tuple[Any, ...]]
    collapsed: Sequence[tuple[Any, ...]]
    source: Money
    billed: Money
    not_billed: Money


class StoredLines:
    """A warehouse that stays open, with a fetched month whose lines each example replaces."""

    def __init__(self, folder: Path) -> None:
        (folder / "billing.yaml").touch()
        (folder / "clients.csv").write_text(
            "client,name,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id\n"
            + "".join(f"{client},{client},{number},{ALIKE[client]},false,,\n" for number, client in enumerate(ALIKE, 1))
        )
        self._folder = folder
        with Warehouse(folder / "billing.duckdb").session("make the tables"):
            pass
        warehouse = OpenWarehouse(folder / "billing.duckdb")
        self._work = Work(MONTH, (*ALIKE, *NOBODYS), warehouse, load_settings(folder), NOW, "properties")
        with warehouse.session("store a fetched month") as session:
            store_snapshot(
                session, "halopsa_clients", [{"id": 1}, {"id": 2}, {"id": 3}], "here", NOW.replace(tzinfo=None)
            )
            head = {"version_id": 1, "integration": "pax8", "month": MONTH, "invoice_id": INVOICE}
            said = {"content_hash": CONTENT, "status": "Unpaid", "invoice_date": NOW.date()}
            session.insert("raw_invoices", [{**head, **said}])
            fetch = {"fetch_id": 1, "integration": "pax8", "month": MONTH, "invoice_versions": [1]}
            session.insert("raw_fetches", [fetch])

    def make(self, lines: Sequence[Row], modifiers: Mapping[str, Mapping[str, Any]]) -> dict[str, Made]:
        """Normalise and modify these lines under the modifiers of each client, and read what became of them."""
        clients = {client: {"settings": {"modifiers": dict(chosen)}} for client, chosen in modifiers.items()}
        (self._folder / "billing.yaml").write_text(yaml.safe_dump({"clients": clients}))
        work = replace(self._work, config=load_settings(self._folder))
        with work.warehouse.session("store the lines") as session:
            session.execute("delete from raw_invoice_items")
            read = [{**item.columns, "content_hash": CONTENT} for item in read_items(INVOICE, lines)]
            session.insert("raw_invoice_items", [{**row, "too_precise": [], "unreadable": []} for row in read])
        normalize(work)
        modify(work)
        with work.warehouse.session("look") as session:
            rows = session.rows(
                "select client, source_line_id, row_kind, line_class, outcome, reason, collapse_group, member_count, "
                "currency, sell, cost from modified_charges order by all"
            )
        by_client: dict[str, list[Row]] = {client: [] for client in work.clients}
        for row in rows:
            by_client[row["client"]].append(row)
        return {client: _read(found) for client, found in by_client.items()}


def for_client(client: str, lines: Mapping[str, Row]) -> list[Row]:
    """The lines as this client has them on the invoice."""
    company = {**ALIKE, **NOBODYS}[client]
    return [{**row, "id": f"{client} {name}", "companyId": company} for name, row in lines.items()]


def money(rows: Iterable[Mapping[str, Any]], sell: str = "sell", cost: str = "cost") -> Money:
    """Σ sell and Σ cost by currency."""
    sums: Money = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for row in rows:
        currency = row.get("currency") or row["currencyCode"]
        sums[currency] = (sums[currency][0] + row[sell], sums[currency][1] + row[cost])
    return dict(sums)


def add(one: Money, other: Money) -> Money:
    """Both sums together."""
    nothing = (Decimal(0), Decimal(0))
    return {
        currency: (
            one.get(currency, nothing)[0] + other.get(currency, nothing)[0],
            one.get(currency, nothing)[1] + other.get(currency, nothing)[1],
        )
        for currency in {*one, *other}
    }


def _read(rows: Sequence[Row]) -> Made:
    lines = [row for row in rows if row["row_kind"] == "line"]
    collapsed = [row for row in rows if row["row_kind"] == "collapsed"]
    columns = ("line_class", "outcome", "reason", "collapse_group", "currency", "sell", "cost")
    return Made(
        fates={row["source_line_id"].partition(" ")[2]: tuple(row[column] for column in columns) for row in lines},
        collapsed=[
            tuple(row[column] for column in ("collapse_group", "member_count", "currency", "sell", "cost"))
            for row in collapsed
        ],
        source=money(lines),
        billed=money([*(row for row in lines if row["outcome"] == "kept"), *collapsed]),
        not_billed=money(row for row in lines if row["outcome"] not in ("kept", "collapsed")),
    )
