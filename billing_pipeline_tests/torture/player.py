"""Play a schedule: run, kill, disturb, run again, until everything is settled; then look at all that is left."""

import shutil
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from billing_pipeline.sandbox.halopsa_switches import HaloSwitches
from billing_pipeline.sandbox.server import Sandbox
from billing_pipeline_tests.behaviours.world import make_world
from billing_pipeline_tests.ready_made import copy_empty_dagster_home, copy_empty_warehouse
from billing_pipeline_tests.torture.disturbance import Disturbance
from billing_pipeline_tests.torture.forking import BROKEN, Forker
from billing_pipeline_tests.torture.invariants import find_twice, find_unexplained, find_violations
from billing_pipeline_tests.torture.ledger import Ledger
from billing_pipeline_tests.torture.months import Month, make_month
from billing_pipeline_tests.torture.person import settle_as_told
from billing_pipeline_tests.torture.run import DONE, FAILED
from billing_pipeline_tests.torture.scene import Scene
from billing_pipeline_tests.torture.schedule import GRACE_PASSED, Event, Schedule
from billing_pipeline_tests.torture.troubles import Trouble

MOST_RUNS_TO_SETTLE = 8
KILLED = -signal.SIGKILL
# A folder in memory, where the machine has one.
_MEMORY = Path("/dev/shm")


class Violated(AssertionError):
    """A schedule found the pipeline doing what it never may."""


@dataclass
class Played:
    """What a schedule came to: what of it happened, and what was ordered and did not."""

    schedule: Schedule
    happened: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    runs: int = 0
    kills: int = 0
    held: Counter[str] = field(default_factory=Counter)


class Stage:
    """Plays schedules one after the other, in one sandbox, with one program that forks."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="billing-torture-", dir=_MEMORY if _MEMORY.is_dir() else None))
        self._sandbox = Sandbox(make_world([], []))
        self._forker = Forker()
        self._prepared: dict[str, Path] = {}
        self._empty = self._folder / "empty.duckdb"

    def __enter__(self) -> Self:
        self._sandbox.start()
        copy_empty_warehouse(self._empty)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forker.close()
        self._sandbox.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def play(self, schedule: Schedule, *, keep: bool = False) -> Played:
        """Play a schedule to its end. Raises Violated with what went wrong, and how to see it again."""
        month = make_month(schedule.month)
        prepared = self._empty if schedule.through_close else self._prepare(month)
        folder = self._folder / f"seed-{schedule.seed}"
        scene = Scene(folder, self._sandbox, self._forker, month)
        scene.copy_warehouse(prepared)
        if schedule.through_close:
            copy_empty_dagster_home(folder / "dagster")
        played = Played(schedule)
        self.scene = scene
        try:
            _Play(scene, played).to_the_end()
        except Violated as error:
            raise Violated(
                f"{error}\n{schedule}\nSee it again: python -m billing_pipeline_tests.torture --seeds={schedule.seed}"
            ) from None
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
        return played

    def _prepare(self, month: Month) -> Path:
        """The database of a month up to its sealed plans; made once."""
        if month.name not in self._prepared:
            scene = Scene(self._folder / f"prepared-{month.name}", self._sandbox, self._forker, month)
            scene.copy_warehouse(self._empty)
            if scene.run("prepare") != DONE:
                raise Violated(f"the month {month.name} could not be prepared: {scene.said()}")
            self._prepared[month.name] = scene.warehouse
        return self._prepared[month.name]


class _Play:
    def __init__(self, scene: Scene, played: Played) -> None:
        self._scene = scene
        self._played = played
        self._since_late = 0
        self._lasting: dict[str, object] = {}

    def to_the_end(self) -> None:
        for place, event in enumerate(self._played.schedule.events):
            self._let_happen(event, first=place == 0)
        ledger = self._settle()
        self._played.runs = self._scene.runs
        for document_id, lost in ledger.voided.items():
            # It bills nothing, so that nobody asks for it; what comes now counts the lines of others to the cent.
            self._scene.shadow.restore(document_id, lost)
        said = find_violations(self._scene, ledger)
        if said:
            raise Violated("\n".join(said))

    def _let_happen(self, event: Event, *, first: bool) -> None:
        scene = self._scene
        self._pass_minutes(event.minutes)
        waiting = [Disturbance(scene, hit) for hit in event.hits]
        troubles = [one.trouble for one in waiting]
        hasty = any(trouble.waits for trouble in troubles)
        steps = ("post",) if first else ("prepare", "post")
        if self._played.schedule.through_close:
            steps = ("close",)
        code = scene.run(*steps, kill=event.kill, hasty=hasty)
        if code not in (DONE, FAILED, KILLED):
            what = "broke" if code == BROKEN else f"ended with {code}"
            raise Violated(f"run {scene.runs} {what}: {scene.said()}")
        if event.kill is not None:
            self._note(event.kill.kind, code == KILLED)
            self._played.kills += code == KILLED
        for one in waiting:
            self._note(one.trouble.name, one.happened())
        scene.shadow.follow(any(trouble.overrules for trouble in troubles))
        self._call_off(troubles)
        self._never_twice()
        if code == DONE:
            self._look(Ledger.read(scene))

    def _note(self, name: str, happened: bool) -> None:
        if happened:
            self._played.happened[name] += 1
        else:
            self._played.missed.append(name)

    def _call_off(self, troubles: list[Trouble]) -> None:
        scene = self._scene
        scene.sandbox.halopsa_service.faults.clear()
        scene.sandbox.halopsa.scheduled_edits.clear()
        for trouble in troubles:
            if trouble.lasts:
                self._lasting |= trouble.switches
        usual = vars(HaloSwitches())
        changed = {name: usual[name] for trouble in troubles for name in trouble.switches}
        scene.switch(**{**changed, **self._lasting})

    def _pass_minutes(self, minutes: int) -> None:
        self._since_late += minutes
        if self._since_late >= 15:
            # What HaloPSA puts off longer than the grace is written off; what comes then is found twice and told.
            self._scene.commit_late_writes()
            self._since_late = 0
        self._scene.pass_minutes(minutes)

    def _settle(self) -> Ledger:
        """Run until nothing is open, with a person who does what the holds say; then nothing is ever sent again."""
        scene = self._scene
        for _ in range(MOST_RUNS_TO_SETTLE):
            self._pass_minutes(GRACE_PASSED)
            code = scene.run("prepare", "post")
            if code != DONE:
                raise Violated(f"run {scene.runs} ended with {code} though nothing goes wrong: {scene.said()}")
            scene.shadow.follow()
            self._never_twice()
            ledger = Ledger.read(scene)
            self._look(ledger)
            if ledger.is_settled:
                break
            settle_as_told(scene, ledger)
        else:
            raise Violated(f"not settled after {MOST_RUNS_TO_SETTLE} more runs: {ledger.what_is_open()} {scene.said()}")
        before = scene.sent.count
        scene.run("post")
        if scene.sent.count != before:
            raise Violated("a run after everything was posted sent something again")
        return ledger

    def _look(self, ledger: Ledger) -> None:
        """After a run that came to its end: every line is posted, planned, or held with a reason and its money."""
        self._played.held.update({reason for _, reason in ledger.held})
        said = find_unexplained(ledger)
        if said:
            raise Violated(f"after run {self._scene.runs}: {'; '.join(said)}")

    def _never_twice(self) -> None:
        said = find_twice(self._scene)
        if said:
            raise Violated(f"after run {self._scene.runs}: {'; '.join(said)}")
