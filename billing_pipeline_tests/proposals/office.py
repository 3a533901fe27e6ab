"""A provider's billing office: its settings, its two services, and the steps and commands that it runs on them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import yaml
from typer.testing import CliRunner, Result

from billing_pipeline.cli import app
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline.settings.environment import Environment, load_environment
from billing_pipeline.settings.load import LoadedSettings, load_settings
from billing_pipeline.steps import fetch_invoices, modify, normalize, plan, post, prove, reconcile
from billing_pipeline.steps.account_codes import account_codes
from billing_pipeline.steps.map_companies import clients_of_month
from billing_pipeline.steps.snapshots import store_snapshot
from billing_pipeline.steps.work import Work

MONTH = "2026-10"
NOW = "2026-10-06T15:00:00Z"
ITEM = 900
CLIENTS_HEADER = "client,name,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id\n"
PRODUCTS_HEADER = "integration,product_id,sku,term,halopsa_item_id\n"
Json = dict[str, Any]
# One client for all: a new one reads every certificate of the machine, which takes longer than a request.
HTTP = httpx.Client(verify=False, timeout=10)


def company_id(number: int) -> str:
    """The id of Pax8 company `number`."""
    return f"11111111-1111-4111-8111-{number:012d}"


def company(number: int, name: str, **changes: Any) -> Json:
    """A Pax8 company."""
    return {"id": company_id(number), "name": name, "status": "Active", **changes}


def client(halopsa_id: int, name: str, **changes: Any) -> Json:
    """A HaloPSA client in US dollars."""
    return {"id": halopsa_id, "name": name, "inactive": False, "default_currency_code": 1, **changes}


def item(item_id: int, name: str, **changes: Any) -> Json:
    """A HaloPSA item with a tax and accounts."""
    accounts = {"taxcode": 3, "nominalcode": "4192", "purchasenominalcode": "5001"}
    return {"id": item_id, "name": name, **accounts, **changes}


def line(number: int, company_number: int, sell: str = "22.00", name: str | None = None, **changes: Any) -> Json:
    """Line `number` of October's invoice: one licence of a company, that cost nothing."""
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "type": "subscription",
        "term": "Monthly",
        "companyId": company_id(company_number),
        "companyName": name or f"Company {company_number}",
        "startPeriod": "2026-10-01",
        "endPeriod": "2026-10-31",
        "quantity": 1,
        "price": Decimal(sell),
        "total": Decimal(sell),
        "costTotal": Decimal("0.00"),
        "currencyCode": "USD",
        "salesTax": 0,
        "sku": "MST-NCE-163-C100",
        "productId": "p-premium",
        "productName": "Microsoft 365 Business Premium",
        "description": "Microsoft 365 Business Premium",
        "vendorName": "Microsoft",
        **changes,
    }


def azure(number: int, company_number: int, sell: str = "10.00", **changes: Any) -> Json:
    """A line of Azure consumption."""
    text = "Microsoft Azure Plan - Arrears Charge - Prod - 99999999-9999-4999-8999-999999999999 - Storage"
    usual = {"term": "Arrears", "sku": "MST-AZR-P1", "productId": "p-azure", "productName": "Microsoft Azure Plan"}
    return line(number, company_number, sell, **{**usual, "description": text, **changes})


def subscription(number: int, company_number: int, product_id: str, **changes: Any) -> Json:
    """A current monthly subscription."""
    return {
        "id": f"33333333-3333-4333-8333-{number:012d}",
        "companyId": company_id(company_number),
        "productId": product_id,
        "quantity": 1,
        "billingTerm": "Monthly",
        "status": "Active",
        **changes,
    }


def product(product_id: str, name: str, sku: str = "", vendor: str = "Microsoft") -> Json:
    """A row of Pax8's catalogue."""
    return {"id": product_id, "name": name, "sku": sku or None, "vendorName": vendor}


def pax8(
    companies: Sequence[Json] = (),
    lines: Sequence[Json] = (),
    subscriptions: Sequence[Json] = (),
    products: Sequence[Json] = (),
) -> Json:
    """A Pax8 whose October invoice is out."""
    head = {
        "id": "44444444-4444-4444-8444-000000000010",
        "invoiceDate": "2026-10-01",
        "dueDate": "2026-10-15",
        "status": "Unpaid",
        "total": Decimal("0.00"),
        "balance": Decimal("0.00"),
        "carriedBalance": 0,
        "currencyCode": "USD",
    }
    return {
        "credentials": {"client_id": "pax8-client", "client_secret": "pax8-secret"},
        "companies": list(companies),
        "products": list(products),
        "subscriptions": list(subscriptions),
        "invoices": [{"invoice": head, "items": list(lines), "release_at": None}],
    }


def halopsa(clients: Sequence[Json] = (), items: Sequence[Json] = (), **tables: Any) -> Json:
    """A HaloPSA with two taxes and one item that bears everything, unless other items are given."""
    return {
        "tenant": "example",
        "credentials": {"client_id": "halo-client", "client_secret": "halo-secret"},
        "permissions": ["all"],
        "clients": list(clients),
        "items": list(items) or [item(ITEM, "Cloud services")],
        "taxes": [{"id": 3, "name": "No tax", "code": "NONE", "value": Decimal("0.0")}],
        "currencies": [{"id": 1, "name": "US Dollar", "symbol": "$", "code": "USD"}],
        **{name: [] for name in ("sites", "asset_groups", "contracts", "recurring_invoices", "invoices")},
        **tables,
    }


