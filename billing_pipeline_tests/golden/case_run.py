"""A golden case, run: the steps of a month against the sandbox over HTTP, and what came out in the case's own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from billing_pipeline.billing.keys import is_ours
from billing_pipeline.resources.halopsa import HaloClient
from billing_pipeline.resources.pax8 import Pax8Client
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline.sandbox.world import World
from billing_pipeline.settings.load import load_settings
from billing_pipeline.steps.account_codes import account_codes
from billing_pipeline.steps.client_details import DETAILS_KIND, take_client_details
from billing_pipeline.steps.fetch_invoices import fetch_invoices
from billing_pipeline.steps.map_companies import clients_of_month
from billing_pipeline.steps.modify import modify
from billing_pipeline.steps.normalize import normalize
from billing_pipeline.steps.plan import PlannedClient, plan
from billing_pipeline.steps.post import PostingResult, post
from billing_pipeline.steps.prove import Proof, prove
from billing_pipeline.steps.reconcile import reconcile
from billing_pipeline.steps.snapshots import KINDS, store_snapshot
from billing_pipeline.steps.work import Work
from billing_pipeline_tests.golden.case_files import MONTH, Row
from billing_pipeline_tests.open_warehouse import OpenWarehouse
from billing_pipeline_tests.ready_made import copy_empty_warehouse

NOW = datetime(2026, 10, 6, 15, 0, tzinfo=UTC)


class MonthContent(Protocol):
    """What a month is made of: a golden case, or one that a property generates."""

    @property
    def config(self) -> Mapping[str, str]: ...

    @property
    def lines(self) -> Mapping[str, Row]: ...

    @property
    def world(self) -> World: ...


@dataclass(frozen=True)
class Services:
    """One sandbox and its clients, for all cases."""

    sandbox: Sandbox
    pax8: Pax8Client
    halo: HaloClient


@dataclass(frozen=True)
class Facts:
    """A month in a case's own words: by line its class and what became of it; holds, findings, sums, taxes."""

    fates: dict[str, str]
    holds: list[Row]
    findings: list[str]
    three_way: dict[str, Row]
    taxes: list[Row]


_FATES = (
    "select source_line_id, line_class, disposition, reason, setting_level from dispositions where month = ? "
    "order by invoice_id, line_no"
)
_HOLDS = "select * from holds where month = ? order by client, reason_rank, currency, detail"
# The control total is of no case's making.
_FINDINGS = "select kind from findings where month = ? and kind not like 'control_total%' order by kind"
_THREE_WAY = "select * from three_way where month = ?"
_TO_APPROVE = "select * from to_approve where month = ? order by client, currency"
_TAXES = "select * from tax_compared where month = ? order by client, currency, document_key"
_KEYS = "select line_key, source_line_id from normalized_charges where month = ?"


