"""A provider that closes months step by step, without Dagster: real HTTP to the sandbox, a real DuckDB file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import yaml

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.sandbox.exact_json import write_json
from billing_pipeline.sandbox.faults import read_fault
from billing_pipeline.sandbox.halopsa_edits import make_edit
from billing_pipeline.sandbox.halopsa_schedule import schedule_edit
from billing_pipeline.sandbox.halopsa_switches import HaloSwitches
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps import (
    fetch_invoices,
    modify,
    month_history,
    normalize,
    plan,
    post,
    prove,
    reconcile,
    release,
    resolve,
    verify,
)
from billing_pipeline.steps.client_details import take_client_details
from billing_pipeline.steps.map_companies import clients_of_month
from billing_pipeline.steps.post import PostingResult
from billing_pipeline.steps.prove import Proof
from billing_pipeline.steps.release import Released
from billing_pipeline.steps.resolve import Resolved
from billing_pipeline.steps.snapshots import store_snapshot
from billing_pipeline.steps.verified_month import Verified
from billing_pipeline.steps.work import Work
from billing_pipeline_tests.behaviours.world import DAY_OF_CLOSING, ITEM, OCTOBER, Client, Json
from billing_pipeline_tests.open_warehouse import OpenWarehouse
from billing_pipeline_tests.ready_made import copy_empty_warehouse

SNAPSHOTS = ("clients", "items", "currencies", "recurring_invoices")
# HTTP with HaloPSA as a person's browser has it; one for all tests, for a new one reads every certificate.
BROWSER = httpx.Client(verify=False, timeout=10)


@dataclass
class Provider:
    """One managed service provider. A close of a month happens on the 6th of it, unless `now` says otherwise.

    Time stands still within a step, but for what `passed` says.
    """

    folder: Path
    sandbox: Sandbox
    pax8: Pax8Client
    halo: HaloClient
    warehouse: OpenWarehouse
    now: str = ""
    passed: timedelta = timedelta(0)
    runs: int = 0
    clients: dict[str, tuple[str, ...]] = field(default_factory=dict)
    planned: dict[str, plan.PlannedClient] = field(default_factory=dict)

    # what it is

    def set_up(self, world: World, clients: Sequence[Client], behaviour: Mapping[str, Any], /, **settings: Any) -> None:
        """Serve `world`, with `clients` confirmed; `behaviour` is everybody's."""
        self.sandbox.reset(world)
        self.halo.forget()
        self.configure(clients, behaviour, **settings)

    def configure(self, clients: Sequence[Client], behaviour: Mapping[str, Any], /, **settings: Any) -> None:
        """Write the settings folder; `settings` are other sections of billing.yaml."""
        folder = self.folder / "config"
        folder.mkdir(exist_ok=True)
        usual = {
            "behaviour": dict(behaviour),
            "product_lifecycle": {"mode": "default_item"},
            "codes": {"item": ITEM},
            **settings.pop("settings", {}),
        }
        (folder / "billing.yaml").write_text(yaml.safe_dump({"start_month": "2026-09", "settings": usual, **settings}))
        rows = [
            f"{one.key},{one.key},{one.halopsa_id},{one.company},{str(one.excluded).lower()},{one.template or ''},"
            for one in clients
        ]
        head = "client,name,halopsa_client_id,pax8_company_id,excluded,recurring_invoice_id,contract_id"
        (folder / "clients.csv").write_text("\n".join([head, *rows]) + "\n")

    def lose_database(self) -> None:
        """Go on with a new, empty database, on a new machine."""
        self.warehouse.discard()
        folder = self.folder / f"machine-{self.runs}"
        folder.mkdir()
        self.warehouse = OpenWarehouse(copy_empty_warehouse(folder / "billing.duckdb"))
        self.halo.forget()

    # what it does

    def close(self, month: str = OCTOBER, *, send: bool = True, forced: Sequence[str] = ()) -> PostingResult:
        """Look for what is unknown, fetch, prepare, post and prove a month."""
        result = PostingResult()
        if send and self._open(month):
            result = self.post(month)
        self.prepare(month, forced)
        return self.post(month) if send else result

    def prepare(
        self, month: str = OCTOBER, forced: Sequence[str] = (), *, correct: bool = False
    ) -> dict[str, plan.PlannedClient]:
        """Take the snapshots, fetch, and seal the plans; what became of each client."""
        work = self._work(month)
        with work.warehouse.session("snapshots") as session:
            for kind in SNAPSHOTS:
                rows = getattr(self.halo, kind)()
                store_snapshot(session, f"halopsa_{kind}", rows, self.halo.address, work.now_utc)
        take_client_details(work.warehouse, work.config, self.halo.client, self.halo.address, work.now)
        fetch_invoices.fetch_invoices(work.warehouse, self.pax8, month, "sandbox", work.now_utc)
        with work.warehouse.session("clients") as session:
            self.clients[month] = tuple(clients_of_month(session, work.config, month))
        work = self._work(month)
        normalize.normalize(work)
        modify.modify(work)
        reconcile.reconcile(work)
        made = plan.plan(
            work, forced, lambda since: self.halo.invoices(since=since), self.halo.address, correct=correct
        )
        self.planned = {one.client: one for one in made}
        return self.planned

    def post(self, month: str = OCTOBER) -> PostingResult:
        """Carry the sealed plans out."""
        return post.post(self._work(month), self.halo)

    def prove(self, month: str = OCTOBER) -> Proof:
        """The three-way proof."""
        return prove.prove(self._work(month))

    def verify(self, month: str = OCTOBER) -> Verified:
        """Prove a posted month anew."""
        return verify.verify(self._work(month), self.halo)

    def release(self, month: str = OCTOBER, client: str = "client-1") -> Released:
        """Let a client's month be posted again."""
        return release.release(self._work(month), self.halo, client)

    def resolve(self, halopsa_id: int | None, client: str = "client-1", by: str = "Jane  Doe") -> Resolved:
        """Say what became of a client's open postings of October; None says that HaloPSA has none of them."""
        work = replace(self._work(OCTOBER), clients=(client,))
        return resolve.resolve(work, self.halo, by, halopsa_id)

    def documents(self, client: str = "client-1") -> list[plan.PlannedDocument]:
        """The documents of the plan that was made last."""
        return list(self.planned[client].plan.documents)

    def _open(self, month: str) -> bool:
        with self.warehouse.session("open postings") as session:
            return bool(month_history.open_postings(session, month))

    def _work(self, month: str) -> Work:
        self.runs += 1
        now = datetime.fromisoformat(self.now or f"{month}-{DAY_OF_CLOSING}").astimezone(UTC)
        self.sandbox.clock.set(now)
        config = load_settings(self.folder / "config")
        self.passed = timedelta(0)
        clients, run_id = self.clients.get(month, ()), f"run-{self.runs}"
        return Work(month, clients, self.warehouse, config, now, run_id, lambda: now + self.passed)

    # what others do

    def switch(self, **switches: Any) -> None:
        """Let the HaloPSA tenant behave otherwise."""
        self.sandbox.halopsa.switches = HaloSwitches(**switches)

    def agent(self, action: str, document_id: Any = None, **order: Any) -> Json:
        """Let an agent do something in HaloPSA now."""
        return make_edit(self.sandbox.halopsa, self._edit(action, document_id, order))

    def agent_after(
        self, route: str, action: str, document_id: Any = None, method: str = "GET", contains: str = "", **order: Any
    ) -> None:
        """Let an agent do something once a request of a route, with `contains` in its address, was answered."""
        edit = self._edit(action, document_id, order)
        waits = {"edit": edit, "route": route, "method": method, "contains": contains, "reads": 1}
        schedule_edit(self.sandbox.halopsa, waits)

    def _edit(self, action: str, document_id: Any, order: Json) -> Json:
        return {"action": action, **({} if document_id is None else {"id": document_id}), **order}

    def issue(self, now: str) -> list[int]:
        """Let HaloPSA issue what is due at `now`, as its own scheduler does; the ids of the new invoices."""
        return issue_due(self.sandbox, now)

    def disturb(self, kind: str, route: str = "/api/Invoice", method: str = "POST", **order: Any) -> None:
        """Order a fault of HaloPSA, one time unless `count` says otherwise."""
        order = {"count": 1, "kind": kind, "route": route, "method": method, **order}
        self.sandbox.halopsa_service.faults.add(read_fault(order))

    # what is there then

    def document(self, document_id: int) -> Json:
        """An invoice or a recurring invoice as HaloPSA has it."""
        table = "recurring_invoices" if document_id < 0 else "invoices"
        documents: list[Json] = self.sandbox.halopsa.dump()[table]
        return next(document for document in documents if document["id"] == document_id)

    def text_of_others(self, document_id: int) -> str:
        """The lines without a key of ours, to the byte."""
        lines = [line for line in self.document(document_id)["lines"] if not is_ours(line)]
        return write_json(lines)

    def ours(self, document_id: int) -> list[tuple[str, str, bool]]:
        """Our lines of a document: name, net amount, and whether HaloPSA bills it."""
        return [
            (line["item_shortdescription"], f"{line['net_amount']:.2f}", not line.get("isinactive"))
            for line in self.document(document_id)["lines"]
            if is_ours(line)
        ]

    def places(self, document_id: int) -> dict[str, int]:
        """The line id of each of our keys on a document."""
        return {line["comment_2"]: line["id"] for line in self.document(document_id)["lines"] if is_ours(line)}

    def invoice_ids(self) -> list[int]:
        """Every invoice that HaloPSA has."""
        return sorted(document["id"] for document in self.sandbox.halopsa.dump()["invoices"])

    def writes(self, route: str = "/api/Invoice") -> int:
        """How many writes HaloPSA was sent."""
        return int(self.sandbox.halopsa_service.log.counts().get(f"POST {route}", 0))

    def rows(self, sql: str, *parameters: object) -> list[Json]:
        """The rows of a query on the warehouse."""
        with self.warehouse.session("ask") as session:
            return session.rows(sql, list(parameters))

    def holds(self, month: str = OCTOBER) -> list[tuple[str, str]]:
        """Client and reason of each hold."""
        found = self.rows("select distinct client, reason from holds where month = ? order by all", month)
        return [(row["client"], row["reason"]) for row in found]

    def why(self, month: str = OCTOBER) -> str:
        """The texts of the holds."""
        return "\n".join(row["detail"] for row in self.rows("select detail from holds where month = ?", month))

    def findings(self, kind: str) -> list[str]:
        """The texts of the findings of a kind."""
        return [row["detail"] for row in self.rows("select detail from findings where kind = ? order by all", kind)]

    def fates(self, month: str = OCTOBER) -> set[str]:
        """The dispositions of the month's lines."""
        return {row["disposition"] for row in self.rows("select disposition from dispositions where month = ?", month)}

    def posted(self, month: str = OCTOBER) -> Decimal:
        """What was posted and read back of a month."""
        found = self.rows("select sum(readback_sell) as sell from three_way where month = ?", month)
        return Decimal(found[0]["sell"])


def issue_due(sandbox: Sandbox, now: str) -> list[int]:
    """Let HaloPSA issue what is due at `now`; the ids of the new invoices."""
    sandbox.clock.set(datetime.fromisoformat(now).astimezone(UTC))
    asked = {"grant_type": "client_credentials", "client_id": "halo-client", "client_secret": "halo-secret"}
    origin = sandbox.halopsa_url
    token = BROWSER.post(f"{origin}/auth/token?tenant=example", data={**asked, "scope": "all"}).json()
    answer = BROWSER.post(
        f"{origin}/api/RecurringInvoice/process",
        json=[],
        headers={"Authorization": f"Bearer {token['access_token']}"},
    )
    answer.raise_for_status()
    return [issued["id"] for issued in answer.json()]


def is_ours(line: Json) -> bool:
    """Whether a line bears a key of ours."""
    return str(line.get("comment_2") or "").startswith("bp-")


def make_provider(folder: Path, sandbox: Sandbox, pax8: Pax8Client, halo: HaloClient) -> Provider:
    """A provider with an empty warehouse."""
    return Provider(folder, sandbox, pax8, halo, OpenWarehouse(copy_empty_warehouse(folder / "billing.duckdb")))
