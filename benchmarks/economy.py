"""Requests and time of a month, beside a plain script: HaloPSA's limit decides how long a month takes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.apart import run_apart
from benchmarks.economy_world import LINES_A_CLIENT, MONTH, NOW, EconomyMonth, build_economy_month
from benchmarks.report import Report, Target
from benchmarks.sandbox_month import close_apart, serve
from billing_pipeline.sandbox.demo_halopsa import DEFAULT_ITEM, INCOME

LATENCY_SECONDS = 0.05
WINDOW_REQUESTS, WINDOW_SECONDS = 300, 300
SIZES = (50, 200, 500)
CHANGING_SIZES = (50, 200)
DAGSTER_AT_MOST = 0.25


@dataclass(frozen=True)
class Cost:
    """What a month took: HaloPSA requests, those for snapshots apart, and seconds.

    `dagster` are the seconds that are Dagster's own, `processor` those that the processor worked, the sandbox not
    counted; `routes` are the requests by route, without the snapshots.
    """

    requests: int
    snapshots: int
    seconds: float
    documents: int
    dagster: float = 0.0
    processor: float = 0.0
    routes: tuple[tuple[str, int], ...] = ()

    @property
    def all_requests(self) -> int:
        return self.requests + self.snapshots

    @property
    def limit_seconds(self) -> float:
        """The least that HaloPSA's limit lets that many requests take."""
        return limit_seconds(self.all_requests)

    @property
    def limited_seconds(self) -> float:
        """The least that the month takes with the limit: neither the limit nor its own work is any faster."""
        return max(self.limit_seconds, self.seconds)