@dataclass
class CaseRun:
    """A case in its own folder, warehouse and world."""

    services: Services
    case: MonthContent
    work: Work
    warehouse: OpenWarehouse
    plans: Sequence[PlannedClient] = ()
    _names_by_id: dict[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls, services: Services, case: MonthContent, folder: Path) -> "CaseRun":
        """Give both services the case's world, and write its settings folder."""
        (folder / "config").mkdir(parents=True)
        for name, text in case.config.items():
            (folder / "config" / name).write_text(text, encoding="utf-8")
        services.sandbox.reset(case.world)
        warehouse = OpenWarehouse(copy_empty_warehouse(folder / "billing.duckdb"))
        work = Work(MONTH, (), warehouse, load_settings(folder / "config"), NOW, "golden")
        return cls(services, case, work, warehouse)

    def close(self) -> None:
        """Close the warehouse."""
        self.warehouse.discard()

    def turn_to(self, month: str, now: datetime) -> None:
        """Go on with a month at a time, by the clocks of both services too."""
        self.work = replace(self.work, month=month, now=now)
        self.services.sandbox.clock.set(now)

    def fetch(self) -> None:
        """Take the snapshots and the month's invoices."""
        self._take_snapshots()
        month = self.work.month
        fetch_invoices(self.work.warehouse, self.services.pax8, month, "golden", self.work.now_utc)
        with self.work.warehouse.session("list the clients") as session:
            self.work = replace(self.work, clients=tuple(clients_of_month(session, self.work.config, month)))

    def prepare(self, *, correct: bool = False) -> None:
        """Everything from the stored lines to the sealed plans, for every client."""
        normalize(self.work)
        modify(self.work)
        reconcile(self.work)
        halo = self.services.halo
        self.plans = plan(self.work, (), lambda since: halo.invoices(since=since), halo.address, correct=correct)

    def _take_snapshots(self) -> None:
        halo = self.services.halo
        rows: dict[str, Sequence[Row]] = {
            kind: getattr(halo, kind.removeprefix("halopsa_"))()
            for kind in KINDS
            if kind.startswith("halopsa_") and kind not in ("halopsa_account_codes", DETAILS_KIND)
        }
        rows["pax8_companies"] = self.services.pax8.companies()
        rows["halopsa_account_codes"] = account_codes(
            rows["halopsa_items"], rows["halopsa_product_groups"], rows["halopsa_recurring_invoices"]
        )
        with self.work.warehouse.session("store the snapshots") as session:
            for kind in rows:
                store_snapshot(session, kind, rows[kind], halo.address, self.work.now_utc)
        take_client_details(self.work.warehouse, self.work.config, halo.client, halo.address, self.work.now)

    def post(self) -> PostingResult:
        """Carry the plans out."""
        return post(self.work, self.services.halo)

    def prove(self) -> Proof:
        """The three-way proof."""
        return prove(self.work)

    def fates(self) -> dict[str, str]:
        """The class of each line of the month, and what became of it so far."""
        rows = self._rows(_FATES)
        return {self._line_name(row.pop("source_line_id")): ", ".join(filter(None, row.values())) for row in rows}

    def holds(self) -> list[Row]:
        """What holds clients of the month."""
        return self._rows(_HOLDS)

    def to_approve(self) -> list[Row]:
        """What waits for an approval."""
        return self._rows(_TO_APPROVE)

    def look(self) -> Facts:
        """What the warehouse says of the month now."""
        three_way, taxes = self._rows(_THREE_WAY), self._rows(_TAXES)
        return Facts(
            fates=self.fates(),
            holds=self.holds(),
            findings=[row["kind"] for row in self._rows(_FINDINGS)],
            three_way={f"{row['client']} {row['currency']}": row for row in three_way},
            taxes=taxes,
        )

    def _rows(self, sql: str) -> list[Row]:
        with self.work.warehouse.session("look at the case") as session:
            return session.rows(sql, [self.work.month])

    def count(self, sql: str) -> int:
        """The number that a query gives."""
        with self.work.warehouse.session("count") as session:
            return int(session.value(sql))

    def owner_of(self, name: str) -> str:
        """The client of a line."""
        line_id = self.case.lines[name]["id"]
        with self.work.warehouse.session("ask whose a line is") as session:
            return str(session.value("select client from dispositions where source_line_id = ?", [line_id]))

    def posted_lines(self) -> set[str]:
        """The lines that were posted already, whatever month they are of."""
        with self.work.warehouse.session("ask what was posted") as session:
            rows = session.rows(
                "select source_line_id from normalized_charges where line_key in "
                "(select line_key from posted_source_lines)"
            )
        return {self._line_name(row["source_line_id"]) for row in rows}

    def posted_hashes(self) -> dict[str, str]:
        """The plan by which each client was posted."""
        with self.work.warehouse.session("ask what was posted") as session:
            rows = session.rows("select distinct client, plan_hash from postings where status = 'posted'")
        return {row["client"]: row["plan_hash"] for row in rows}

    def planned(self) -> list[Row]:
        """The documents of the sealed plans that may be posted: nothing holds them, and they wait for no approval."""
        names = {row["line_key"]: self._line_name(row["source_line_id"]) for row in self._rows(_KEYS)}
        return [
            {
                "document": _document_name(document.action, document.target_id),
                "client": document.billed_client_id,
                "date": document.invoice_date.isoformat(),
                "currency": document.currency,
                "sell": document.sell,
                "cost": document.cost,
                "lines": [" + ".join(names[key] for key in line.line_keys) for line in document.lines],
                "new_items": [item.reference for item in one.plan.new_items],
            }
            for one in self.plans
            if not one.holds and one.awaits is None
            for document in one.plan.documents
        ]

    def _line_name(self, source_line_id: str) -> str:
        if not self._names_by_id:
            self._names_by_id.update({row["id"]: name for name, row in self.case.lines.items() if row.get("id")})
        return self._names_by_id[source_line_id]

    def new_items(self) -> list[Row]:
        """The items that HaloPSA did not have before, each with the name of its product group."""
        known = {row["id"] for row in self.case.world.halopsa["items"]}
        content = self.services.sandbox.halopsa.dump()
        groups = {row["id"]: row["name"] for row in content["asset_groups"]}
        made = [row for row in content["items"] if row["id"] not in known]
        return [{**row, "group": groups.get(row.get("assetgroup_id"))} for row in made]

    def halopsa(self) -> list[Row]:
        """Every invoice that HaloPSA has now, and every recurring invoice, as far as cases speak of them."""
        content = self.services.sandbox.halopsa.dump()
        known = {row["id"] for table in ("invoices", "recurring_invoices") for row in self.case.world.halopsa[table]}
        documents = []
        for row in [*content["invoices"], *content["recurring_invoices"]]:
            documents.append(
                {
                    "invoice": row["id"] if row["id"] in known else "new",
                    "client": row["client_id"],
                    "date": str(row.get("invoice_date"))[:10],
                    "currency": row["currency_code"],
                    "posted": bool(row.get("posted")),
                    "net": row["revenue"],
                    "tax": row["tax_total"],
                    "lines": [_halopsa_line(line) for line in row["lines"]],
                }
            )
        return documents


def _document_name(action: str, target_id: int | None) -> str:
    match action:
        case "create":
            return "new"
        case "update_recurring":
            return f"recurring invoice {target_id}"
        case _:
            return f"invoice {target_id}"


def _halopsa_line(line: Row) -> Row:
    tax = line.get("tax_code")
    return {
        "text": line.get("item_shortdescription"),
        "more": str(line.get("item_longdescription") or "").splitlines(),
        "quantity": Decimal(line["qty_order"]),
        "unit_price": Decimal(line["unit_price"]),
        "unit_cost": Decimal(line["unit_cost"]),
        "net": Decimal(line["net_amount"]),
        "item": line.get("_itemid"),
        "tax": None if tax in (None, "") else int(tax),
        "account": line.get("nominal_code"),
        "others": not is_ours(line.get("comment_2")),
        "ended": bool(line.get("isinactive")),
    }


def differ(expected: Any, found: Any, where: str = "") -> list[str]:
    """How `found` differs from what a case expects: of each object only the keys that the case gives count."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [said for key in expected for said in differ(expected[key], found.get(key), f"{where} {key}")]
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return [f"{where}: {len(expected)} expected, {len(found)} found: {found}"]
        pairs = enumerate(zip(expected, found, strict=True), start=1)
        return [said for number, (one, other) in pairs for said in differ(one, other, f"{where} {number}")]
    return [] if expected == found else [f"{where}: {expected!r} expected, {found!r} found"]
