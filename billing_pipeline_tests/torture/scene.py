"""The place of a schedule: a provider's folder, a sandbox, and what its HaloPSA was sent and went through."""

import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing_pipeline.billing.canonical import content_hash
from billing_pipeline.billing.exact_json import read_exact_json
from billing_pipeline.sandbox.faults import Fault
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.behaviours.provider import BROWSER
from billing_pipeline_tests.behaviours.world import Json
from billing_pipeline_tests.torture.forking import Forker
from billing_pipeline_tests.torture.months import FIRST_RUN, MONTH, Month
from billing_pipeline_tests.torture.run import DATABASE, Order
from billing_pipeline_tests.torture.schedule import Kill
from billing_pipeline_tests.torture.shadow import Shadow
from billing_pipeline_tests.torture.troubles import SHORT_PATIENCE

PATIENCE = 10.0
_AMOUNTS = ("qty_order", "unit_price", "baseprice", "unit_cost")
DOCUMENTS = ("/api/Invoice", "/api/RecurringInvoice")


@dataclass
class Sent:
    """Writes that HaloPSA was sent, whatever became of them: digests of documents as the journal has them."""

    digests: Counter[str] = field(default_factory=Counter)
    count: int = 0


class Scene:
    """One month in one folder. Its clock stands still but for `pass_minutes`."""

    def __init__(self, folder: Path, sandbox: Sandbox, forker: Forker, month: Month) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.month = month
        self.now = datetime.fromisoformat(FIRST_RUN)
        self.runs = 0
        self.sent = Sent()
        self.moved_to_new: set[str] = set()
        self._forker = forker
        folder.mkdir(parents=True)
        month.write_settings(folder / "config")
        sandbox.reset(month.world)
        sandbox.clock.set(self.now)
        self.shadow = Shadow(sandbox, month.world.halopsa)
        self._watch_writes()

    def copy_warehouse(self, file: Path) -> None:
        """Start with the database of a month that was prepared before."""
        shutil.copy(file, self.warehouse)

    @property
    def warehouse(self) -> Path:
        """The database."""
        return self.folder / DATABASE

    def pass_minutes(self, minutes: int) -> None:
        """Move the clock of everybody on."""
        self.now += timedelta(minutes=minutes)
        self.sandbox.clock.set(self.now)

    def run(self, *steps: str, kill: Kill | None = None, hasty: bool = False) -> int:
        """One run in a process of its own: its exit code, or the negative number of the signal that ended it."""
        self.runs += 1
        order = Order(
            folder=str(self.folder),
            variables=self.sandbox.environment,
            month=MONTH,
            now=self.now.isoformat(),
            run_id=f"run-{self.runs}",
            steps=steps,
            kill=kill.as_order() if kill else None,
            timeout=SHORT_PATIENCE if hasty else PATIENCE,
        )
        (self.folder / "told.json").unlink(missing_ok=True)
        status = self._forker.run(order)
        # HaloPSA takes one request after the other: when it answers this one, it has carried out the last of the run.
        BROWSER.get(f"{self.sandbox.halopsa_url}/_sandbox/clock").raise_for_status()
        return status

    def said(self) -> str:
        """What the last run wrote to its log, and what it told."""
        told = self.folder / "told.json"
        log = self.folder / f"run-{self.runs}.log"
        return (log.read_text() if log.exists() else "") + (told.read_text() if told.exists() else "")

    def bill_on_new_invoices(self, client: str) -> None:
        """Let a person change a client's settings, so that its charges go on an invoice of their own."""
        self.moved_to_new.add(client)
        changes = {key: {"behaviour": {"target": "new"}} for key in self.moved_to_new}
        self.month.write_settings(self.folder / "config", **changes)

    # what goes wrong

    def switch(self, **switches: Any) -> None:
        """Let the tenant behave otherwise."""
        state = self.sandbox.halopsa
        with state.lock:
            state.switches = replace(state.switches, **switches)

    def commit_late_writes(self) -> None:
        """Let HaloPSA do what was put off."""
        BROWSER.post(f"{self.sandbox.halopsa_url}/_sandbox/commits").raise_for_status()

    def _watch_writes(self) -> None:
        faults = self.sandbox.halopsa_service.faults
        take = type(faults).take

        def watch(method: str, route: str, path: str, text: str) -> Fault | None:
            if method == "POST" and path in DOCUMENTS:
                (body,) = read_exact_json(text.partition("\n")[2])
                self.sent.digests[content_hash(_as_written(body))] += 1
                self.sent.count += 1
            return take(faults, method, route, path, text)

        faults.take = watch  # type: ignore[method-assign]


def _as_written(body: Json) -> Json:
    """A document that was sent as the pipeline had it: the amounts of its new lines are decimals, also whole ones."""
    lines = [
        line if line.get("id") else {**line, **{name: Decimal(line[name]) for name in _AMOUNTS}}
        for line in body["lines"]
    ]
    return {**body, "lines": lines}
