"""Client credentials for both services, as one httpx.Auth; clients of one account in a process share its token."""

import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from threading import Lock
from typing import Any, Literal

import httpx

from billing_pipeline.billing.errors import UnreadableAnswer
from billing_pipeline.billing.exact_json import read_exact_json
from billing_pipeline.resources.failures import FailureSorter, Redactor
from billing_pipeline.resources.retries import RetryPolicy

LIFETIME_WHEN_UNSAID = 300
LONGEST_EARLINESS = 60.0


@dataclass(frozen=True)
class TokenRequest:
    """How to ask for a token: Pax8 wants `fields` as JSON, HaloPSA as a form with the tenant in the query."""

    url: str
    body: Literal["json", "form"]
    fields: dict[str, str]
    query: dict[str, str]
    credential_variables: str

    def __repr__(self) -> str:
        return f"TokenRequest({self.url!r}, {self.body!r})"

    def fingerprint(self) -> str:
        """What tells accounts apart: the same for the same request alone, and no secret can be read from it."""
        said = json.dumps([self.url, self.body, self.fields, self.query], sort_keys=True)
        return sha256(said.encode()).hexdigest()


@dataclass(frozen=True)
class Token:
    """A bearer token and the moment (of the monotonic clock) from which a new one is fetched."""

    value: str
    refresh_at: float
    scope: str

    def __repr__(self) -> str:
        return f"Token(refresh_at={self.refresh_at:.0f})"


class SharedToken:
    """The token of one account, for every client and thread of this process; never written anywhere."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.token: Token | None = None


_shared: dict[str, SharedToken] = {}
_shared_lock = Lock()


def token_of(request: TokenRequest) -> SharedToken:
    """The one token of this process for an account.

    A close opens clients for several steps: a token for each would be a third of its requests to HaloPSA.
    """
    with _shared_lock:
        return _shared.setdefault(request.fingerprint(), SharedToken())


def forget_tokens() -> None:
    """Let every account fetch its token anew, as a new process would."""
    with _shared_lock:
        _shared.clear()


class ClientCredentials(httpx.Auth):
    """Adds the token to each request, fetches it when needed, and repeats a request once after a 401.

    A token is fetched anew a tenth of its life before its end (a minute at most). Clients and threads that need
    one at the same time wait for the one that fetches. A 401 drops the token that was refused, unless another
    has replaced it already, and the request is repeated once; a second 401 goes to the caller.
    A 401 says that nothing was done, so this holds for writes too.

    Raises CredentialsRefused, ServiceUnreachable or UnreadableAnswer when there is no token to be had.
    """

    def __init__(
        self,
        request: TokenRequest,
        sorter: FailureSorter,
        redactor: Redactor,
        policy: RetryPolicy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request = request
        self._sorter = sorter
        self._redactor = redactor
        self._retry = policy.for_tokens()
        self._clock = clock
        self._shared = token_of(request)

    @property
    def granted_scope(self) -> str:
        """What the service said it granted with the last token; empty if it did not say."""
        token = self._shared.token
        return token.scope if token else ""

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send `request` with a token, and once more with a new one if that was refused."""
        token = yield from self._current_token(request, refused=None)
        request.headers["Authorization"] = f"Bearer {token.value}"
        response = yield request
        if response.status_code != 401:
            return
        token = yield from self._current_token(request, refused=token)
        request.headers["Authorization"] = f"Bearer {token.value}"
        yield request

    def _current_token(
        self, request: httpx.Request, refused: Token | None
    ) -> Generator[httpx.Request, httpx.Response, Token]:
        shared = self._shared
        with shared.lock:
            token = shared.token
            if token is None or token is refused or self._clock() >= token.refresh_at:
                shared.token = None
                asked_at = self._clock()
                response = yield self._build_request(request)
                token = self._read_token(response, asked_at)
                shared.token = token
        # Another client may have fetched it: no text of this one may show it either.
        self._redactor.add(token.value)
        return token

    def _build_request(self, request: httpx.Request) -> httpx.Request:
        # A request that an auth flow makes knows nothing of its client: without these it had no time-outs.
        extensions: dict[str, Any] = {"retry": self._retry, "token_request": True}
        if "timeout" in request.extensions:
            extensions["timeout"] = request.extensions["timeout"]
        headers = {"Accept": "application/json", "User-Agent": request.headers.get("User-Agent", "")}
        fields = {"grant_type": "client_credentials", **self._request.fields}
        body: dict[str, Any] = {"json": fields} if self._request.body == "json" else {"data": fields}
        return httpx.Request(
            "POST",
            httpx.URL(self._request.url).copy_merge_params(self._request.query),
            headers=headers,
            extensions=extensions,
            **body,
        )

    def _read_token(self, response: httpx.Response, asked_at: float) -> Token:
        response.read()
        if not response.is_success:
            raise self._sorter.of_token(response)
        try:
            answer = read_exact_json(response.text)
        except ValueError:
            answer = None
        value = answer.get("access_token") if isinstance(answer, dict) else None
        # What is no plain token is not put into a header, whose error text would show it.
        if not isinstance(answer, dict) or not isinstance(value, str) or not _is_plain(value):
            raise UnreadableAnswer(
                f"The token service at {response.request.url.host} answered {response.status_code} "
                f"without a usable access_token. Check {self._request.credential_variables}."
            )
        life = _seconds(answer.get("expires_in"))
        scope = answer.get("scope")
        return Token(
            value=value,
            refresh_at=asked_at + life - min(LONGEST_EARLINESS, life / 10),
            scope=scope if isinstance(scope, str) else "",
        )


def _is_plain(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable() and " " not in value


def _seconds(expires_in: object) -> float:
    if isinstance(expires_in, str) and expires_in.strip().isdigit():
        return float(expires_in)
    if isinstance(expires_in, int | Decimal) and not isinstance(expires_in, bool) and 0 <= expires_in < 10**9:
        return float(expires_in)
    return LIFETIME_WHEN_UNSAID
