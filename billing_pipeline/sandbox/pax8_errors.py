"""Errors in Pax8's envelope."""

from http import HTTPStatus
from typing import Any


class Pax8Error(Exception):
    """A request that Pax8 answers with an error envelope."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def error_envelope(status: int, path: str, message: str | None = None) -> dict[str, Any]:
    """`{type, message, instance, status, details}` as Pax8 documents it."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    return {
        "type": phrase.upper().replace(" ", "_").replace("-", "_"),
        "message": message or phrase,
        "instance": path,
        "status": status,
        "details": [{"message": message}] if message else [],
    }
