"""Schedules: what goes wrong in which run of which month, and where its process is killed; all from one number.

The first `GUARANTEED` schedules bring every moment and every trouble at least once; the others are drawn at random.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from billing_pipeline_tests.torture.months import KINDS, MONTH, Month, make_month
from billing_pipeline_tests.torture.troubles import ALL_TROUBLES, LATER_TROUBLES, TROUBLES, Trouble

GUARANTEED = 60
# From here on the later troubles are drawn too; the first of them bring each once.
LATER = 3000
RANDOM_MONTHS = 40
GRACE_PASSED = 20
# How many functions of the pipeline a run calls, about: a random moment lies before that.
CALLS = 6000

THREE = ("before", "uncommitted", "committed")
OF_A_REQUEST = ("before", "unanswered", "answered")


@dataclass(frozen=True)
class Kill:
    """Where the process of a run is killed: the n-th time that it passes a moment, or at its n-th call."""

    moment: str
    occurrence: int = 1

    @property
    def kind(self) -> str:
        """As the summary counts it."""
        return "at a random call" if self.moment == "call" else self.moment

    def as_order(self) -> dict[str, Any]:
        """As the process is told."""
        if self.moment == "call":
            return {"call": self.occurrence}
        return {"moment": self.moment, "occurrence": self.occurrence}

    def __str__(self) -> str:
        return (
            f"killed at call {self.occurrence}"
            if self.moment == "call"
            else f"killed {self.moment} ({self.occurrence})"
        )


@dataclass(frozen=True)
class Hit:
    """A trouble, and which document of its kind an agent works on: counted from the first or, below zero, the last."""

    trouble: str
    target: int = -1

    def __str__(self) -> str:
        return self.trouble


@dataclass(frozen=True)
class Event:
    """One run: the clock is moved on by `minutes`, then it meets its troubles, and is killed or not."""

    hits: tuple[Hit, ...] = ()
    kill: Kill | None = None
    minutes: int = 1

    def __str__(self) -> str:
        said = [*map(str, self.hits), *([str(self.kill)] if self.kill else [])]
        return f"+{self.minutes} min: {', '.join(said) or 'nothing goes wrong'}"


@dataclass(frozen=True)
class Schedule:
    """The runs of one month. The first posts a month that is prepared, the others close it anew, step by step; with
    `through_close` all of them are closes as a clerk runs them."""

    seed: int
    month: str
    events: tuple[Event, ...]
    through_close: bool = False

    def __str__(self) -> str:
        return f"seed {self.seed}, month {self.month}: " + "; ".join(map(str, self.events))


def _moments(of: Sequence[str], *names: str, occurrence: int = 1) -> list[Kill]:
    return [Kill(f"{when}: {name}", occurrence) for name in names for when in of]


INTENT, OUTCOME = "write the intent to post", "write what was posted"
# While documents are on their way; by the kind of month in which a first run passes them.
EARLY: dict[str, list[Kill]] = {
    "new": [
        Kill("committed: read the sealed plans"),
        *_moments(OF_A_REQUEST, "GET Invoice"),
        *_moments(THREE, INTENT),
        *_moments(OF_A_REQUEST, "create Invoice"),
        *_moments(THREE, INTENT, occurrence=2),
        *_moments(OF_A_REQUEST, "create Invoice", occurrence=2),
    ],
    "items": [
        Kill("committed: look up created items"),
        *_moments(THREE, "note group_sending"),
        *_moments(OF_A_REQUEST, "create AssetGroup"),
        *_moments(THREE, "note group_created", "note item_sending"),
        *_moments(OF_A_REQUEST, "create Item"),
        *_moments(THREE, "confirm a created item"),
    ],
    "latest": [
        *_moments(OF_A_REQUEST, "GET Invoice/{id}"),
        *_moments(OF_A_REQUEST, "change Invoice"),
        *_moments(OF_A_REQUEST, "GET Invoice/{id}", occurrence=2),
        *_moments(THREE, INTENT, occurrence=2),
    ],
    "recurring": [
        *_moments(OF_A_REQUEST, "GET RecurringInvoice/{id}"),
        *_moments(OF_A_REQUEST, "change RecurringInvoice"),
        *_moments(OF_A_REQUEST, "GET RecurringInvoice/{id}", occurrence=2),
    ],
}
# When all documents are sent.
LATE = [
    *_moments(THREE, OUTCOME),
    *_moments(("unanswered", "answered"), "GET Invoice", occurrence=3),
    *_moments(THREE, "read what was posted", "write what was read back", "hold what is unknown", "finish posting"),
]
# In the second run, after one that was killed with its request on the way.
SECOND = [
    *_moments(("before", "committed"), "look for unknown postings"),
    *_moments(THREE, "settle an unknown posting", "store the snapshots", f"plan {MONTH}"),
]
# In the second run, after one whose request never arrived and whose grace has passed.
AFTER_THE_GRACE = [*_moments(OF_A_REQUEST, "GET Invoice search"), *_moments(THREE, "settle an unknown posting")]
# What few runs pass: only drawn.
RARE = _moments(
    THREE,
    "hold a client whose item is missing",
    "hold a client whose document is not changed",
    "write a repaired document",
    "write what was found before posting",
    "note item_not_written",
)
# Early kills after which the outcome of a document is open, and those whose document never left.
NEVER_ARRIVED = [
    kill
    for kill in (*EARLY["new"], *EARLY["latest"], *EARLY["recurring"])
    if kill.moment in (f"committed: {INTENT}", "before: create Invoice", "before: change Invoice")
]
LEFT_OPEN = [
    *_moments(("unanswered", "answered"), "create Invoice", "change Invoice", "change RecurringInvoice"),
    *_moments(("before", "uncommitted"), INTENT, occurrence=2),
    *_moments(OF_A_REQUEST, "GET Invoice/{id}", "GET RecurringInvoice/{id}", "create Invoice", occurrence=2),
]


def every_kill() -> list[Kill]:
    """Every moment at which some guaranteed schedule kills."""
    return list(
        dict.fromkeys([*(kill for kills in EARLY.values() for kill in kills), *LATE, *SECOND, *AFTER_THE_GRACE])
    )


def make_schedule(seed: int) -> Schedule:
    """The schedule of a number, the same for ever; those below zero go through whole closes."""
    if seed < 0:
        return THROUGH_CLOSE[-seed - 1]
    if LATER <= seed < LATER + len(_LATER_GUARANTEED):
        return _LATER_GUARANTEED[seed - LATER]
    return _GUARANTEED[seed] if seed < GUARANTEED else _draw(seed)


def _draw(seed: int) -> Schedule:
    rng = Random(seed)
    name = rng.choice([*KINDS, *(f"random-{number}" for number in range(RANDOM_MONTHS))])
    month, count = make_month(name), rng.choice([1, 2, 2, 3, 4])
    known = TROUBLES if seed < LATER else ALL_TROUBLES
    events = (_draw_event(rng, month, known, last=place == count) for place in range(1, count + 1))
    return Schedule(seed, name, tuple(events))


def _draw_event(rng: Random, month: Month, known: Mapping[str, Trouble], *, last: bool) -> Event:
    """One run; what goes wrong fits the month, but for one time in ten. All but the last leave work for the next."""
    anything = rng.random() < 0.1
    fitting = [trouble for trouble in known.values() if anything or month.kinds & {*trouble.months}]
    troubles = rng.sample(fitting, rng.choice([0, 0, 1, 1, 1, 2]))
    anywhere, kill = Kill("call", rng.randint(1, CALLS)), None
    if not troubles or anything:
        kill = rng.choice([anywhere, rng.choice(_kills_of(month, anything=anything))])
    elif not any(trouble.stops for trouble in troubles) and rng.random() < (0.5 if last else 0.9):
        # Mostly later than the trouble, and before everything is sent.
        on_the_way = Kill(f"{rng.choice(THREE)}: {INTENT}", rng.choice([2, 2, 3]))
        kill = rng.choice([anywhere, on_the_way, on_the_way, on_the_way])
    hits = tuple(Hit(trouble.name, rng.choice(_places(month, trouble))) for trouble in troubles)
    return Event(hits, kill, rng.choice([1, 1, 1, 5, GRACE_PASSED]))


def _kills_of(month: Month, *, anything: bool) -> list[Kill]:
    if anything:
        return [*every_kill(), *RARE]
    return [*(kill for kind, kills in EARLY.items() if kind in month.kinds for kill in kills), *LATE, *SECOND]


def _places(month: Month, trouble: Trouble) -> list[int]:
    """The documents on which an agent can work; any for those that work on none."""
    ids = [one for one in month.documents.values() if (one > 0) == (trouble.target == "invoice")]
    return [0, 1, -2, -1] if len(ids) > 1 else [-1]


def _guarantee() -> list[Schedule]:
    """Deal every kill and every trouble out to the guaranteed schedules."""
    dealer = _Dealer()
    late_kinds = ("new", "items")
    second, grace, late = list(SECOND), list(AFTER_THE_GRACE), list(LATE)
    dealt: list[tuple[str, list[Event]]] = []
    for kind, kill in _early_kills():
        events = [Event(kill=kill)]
        if kill in NEVER_ARRIVED and grace:
            events.append(Event(kill=grace.pop(0), minutes=GRACE_PASSED))
        elif kill in LEFT_OPEN and second:
            events.append(Event(kill=second.pop(0)))
        dealt.append((kind, events))
    dealt += [("items", [Event((Hit(name),))]) for name in dealer.take_all("a product group")]
    dealt += [("mixed", [Event(kill=Kill("call", 900))]), ("shared", [Event(kill=Kill("call", 1800))])]
    for kind, events in dealt:
        # An item that may still come holds its clients, and leaves less to disturb.
        minutes = GRACE_PASSED if kind == "items" else 1
        first = dealer.take(kind, 1)
        events.append(Event(first, None if _stops(first) else _kill_after(first), minutes))
        if kind == "items" and first[0].trouble.endswith("after the run"):
            # Within the grace, while it may still come.
            events.append(Event())
        rest = dealer.take(kind, -1, last=True)
        if late and kind in late_kinds:
            events.append(Event(rest, None if _stops(rest) else _kill_after(rest), minutes))
            events.append(Event(kill=late.pop(0)))
            continue
        if not _stops(rest) and kind in ("latest", "recurring"):
            rest += dealer.take(kind, -2, beside=rest, last=True)
        events.append(Event(rest, minutes=minutes))
    return [Schedule(seed, kind, tuple(events)) for seed, (kind, events) in enumerate(dealt)]


def _early_kills() -> Iterator[tuple[str, Kill]]:
    """The early kills, a kind of month after the other in turn."""
    for turn in range(max(map(len, EARLY.values()))):
        yield from ((kind, kills[turn]) for kind, kills in EARLY.items() if turn < len(kills))


def _stops(hits: Sequence[Hit]) -> bool:
    return any(TROUBLES[hit.trouble].stops for hit in hits)


def _kill_after(hits: Sequence[Hit]) -> Kill:
    """Between two documents, the first of which met the trouble."""
    held = any(
        TROUBLES[hit.trouble].name.endswith(("before we read (invoice)", "before we read (template)")) for hit in hits
    )
    return Kill(f"committed: {INTENT}", 1 if held else 2)


class _Dealer:
    """Gives each trouble to one schedule, those that fit few months first; then any that fits."""

    def __init__(self) -> None:
        self._left = sorted(TROUBLES.values(), key=lambda trouble: len(trouble.months))
        self._more = Random(0)

    def take_all(self, ending: str) -> list[str]:
        """The troubles whose names end so."""
        taken = [trouble for trouble in self._left if trouble.name.endswith(ending)]
        self._left = [trouble for trouble in self._left if trouble not in taken]
        return [trouble.name for trouble in taken]

    def take(self, kind: str, target: int, beside: Sequence[Hit] = (), *, last: bool = False) -> tuple[Hit, ...]:
        """A trouble for a month of a kind, as its `last` or not; beside others, one more of agents."""

        def fits(trouble: Trouble) -> bool:
            misplaced = _is_of_items(trouble) if last else _leaves_damage(trouble)
            return kind in trouble.months and (not beside or _is_quiet(trouble)) and not misplaced

        fitting = [trouble for trouble in self._left if fits(trouble)]
        if not fitting:
            if beside:
                return ()
            fitting = [self._more.choice([trouble for trouble in TROUBLES.values() if fits(trouble)])]
        self._left = [trouble for trouble in self._left if trouble is not fitting[0]]
        return (Hit(fitting[0].name, target),)


def _is_of_items(trouble: Trouble) -> bool:
    return any(order["route"] == "/api/Item" for order in trouble.orders)


def _leaves_damage(trouble: Trouble) -> bool:
    """Whether no existing document is changed any more until a person has repaired one."""
    return trouble.stops and (trouble.lasts or trouble.edit is not None)


def _is_quiet(trouble: Trouble) -> bool:
    return bool(trouble.target) and not trouble.stops


def _guarantee_later() -> list[Schedule]:
    """Each later trouble once, in the run after one that was killed between two documents, where answers are lost."""
    kinds = ("new", "latest", "mixed", "recurring", "new", "latest", "latest", "recurring", "recurring")
    losing = ("dropped after the commit", "", "committed 7 requests later", "", "dropped before the commit", *[""] * 4)
    kill = Kill(f"committed: {INTENT}", 2)
    schedules = []
    for place, (name, kind, lost) in enumerate(zip(LATER_TROUBLES, kinds, losing, strict=True)):
        hits = (Hit(name), *([Hit(lost)] if lost else []))
        schedules.append(Schedule(LATER + place, kind, (Event(kill=kill), Event(hits, minutes=GRACE_PASSED))))
    return schedules


_GUARANTEED: list[Schedule] = _guarantee()
_LATER_GUARANTEED: list[Schedule] = _guarantee_later()
# Whole closes with Dagster: killed, then run again. Their numbers are none of those that are drawn.
THROUGH_CLOSE = [
    Schedule(-1 - place, kind, (Event(hits, kill), Event()), through_close=True)
    for place, (kind, hits, kill) in enumerate(
        [
            ("mixed", (), Kill("unanswered: create Invoice")),
            ("latest", (Hit("dropped after the commit"),), Kill(f"committed: {INTENT}", 2)),
            ("recurring", (Hit("an agent adds a line after we wrote (template)", 0),), Kill(f"before: {OUTCOME}")),
        ]
    )
]
