"""Bearer tokens of the sandbox's Pax8."""

import secrets
import time
from dataclasses import dataclass


@dataclass
class _Token:
    expires_at: float
    uses: int = 0


class TokenBook:
    """Gives out tokens and knows which are still good; time is the real one, as it is for the client."""

    def __init__(self) -> None:
        self._tokens: dict[str, _Token] = {}

    def issue(self, seconds: int) -> str:
        """A new token that lives `seconds`; older ones stay good."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = _Token(time.monotonic() + seconds)
        return token

    def accept(self, token: str, uses_allowed: int | None) -> bool:
        """Whether `token` is good for one more request, which is counted."""
        known = self._tokens.get(token)
        if known is None or time.monotonic() >= known.expires_at:
            return False
        known.uses += 1
        return uses_allowed is None or known.uses <= uses_allowed

    def revoke_all(self) -> None:
        """From now on no token is good."""
        self._tokens.clear()
