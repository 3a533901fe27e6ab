"""A month of one invoice, driven step by step without Dagster: real Pax8 and HaloPSA over HTTP, a real DuckDB file."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline.steps import fetch_invoices, modify, normalize, plan, post, prove, reconcile, snapshots
from billing_pipeline.steps.map_companies import clients_of_month
from billing_pipeline.steps.work import Work
from billing_pipeline_tests.open_warehouse import OpenWarehouse
from billing_pipeline_tests.ready_made import copy_empty_warehouse

MONTH = "2026-10"
NOW = datetime(2026, 10, 6, 15, 0, tzinfo=UTC)
INVOICE = "44444444-4444-4444-8444-444444444444"
ACME = "11111111-1111-4111-8111-111111111111"
BIRCH = "11111111-1111-4111-8111-222222222222"
AZURE_SUBSCRIPTION = "99999999-9999-4999-8999-999999999999"
CLIENTS_CSV = "client,name,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id\n"
PRODUCTS_CSV = "integration,product_id,sku,term,halopsa_item_id\n"
ACME_ROW = f"acme-dental,Acme Dental,246,{ACME},false,,\n"
BIRCH_ROW = f"birch-legal,Birch Legal,247,{BIRCH},false,,\n"
DEFAULT_ITEM: dict[str, Any] = {
    "product_lifecycle": {"enabled": True, "mode": "default_item"},
    "codes": {"item": 900},
}
Row = dict[str, Any]


def line(line_id: str | int | None, sell: str | None = "22.00", cost: str | None = "17.60", **changes: Any) -> Row:
    """A line of the invoice: by default one licence of Acme for October; `sell` and `cost` are the totals."""
    return {
        "id": line_id,
        "type": "subscription",
        "term": "Monthly",
        "companyId": ACME,
        "companyName": "Acme Dental",
        "purchaseOrderNumber": "N/A",
        "startPeriod": "2026-10-01",
        "endPeriod": "2026-10-31",
        "quantity": 1,
        "price": None if sell is None else Decimal(sell),
        "total": None if sell is None else Decimal(sell),
        "costTotal": None if cost is None else Decimal(cost),
        "currencyCode": "USD",
        "salesTax": 0,
        "sku": "MST-NCE-163-C100",
        "productId": "p-premium",
        "productName": "Microsoft 365 Business Premium",
        "description": "Microsoft 365 Business Premium",
        "vendorName": "Microsoft",
        **changes,
    }


def azure(line_id: str, sell: str = "10.00", cost: str = "9.00", **changes: Any) -> Row:
    """A line of Azure consumption of September, as Pax8 writes them."""
    usual = {
        "term": "Arrears",
        "startPeriod": "2026-09-01",
        "endPeriod": "2026-09-30",
        "sku": "MST-AZR-P1",
        "productId": "p-azure",
        "productName": "Microsoft Azure Plan",
        "description": f"Microsoft Azure Plan - Arrears Charge - Prod - {AZURE_SUBSCRIPTION} - Storage",
    }
    return line(line_id, sell, cost, **{**usual, **changes})


def invoice(invoice_id: str = INVOICE, **changes: Any) -> Row:
    """The head of an invoice of October."""
    return {
        "id": invoice_id,
        "invoiceDate": "2026-10-01",
        "dueDate": "2026-10-15",
        "status": "Unpaid",
        "total": Decimal("1.00"),
        "balance": Decimal("1.00"),
        "carriedBalance": 0,
        "currencyCode": "USD",
        **changes,
    }


def halopsa_content(**changes: Any) -> dict[str, Any]:
    """A HaloPSA with two clients in US dollars, and one item with a tax and accounts."""
    return {
        "tenant": "example",
        "credentials": {"client_id": "halo-client", "client_secret": "halo-secret"},
        "permissions": ["all"],
        "clients": [
            {"id": 246, "name": "Acme Dental", "inactive": False, "default_currency_code": 1},
            {"id": 247, "name": "Birch Legal", "inactive": False, "default_currency_code": 1},
        ],
        "currencies": [
            {"id": 1, "name": "US Dollar", "symbol": "$", "code": "USD"},
            {"id": 2, "name": "Canadian Dollar", "symbol": "CA$", "code": "CAD"},
        ],
        "items": [
            {"id": 900, "name": "Cloud services", "taxcode": 3, "nominalcode": "4192", "purchasenominalcode": "5001"}
        ],
        "taxes": [{"id": 3, "name": "No tax", "code": "NONE", "value": Decimal("0.0")}],
        **{name: [] for name in ("sites", "asset_groups", "contracts", "recurring_invoices", "invoices")},
        **changes,
    }


def company_of(client: str) -> str:
    """The Pax8 company of a made-up client."""
    return f"company-{client}"


def rows_of(*clients: str) -> str:
    """Rows of clients.csv for made-up clients; their HaloPSA ids count from 300."""
    return "".join(
        f"{client},{client.title()},{number},{company_of(client)},false,,\n"
        for number, client in enumerate(clients, 300)
    )


def halopsa_clients(*clients: str) -> list[Row]:
    """The HaloPSA clients of `rows_of`, in US dollars."""
    return [
        {"id": number, "name": client.title(), "inactive": False, "default_currency_code": 1}
        for number, client in enumerate(clients, 300)
    ]


def write_config(
    folder: Path, settings: Mapping[str, Any] | None = None, clients: str = ACME_ROW + BIRCH_ROW, products: str = ""
) -> LoadedSettings:
    """The settings folder, written and loaded; `settings` are all of billing.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "billing.yaml").write_text(yaml.safe_dump(dict(settings or {"settings": DEFAULT_ITEM})))
    (folder / "clients.csv").write_text(CLIENTS_CSV + clients)
    (folder / "products.csv").write_text(PRODUCTS_CSV + products)
    return load_settings(folder)