def limit_seconds(requests: int) -> float:
    """How long the last of `requests` waits where any rolling window takes a number of them, and nothing else waits.

    The first 300 go out at once; each further 300 have to wait until the ones before left the window.
    """
    return float(max(requests - 1, 0) // WINDOW_REQUESTS * WINDOW_SECONDS)


def measure_economy(report: Report) -> None:
    """Bill months of several sizes with a plain script and with `close --post`; print the figures."""
    report.head(
        f"Request economy: {LINES_A_CLIENT} lines a client, {LATENCY_SECONDS * 1000:.0f} ms latency, limiter off"
    )
    scripts = {size: run_script(size) for size in SIZES}
    closes = {("new", size): run_close("new", size) for size in SIZES}
    closes |= {
        (behaviour, size): run_close(behaviour, size)
        for behaviour in ("latest", "recurring")
        for size in CHANGING_SIZES
    }
    _print_beside(report, scripts, {size: closes["new", size] for size in SIZES})
    _print_requests(report, closes)
    _print_dagster(report, closes)
    report.check(*_request_targets(closes), _dagster_target(SIZES[-1], closes["new", SIZES[-1]]))


def run_script(clients: int) -> Cost:
    """The plain script, in a process of its own."""
    month = build_economy_month(clients, "new")
    with serve(month.world, NOW, LATENCY_SECONDS) as sandbox, TemporaryDirectory() as name:
        clients_csv = Path(name) / "clients.csv"
        clients_csv.write_text(month.config["clients.csv"], encoding="utf-8")
        order = {
            "environment": sandbox.environment,
            "clients_csv": str(clients_csv),
            "item": DEFAULT_ITEM,
            "account": INCOME,
            "month": MONTH,
        }
        figures = run_apart("plain_script", order)
        requests = sum(sandbox.halopsa_service.log.counts().values())
    _refuse_incomplete(figures["posted"], clients, "the plain script")
    return Cost(requests, 0, figures["seconds"], figures["posted"])


def run_close(behaviour: str, clients: int) -> Cost:
    """`close --post` through Dagster, in a process of its own."""
    month: EconomyMonth = build_economy_month(clients, behaviour)
    with serve(month.world, NOW, LATENCY_SECONDS) as sandbox:
        figures = close_apart(sandbox, month.config, MONTH, NOW)
    by_job = {run["job"]: Counter(run["requests"]["HaloPSA"]) for run in figures["runs"]}
    snapshots = by_job.pop("fetch_month").total()
    routes = sum(by_job.values(), Counter[str]())
    written = _writes(routes)
    _refuse_incomplete(written, clients, f"close --post ({behaviour})")
    return Cost(
        routes.total(),
        snapshots,
        figures["seconds"],
        written,
        figures["seconds"] - sum(figures["inside"].values()),
        figures["processor_seconds"],
        tuple(sorted(routes.items())),
    )


def _writes(counts: Mapping[str, int]) -> int:
    return sum(count for route, count in counts.items() if route.startswith("POST") and route.endswith("Invoice"))


def _refuse_incomplete(documents: int, clients: int, what: str) -> None:
    if documents != clients:
        raise RuntimeError(f"{what} wrote {documents} documents for {clients} clients: nothing to compare")


def _print_beside(report: Report, scripts: dict[int, Cost], ours: dict[int, Cost]) -> None:
    rows: list[list[object]] = []
    for size, script in scripts.items():
        close = ours[size]
        row: list[object] = [size]
        for name in ("all_requests", "seconds", "limit_seconds", "limited_seconds"):
            theirs, own = getattr(script, name), getattr(close, name)
            row += [_whole(theirs), _whole(own), f"{theirs / own:.1f}" if own else "-"]
        rows.append(row)
    report.table(
        "The plain script beside close --post (behaviour new): requests with snapshots, times in seconds",
        (
            "clients",
            "requests",
            "ours",
            "ratio",
            "wall",
            "ours",
            "ratio",
            "limit",
            "ours",
            "ratio",
            "month",
            "ours",
            "ratio",
        ),
        rows,
    )
    report.say(
        f"wall: measured without a limit. limit: the wait that the requests alone bring where HaloPSA takes "
        f"{WINDOW_REQUESTS} in any {WINDOW_SECONDS // 60} minutes: {WINDOW_SECONDS} s for every full {WINDOW_REQUESTS} "
        "before the last. month: the longer of the two, which is the least that the month takes."
    )


def _whole(value: float) -> object:
    return f"{value:,.0f}"


def _print_requests(report: Report, closes: dict[tuple[str, int], Cost]) -> None:
    report.table(
        "HaloPSA requests of close --post by behaviour",
        (
            "behaviour",
            "clients",
            "writes",
            "all but snapshots",
            "at most",
            "a document",
            "snapshots",
            "wall",
            "limit",
            "month",
        ),
        [
            (
                behaviour,
                size,
                cost.documents,
                cost.requests,
                _allowed(behaviour, cost.documents),
                cost.requests / cost.documents,
                cost.snapshots,
                _whole(cost.seconds),
                _whole(cost.limit_seconds),
                _whole(cost.limited_seconds),
            )
            for (behaviour, size), cost in closes.items()
        ],
    )


def _print_dagster(report: Report, closes: dict[tuple[str, int], Cost]) -> None:
    report.table(
        "Dagster's own share of the month with the limit, in seconds",
        ("behaviour", "clients", "wall", "processor", "ours", "Dagster's own", "a client", "month", "share"),
        [
            (
                behaviour,
                size,
                cost.seconds,
                cost.processor,
                cost.seconds - cost.dagster,
                cost.dagster,
                cost.dagster / size,
                _whole(cost.limited_seconds),
                f"{cost.dagster / cost.limited_seconds:.0%}",
            )
            for (behaviour, size), cost in closes.items()
        ],
    )
    report.say(
        "Dagster's own: runs, partitions, and an event before and after each asset of each client. What keeps it low: "
        "one ranged run for all clients, metadata for each client on two assets alone, and an event log whose files "
        "stay open and whose tables are looked up once."
    )


def _allowed(behaviour: str, documents: int) -> int:
    # An existing document is read right before its write, and one in ten may need a second look.
    return documents * (10 if behaviour == "new" else 21) // 10 + documents // 25 + 20


def _request_targets(closes: dict[tuple[str, int], Cost]) -> list[Target]:
    return [
        Target(
            f"HaloPSA requests for {size} clients, {behaviour}, snapshots apart",
            cost.requests,
            _allowed(behaviour, cost.documents),
            why=_over(cost.requests, _allowed(behaviour, cost.documents), cost.routes),
            binds=True,
        )
        for (behaviour, size), cost in closes.items()
    ]


def _over(measured: int, allowed: int, routes: tuple[tuple[str, int], ...]) -> str:
    return f"{measured - allowed} too many: {', '.join(f'{count} {route}' for route, count in routes)}"


def _dagster_target(size: int, cost: Cost) -> Target:
    return Target(
        f"Dagster's own share of the month of {size} clients with the limit",
        100 * cost.dagster / cost.limited_seconds,
        100 * DAGSTER_AT_MOST,
        " %",
        f"the close took {cost.processor:.0f} s of processor time and {cost.seconds:.0f} s of wall time: "
        "what it waited for others on this machine counts as Dagster's own wherever none of our functions ran.",
    )
