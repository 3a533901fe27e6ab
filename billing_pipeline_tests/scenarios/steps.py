"""A close without Dagster: the same steps in the same order, for scenarios that are about the steps.

Dagster takes seconds for what the steps do in tenths; whatever is about runs, ranges and checks goes through a real
close instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.resources.warehouse import Warehouse
from billing_pipeline.settings.environment import Environment
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.client_details import DETAILS_KIND, take_client_details
from billing_pipeline.steps.fetch_invoices import fetch_invoices
from billing_pipeline.steps.map_companies import clients_of_month
from billing_pipeline.steps.modify import modify
from billing_pipeline.steps.month_checks import find_conservation_gaps
from billing_pipeline.steps.month_history import open_postings
from billing_pipeline.steps.normalize import normalize
from billing_pipeline.steps.plan import plan
from billing_pipeline.steps.post import post
from billing_pipeline.steps.posting_outcomes import PostingResult
from billing_pipeline.steps.prove import Proof, prove
from billing_pipeline.steps.reconcile import reconcile
from billing_pipeline.steps.snapshots import KINDS, store_snapshot
from billing_pipeline.steps.verified_month import Verified
from billing_pipeline.steps.verify import verify
from billing_pipeline.steps.work import Work
from billing_pipeline_tests.open_warehouse import OpenWarehouse
from billing_pipeline_tests.sandbox_clients import QUICK, connect_halopsa, connect_pax8
from billing_pipeline_tests.scenarios.worlds import MONTH


class Surroundings(Protocol):
    """What the steps need of a provider."""

    @property
    def variables(self) -> Mapping[str, str]: ...

    @property
    def environment(self) -> Environment: ...

    @property
    def config(self) -> Path: ...

    @property
    def warehouse(self) -> Path: ...


@dataclass
class Steps:
    """The steps of a month of one provider, in this process.

    With `patience`, the seconds to wait for a lock, each opens the database anew as a run does; else it stays open
    until the work that was asked for is done. `timeout` is how many seconds they wait for HaloPSA's answer.
    """

    provider: Surroundings
    patience: float | None = None
    runs: int = 0
    month: str = MONTH
    timeout: int = 1
    _open: OpenWarehouse | None = None

    def close(self, post: bool = True, force_caps: Sequence[str] = (), *, correct: bool = False) -> PostingResult:
        """Settle, fetch, prepare, post and prove the month for every client; what the posting came to."""
        result = PostingResult()
        with self._kept_open():
            if post:
                result = self.settle()
            self.fetch()
            self.prepare(force_caps, correct=correct)
            if post:
                result = self.post()
            self.prove()
        return result

    def settle(self) -> PostingResult:
        """Look for what is unknown, before anything is planned."""
        with self._warehouse.session("look for unknown postings") as session:
            opened = sorted(open_postings(session, self.month))
        return self.post(*opened) if opened else PostingResult()

    def fetch(self) -> None:
        """Take the snapshots, and the month's invoices."""
        environment = self.provider.environment
        now = environment.now().replace(tzinfo=None)
        with self._halopsa() as halo, self._warehouse.session("store the snapshots") as session:
            for kind in KINDS:
                if kind != DETAILS_KIND:
                    read = getattr(halo, kind.removeprefix("halopsa_"), list)
                    store_snapshot(session, kind, read(), halo.address, now)
        config = load_settings(self.provider.config)
        with self._halopsa() as halo:
            take_client_details(self._warehouse, config, halo.client, halo.address, environment.now())
        with self._pax8() as pax8:
            fetch_invoices(self._warehouse, pax8, self.month, environment.pax8_base_url, now)

    def prepare(self, force_caps: Sequence[str] = (), *, correct: bool = False) -> None:
        """From source lines to the sealed plans."""
        with self._kept_open():
            work = self._work(self._everyone())
            normalize(work)
            modify(work)
            reconcile(work)
            with self._halopsa() as halo:
                plan(work, force_caps, lambda since: halo.invoices(since=since), halo.address, correct=correct)
            with work.warehouse.session("check that every line has one fate") as session:
                assert not find_conservation_gaps(session, self.month, work.config)

    def post(self, *clients: str) -> PostingResult:
        """Carry the sealed plans out, for everyone or for some."""
        with self._kept_open(), self._halopsa() as halo:
            return post(self._work(clients or self._everyone()), halo)

    def verify(self) -> Verified:
        """What `verify` finds."""
        with self._kept_open(), self._halopsa() as halo:
            return verify(self._work(()), halo)

    def prove(self) -> Proof:
        """The three-way proof."""
        return prove(self._work(()))

    @contextmanager
    def _kept_open(self) -> Iterator[None]:
        if self.patience is not None or self._open is not None:
            yield
            return
        self._open = OpenWarehouse(self.provider.warehouse)
        try:
            yield
        finally:
            self._open.close()
            self._open = None

    @property
    def _warehouse(self) -> Warehouse:
        return self._open or Warehouse(self.provider.warehouse, lock_wait_seconds=self.patience or 5.0)

    def _everyone(self) -> tuple[str, ...]:
        with self._warehouse.session("list the month's clients") as session:
            return tuple(clients_of_month(session, load_settings(self.provider.config), self.month))

    def _work(self, clients: Sequence[str]) -> Work:
        self.runs += 1
        config = load_settings(self.provider.config)
        now = self.provider.environment.now()
        return Work(self.month, tuple(clients), self._warehouse, config, now, f"run-{self.runs}")

    def _pax8(self) -> Pax8Client:
        return connect_pax8(self.provider.variables, timeout_seconds=1, policy=QUICK)

    def _halopsa(self) -> HaloClient:
        return connect_halopsa(self.provider.variables, timeout_seconds=self.timeout, policy=QUICK)
