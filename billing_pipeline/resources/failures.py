"""Which error a failed request becomes, sorted in one place, for reads, writes and tokens.

Permanent (the same request would fail again): CredentialsRefused, PermissionMissing, UnreadableAnswer and
ServiceError itself. Transient (retried by `retries`, and still there): ServiceUnreachable, TooManyRequests.
Writes know two outcomes only, NotWritten and OutcomeUnknown.
"""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

import httpx

from billing_pipeline.billing.errors import (
    CredentialsRefused,
    NotWritten,
    OutcomeUnknown,
    PermissionMissing,
    ServiceError,
    ServiceUnreachable,
    TooManyRequests,
    UnreadableAnswer,
)
from billing_pipeline.resources.retries import TOO_MANY_REQUESTS, TRANSIENT_STATUSES, read_retry_after

SURELY_NOT_WRITTEN = frozenset({400, 401, 403, 404, 422, 429})
"""Refused before anything was stored. A 409, a 5xx or a redirect may come after a commit."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""There was no connection that could have carried the request."""

_SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class ServiceFacts:
    """What error texts need to know of a service: its name, the variables behind its settings, its rights.

    `rights` maps the first part of a route ("Invoice") to (right to read, right to write).
    """

    name: str
    url_variable: str
    token_url_variable: str
    credential_variables: tuple[str, ...]
    where_to_grant: str
    rights: dict[str, tuple[str, str]] = field(default_factory=dict)
    unauthorized_means_permission: bool = False
    """HaloPSA answers 401 to a fresh token when a permission is missing; Pax8 does not."""
    tenant_hint: str = ""
    """What a 500 of the token service means besides trouble there; empty where it means nothing else."""

    def right(self, method: str, route: str) -> str:
        """The right that the call needs, in the service's own words."""
        resource = route.strip("/").split("/")[0]
        reading, writing = self.rights.get(resource, (f"reading {resource}", f"writing {resource}"))
        return reading if method == "GET" else writing


