"""The token endpoint, and who may do what with a token."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import Response

from billing_pipeline.sandbox.exact_json import ExactJSONResponse
from billing_pipeline.sandbox.halopsa_errors import HaloError, Shape

if TYPE_CHECKING:
    from billing_pipeline.sandbox.halopsa_state import HaloState

FORM = "application/x-www-form-urlencoded"


def give_token(state: "HaloState", tenant: str | None, content_type: str, body: bytes) -> Response:
    """The answer to a token request.

    HaloError 400 for a wrong form, 401 for bad credentials, 500 for a wrong tenant.
    """
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise HaloError(400, "invalid_request", "error")
    form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    if tenant is not None and tenant.lower() != state.tenant.lower():
        raise HaloError(500, "An error occurred while processing your request.", "text")
    if form.get("grant_type") != "client_credentials":
        raise HaloError(400, "unsupported_grant_type", "error")
    given = {name: form.get(name) for name in ("client_id", "client_secret")}
    if given != {name: state.credentials.get(name) for name in given}:
        raise HaloError(401, "invalid_client", "error")
    scopes = _granted(state.permissions, form.get("scope", "all").split())
    if not scopes:
        raise HaloError(400, "invalid_scope", "error")
    switches = state.switches
    return ExactJSONResponse(
        {
            "scope": " ".join(scopes),
            "token_type": "Bearer",
            "access_token": state.tokens.give(scopes, switches.token_seconds, switches.token_requests),
            "expires_in": switches.token_seconds,
        }
    )


def check_access(
    state: "HaloState", headers: Mapping[str, str], permission: str | None, method: str, route: str
) -> None:
    """Let the request pass, or refuse it: 401 without a good token, 401 or 403 for want of a permission."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    token = state.tokens.use(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise HaloError(401, "Authorization has been denied for this request.", "message")
    if token.allows(permission) and f"{method} {route}".lower() not in _denied(state):
        return
    status = state.switches.permission_status
    shape: Shape = "message" if status == 401 else "exception"
    raise HaloError(status, "You do not have permission to access this resource.", shape)


def _granted(permissions: list[str], asked: list[str]) -> list[str]:
    """What of `asked` the application may have; `all` asks for everything that it has."""
    if "all" in asked:
        return permissions
    return [scope for scope in asked if "all" in permissions or scope in permissions]


def _denied(state: "HaloState") -> set[str]:
    return {denied.lower() for denied in state.switches.permission_denied}