@dataclass
class Office:
    """One office in `folder`, at work with `sandbox`; its clock stands still."""

    folder: Path
    sandbox: Sandbox
    pax8: Pax8Client
    halo: HaloClient
    runs: int = field(default=0, init=False)

    def set_up(
        self,
        pax8: Json,
        halopsa: Json,
        clients: str = "",
        products: str = "",
        overrides: Json | None = None,
        **settings: Any,
    ) -> None:
        """Serve these two services, and write the settings; without `settings` all goes on the default item.

        `clients` and `products` are rows of the CSV files, `overrides` those of billing.yaml by client.
        """
        self.sandbox.reset(World(pax8=pax8, halopsa=halopsa))
        self.sandbox.clock.set(datetime.fromisoformat(NOW))
        self.config.mkdir(parents=True, exist_ok=True)
        base: Json = {"product_lifecycle": {"mode": "default_item"}, "codes": {"item": ITEM}}
        whole = {
            "settings": {**base, **settings.pop("settings", {})},
            "halopsa": {"requests_per_5_minutes": None},
            "pax8": {"requests_per_minute": None},
            "clients": overrides or {},
            **settings,
        }
        (self.config / "billing.yaml").write_text(yaml.safe_dump(whole))
        self.write("clients.csv", CLIENTS_HEADER + clients)
        self.write("products.csv", PRODUCTS_HEADER + products)

    def write(self, name: str, text: str) -> None:
        """Write a file of the settings folder."""
        (self.config / name).write_text(text)

    def read(self, name: str) -> str:
        """The text of a file of the settings folder."""
        return (self.config / name).read_bytes().decode()

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a CSV file of the settings folder, by column."""
        return list(csv.DictReader(StringIO(self.read(name))))

    def run(self, *arguments: str) -> Result:
        """Run a command of the command line, in this process."""
        return CliRunner().invoke(app, list(arguments), env=self.variables, catch_exceptions=False)

    def disturb_halopsa(self, **order: Any) -> None:
        """Order a fault of HaloPSA, one time."""
        answer = HTTP.post(f"{self.sandbox.halopsa_url}/_sandbox/faults", json={"count": 1, **order})
        assert answer.status_code == 201, answer.text

    # the month, step by step

    def fetch(self) -> None:
        """Take every snapshot, and October's invoice."""
        found: Mapping[str, Any] = {
            "pax8_companies": self.pax8.companies(),
            "halopsa_clients": self.halo.clients(),
            "halopsa_items": self.halo.items(),
            "halopsa_product_groups": self.halo.product_groups(),
            "halopsa_taxes": self.halo.taxes(),
            "halopsa_currencies": self.halo.currencies(),
            "halopsa_recurring_invoices": self.halo.recurring_invoices(),
        }
        accounts = account_codes(
            found["halopsa_items"], found["halopsa_product_groups"], found["halopsa_recurring_invoices"]
        )
        now = self.environment.now().replace(tzinfo=None)
        with self.warehouse.session("snapshots") as session:
            for kind, rows in {**found, "halopsa_account_codes": accounts}.items():
                store_snapshot(session, kind, rows, "sandbox", now)
        fetch_invoices.fetch_invoices(self.warehouse, self.pax8, MONTH, "sandbox", now)

    def prepare(self) -> None:
        """Fetch, and prepare the month up to its plan."""
        self.fetch()
        work = self.work
        normalize.normalize(work)
        modify.modify(work)
        reconcile.reconcile(work)
        plan.plan(work)

    def post(self) -> None:
        """Carry the plans out, and prove them."""
        post.post(self.work, self.halo)
        assert prove.prove(self.work).whole

    @property
    def work(self) -> Work:
        """The month's work, for all of its clients."""
        self.runs += 1
        config = self.loaded
        with self.warehouse.session("clients") as session:
            clients = clients_of_month(session, config, MONTH)
        return Work(MONTH, tuple(clients), self.warehouse, config, self.environment.now(), f"run-{self.runs}")

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query on the warehouse."""
        with self.warehouse.session("ask") as session:
            return [tuple(row.values()) for row in session.rows(sql, list(parameters))]

    def written(self, table: str) -> list[Json]:
        """What a table of HaloPSA holds now."""
        rows: list[Json] = self.sandbox.halopsa.dump()[table]
        return rows

    # where things are

    @property
    def config(self) -> Path:
        """The settings folder."""
        return self.folder / "config"

    @property
    def loaded(self) -> LoadedSettings:
        """The settings as they are now."""
        return load_settings(self.config)

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse."""
        return Warehouse(self.folder / "data" / "billing.duckdb", lock_wait_seconds=5)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its commands."""
        return {
            **self.sandbox.environment,
            "BILLING_CONFIG": str(self.config),
            "BILLING_WAREHOUSE": str(self.folder / "data" / "billing.duckdb"),
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "BILLING_NOW": NOW,
            "COLUMNS": "200",
        }

    @property
    def environment(self) -> Environment:
        """The same, as the pipeline reads it."""
        return load_environment(self.variables, None)
