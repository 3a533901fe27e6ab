"""Faults that a test orders: which requests they hit, how often, and what goes wrong with them."""

import re
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import Any, Literal, get_args

Kind = Literal["status", "delay", "drop", "cut", "truncate", "html", "body"]
When = Literal["before", "after"]


@dataclass(frozen=True)
class Fault:
    """One order for trouble. Without `count` it lasts until the faults are cleared.

    `kind`: `status` answers with `status` (and `body`, if any); `delay` waits `seconds`, then does as usual;
    `drop` closes the connection without an answer; `html` sends an error page as 200 (or `status`);
    `body` sends `body` as the answer; `truncate` sends half of the true body as if it were whole;
    `cut` closes the connection in the middle of the true body.
    `when`: `before` - the service never sees the request (`delay`: sees it late); `after` - it does the work,
    and its answer is lost (`delay`: comes late). `truncate` and `cut` need the true body: the work is done.
    With `commit_after_requests` the fault comes at once, and the service does the work later: after that many
    more requests, or when `POST /_sandbox/commits` asks for it. `seconds` delays every kind.
    """

    kind: Kind
    method: str | None = None  # None: every method
    route: str | None = None  # "/v1/invoices/{id}/items", or one exact path; None: every route
    contains: str | None = None  # only requests with this text in the query string or the body
    count: int | None = None  # how many requests it hits; None: all
    after: int = 0  # how many matching requests pass first
    when: When = "before"
    status: int | None = None
    body: Any = None  # text as it is, anything else as JSON
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    commit_after_requests: int | None = None

    def matches(self, method: str, route: str, path: str, text: str) -> bool:
        """Whether a request of `method` to `path`, served by `route`, with query and body `text` is meant."""
        return (
            (self.method is None or self.method.upper() == method)
            and (self.route is None or same_route(self.route, route) or self.route == path)
            and (self.contains is None or self.contains in text)
        )


def plain_route(route: str) -> str:
    """`route` with every path parameter written `{id}`."""
    return re.sub(r"\{[^}]*\}", "{id}", route)


def same_route(one: str, other: str) -> bool:
    """Whether both mean the same route; HaloPSA's routes do not care about case."""
    return plain_route(one).lower() == plain_route(other).lower()


def read_fault(order: Any) -> Fault:
    """The fault that the JSON object `order` describes. ValueError names the key that is wrong."""
    if not isinstance(order, dict):
        raise ValueError("a fault is a JSON object")
    known = {known_field.name for known_field in fields(Fault)}
    if unknown := sorted(order.keys() - known):
        raise ValueError(f"unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    if order.get("kind") not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}; got {order.get('kind')!r}")
    if order.get("when", "before") not in get_args(When):
        raise ValueError(f"when must be before or after; got {order.get('when')!r}")
    for key in ("count", "after", "status", "commit_after_requests"):
        if (number := order.get(key)) is not None and (isinstance(number, bool) or not isinstance(number, int)):
            raise ValueError(f"{key} must be an integer; got {number!r}")
    settled = {key: value for key, value in order.items() if value is not None}
    return Fault(**{**settled, "seconds": float(settled.get("seconds", 0))})


@dataclass
class _Standing:
    fault: Fault
    seen: int = 0
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.fault.count is not None and self.hits >= self.fault.count


class FaultBook:
    """The faults in force, in the order they came; the first that matches and is not spent hits."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._standing: list[_Standing] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._standing.append(_Standing(fault))

    def clear(self) -> None:
        with self._lock:
            self._standing.clear()

    def take(self, method: str, route: str, path: str, text: str) -> Fault | None:
        """The fault that hits this request, counted; None: nothing goes wrong."""
        with self._lock:
            hit: Fault | None = None
            for standing in self._standing:
                if standing.spent or not standing.fault.matches(method, route, path, text):
                    continue
                standing.seen += 1
                if hit is None and standing.seen > standing.fault.after:
                    standing.hits += 1
                    hit = standing.fault
            return hit

    def listing(self) -> list[dict[str, Any]]:
        """Every fault with how often it hit so far."""
        with self._lock:
            return [{**vars(standing.fault), "hits": standing.hits} for standing in self._standing]
