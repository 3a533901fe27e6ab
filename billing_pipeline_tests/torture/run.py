"""One run of a month in a process of its own: `close --post`, or the same step by step and without Dagster."""

import json
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from billing_pipeline.billing.errors import BillingPipelineError
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.settings.environment import load_environment
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.fetch_invoices import fetch_invoices
from billing_pipeline.steps.map_companies import clients_of_month
from billing_pipeline.steps.modify import modify
from billing_pipeline.steps.month_history import open_postings
from billing_pipeline.steps.normalize import normalize
from billing_pipeline.steps.plan import plan
from billing_pipeline.steps.post import post
from billing_pipeline.steps.reconcile import reconcile
from billing_pipeline.steps.snapshots import store_snapshot
from billing_pipeline.steps.work import Work
from billing_pipeline_tests.open_warehouse import OpenWarehouse
from billing_pipeline_tests.sandbox_clients import QUICK, connect_halopsa, connect_pax8
from billing_pipeline_tests.torture.moments import Watcher

SNAPSHOTS = ("clients", "items", "currencies", "recurring_invoices", "taxes")
DATABASE = "billing.duckdb"
DONE, FAILED = 0, 1


@dataclass(frozen=True)
class Order:
    """What a process is to do in the folder of one provider: `steps` are prepare and post, or close for all of them.

    `kill` is for the Watcher; `timeout` is how long it waits for HaloPSA, in seconds.
    """

    folder: str
    variables: dict[str, str]
    month: str
    now: str
    run_id: str
    steps: tuple[str, ...]
    kill: dict[str, Any] | None = None
    timeout: float = 10.0


@dataclass
class Told:
    """What a run that was not killed says of itself; `error` is that of a step which gave up."""

    stopped: str | None = None
    error: str | None = None
    posted: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def carry_out(order: Order) -> int:
    """Do what is ordered; the exit code. What it says is in `told.json`, what it passed in `<run id>.moments`."""
    folder = Path(order.folder)
    watcher = Watcher(folder / f"{order.run_id}.moments", order.kill)
    watcher.watch_transactions()
    watcher.watch_requests()
    watcher.watch_calls()
    told = Told()
    try:
        if "close" in order.steps:
            _close(order)
        else:
            with closing(OpenWarehouse(folder / DATABASE)) as warehouse:
                _Run(order, warehouse).carry_out(told)
    except BillingPipelineError as error:
        told.error = f"{type(error).__name__}: {error}"
    (folder / "told.json").write_text(json.dumps(asdict(told)))
    return FAILED if told.error else DONE


def _close(order: Order) -> None:
    """The whole close, with Dagster; imported only here, for it takes longer than a run of the steps."""
    from billing_pipeline.close import Closing, close_month

    folder = Path(order.folder)
    variables = {
        **order.variables,
        "BILLING_CONFIG": str(folder / "config"),
        "BILLING_WAREHOUSE": str(folder / DATABASE),
        "BILLING_NOW": order.now.replace("+00:00", "Z"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }
    close_month(load_environment(variables, None), Closing(order.month, (), post=True))


class _Run:
    def __init__(self, order: Order, warehouse: OpenWarehouse) -> None:
        self._order = order
        self._warehouse = warehouse
        self._config = load_settings(Path(order.folder) / "config")
        self._now = datetime.fromisoformat(order.now)

    def carry_out(self, told: Told) -> None:
        with self._open_halopsa() as halo:
            if "prepare" in self._order.steps:
                self._settle(halo)
                self._prepare(halo)
            if "post" in self._order.steps:
                result = post(self._work(self._everyone()), halo)
                told.stopped = result.stopped
                told.posted, told.unknown, told.refused = result.posted, result.unknown, result.refused

    def _settle(self, halo: HaloClient) -> None:
        with self._warehouse.session("look for unknown postings") as session:
            opened = sorted(open_postings(session, self._order.month))
        if opened:
            post(self._work(opened), halo)

    def _prepare(self, halo: HaloClient) -> None:
        now = self._work(()).now_utc
        with self._warehouse.session("store the snapshots") as session:
            for kind in SNAPSHOTS:
                store_snapshot(session, f"halopsa_{kind}", getattr(halo, kind)(), halo.address, now)
        with self._open_pax8() as pax8:
            fetch_invoices(self._warehouse, pax8, self._order.month, "sandbox", now)
        work = self._work(self._everyone())
        normalize(work)
        modify(work)
        reconcile(work)
        plan(work, (), lambda since: halo.invoices(since=since), halo.address)

    def _everyone(self) -> tuple[str, ...]:
        with self._warehouse.session("list the month's clients") as session:
            return tuple(clients_of_month(session, self._config, self._order.month))

    def _work(self, clients: Any) -> Work:
        order = self._order
        return Work(order.month, tuple(clients), self._warehouse, self._config, self._now, order.run_id)

    def _open_halopsa(self) -> HaloClient:
        return connect_halopsa(self._order.variables, timeout_seconds=self._order.timeout, policy=QUICK)

    def _open_pax8(self) -> Pax8Client:
        return connect_pax8(self._order.variables, policy=QUICK)
