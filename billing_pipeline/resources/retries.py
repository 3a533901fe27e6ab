"""The one retry layer: which failures of a read are worth another try, how often, and how long to wait."""

import time
from dataclasses import dataclass

import httpx
from httpx_retries import Retry

from billing_pipeline.resources.waits import tell_wait

TOO_MANY_REQUESTS = 429
TRANSIENT_STATUSES: dict[int, str] = {
    408: "the service gave up waiting for itself; Pax8 sends it for slow reports",
    TOO_MANY_REQUESTS: "too many requests; it passes with the window",
    500: "trouble inside; both services send it for a moment's trouble too",
    502: "a proxy got no good answer from the service behind it",
    503: "overloaded, or down for maintenance",
    504: "a proxy waited too long for the service behind it",
    520: "Cloudflare got nothing it understood from the service",
    521: "Cloudflare was refused by the service",
    522: "Cloudflare could not connect to the service in time",
    523: "Cloudflare found no way to the service",
    524: "Cloudflare waited too long for the service",
}
"""Everything else is permanent: 400, 404, 405, 409 and 422 say what is wrong with the request, and the same
request gets the same answer however often it is sent; 401 is the token's business (`oauth`), 403 a right that
someone must grant; 501 and 505 never pass; 3xx means a wrong address."""

NETWORK_TROUBLE = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)
"""Refused and dropped connections, time-outs, half an answer."""


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of the retry layer. Waits are in seconds: `backoff` doubles each time, with up to half taken off
    by chance so that parallel reads do not come back together; `total_wait` bounds the sum of all waits.

    The defaults wait about half a minute on 5xx and network trouble, and five minutes on 429 that stays,
    for HaloPSA's window is five minutes long.
    """

    attempts: int = 6
    backoff: float = 0.5
    longest_wait: float = 300.0
    total_wait: float = 300.0

    def for_reads(self) -> Retry:
        """Retries of GET, which may be repeated safely; nothing else is ever repeated."""
        return self._build(self.attempts, ["GET"], list(TRANSIENT_STATUSES))

    def for_tokens(self) -> Retry:
        """Retries of the token request, a POST that changes nothing. Fewer of them: HaloPSA answers 500 to a
        wrong tenant, and whoever mistyped it should not wait for half a minute."""
        return self._build(min(self.attempts, 3), ["POST"], list(TRANSIENT_STATUSES))

    def _build(self, attempts: int, methods: list[str], statuses: list[int]) -> Retry:
        return PatientRetry(
            total=attempts - 1,
            allowed_methods=methods,
            status_forcelist=statuses,
            retry_on_exceptions=NETWORK_TROUBLE,
            backoff_factor=self.backoff,
            backoff_jitter=0.5,
            max_backoff_wait=self.longest_wait,
            total_timeout=self.total_wait,
        )


class PatientRetry(Retry):
    """httpx-retries' rules, but eight times the wait on a 429 that does not say how long to wait:
    a rolling window of minutes does not pass in the seconds in which a 503 does."""

    def sleep(self, response: httpx.Response | Exception) -> None:
        """Wait before the next try, as the answer asks or by the backoff, within the bounds."""
        if not isinstance(response, httpx.Response) or response.status_code != TOO_MANY_REQUESTS:
            super().sleep(response)
            return
        left = self.max_backoff_wait if self.total_timeout is None else self.total_timeout - self.elapsed_sleep
        # The last try comes when all the time is up: nobody gives up in the middle of a window.
        unadvised = left if self.attempts_made >= self.total else 8 * self.backoff_strategy()
        seconds = max(0.0, min(read_retry_after(response) or unadvised, self.max_backoff_wait, left))
        if seconds >= 1:
            tell_wait(f"Too many requests for now (429): reading goes on in {seconds:.0f} seconds")
        time.sleep(seconds)
        self.elapsed_sleep += seconds


def read_retry_after(response: httpx.Response) -> float | None:
    """The seconds that an answer asks to wait; None where it does not say, or nothing that can be read."""
    try:
        return Retry().parse_retry_after(response.headers.get("Retry-After", "")) or None
    except ValueError:
        return None