@dataclass
class Month:
    """One month in the making. Steps are called one by one or by `prepare`; questions are asked in SQL."""

    work: Work
    sandbox: Sandbox
    pax8: Pax8Client
    halo: HaloClient

    def copy(self, name: str) -> "Month":
        """The same month in a copy of its database, to be spoilt."""
        file = self.work.warehouse.path.with_name(f"{name}.duckdb")
        assert isinstance(self.work.warehouse, OpenWarehouse)
        self.work.warehouse.checkpoint()
        shutil.copy(self.work.warehouse.path, file)
        return replace(self, work=replace(self.work, warehouse=OpenWarehouse(file)))

    @contextmanager
    def at_pax8(self) -> Iterator[list[Row]]:
        """Change the invoices that Pax8 lists: dicts of invoice, items and release_at."""
        content = self.sandbox.pax8.dump()
        yield content["invoices"]
        self.sandbox.pax8.load(content)

    def snapshot(self) -> None:
        """Take the snapshots that the steps read."""
        with self.work.warehouse.session("snapshot") as session:
            for kind in ("clients", "items", "currencies", "recurring_invoices"):
                rows = getattr(self.halo, kind)()
                snapshots.store_snapshot(session, f"halopsa_{kind}", rows, self.halo.address, self.work.now_utc)

    def fetch(self) -> list[fetch_invoices.FetchedInvoice]:
        """Fetch the invoices; all clients that they name are then those of the work."""
        fetched = fetch_invoices.fetch_invoices(
            self.work.warehouse, self.pax8, self.work.month, "sandbox", self.work.now_utc
        )
        with self.work.warehouse.session("clients") as session:
            self.work = self.work.of(clients_of_month(session, self.work.config, self.work.month))
        return fetched

    def prepare(self, forced_caps: Sequence[str] = ()) -> dict[str, plan.PlannedClient]:
        """Normalise, modify, reconcile, plan; what became of each client."""
        normalize.normalize(self.work)
        modify.modify(self.work)
        reconcile.reconcile(self.work)
        return {one.client: one for one in plan.plan(self.work, forced_caps)}

    def post(self) -> post.PostingResult:
        """Carry the plans out in the sandbox's HaloPSA."""
        return post.post(self.work, self.halo)

    def prove(self) -> prove.Proof:
        """The three-way proof."""
        return prove.prove(self.work)

    def configure(self, settings: Mapping[str, Any] | None = None, **files: str) -> None:
        """Change the settings folder and read it again."""
        folder = self.work.config.folder
        self.work = replace(self.work, config=write_config(folder, settings, **files))

    def at(self, now: datetime) -> None:
        """Go on at another time."""
        self.work = replace(self.work, now=now)

    def rows(self, sql: str, *parameters: object) -> list[Row]:
        """The rows of a query on the warehouse."""
        with self.work.warehouse.session("ask") as session:
            return session.rows(sql, list(parameters))

    def lines(self, columns: str = "disposition, reason") -> dict[str, tuple[Any, ...]]:
        """Columns of `dispositions` by line id."""
        rows = self.rows(f"select source_line_id, {columns} from dispositions where month = ?", self.work.month)
        return {row.pop("source_line_id"): tuple(row.values()) for row in rows}

    def three_way(self, client: str = "acme-dental", currency: str = "USD") -> Row:
        """The row of `three_way` of a client and currency, amounts as short texts."""
        proofs = self.rows("select * from three_way where month = ?", self.work.month)
        (proof,) = (row for row in proofs if (row["client"], row["currency"]) == (client, currency))
        return {
            name: f"{value.normalize():f}" if isinstance(value, Decimal) else value for name, value in proof.items()
        }

    def holds(self, client: str = "acme-dental") -> list[Row]:
        """The holds of a client, in the order of their reasons."""
        holds = self.rows("select * from holds order by reason_rank, source_line_id, currency")
        return [hold for hold in holds if hold["client"] == client]


