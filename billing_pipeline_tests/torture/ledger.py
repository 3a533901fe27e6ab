"""What the database says after a run: what became of every line, what is held, what is open, what the journal tells."""

from dataclasses import dataclass
from typing import Self

from billing_pipeline.billing.exact_json import read_exact_json
from billing_pipeline.resources.warehouse import Session, Warehouse
from billing_pipeline.steps import journal
from billing_pipeline_tests.behaviours.world import Json
from billing_pipeline_tests.torture.months import MONTH
from billing_pipeline_tests.torture.scene import Scene

TOLD_OF_OTHERS = ("others_changed", "others_edited")


@dataclass(frozen=True)
class Ledger:
    """Rows of the tables and views that say where a month stands; `damaged` are documents that wait for a repair."""

    lines: tuple[Json, ...]
    holds: tuple[Json, ...]
    gaps: tuple[Json, ...]
    postings: tuple[Json, ...]
    posted_lines: tuple[Json, ...]
    findings: tuple[Json, ...]
    events: tuple[Json, ...]
    plans: frozenset[tuple[str, str]]
    break_in_journal: str | None
    gone: frozenset[int]

    @classmethod
    def read(cls, scene: Scene) -> Self:
        """Read the database of a scene."""
        with Warehouse(scene.warehouse, lock_wait_seconds=5).session("look at everything") as session:
            return cls(
                lines=_rows(session, "select * from dispositions where month = ?", MONTH),
                holds=_rows(session, "select * from holds where month = ?", MONTH),
                gaps=_rows(
                    session,
                    "select * from three_way where month = ? and (sell_gap <> 0 or cost_gap <> 0)",
                    MONTH,
                ),
                postings=_rows(session, "select * from postings order by document_key"),
                posted_lines=_rows(session, "select * from posted_lines order by charge_key"),
                findings=_rows(session, "select * from findings where month = ?", MONTH),
                events=_rows(session, "select * from posting_journal order by seq"),
                plans=frozenset(
                    (row["client"], row["plan_hash"])
                    for row in session.rows("select client, plan_hash from plan_sources")
                ),
                break_in_journal=journal.find_break(session),
                gone=frozenset(scene.shadow.deleted),
            )

    @property
    def held(self) -> set[tuple[str, str]]:
        """Clients that are held, with the reason."""
        return {(row["client"], row["reason"]) for row in self.holds}

    @property
    def damaged(self) -> dict[int, list[Json]]:
        """Documents on which an update of ours left lines other than they were, and how those were."""
        return self._lost({row["document_key"] for row in self.findings if row["kind"] in TOLD_OF_OTHERS})

    @property
    def voided(self) -> dict[int, list[Json]]:
        """Damaged documents that nobody needs to repair, for they were voided, and how their lines were."""
        ended = (row for row in self.events if row["event"] == "others_repaired")
        return self._lost({row["document_key"] for row in ended if row["outcome"] == "voided"})

    def _lost(self, keys: set[str]) -> dict[int, list[Json]]:
        told = [row for row in self.events if row["event"] == "others_changed" and row["document_key"] in keys]
        details = [read_exact_json(row["detail"]) for row in told]
        return {detail["target_id"]: detail["lost"] for detail in details}

    @property
    def is_settled(self) -> bool:
        """Whether every line is posted and read back, and nothing waits for anybody."""
        return not self.what_is_open()

    def what_is_open(self) -> str:
        """What keeps the month from being settled; empty where nothing does."""
        said = [f"{row['client']} is held for {row['reason']}: {row['detail']}" for row in self.holds]
        said += [f"document {row['document_key']} is {row['status']}" for row in self.postings if _is_open(row)]
        said += [
            f"document {row['document_key']} was not read back"
            for row in self.postings
            if row["status"] == "posted" and row["read_back_at"] is None and row["halopsa_invoice_id"] not in self.gone
        ]
        said += [
            f"line {row['source_line_id']} is {row['disposition']} ({row['reason']})"
            for row in self.lines
            if row["disposition"] != "posted"
        ]
        said += [f"document {document_id} is damaged" for document_id in self.damaged]
        return "; ".join(said)


def document_of(posting: Json) -> Json:
    """The planned document of a posting."""
    document: Json = read_exact_json(posting["detail"])["document"]
    return document


def _is_open(posting: Json) -> bool:
    return posting["status"] in ("sending", "unknown")


def _rows(session: Session, sql: str, *parameters: object) -> tuple[Json, ...]:
    return tuple(session.rows(sql, list(parameters)))
