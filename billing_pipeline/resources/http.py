"""One service over HTTP: reads that are retried, writes that never are, every failure explained."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

import httpx

from billing_pipeline.billing.errors import (
    NotFound,
    NotWritten,
    OutcomeUnknown,
    ServiceError,
    SettingsError,
    TooManyRequests,
    UnreadableAnswer,
)
from billing_pipeline.billing.exact_json import read_exact_json, write_exact_json
from billing_pipeline.resources.failures import FailureSorter, Redactor, ServiceFacts
from billing_pipeline.resources.limits import HttpLimits
from billing_pipeline.resources.oauth import ClientCredentials, TokenRequest
from billing_pipeline.resources.retries import TOO_MANY_REQUESTS, RetryPolicy
from billing_pipeline.resources.transport import RequestCounter, build_transport

logger = logging.getLogger(__name__)

Query = Mapping[str, str | int]

CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """A 2xx answer: its body as text, to the byte, and the JSON value in it."""

    text: str
    data: Any


class HttpService:
    """A service with its token, limits, retries and errors; thread-safe, closed by `close` or `with`.

    `timeout_seconds` bounds each read and write and the wait for a free connection; connecting has
    ten seconds at most. Redirects are not followed. Environment proxies and .netrc are not used.
    """

    def __init__(
        self,
        facts: ServiceFacts,
        base_url: str,
        token: TokenRequest,
        limits: HttpLimits,
        timeout_seconds: float,
        policy: RetryPolicy | None = None,
    ) -> None:
        demand_https(base_url, facts.url_variable)
        demand_https(token.url, facts.token_url_variable)
        policy = policy or RetryPolicy()
        self.facts = facts
        self.base_url = base_url.rstrip("/")
        self._redactor = Redactor(token.fields.get("client_secret", ""))
        self._sorter = FailureSorter(facts, self._redactor)
        self._counter = RequestCounter(httpx.URL(self.base_url).path)
        self._auth = ClientCredentials(token, self._sorter, self._redactor, policy)
        self._http = httpx.Client(
            base_url=self.base_url,
            auth=self._auth,
            transport=build_transport(limits, self._counter, policy),
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            headers={"Accept": "application/json", "User-Agent": "billing-pipeline"},
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far by "METHOD route", retries and tokens included."""
        return self._counter.counts()

    @property
    def granted_scope(self) -> str:
        """The scope that came with the last token."""
        return self._auth.granted_scope

    def get(self, path: str, query: Query | None = None) -> Answer:
        """Read `path` below the base URL. Raises ServiceError or one of its kinds.

        A 2xx body that is not JSON is read once more: a cut-off body and a proxy's error page pass,
        a wrong address does not.
        """
        answer = self.find(path, query)
        if answer is None:
            raise NotFound(
                f"{self.facts.name}: GET {path} was answered with 404: there is no such thing. "
                f"Check the address in {self.facts.url_variable}."
            )
        return answer

    def find(self, path: str, query: Query | None = None) -> Answer | None:
        """Like `get`, but None where the service says 404."""
        route = self._counter.route(path)
        problem = ""
        for _ in range(2):
            response = self._read(path, query, route)
            if response is None:
                return None
            try:
                return _parse(response)
            except ValueError as error:
                problem = f"{error}. It began: {self._sorter.shorten(response.text)}"
                logger.warning("%s is not readable JSON: %s", self._named("GET", route), problem)
        raise UnreadableAnswer(
            f"{self._named('GET', route)} is not readable JSON, twice. "
            f"Check the address in {self.facts.url_variable}. {problem}"
        )

    def post(self, path: str, document: Any) -> Any:
        """Write `document` with one POST, never repeated, and return the JSON value of the answer.

        Raises NotWritten where nothing was written for sure, OutcomeUnknown in every other case.
        """
        route = self._counter.route(path)
        try:
            content = write_exact_json(document)
        except (TypeError, ValueError) as error:
            raise NotWritten(None, f"{self.facts.name}: POST {route} was not sent: {error}") from error
        try:
            response = self._http.post(path, content=content.encode(), headers={"Content-Type": "application/json"})
        except httpx.HTTPError as error:
            raise self._sorter.of_write_network(error, route) from error
        except TooManyRequests as error:  # of the token, which waits for its window as the document does
            said = f"{self.facts.name}: POST {route} was not sent. {error}"
            raise NotWritten(TOO_MANY_REQUESTS, said, error.retry_after) from error
        except ServiceError as error:  # of the token: the document itself was not sent, or refused with 401
            raise NotWritten(None, f"{self.facts.name}: POST {route} was not sent. {error}") from error
        if not response.is_success:
            raise self._sorter.of_write_answer(response, route)
        try:
            return _parse(response).data
        except ValueError as error:
            raise OutcomeUnknown(
                f"{self._named('POST', route)} ({response.status_code}) is not readable JSON: {error}. "
                f"It may have been written: look for its key before anything else. "
                f"It began: {self._sorter.shorten(response.text)}"
            ) from None

    def _read(self, path: str, query: Query | None, route: str) -> httpx.Response | None:
        try:
            response = self._http.get(path, params=dict(query or {}))
        except httpx.DecodingError as error:
            raise UnreadableAnswer(
                f"{self._named('GET', route)} has a body that cannot be unpacked. Try again later."
            ) from error
        except httpx.HTTPError as error:
            raise self._sorter.of_network(error, _origin(error, self.base_url)) from error
        if response.status_code == 404:
            return None
        if not response.is_success:
            raise self._sorter.of_read(response, route)
        return response

    def _named(self, method: str, route: str) -> str:
        return f"{self.facts.name}: the answer to {method} {route}"


def demand_https(url: str, variable: str) -> None:
    """Raise SettingsError unless `url` is https, or http to this machine itself."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if not parsed.host or parsed.scheme not in ("http", "https"):
        raise SettingsError(f"{variable} is not an address: set it to one that starts with https://")
    if parsed.userinfo:
        raise SettingsError(f"{variable} holds a user or password: take it out of the address")
    if parsed.scheme == "http" and not _is_loopback(parsed.host):
        raise SettingsError(f"{variable} is plain http to {parsed.host}: only https is safe beyond this machine")


def demand_values(service: str, values: Mapping[str, str]) -> None:
    """Raise SettingsError naming each environment variable of `values` that is empty."""
    missing = [name for name, value in values.items() if not value.strip()]
    if missing:
        raise SettingsError(
            f"{service}: {', '.join(missing)} not set. Put them into the environment or into .env, "
            f"then run `billing-pipeline check`."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _parse(response: httpx.Response) -> Answer:
    # Strictly UTF-8, which JSON must be, so that the text kept is the bytes sent.
    text = response.content.decode("utf-8")
    return Answer(text=text, data=read_exact_json(text))


def _origin(error: httpx.HTTPError, otherwise: str) -> str:
    try:
        url = error.request.url
    except RuntimeError:  # httpx raises it when an error knows no request
        return otherwise
    return f"{url.scheme}://{url.netloc.decode()}"
