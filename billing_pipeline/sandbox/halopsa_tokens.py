"""Tokens that the local HaloPSA has given, and what each may do."""

import secrets
import time
from dataclasses import dataclass


@dataclass
class Token:
    """`expires_at` by the real clock, as clients reckon; `requests_left` None where they are not counted."""

    scopes: frozenset[str]
    expires_at: float
    requests_left: int | None

    def allows(self, permission: str | None) -> bool:
        """Whether it may do what needs `permission` ("read:items"); None needs no more than a token."""
        return permission is None or "all" in self.scopes or permission in self.scopes


class TokenBook:
    """Every token in force."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def give(self, scopes: list[str], seconds: int, requests: int | None) -> str:
        """A new token."""
        text = secrets.token_urlsafe(24)
        self._tokens[text] = Token(frozenset(scopes), time.monotonic() + seconds, requests)
        return text

    def use(self, text: str) -> Token | None:
        """The token for one request more; None where it is unknown, expired or used up."""
        token = self._tokens.get(text)
        if token is None or token.expires_at <= time.monotonic() or token.requests_left == 0:
            return None
        if token.requests_left is not None:
            token.requests_left -= 1
        return token

    def expire(self) -> int:
        """End every token now; how many there were."""
        ended = len(self._tokens)
        self._tokens.clear()
        return ended
