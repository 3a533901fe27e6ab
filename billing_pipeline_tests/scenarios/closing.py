"""A managed service provider for a scenario: its folder, its settings, and the Pax8 and HaloPSA it works with."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import httpx
import yaml

from billing_pipeline.close import Closed, Closing, close_month
from billing_pipeline.resources.warehouse import MEMORY_LIMIT
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline.settings.environment import Environment, load_environment
from billing_pipeline.settings.mapping_files import COLUMNS
from billing_pipeline_tests.scenarios.worlds import ITEM, MONTH, Client, Json

NOW = "2026-10-05T15:00:00Z"
# One client for all: a new one reads every certificate of the machine, which takes longer than a request.
HTTP = httpx.Client(verify=False, timeout=10)


def merge(base: Json, changes: Json) -> Json:
    """`base` with `changes` laid over it, section by section."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


BASE_SETTINGS: Json = {
    "start_month": "2026-09",
    "settings": {"product_lifecycle": {"mode": "default_item"}, "codes": {"item": ITEM}},
    "halopsa": {"requests_per_5_minutes": None, "timeout_seconds": 5},
    "pax8": {"requests_per_minute": None, "timeout_seconds": 5},
}


class Provider:
    """One managed service provider in `folder`, working with `sandbox`. Its clock stands still until it is moved."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.now = NOW
        self.config = folder / "config"
        self.config.mkdir(parents=True, exist_ok=True)
        self.settings = BASE_SETTINGS
        self.progress: list[str] = []
        self.given: dict[str, str] = {}

    # what it has

    def set_up(self, world: World, clients: Sequence[Client], /, **settings: Any) -> None:
        """Serve `world`, and write settings in which `clients` are confirmed."""
        self.sandbox.reset(world)
        self.set_clients(clients)
        self.set_settings(**settings)
        self.set_time(NOW)

    def remove_files(self) -> None:
        """Leave no database and no Dagster home, as before the first close of all."""
        for made in (self.warehouse.parent, self.folder / "dagster"):
            shutil.rmtree(made)

    def set_time(self, now: str) -> None:
        """Move the provider's clock, and that of both services."""
        self.now = now
        self.sandbox.clock.set(datetime.fromisoformat(now))

    def set_settings(self, **settings: Any) -> None:
        """Write billing.yaml anew: the scenarios' own settings, with `settings` laid over them."""
        self.settings = merge(BASE_SETTINGS, settings)
        (self.config / "billing.yaml").write_text(yaml.safe_dump(self.settings))

    def set_clients(self, clients: Iterable[Client], excluded: Sequence[Client] = ()) -> None:
        """Write clients.csv anew: a row for each client."""
        rows = [(c.key, c.name, c.halopsa_id, c.company_id, str(c in excluded).lower(), "", "") for c in clients]
        self.write_csv("clients.csv", rows)

    def write_csv(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        """Write a CSV file of the settings folder."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS[name])
        writer.writerows(rows)
        (self.config / name).write_text(text.getvalue())

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that lead the pipeline to this provider, and those that are `given` instead."""
        return {
            **self.sandbox.environment,
            "BILLING_CONFIG": str(self.config),
            "BILLING_WAREHOUSE": str(self.warehouse),
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "BILLING_NOW": self.now,
            **self.given,
        }

    @property
    def environment(self) -> Environment:
        """The same, as the pipeline reads it."""
        return load_environment(self.variables, None)

    @property
    def warehouse(self) -> Path:
        """The live database."""
        return self.folder / "data" / "billing.duckdb"

    @property
    def published(self) -> Path:
        """The database that analysts read."""
        return self.warehouse.parent / "published" / "billing.duckdb"

    # what it does

    def close(self, *clients: str, post: bool = True, force_caps: Sequence[str] = (), month: str = MONTH) -> Closed:
        """Close a month in this process."""
        closing = Closing(month, clients, post=post, force_caps=tuple(force_caps))
        return close_month(self.environment, closing, self.progress.append)

    def start_closing(self, *clients: str, post: bool = True, month: str = MONTH) -> "subprocess.Popen[str]":
        """Close a month in a process of its own, which a test may kill."""
        script = (
            "import os, sys\n"
            "from billing_pipeline.close import Closing, close_month\n"
            "from billing_pipeline.settings.environment import load_environment\n"
            f"closing = Closing({month!r}, {clients!r}, post={post!r})\n"
            "close_month(load_environment(os.environ, None), closing)\n"
        )
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script],
            env={**os.environ, **self.variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    # what goes wrong

    def disturb_halopsa(self, kind: str, route: str = "/api/Invoice", method: str = "POST", **order: Any) -> None:
        """Order a fault of HaloPSA, one time unless `count` says otherwise."""
        self._disturb(self.sandbox.halopsa_url, {"count": 1, "kind": kind, "route": route, "method": method, **order})

    def disturb_pax8(self, kind: str, route: str, **order: Any) -> None:
        """Order a fault of Pax8, one time unless `count` says otherwise."""
        self._disturb(self.sandbox.pax8_url, {"count": 1, "kind": kind, "route": route, "method": "GET", **order})

    def _disturb(self, origin: str, order: Json) -> None:
        answer = HTTP.post(f"{origin}/_sandbox/faults", json=order)
        assert answer.status_code == 201, answer.text

    def change_pax8_invoice(self, invoice_id: str, **changes: Any) -> None:
        """Let Pax8 change an invoice's head."""
        self.sandbox.pax8.edit_invoice(invoice_id, changes)

    def switch_halopsa(self, **switches: Any) -> None:
        """Let the HaloPSA tenant behave otherwise."""
        HTTP.put(f"{self.sandbox.halopsa_url}/_sandbox/switches", json=switches).raise_for_status()

    def switch_pax8(self, **switches: Any) -> None:
        """Let Pax8 behave otherwise."""
        HTTP.put(f"{self.sandbox.pax8_url}/_sandbox/switches", json=switches).raise_for_status()

    def let_agent(self, action: str, **order: Any) -> None:
        """Let an agent do something in HaloPSA."""
        HTTP.post(f"{self.sandbox.halopsa_url}/_sandbox/edits", json={"action": action, **order}).raise_for_status()

    def let_agent_later(self, edit: Json, **order: Any) -> None:
        """Let an agent do something right after a request of ours was answered."""
        body = {"edit": edit, "reads": 1, **order}
        HTTP.post(f"{self.sandbox.halopsa_url}/_sandbox/scheduled_edits", json=body).raise_for_status()

    def let_late_writes_commit(self) -> None:
        """Let HaloPSA do now what a fault put off."""
        HTTP.post(f"{self.sandbox.halopsa_url}/_sandbox/commits").raise_for_status()

    # what is there then

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the live database; nothing else may have it open."""
        with duckdb.connect(str(self.warehouse), config={"memory_limit": MEMORY_LIMIT}) as connection:
            return connection.execute(sql, parameters).fetchall()

    def value(self, sql: str, *parameters: object) -> Any:
        """The single value of a query on the live database."""
        return self.query(sql, *parameters)[0][0]

    def halopsa_invoices(self) -> list[Json]:
        """The invoices that HaloPSA has, oldest first."""
        invoices: list[Json] = self.sandbox.halopsa.dump()["invoices"]
        return sorted(invoices, key=lambda invoice: invoice["id"])

    def billed(self) -> dict[int, list[str]]:
        """What HaloPSA's invoices come to, net, by HaloPSA client: an amount an invoice."""
        billed: dict[int, list[str]] = {}
        for invoice in self.halopsa_invoices():
            total = sum((Decimal(str(line["net_amount"])) for line in invoice["lines"]), Decimal(0))
            billed.setdefault(invoice["client_id"], []).append(f"{total:.2f}")
        return billed

    def created_items(self) -> list[Json]:
        """The items that HaloPSA has of ours."""
        items: list[Json] = self.sandbox.halopsa.dump()["items"]
        return [item for item in items if item.get("externalreference")]

    def posts(self, route: str = "/api/Invoice") -> int:
        """How many writes of a kind HaloPSA was sent."""
        return self.sandbox.halopsa_service.log.counts().get(f"POST {route}", 0)

    def held(self) -> list[tuple[str, str]]:
        """The clients that are held, with the reason."""
        return self.query("select distinct client, reason from holds order by all")

    def dispositions(self) -> list[tuple[Any, ...]]:
        """Client, disposition, reason, lines and money of the month, sorted."""
        return self.query(
            "select client, disposition, reason, count(*), sum(sell)::decimal(28,2)::text from dispositions "
            "where month = ? group by all order by all",
            MONTH,
        )

    def adds_up(self) -> bool:
        """Whether the three-way proof of every month comes to zero and every line has a fate."""
        gaps = self.value("select count(*) from three_way where sell_gap <> 0 or cost_gap <> 0")
        return not gaps and not self.value("select count(*) from dispositions where disposition is null")