class Redactor:
    """Takes known secrets out of texts, in every spelling in which a service could echo them."""

    def __init__(self, *secrets: str) -> None:
        self._spellings: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Know one more secret."""
        if secret and secret not in self._spellings:
            escaped = json.dumps(secret)[1:-1]
            spellings = {secret, quote(secret, safe=""), quote_plus(secret), escaped}
            self._spellings = self._spellings | spellings

    def clean(self, text: str) -> str:
        """`text` with each secret replaced by ***."""
        for spelling in sorted(self._spellings, key=len, reverse=True):
            text = text.replace(spelling, "***")
        return text


class FailureSorter:
    """Turns failed answers and network errors into the project's errors, without secrets."""

    def __init__(self, facts: ServiceFacts, redactor: Redactor) -> None:
        self._facts = facts
        self._redactor = redactor

    def shorten(self, body: str) -> str:
        """A body for an error text: without secrets, on one line, cut."""
        text = re.sub(r"\s+", " ", self._redactor.clean(body)).strip()
        if not text:
            return "an empty body"
        return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " …"

    def of_read(self, response: httpx.Response, route: str) -> ServiceError:
        """The error of an answer to GET that is neither 2xx nor 404, which is for the caller to judge."""
        status = response.status_code
        asked = f"{self._facts.name}: {response.request.method} {route} was answered with {status}"
        said = f"It said: {self.shorten(response.text)}"
        if status == 401 and not self._facts.unauthorized_means_permission:
            names = ", ".join(self._facts.credential_variables)
            return CredentialsRefused(f"{asked} although the token is new. Check {names}. {said}")
        if status in (401, 403):
            return PermissionMissing(self._permission_text(response.request.method, route, status, said))
        if status == TOO_MANY_REQUESTS:
            return TooManyRequests(
                f"{asked} ({TRANSIENT_STATUSES[status]}), and it did not pass: something else uses up the limit. "
                f"Try again later. {said}",
                read_retry_after(response),
            )
        if status in TRANSIENT_STATUSES or status >= 500:
            reason = TRANSIENT_STATUSES.get(status, "trouble at the service")
            return ServiceUnreachable(f"{asked} ({reason}), and it did not pass. Try again later. {said}")
        if 300 <= status < 400:
            return UnreadableAnswer(
                f"{asked}, a redirect, which is not followed. Check the address in {self._facts.url_variable}."
            )
        return ServiceError(f"{asked}: it does not take this request. {said}")

    def of_network(self, error: httpx.HTTPError, address: str) -> ServiceUnreachable:
        """The error of a read, or of a token request, that got no answer."""
        variable = self._facts.url_variable
        if is_token_request(error):
            variable = self._facts.token_url_variable
        return ServiceUnreachable(
            f"{self._facts.name}: no answer from {address}: {self._describe(error)}. "
            f"Check the network and the address in {variable}, or try again later."
        )

    def of_write_answer(self, response: httpx.Response, route: str) -> NotWritten | OutcomeUnknown:
        """The outcome of a POST that was answered with something else than 2xx."""
        status = response.status_code
        said = f"It said: {self.shorten(response.text)}"
        if status in SURELY_NOT_WRITTEN:
            if status in (401, 403):
                return NotWritten(status, self._permission_text("POST", route, status, said))
            retry_after = read_retry_after(response) if status == TOO_MANY_REQUESTS else None
            text = f"{self._facts.name}: POST {route} was refused with {status}. {said}"
            return NotWritten(status, text, retry_after)
        return OutcomeUnknown(
            f"{self._facts.name}: POST {route} was answered with {status}: "
            f"it may have been written. Look for its key before anything else. {said}"
        )

    def of_write_network(self, error: httpx.HTTPError, route: str) -> NotWritten | OutcomeUnknown:
        """The outcome of a POST that got no answer."""
        if isinstance(error, NEVER_SENT) or is_token_request(error):
            return NotWritten(None, f"{self._facts.name}: POST {route} was not sent: {self._describe(error)}.")
        return OutcomeUnknown(
            f"{self._facts.name}: POST {route} got no answer ({self._describe(error)}): "
            f"it may have been written. Look for its key before anything else."
        )

    def of_token(self, response: httpx.Response) -> ServiceError:
        """The error of an answer of the token service that is not 2xx."""
        status = response.status_code
        facts = self._facts
        asked = f"{facts.name}: the token request to {response.request.url.host} was answered with {status}"
        said = f"It said: {self.shorten(response.text)}"
        names = ", ".join(facts.credential_variables)
        if status == 500 and facts.tenant_hint:
            return CredentialsRefused(f"{asked}. {facts.tenant_hint} {said}")
        if status == TOO_MANY_REQUESTS:
            return TooManyRequests(f"{asked}, and it did not pass. Try again later. {said}", read_retry_after(response))
        if status in TRANSIENT_STATUSES or status >= 500:
            return ServiceUnreachable(f"{asked}, and it did not pass. Try again later. {said}")
        if 300 <= status < 400 or status in (404, 405):
            return CredentialsRefused(f"{asked}: there is no token service. Check {facts.token_url_variable}. {said}")
        return CredentialsRefused(f"{asked}: the credentials are refused. Check {names}. {said}")

    def _permission_text(self, method: str, route: str, status: int, said: str) -> str:
        verb = "read" if method == "GET" else "write"
        return (
            f"{self._facts.name}: the credentials are right, but they may not {verb} "
            f"{route.strip('/').split('/')[0]} ({method} {route} was answered with {status}). "
            f"Grant {self._facts.right(method, route)} {self._facts.where_to_grant}. {said}"
        )

    def _describe(self, error: httpx.HTTPError) -> str:
        text = self.shorten(str(error)) if str(error) else ""
        return f"{type(error).__name__}{': ' + text if text else ''}"


def is_token_request(error: httpx.HTTPError) -> bool:
    """Whether the request that failed was for a token, so that the caller's own was not sent
    (or was refused with 401 before)."""
    try:
        return bool(error.request.extensions.get("token_request"))
    except RuntimeError:  # httpx raises it when an error knows no request
        return False
