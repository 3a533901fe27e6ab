"""What many schedules came to: what went wrong how often, where processes were killed, what was held."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from billing_pipeline_tests.torture.player import Played
from billing_pipeline_tests.torture.troubles import ALL_TROUBLES


@dataclass
class Summary:
    """Counts over schedules; `missed` is what was ordered and did not happen. `failed` are seeds."""

    played: int = 0
    runs: int = 0
    kills: int = 0
    failed: list[int] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)

    def add(self, played: Played) -> None:
        """Count one schedule."""
        self.played += 1
        self.runs += played.runs
        self.kills += played.kills
        self.happened += played.happened
        self.missed += Counter(played.missed)
        self.held += played.held

    def show(self, console: Console, seconds: float) -> None:
        """Print the tables, and the commands that repeat what failed."""
        troubles, kills = self._by_family()
        console.print(_table("what went wrong", troubles))
        console.print(_table("killed", kills))
        if self.held:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.held.items()))
            console.print(f"Schedules that held a client on the way, by reason: {reasons}.")
        console.print(
            f"{self.played} schedules came out right and {len(self.failed)} failed, in {self.runs} runs, "
            f"{self.kills} of which were killed, and {seconds:.0f} seconds."
        )
        for seed in self.failed:
            console.print(f"  python -m billing_pipeline_tests.torture --seeds={seed}", style="red")

    def _by_family(self) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
        troubles: dict[str, Counter[str]] = defaultdict(Counter)
        kills: dict[str, Counter[str]] = defaultdict(Counter)
        for counts, column in ((self.happened, "happened"), (self.missed, "did not")):
            for name, count in counts.items():
                where = troubles[ALL_TROUBLES[name].family] if name in ALL_TROUBLES else kills[name]
                where[column] += count
        return troubles, kills


def _table(title: str, rows: dict[str, Counter[str]]) -> Table:
    table = Table(title, "happened", "ordered, but did not")
    for name in sorted(rows):
        table.add_row(name, str(rows[name]["happened"]), str(rows[name]["did not"]))
    return table