def fates(month: Month) -> dict[str, str]:
    """By line id, `disposition` or `disposition reason` in one text."""
    return {key: " ".join(filter(None, row)) for key, row in month.lines().items()}


@dataclass(frozen=True)
class MonthMaker:
    """Makes months in one sandbox; each has its own folder, warehouse and world."""

    sandbox: Sandbox
    folder: Path
    pax8: Pax8Client
    halo: HaloClient
    numbers: Iterator[int] = field(default_factory=count)

    def make(
        self,
        items: Sequence[Row],
        settings: Mapping[str, Any] | None = None,
        *,
        clients: str = ACME_ROW + BIRCH_ROW,
        products: str = "",
        halopsa: Mapping[str, Any] | None = None,
        head: Mapping[str, Any] | None = None,
        more_invoices: Sequence[Mapping[str, Any]] = (),
        config: Mapping[str, Any] | None = None,
    ) -> Month:
        """A month with its invoice fetched and its snapshots taken.

        `settings` are the global ones on top of the default item, `config` all of billing.yaml instead.
        """
        folder = self.folder / f"month-{next(self.numbers)}"
        whole = config if config is not None else {"settings": {**DEFAULT_ITEM, **(settings or {})}}
        loaded = write_config(folder / "config", whole, clients, products)
        invoices = [{"invoice": invoice(**(head or {})), "items": list(items), "release_at": None}]
        pax8 = {
            "companies": [],
            "products": [],
            "subscriptions": [],
            "invoices": [*invoices, *more_invoices],
            "credentials": {"client_id": "pax8-client", "client_secret": "pax8-secret"},
        }
        self.sandbox.reset(World(pax8=pax8, halopsa=halopsa_content(**(halopsa or {}))))
        warehouse = OpenWarehouse(copy_empty_warehouse(folder / "billing.duckdb"))
        month = Month(Work(MONTH, (), warehouse, loaded, NOW, "run-1"), self.sandbox, self.pax8, self.halo)
        month.snapshot()
        month.fetch()
        return month


def read_golden(name: str) -> Any:
    """A file of the golden twelve lines."""
    text = (Path(__file__).parent.parent / "golden" / "twelve-lines" / name).read_text()
    return text if name.endswith(".csv") else json.loads(text, parse_float=Decimal)
